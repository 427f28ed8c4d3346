"""`dvgs value`: the form of values.parquet, and what each option does to it."""

import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dvgs_core import methods, value_frame
from dvgs_core.methods.dvgs import DVGSSettings

from .conftest import SMALL

COLUMNS = {
    "row": pa.int64(),
    "role": pa.large_string(),
    "value": pa.float64(),
    "standard_error": pa.float64(),
    "rank": pa.int64(),
    "label": pa.large_string(),
    "suggested_label": pa.large_string(),
    "margin": pa.float64(),
}


@pytest.fixture
def valued(dvgs, tmp_path):
    """valued(data, *options) -> the frame that `dvgs value` wrote."""

    def call(data, *options, label="y"):
        out = tmp_path / "values.parquet"
        named = () if label is None else ("--label", label)
        said = dvgs("value", data, *named, *SMALL, *options, "--out", out)
        assert said.code == 0, said.err
        return pd.read_parquet(out)

    return call


def rows_of(values, *roles):
    return set(values.loc[values["role"].isin(roles), "row"])


def test_one_line_a_row_in_the_order_of_the_data(frame, tmp_path, dvgs):
    frame.loc[[4, 77], "y"] = None
    data, out = tmp_path / "gaps.csv", tmp_path / "values.parquet"
    frame.to_csv(data, index=False)
    said = dvgs("value", data, "--label", "y", "--holdout-size", "10", *SMALL, "--out", out)
    assert said.code == 0
    assert "2 rows without a label: not valued, marked unused." in said.err

    written = pq.read_table(out)
    found = dict(zip(written.schema.names, written.schema.types, strict=True))
    assert list(found) == list(COLUMNS)
    text = {pa.string(), pa.large_string()}
    for name, kind in COLUMNS.items():
        assert found[name] in text if kind in text else found[name] == kind

    values = written.to_pandas()
    assert values["row"].tolist() == list(range(120))
    assert values["role"].value_counts().to_dict() == {"source": 76, "target": 32, "unused": 12}
    assert {4, 77} <= rows_of(values, "unused")
    assert values["label"].fillna("").tolist() == frame["y"].fillna("").tolist()

    source = values["role"] == "source"
    for name in ("value", "standard_error", "rank", "suggested_label", "margin"):
        assert values[name].notna().tolist() == source.tolist()
        # nothing is a NaN in disguise: what is not valued is null
        assert written[name].null_count == 120 - source.sum()
    order = values[source].sort_values(["value", "row"])["row"]
    assert values[source].sort_values("rank")["row"].tolist() == order.tolist()
    assert sorted(values.loc[source, "rank"]) == list(range(1, 77))
    assert set(values.loc[source, "suggested_label"]) <= {"yes", "no"}
    agrees = values["suggested_label"] == values["label"]
    assert (values.loc[source & agrees, "margin"] == 0).all()
    assert (values.loc[source & ~agrees, "margin"] > 0).all()


def test_the_same_seed_gives_the_same_bytes_and_another_other_values(dvgs_process, table, tmp_path):
    files = []
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        files.append(tmp_path / f"{name}.parquet")
        said = dvgs_process(
            "value", table, "--label", "y", "--seed", seed, *SMALL, "--out", files[-1]
        )
        assert said.code == 0, said.err
    one, again, other = files
    assert one.read_bytes() == again.read_bytes()
    first, second = pd.read_parquet(one), pd.read_parquet(other)
    assert rows_of(first, "target") != rows_of(second, "target")
    both = first["value"].notna() & second["value"].notna()
    assert (first.loc[both, "value"] != second.loc[both, "value"]).all()


