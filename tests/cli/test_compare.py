"""`dvgs compare`: rankings of the same rows beside one another."""

import json

import numpy as np
import pandas as pd
import pytest

from .test_bad_input import refused


@pytest.fixture
def ranked(tmp_path):
    """ranked(name, values) -> the path of a table of values."""

    def write(name, values, first=0):
        path = tmp_path / f"{name}.parquet"
        rows = np.arange(first, first + len(values))
        pd.DataFrame({"row": rows, "value": values}).to_parquet(path)
        return path

    return write


def test_two_rankings_are_told_apart_by_hand(dvgs, ranked, tmp_path):
    # the last row is the lowest in the one and the highest in the other
    one = ranked("one", [1, 2, 3, 4, 0.0])
    other = ranked("other", [1, 2, 3, 4, 5.0])
    out = tmp_path / "apart.csv"
    said = dvgs("compare", one, other, "--lowest", "2", "--json", "--out", out)
    assert said.code == 0 and said.err == ""
    found = json.loads(said.out)
    assert found["rows"] == 5 and found["lowest"] == 2
    # 1 - 6 Σd² / (n³ - n), d = 1, 1, 1, 1, -4
    assert found["pairs"] == [
        {"a": "one", "b": "other", "spearman": pytest.approx(1 - 6 * 20 / 120), "overlap": 0.5}
    ]
    assert found["disagreement"][0] == {
        "row": 4,
        "gap": 1.0,
        "lowest_in": "one",
        "highest_in": "other",
    }
    written = pd.read_csv(out)
    assert written["row"].tolist() == [4, 0, 1, 2, 3] and written["one"].tolist()[0] == 0
    text = dvgs("compare", one, other).out
    assert "5 rows have a value in all 2" in text and "#4 (low in one, high in other)" in text


def test_rows_without_a_value_do_not_count_and_every_pair_is_told(dvgs, ranked):
    tables = [
        ranked("a", [1.0, 2, 3, 4, np.nan]),
        ranked("b", [2.0, 1, 3, 4, 5, 6]),
        ranked("c", [4.0, 3, 2, 1]),
    ]
    said = dvgs("compare", *tables)
    assert said.code == 0 and "4 rows have a value in all 3" in said.out
    for pair in ("a and b: rank correlation 0.800", "a and c: rank correlation -1.000"):
        assert pair in said.out


def test_tables_of_one_name_are_called_by_their_paths(dvgs, ranked, tmp_path):
    (tmp_path / "again").mkdir()
    one, other = ranked("v", [1.0, 2, 3]), ranked("again/v", [1.0, 3, 2])
    found = json.loads(dvgs("compare", one, other, "--json").out)
    assert (found["pairs"][0]["a"], found["pairs"][0]["b"]) == (str(one), str(other))
    refused(dvgs("compare", one, one), "named twice")


def test_what_cannot_be_compared_is_said(dvgs, ranked, tmp_path):
    one, far = ranked("one", [1.0, 2, 3]), ranked("far", [1.0, 2, 3], first=100)
    refused(dvgs("compare", one), "at least two rankings")
    refused(dvgs("compare", one, far), "Only 0 of 6 rows")
    refused(dvgs("compare", one, ranked("flat", [1.0, 1, 1])), "All values of flat are equal")
    refused(dvgs("compare", one, ranked("b", [3.0, 2, 1]), "--lowest", "9"), "k must be 1 to 3")
    refused(dvgs("compare", one, tmp_path / "none.parquet"), "There is no file")
    refused(dvgs("compare", one, ranked("c", [3.0, 1, 2]), "--out", one), "overwrite")
    refused(dvgs("compare"), "VALUES", "--help")
