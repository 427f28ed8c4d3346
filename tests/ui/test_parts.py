"""Parts of the pages that need no browser."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from ui import charts, splits, style
from ui.jobs import lowest, sparkline
from ui.state import whole_number


@given(st.sets(st.integers(0, 300), min_size=1, max_size=60))
def test_row_ids_survive_being_written_and_read(rows):
    assert splits.row_ids(splits.row_text(tuple(rows)), 301) == tuple(sorted(rows))


@pytest.mark.parametrize("text", ["a", "3-", "-3", "3-b", "1.5", "²", "1-²", "٣", "3--5", "1-2-3"])
def test_row_ids_that_are_none_are_refused(text):
    with pytest.raises(InputError, match="whole numbers and ranges"):
        splits.row_ids(text, 100)


@pytest.mark.parametrize("text", ["100", "0-100", "0-4000000000", "4000000000-0", "9" * 5000])
def test_row_ids_beyond_the_table_are_refused_before_a_range_is_written_out(text):
    with pytest.raises(InputError, match=r"goes beyond the table, whose rows are 0 to 99:") as one:
        splits.row_ids(f"5, {text}", 100)
    assert len(str(one.value)) < 300
    assert splits.row_ids("00005, 99-99 0-1 5", 100) == (5, 99, 0, 1)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match=r"'5-3' runs backwards: write 3-5"):
        splits.row_ids("7, 5-3", 100)


def test_lowest_is_by_value_then_by_row_id_and_skips_what_is_not_there():
    ids = np.array([4, 7, 9, 11])
    values = np.array([0.5, np.nan, -1.0, 0.5])
    assert lowest(ids, values, 3).tolist() == [2, 0, 3]
    assert lowest(ids, values, 9).tolist() == [2, 0, 3]
    assert lowest(ids, np.full(4, np.nan), 2).tolist() == []


def test_a_sparkline_leaves_out_turns_in_which_the_row_was_target():
    trace = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 5.0], [np.nan, 7.0]], np.float32)
    assert sparkline(trace, np.array([0, 1]), points=2) == [[1.0, 3.0], [5.0, 7.0]]


def test_the_value_scale_runs_from_vermillion_over_the_middle_to_blue():
    assert charts.blend(0.0, "#c9cdd3") == charts.LOW.lower()
    assert charts.blend(0.5, "#c9cdd3") == "#c9cdd3"
    assert charts.blend(1.0, "#c9cdd3") == charts.HIGH.lower()


def test_class_names_reach_tooltips_as_words_not_as_markup():
    shares = pd.DataFrame({"name": ["<b>&{x}"], "group": ["after"], "share": [1.0], "rows": [3]})
    chart = charts.class_shares(shares)
    (bar,) = chart["series"][0]["data"]
    said = "&lt;b&gt;&amp;&#123;x&#125;, after: 3 rows, 100.0 %"
    assert bar == {"value": 100.0, "tooltip": {"formatter": said}}
    assert chart["yAxis"]["data"] == ["<b>&{x}"]  # drawn, not read as markup


def test_classes_with_long_names_have_a_bar_each():
    names = [f"a long name that others begin with too, no. {i} of 12 (new)" for i in range(12)]
    shares = pd.DataFrame({"name": names + names[:5], "group": ["before"] * 12 + ["after"] * 5})
    chart = charts.class_shares(shares.assign(share=1 / 12, rows=1))
    assert len(set(chart["yAxis"]["data"])) == 12
    assert [len(series["data"]) for series in chart["series"]] == [12, 12]
    assert [bar["value"] for bar in chart["series"][1]["data"]] == [8.33] * 5 + [0.0] * 7


@given(st.text(max_size=40))
def test_plain_text_has_no_live_markdown(text):
    shown = style.plain(text)
    assert shown.replace("\\", "") == text.replace("\\", "")
    for sign in "*_`[]$<:":
        assert shown.count(sign) == shown.count("\\" + sign)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_first_checkpoint_is_a_point_and_more_are_a_line(steps):
    curve = charts.Curve("median", np.arange(steps), charts.HIGH)
    drawn = charts.traces(range(steps), [curve], 9)["series"][0]
    assert drawn["data"] == [[i, float(i)] for i in range(steps)]
    assert drawn["showSymbol"] == (steps == 1)
    told = pd.DataFrame({"index": range(steps), "target_loss": 0.5, "total": 10})
    if steps:
        assert charts.loss(told)["series"][0]["showSymbol"] == (steps == 1)


def test_charts_do_not_import_streamlit():
    code = "import sys, ui.charts; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("12", 12),
        ("007", 7),
        ("²", None),
        ("٣", None),
        ("-1", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_an_address_says_a_whole_number_or_none(said, number):
    assert whole_number(said) == number