def test_without_json_three_lines_say_what_was_done(dvgs, table, tmp_path):
    out = tmp_path / "values.parquet"
    said = dvgs("value", table, "--label", "y", *SMALL, "--out", out)
    rows, lowest, wrote = said.out.splitlines()
    assert rows == "120 rows: 84 source, 36 target"
    values = pd.read_parquet(out).sort_values("rank")
    assert lowest.startswith(f"lowest: #{values['row'].iloc[0]} ({values['value'].iloc[0]:.3g})")
    assert wrote.startswith(f"wrote {out} in ")
    assert said.lines == ["note: Read as utf-8, comma between cells."]


def test_json_is_one_line_and_alone_on_standard_output(dvgs_process, table, tmp_path):
    out = tmp_path / "values.parquet"
    said = dvgs_process(
        "value", table, "--label", "y", "--method", "random", "--seed", 5, "--json", "--out", out
    )
    assert said.code == 0
    assert said.out.count("\n") == 1 and said.out.endswith("\n")
    summary = json.loads(said.out)
    assert said.lines == [f"note: {note}" for note in summary["notes"]]
    assert summary["rows"] == 120 and summary["roles"] == {"source": 84, "target": 36}
    assert summary["method"] == "random" and summary["seed"] == 5 and summary["settings"] == {}
    assert summary["peak_memory"] > 2**24
    assert summary["data"] == str(table) and summary["out"] == str(out)
    values = pd.read_parquet(out).sort_values("rank").head(5)
    assert [low["row"] for low in summary["lowest"]] == values["row"].tolist()
    assert [low["value"] for low in summary["lowest"]] == values["value"].tolist()
    assert [low["label"] for low in summary["lowest"]] == values["label"].tolist()


def test_progress_is_shown_on_a_terminal_only_and_on_standard_error(
    dvgs, table, tmp_path, monkeypatch
):
    arguments = ("value", table, "--label", "y", *SMALL, "--json", "--out", tmp_path / "v.parquet")
    quiet = dvgs(*arguments)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = dvgs(*arguments)
    assert "checkpoint" not in quiet.err
    assert "3/3" in shown.err and "checkpoint" in shown.err
    assert json.loads(shown.out)["checkpoints"] == 3


def test_set_reaches_the_method(dvgs, table, tmp_path):
    said = dvgs(
        *("value", table, "--label", "y", "--json", "--out", tmp_path / "v.parquet"),
        *("--set", "restarts=2", "--set", "epochs=4", "--set", "max_steps=none"),
        *("--set", "similarity=dot", "--set", "balanced=false", "--set", "width=8"),
    )
    summary = json.loads(said.out)
    given = dict(restarts=2, epochs=4, max_steps=None, similarity="dot", balanced=False, width=8)
    assert summary["settings"] == DVGSSettings(**given).model_dump()
    assert summary["checkpoints"] == 4


def test_a_preset_is_where_settings_start_and_set_changes_single_ones(dvgs, table, tmp_path):
    arguments = ("value", table, "--label", "y", "--json", "--out", tmp_path / "v.parquet")
    said = dvgs(*arguments, "--preset", "quick", "--set", "epochs=3", "--set", "width=8")
    given = {**methods.entry("dvgs").preset("quick", "classification").settings}
    expected = DVGSSettings(**{**given, "epochs": 3, "width": 8}).model_dump()
    assert json.loads(said.out)["settings"] == expected
    refused = dvgs(*arguments, "--method", "random", "--preset", "paper")
    assert refused.code == 2 and "no preset 'paper' for classification; it has auto." in refused.err


def test_random_values_are_the_draws_of_the_seed(dvgs, table, tmp_path):
    out = tmp_path / "v.parquet"
    dvgs("value", table, "--label", "y", "--method", "random", "--seed", 9, "--out", out)
    values = pd.read_parquet(out)["value"].dropna()
    assert values.tolist() == np.random.default_rng(9).random(84).tolist()


def test_an_ignored_column_is_as_good_as_none(valued, frame, table, tmp_path):
    without = tmp_path / "without.csv"
    frame.drop(columns="b").to_csv(without, index=False)
    pd.testing.assert_frame_equal(valued(table, "--role", "b=ignore"), valued(without))
    assert not valued(table).equals(valued(without))


