"""Tables to take away."""

import pandas as pd
import pytest

from dvgs_core.errors import InputError
from dvgs_core.review import decision_log, full_table, write_frame


@pytest.fixture
def values():
    return pd.DataFrame(
        {
            "row": range(20),
            "role": ["unused"] + ["source"] * 19,
            "value": [None] + [i / 10 for i in range(19)],
            "standard_error": [None] + [0.1] * 19,
            "rank": pd.array([None, *range(1, 20)], "Int64"),
            "label": ["a"] * 20,
            "suggested_label": [None] + ["b"] * 19,
        }
    )


def test_the_full_table_has_the_original_columns_and_ours(workspace, dataset, decisions, values):
    decisions.decide([2], "relabel", label="b", note="see photo")
    decisions.decide([4, 5], "drop")
    table = workspace.load_table(dataset.id)
    full = full_table(table, values, decisions.current())
    pd.testing.assert_frame_equal(full[["size", "label"]], table.frame)
    assert list(full.columns[2:]) == [
        *("value", "standard_error", "rank", "suggested_label"),
        *("decision", "new_label", "note"),
    ]
    assert list(full["decision"][:6]) == [
        *("undecided", "undecided", "relabel"),
        *("undecided", "drop", "drop"),
    ]
    assert full.loc[2, "new_label"] == "b" and full["new_label"].notna().sum() == 1
    assert full.loc[2, "note"] == "see photo"
    assert full["rank"].dtype == "Int64" and full["rank"].isna().sum() == 1
    assert full["value"].dtype == "float64"


def test_the_full_table_is_there_before_the_first_run(workspace, dataset, decisions):
    full = full_table(workspace.load_table(dataset.id), None, decisions.current())
    assert len(full) == 20
    assert full["value"].isna().all() and set(full["decision"]) == {"undecided"}


def test_a_column_of_the_original_is_never_replaced(workspace, decisions, tmp_path):
    path = tmp_path / "clash.csv"
    path.write_text("value,dvgs_value,note\n1,2,x\n3,4,y\n")
    table = workspace.load_table(workspace.add_dataset(path, "clash.csv").id)
    full = full_table(table, None, decisions.current())
    assert list(full.columns[:4]) == ["value", "dvgs_value", "note", "dvgs_dvgs_value"]
    assert full.columns.is_unique and list(full["note"]) == ["x", "y"]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_full_table_and_log_are_the_same_bytes_each_time(
    workspace, dataset, decisions, values, tmp_path, ending
):
    decisions.decide([1, 2], "relabel", label=3, note='=cmd|"x"', reviewer="ada")
    decisions.undo()
    table = workspace.load_table(dataset.id)
    for frame in (full_table(table, values, decisions.current()), decision_log(decisions)):
        write_frame(frame, tmp_path / f"a{ending}")
        write_frame(frame, tmp_path / f"b{ending}")
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_an_empty_log_can_be_written(decisions, tmp_path):
    write_frame(decision_log(decisions), tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text() == (
        "event,action,subject,row,decision,label,note,reviewer,at\n"
    )


def test_notes_are_disarmed_for_spreadsheets_when_asked(decisions, tmp_path):
    decisions.decide([1], "drop", note="=1+1")
    write_frame(decision_log(decisions), tmp_path / "log.csv", spreadsheet_safe=True)
    assert ",'=1+1," in (tmp_path / "log.csv").read_text()


def test_cells_that_a_file_cannot_hold_are_told(tmp_path):
    with pytest.raises(InputError, match="bytes or lists"):
        write_frame(pd.DataFrame({"x": [b"a", None]}), tmp_path / "x.csv")
    with pytest.raises(InputError, match="mixed types"):
        write_frame(pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="should end in"):
        write_frame(pd.DataFrame({"x": [1]}), tmp_path / "x.feather")
    assert list(tmp_path.glob("x*")) == []
