"""The look at what damage did."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data.corrupt import CorruptionSettings, corrupt_table
from dvgs_core.data.corrupt.changes import CELLS_A_ROW, changed_cells
from dvgs_core.data.format import FileFormat
from dvgs_core.data.schema import infer_schema
from dvgs_core.data.table import Table


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 5)), columns=list("abcde"))
    frame["count"] = rng.integers(0, 9, 80)
    frame["word"] = pd.Series(rng.choice(["red", "blue", None], 80), dtype="str")
    frame["label"] = rng.choice(["x", "y"], 80)
    return frame


def looked_at(frame, most=60, **settings):
    schema = infer_schema(Table(frame, "t", "0" * 64, FileFormat(kind="csv")), label="label")
    damaged, truth = corrupt_table(frame, schema, CorruptionSettings(**settings), seed=3)
    return changed_cells(frame, damaged, schema, truth, most=most), damaged, truth


def test_a_replaced_label_is_one_line_with_both_labels(frame):
    cells, damaged, truth = looked_at(frame, label_rate=0.2)
    wrong = truth.loc[truth["corrupted"], "row"]
    assert sorted(cells["row"]) == sorted(wrong) and len(wrong) == 16
    assert set(cells["column"]) == {"label"} and (cells["more"] == 0).all()
    for line in cells.itertuples():
        assert line.before == frame["label"].iloc[line.row]
        assert line.after == damaged["label"].iloc[line.row] != line.before


def test_every_kind_is_shown_when_room_is_scarce(frame):
    cells, _, truth = looked_at(
        frame, most=4, label_rate=0.4, missing_rate=0.05, outlier_rate=0.05, duplicate_rate=0.05
    )
    alone = {kind for kind in truth["kind"] if kind}
    assert cells["row"].nunique() == 4 and len(set(cells["kind"])) == 4 <= len(alone)


def test_what_differs_is_listed_and_the_rest_counted(frame):
    cells, damaged, _ = looked_at(frame, feature_noise=2.0)
    for row, lines in cells.groupby("row"):
        differ = [
            name for name in [*"abcde", "count"] if frame[name].iloc[row] != damaged[name].iloc[row]
        ]
        assert list(lines["column"]) == differ[:CELLS_A_ROW]
        assert lines["more"].sum() == max(0, len(differ) - CELLS_A_ROW)


def test_emptied_cells_read_missing_and_those_that_were_empty_are_not_listed(frame):
    cells, _, _ = looked_at(frame, missing_rate=1.0, missing_cells=1.0)
    assert (cells["after"] == "missing").all() and (cells["before"] != "missing").all()


def test_nothing_damaged_nothing_listed(frame):
    cells, damaged, _ = looked_at(frame)
    assert cells.empty
    pd.testing.assert_frame_equal(damaged, frame)