def test_a_role_can_make_another_column_the_label(valued, table):
    by_role = valued(table, "--role", "y=ignore", "--role", "site=label")
    assert set(by_role["label"]) == {"n", "s", "w"}
    pd.testing.assert_frame_equal(by_role, valued(table, "--role", "y=ignore", label="site"))


def test_a_kind_after_the_role_reads_numbers_as_categories(valued, frame, tmp_path):
    numbers, words = tmp_path / "numbers.csv", tmp_path / "words.csv"
    codes = frame["site"].map({"n": 1, "s": 2, "w": 3})
    frame.assign(site=codes).to_csv(numbers, index=False)
    frame.assign(site="s" + codes.astype(str)).to_csv(words, index=False)
    as_words = valued(words)
    pd.testing.assert_frame_equal(valued(numbers, "--role", "site=feature:category"), as_words)
    assert not valued(numbers).equals(as_words)


def test_a_column_named_with_equal_signs_can_be_given_a_role(valued, frame, tmp_path):
    odd = tmp_path / "odd.csv"
    frame.rename(columns={"b": "b=1"}).to_csv(odd, index=False)
    pd.testing.assert_frame_equal(
        valued(odd, "--role", "b=1=ignore"), valued(odd, "--role", "b=1=id")
    )


def test_target_query_takes_every_matching_row(valued, frame, table):
    values = valued(table, "--target-query", "site == 'n' and a > -1")
    wanted = set(frame.index[(frame["site"] == "n") & (frame["a"] > -1)])
    assert rows_of(values, "target") == wanted
    assert rows_of(values, "source") == set(frame.index) - wanted


def test_target_size_is_a_share_or_a_number_of_the_rows_that_may_be_target(valued, frame, table):
    assert len(rows_of(valued(table, "--target-size", "0.5"), "target")) == 60
    assert len(rows_of(valued(table, "--target-size", "25"), "target")) == 25
    some = rows_of(valued(table, "--target-query", "site == 'n'", "--target-size", "20"), "target")
    assert len(some) == 20 and some <= set(frame.index[frame["site"] == "n"])


def test_balance_by_takes_the_same_number_of_each_value(valued, frame, table):
    values = valued(table, "--balance-by", "site", "--target-size", "30")
    taken = frame.loc[sorted(rows_of(values, "target")), "site"].value_counts()
    assert taken.to_dict() == {"n": 10, "s": 10, "w": 10}


def test_balance_by_without_a_size_takes_three_tenths_of_the_rows_that_match(valued, frame, table):
    values = valued(table, "--balance-by", "site", "--target-query", "a > -1")
    matching = frame.loc[frame["a"] > -1, "site"]
    taken = frame.loc[sorted(rows_of(values, "target")), "site"].value_counts()
    assert taken.sum() == round(0.3 * len(matching)) and taken.max() - taken.min() <= 1


def test_source_query_and_size_leave_the_other_rows_unused(valued, frame, table):
    values = valued(table, "--source-query", "colour == 'red'", "--source-size", "15")
    source = rows_of(values, "source")
    assert len(source) == 15 and set(frame.loc[sorted(source), "colour"]) == {"red"}
    assert len(rows_of(values, "unused")) == 120 - 36 - 15


def test_holdout_rows_are_neither_source_nor_target(valued, frame, table):
    values = valued(table, "--holdout-query", "site == 'w'")
    assert rows_of(values, "unused") == set(frame.index[frame["site"] == "w"])


def test_rotations_value_every_row_that_is_not_in_all_targets(valued, table):
    halves = valued(table, "--rotations", "2", "--target-size", "0.5")
    assert set(halves["role"]) == {"both"} and halves["value"].notna().all()
    assert sorted(halves["rank"]) == list(range(1, 121))
    tenths = valued(table, "--rotations", "3", "--target-size", "12")
    assert tenths["role"].value_counts().to_dict() == {"source": 84, "both": 36}
    assert tenths["value"].notna().all()


