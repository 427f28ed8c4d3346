"""What a workbook can hold, and the one line about what it cannot."""

import datetime

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from dvgs_core.review import check_frame, write_frame
from dvgs_core.review.sheets import LARGEST_COLUMNS, LARGEST_ROWS, LONGEST_CELL

WIDE = pd.DataFrame(np.zeros((2, LARGEST_COLUMNS + 1)))
WIDE.columns = WIDE.columns.astype(str)
REFUSED = {
    "rows": (pd.DataFrame({"x": np.zeros(LARGEST_ROWS, np.int8)}), "1,048,575 rows"),
    "columns": (WIDE, "16,384 columns"),
    "cell": (pd.DataFrame({"x": ["a", "b" * (LONGEST_CELL + 1)]}), "32,767 characters"),
    "name": (pd.DataFrame({"n" * (LONGEST_CELL + 1): [1]}), "name of a column"),
    "category": (pd.DataFrame({"x": pd.Categorical(["b" * 40_000])}), "32,767 characters"),
    "control": (pd.DataFrame({"x": ["a\x07b"]}), "control characters"),
    "infinite": (pd.DataFrame({"x": [1.0, np.inf]}), "infinite"),
    "bytes": (pd.DataFrame({"x": [b"a"]}), "bytes or lists"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_workbook_cannot_hold_is_one_line_and_no_file(tmp_path, case):
    frame, words = REFUSED[case]
    said = []
    for attempt in (check_frame, write_frame):
        with pytest.raises(InputError) as caught:
            attempt(frame, tmp_path / "x.xlsx")
        said.append(str(caught.value))
    assert said[0] == said[1] and words in said[0] and "\n" not in said[0]
    assert "CSV" in said[0] or "Parquet" in said[0]
    assert not list(tmp_path.iterdir())


def test_the_largest_cell_comes_back_whole(tmp_path):
    frame = pd.DataFrame({"x": ["é" * LONGEST_CELL, "=1+1", "'a"]})
    check_frame(frame, "x.xlsx")
    write_frame(frame, tmp_path / "x.xlsx")
    cells = list(openpyxl.load_workbook(tmp_path / "x.xlsx").active.values)
    assert [cell for (cell,) in cells[1:]] == frame["x"].tolist()


def test_types_come_back(tmp_path):
    zone = pd.Timestamp("2024-05-06 07:08:09", tz="Europe/Paris")
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, -3], "Int64"),
            "number": [0.1, np.nan, 1e300],
            "flag": [True, False, True],
            "time": pd.to_datetime(["2024-01-02 03:04:05", None, "1850-01-01 00:00:00"]),
            "zone": [zone, zone, zone],
            "day": [datetime.date(2024, 1, 2), None, datetime.date(1850, 1, 1)],
            "lasts": pd.to_timedelta([90, None, 3600], unit="s"),
            "text": ["a\nb", None, "007"],
            "class": pd.Categorical(["u", "v", None]),
        }
    )
    write_frame(frame, tmp_path / "x.xlsx")
    head, *rows = openpyxl.load_workbook(tmp_path / "x.xlsx").active.values
    assert list(head) == list(frame.columns)
    columns = dict(zip(head, zip(*rows, strict=True), strict=True))
    assert columns["whole"] == (1, None, -3)
    assert columns["number"] == (0.1, None, 1e300)
    assert columns["flag"] == (True, False, True) and columns["flag"][0] is True
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
    assert columns["time"] == (moment, None, "1850-01-01T00:00:00")
    assert set(columns["zone"]) == {"2024-05-06T07:08:09+02:00"}
    assert columns["day"] == (datetime.datetime(2024, 1, 2), None, "1850-01-01")
    assert columns["lasts"][0] == datetime.timedelta(seconds=90)
    assert columns["text"] == ("a\nb", None, "007")
    assert columns["class"] == ("u", "v", None)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("x.csv", pd.DataFrame({"x": [b"a"]})),
        ("x.parquet", pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)})),
        ("x.npy", pd.DataFrame({"x": [1]})),
        ("x.doc", pd.DataFrame({"x": [1]})),
    ],
)
def test_a_check_says_what_writing_would(tmp_path, name, frame):
    said = []
    for attempt in (check_frame, write_frame):
        with pytest.raises(InputError) as caught:
            attempt(frame, tmp_path / name)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx"])
def test_a_check_lets_pass_what_can_be_written(tmp_path, ending):
    frame = pd.DataFrame({"x": [1.5, None], "s": ["=a", "b"], "when": pd.Timestamp("2024-01-01")})
    check_frame(frame, f"x{ending}")
    write_frame(frame, tmp_path / f"x{ending}")
    assert [path.name for path in tmp_path.iterdir()] == [f"x{ending}"]


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\r &<>\"'="))


@settings(max_examples=40)
@given(
    texts=st.lists(st.none() | _TEXTS.filter(lambda text: text != ""), min_size=1, max_size=6),
    number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
)
def test_any_text_and_number_comes_back(tmp_path_factory, texts, number):
    path = tmp_path_factory.mktemp("sheet") / "x.xlsx"
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=object), "number": number})
    write_frame(frame, path)
    _, *rows = openpyxl.load_workbook(path).active.values
    assert [text for text, _ in rows] == texts
    assert all(found == number for _, found in rows)


def test_the_same_table_gives_the_same_bytes_and_other_programs_read_it(tmp_path):
    frame = pd.DataFrame({f"c{i}": np.arange(40) + i for i in range(60)})
    frame["when"] = pd.Timestamp("2024-05-06 07:08")
    for name in ("a.xlsx", "b.xlsx"):
        write_frame(frame, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    pd.testing.assert_frame_equal(pd.read_excel(tmp_path / "a.xlsx"), frame, check_dtype=False)
