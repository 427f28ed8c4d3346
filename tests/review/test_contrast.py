"""Fields that are unusual for a row's class come first."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data.schema import Column, Schema
from dvgs_core.review.contrast import ClassContrast

FRAME = pd.DataFrame(
    {
        "age": [30.0, 31, 29, 70, 50, 51],
        "job": ["cook", "cook", "cook", "pilot", "pilot", None],
        "id": range(6),
    }
)
ROLES = Schema(
    columns=(
        Column(name="age", kind="numeric"),
        Column(name="job", kind="category"),
        Column(name="id", role="id"),
    )
)
CODES = np.array([0, 0, 0, 0, 1, 1])


def test_numbers_are_compared_with_the_median_of_their_class():
    line = ClassContrast(FRAME, ROLES, CODES).row(3).set_index("field").loc["age"]
    assert line["value"] == "70"
    assert line["usual"] == "30.5"
    assert line["difference"] == (70 - 30.5) / FRAME["age"].std()


def test_whole_numbers_and_their_medians_are_written_alike():
    frame = pd.DataFrame({"weight": [230_624, 175_200, 175_251, -2], "job": ["a", "b", "1", "c"]})
    roles = Schema(
        columns=(Column(name="weight", kind="numeric"), Column(name="job", kind="category"))
    )
    line = ClassContrast(frame, roles, np.zeros(4, int)).row(0).set_index("field").loc["weight"]
    assert (line["value"], line["usual"]) == ("230,624", "175,226")
    frame["weight"] = frame["weight"].astype("Int64").where(frame.index > 0)
    gaps = ClassContrast(frame, roles, np.zeros(4, int))
    said = [gaps.row(row).set_index("field").loc["weight", "value"] for row in range(4)]
    assert said == ["–", "175,200", "175,251", "−2"]


def test_rare_words_differ_and_the_most_frequent_does_not():
    contrast = ClassContrast(FRAME, ROLES, CODES)
    assert contrast.row(0).set_index("field").loc["job", "difference"] == 0
    rare = contrast.row(3).set_index("field").loc["job"]
    assert (rare["value"], rare["usual"]) == ("pilot", "cook")
    np.testing.assert_allclose(rare["difference"], 3 * (1 - (1 / 4) / (3 / 4)))


def test_the_most_unusual_field_stands_first_and_ids_are_left_out():
    fields = ClassContrast(FRAME, ROLES, CODES).row(3)["field"].tolist()
    assert fields == ["age", "job"]  # 2.4 standard deviations against a rarity of 2


def test_missing_cells_are_shown_as_such():
    assert ClassContrast(FRAME, ROLES, CODES).row(5).set_index("field").loc["job", "value"] == "–"


def test_shares_are_those_of_reading_every_cell():
    frame = pd.DataFrame(
        {
            "seen": pd.to_datetime(["2020-01-01", "2020-01-01", None, "2020-01-02", None, None]),
            "paid": pd.array([True, None, True, False, True, None], dtype="boolean"),
            "size": pd.Series([1.00001, 1.00002, "big", "big", None, 2.0], dtype=object),
        }
    )
    roles = Schema(columns=tuple(Column(name=n, kind="category") for n in frame))
    contrast = ClassContrast(frame, roles, np.zeros(6, dtype=np.int64))
    usual = contrast.row(0).set_index("field")["usual"]
    assert dict(usual) == {"seen": "–", "paid": "True", "size": "1"}  # two sizes read as 1
    rarity = contrast.row(1).set_index("field")["difference"]
    np.testing.assert_allclose(rarity["seen"], 3 * (1 - 2 / 3))
    np.testing.assert_allclose(rarity["paid"], 3 * (1 - 2 / 3))
    assert rarity["size"] == 0


def test_dates_are_compared_by_day_and_missing_ones_are_a_value_of_their_own():
    days = pd.to_datetime(["2020-01-01"] * 3 + ["2020-02-01", None, None])
    frame = pd.DataFrame({"since": days, "y": list("aaaaaa")})
    columns = (Column(name="since", kind="date"), Column(name="y", role="label", kind="category"))
    roles = Schema(columns=columns, task="classification")
    contrast = ClassContrast(frame, roles, np.zeros(6, dtype=np.int64))
    for row, text, difference in ((0, str(days[0]), 0.0), (3, str(days[3]), 2.0), (5, "–", 1.0)):
        (line,) = contrast.row(row).itertuples()
        assert (line.value, line.usual) == (text, str(days[0]))
        assert line.difference == pytest.approx(difference)