def test_target_file_rows_are_the_target_and_all_of_the_data_is_source(
    valued, frame, table, tmp_path
):
    trusted = frame[frame["site"] == "n"].iloc[:30]
    # other order of columns, one more column: names count
    trusted[["y", "site", "c", "b", "a", "colour"]].assign(extra=1).to_parquet(
        tmp_path / "trusted.parquet"
    )
    values = valued(table, "--target-file", tmp_path / "trusted.parquet")
    assert values["role"].tolist() == ["source"] * 120 and values["value"].notna().all()
    expected = value_frame(
        pd.read_csv(table),
        label="y",
        target=trusted,
        restarts=1,
        epochs=3,
        width=8,
        device="cpu",
    )
    pd.testing.assert_frame_equal(values, expected)


def test_the_notes_of_the_target_file_are_told_as_well(dvgs, frame, table, tmp_path):
    trusted = tmp_path / "trusted.csv"
    frame.to_csv(trusted, index=False, sep=";", decimal=",")
    said = dvgs(
        *("value", table, "--label", "y", "--method", "random"),
        *("--target-file", trusted, "--out", tmp_path / "v.parquet"),
    )
    said_of_it = "trusted.csv: Read as utf-8, semicolon between cells, comma as decimal mark."
    assert f"note: {said_of_it}" in said.lines


def test_without_a_label_rows_are_valued_by_reconstruction(valued, table):
    values = valued(table, label=None)
    assert values["value"].notna().sum() == 84
    assert values[["label", "suggested_label", "margin"]].isna().all(axis=None)


def test_a_numeric_label_is_a_regression_and_suggests_nothing(valued, frame, tmp_path):
    data = tmp_path / "prices.csv"
    prices = frame.assign(y=np.round(3 * frame["a"] + frame["b"], 3))
    prices.loc[7, "y"] = np.nan
    prices.to_csv(data, index=False)
    values = valued(data)
    assert values["label"].drop(7).astype(float).tolist() == prices["y"].drop(7).tolist()
    assert values.loc[7, ["label", "value"]].isna().all() and values.loc[7, "role"] == "unused"
    assert values[["suggested_label", "margin"]].isna().all(axis=None)


def test_numeric_chooses_the_encoding(valued, frame, table):
    def expected(encoding):
        return value_frame(
            frame, label="y", encoding=encoding, restarts=1, epochs=3, width=8, device="cpu"
        )

    for encoding in ("quantile", "minmax"):
        values = valued(table, "--numeric", encoding)
        pd.testing.assert_frame_equal(values, expected(encoding))


def test_embeddings_go_with_a_table_of_labels(valued, frame, tmp_path):
    np.save(tmp_path / "x.npy", frame[["a", "b", "c"]].to_numpy())
    frame[["y"]].to_csv(tmp_path / "labels.csv", index=False)
    values = valued(tmp_path / "x.npy", "--labels", tmp_path / "labels.csv")
    assert values["label"].tolist() == frame["y"].tolist()
    assert values["role"].value_counts().to_dict() == {"source": 84, "target": 36}


def test_names_and_cells_of_any_kind_pass_through(valued, frame, tmp_path):
    long, arabic, tag = "x" * 120, "العمر", "<b>bold</b>"
    odd = frame.rename(columns={"a": long, "b": arabic, "c": tag, "y": "étiquette"})
    odd["étiquette"] = odd["étiquette"].map({"yes": "نعم", "no": "<i>no</i>\n"})
    path = tmp_path / "odd.parquet"
    odd.to_parquet(path)
    values = valued(path, "--target-query", f"`{arabic}` > 0", label="étiquette")
    assert set(values["label"]) == {"نعم", "<i>no</i>\n"}
    assert rows_of(values, "target") == set(frame.index[frame["b"] > 0])
