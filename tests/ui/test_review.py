"""Queues, drawings and words of the Review page that need no browser."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data.schema import Labels
from dvgs_core.errors import InputError
from dvgs_core.review.bulk import effect_of_cut
from dvgs_core.review.moved import moved
from ui import bulk, queues, row_pictures
from ui.revalue import sentence
from ui.review_map import drawn_rows
from ui.state import QueueChoice
from ui.value_scale import ValueScale


@dataclass
class Found:
    """The part of a run's results that queues are made from."""

    values: pd.DataFrame
    order: np.ndarray
    labels: Labels = field(default_factory=lambda: Labels(np.array([0]), ("a", "b"), np.zeros(1)))


@pytest.fixture
def found() -> Found:
    values = pd.DataFrame(
        {
            "value": [0.5, -1.0, np.nan, 0.1, -0.2, 0.1],
            "label": ["a", "a", "b", "b", "b", "a"],
            "suggested_label": ["a", "b", None, "b", "a", "b"],
            "margin": [0.0, 0.3, np.nan, 0.0, 0.9, 0.1],
        }
    )
    return Found(values, np.array([1, 4, 3, 5, 0]))


def rows(found, mode, **more):
    none = np.empty(0, dtype=np.int64)
    given_more = {
        name: more.pop(name, none if name != "other" else None)
        for name in ("lasso", "decided", "matching", "other")
    }
    choice = QueueChoice(mode, **more)
    return queues.make_queue(choice, found, queues.Materials(**given_more)).rows.tolist()


def test_each_queue_has_its_rows_in_its_order(found):
    assert rows(found, "lowest") == [1, 4, 3, 5, 0]
    assert rows(found, "lowest", label="a") == [1, 5, 0]
    assert rows(found, "suggested") == [4, 1, 5]
    assert rows(found, "classes") == [1, 4, 3, 5, 0]  # a's lowest, b's lowest, then the second ones
    assert rows(found, "cut", cut="40%") == [1, 4]
    assert rows(found, "cut", cut="<0.1") == [1, 4]
    assert rows(found, "cut", cut="4", label="b") == [4, 3]
    # a row without a value is in no queue, whatever was circled or asked for
    everything = np.arange(6)
    assert rows(found, "lasso", lasso=np.array([0, 2, 4])) == [4, 0]
    assert rows(found, "query", matching=everything) == [1, 4, 3, 5, 0]
    assert rows(found, "named", matching=np.array([2, 5, 3])) == [3, 5]
    assert rows(found, "decided", decided=np.array([5, 4])) == [4, 5]
    assert rows(found, "undecided", decided=np.array([5, 4])) == [1, 3, 0]
    with pytest.raises(InputError, match="A cut"):
        rows(found, "cut", cut="much")


def test_rows_of_a_class_come_in_turn_with_those_of_others():
    values = pd.DataFrame({"value": np.arange(6.0), "label": ["a", "a", "a", "b", "a", "b"]})
    in_turn = rows(Found(values, np.arange(6)), "classes")
    assert in_turn == [0, 3, 1, 5, 2, 4]


def test_disagreement_puts_rows_first_whose_ranks_are_farthest_apart(found):
    other = pd.Series([-5.0, 1.0, 2.0, 0.0, np.nan, 0.5])
    # ranks here of 1 3 5 0: 0 1 2 3; there: 3 1 2 0
    assert rows(found, "disagreement", other=other) == [1, 0, 3, 5]
    assert rows(found, "disagreement", other=found.values["value"]) == [1, 4, 3, 5, 0]
    assert rows(found, "disagreement") == []


@given(
    n=st.integers(0, 300),
    most=st.integers(20, 320),
    classes=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_what_is_drawn_are_the_lowest_and_a_share_of_each_class(n, most, classes, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, classes, n)
    order = rng.permutation(n)[: n // 2]
    drawn = drawn_rows(codes, order, most)
    assert len(drawn) == min(n, most) == len(np.unique(drawn))
    assert (np.diff(drawn) > 0).all()
    if n > most:
        assert np.isin(order[: most // 4], drawn).all()
        rest = np.setdiff1d(np.arange(n), order[: most // 4])
        share = np.isin(rest, drawn).mean()
        for code in np.unique(codes[rest]):
            size = int((codes[rest] == code).sum())
            kept = int(np.isin(rest[codes[rest] == code], drawn).sum())
            assert abs(kept - share * size) <= 1 + 1e-9


def test_classes_that_would_lose_every_valued_row_are_named(found):
    labels = found.values["label"].loc[found.order]  # a: 1, 5, 0; b: 4, 3
    assert bulk.classes_gone(effect_of_cut(labels, np.array([4, 3, 1]))) == ["b"]
    assert bulk.classes_gone(effect_of_cut(labels, np.array([4, 1, 5]))) == []


@given(st.text(max_size=30))
def test_words_of_people_are_never_markup_in_drawings(text):
    frame = pd.DataFrame(
        {
            "name": [text, "<b>x"],
            "value": [0.5, -1.0],
            "place": [0.1, -1.0],
            "kind": ["own", "suggested"],
        }
    )
    lines = pd.DataFrame(
        {"field": [text], "value": [f"<i>{text}"], "usual": ["&"], "difference": [9.0]}
    )
    reading = row_pictures.text("<b>", [("<i>", False), (f"<b>{text}", True)])
    assert reading.count("<mark>") == 1
    near = pd.DataFrame(
        {"row": [1], "label": [f"<i>{text}"], "same": [False], "distance": [0.5], "picture": [""]}
    )
    alike = row_pictures.alike("<b>", near)
    for markup in (row_pictures.label_values(frame), row_pictures.fields(lines), reading, alike):
        assert "<b>" not in markup.replace("<b class", "") and "<i>" not in markup
        assert "&lt;" in markup


def test_a_long_text_says_how_much_of_it_is_not_shown():
    markup = row_pictures.text("note", [("a" * 6_000, False), (" b", False)])
    assert "2 more characters" in markup and "underlined" not in markup


def test_bars_start_at_zero_and_end_at_the_value():
    frame = pd.DataFrame(
        {"name": ["p", "n"], "value": [3.0, -1.0], "place": [1, -1], "kind": ["own", "other"]}
    )
    markup = row_pictures.label_values(frame)
    assert "left:25.0%;width:75.0%" in markup and "left:0.0%;width:25.0%" in markup
    assert "−1" in markup and "given" in markup


def test_a_bar_has_the_colour_of_its_value_whichever_label_was_given():
    frame = pd.DataFrame(
        {"name": ["p", "n"], "value": [3.0, -1.0], "place": [1.0, -0.25], "kind": ["own", "other"]}
    )
    for kinds in (["own", "other"], ["other", "own"], ["suggested", "own"]):
        markup = row_pictures.label_values(frame.assign(kind=kinds))
        assert markup.index('class="high" style="--far:100%') < markup.index('class="low"')
        assert 'class="low" style="--far:25%' in markup and markup.count(">given<") == 1
    rules = Path(row_pictures.__file__).with_name("style.css").read_text(encoding="utf-8")
    marked = [line for line in rules.splitlines() if re.match(r"\.labelvalues \.(own|sugg)", line)]
    assert marked and not any("background" in line for line in marked)


def test_the_value_scale_is_cut_at_the_outermost_percents_and_0_at_the_median():
    scale = ValueScale.of([*range(101), np.nan])
    assert (scale.low, scale.middle, scale.high) == (1, 50, 99)
    places = scale.place([-5, 1, 25.5, 50, 74.5, 99, 1e9])
    assert places.tolist() == [-1, -1, -0.5, 0, 0.5, 1, 1]
    assert np.isnan(scale.place(np.nan)) and ValueScale.of([]).place(0.0) == 0


def test_rows_alike_show_picture_label_and_distance():
    near = pd.DataFrame(
        {
            "row": [7, 8],
            "label": ["cat", ""],
            "same": [False, False],
            "distance": [0.25, 2.0],
            "picture": ["data:image/png;base64,AA==", ""],
        }
    )
    markup = row_pictures.alike("Nearest target rows", near)
    assert markup.count("<img") == 1 and "#7" in markup and "0.25 apart" in markup
    assert markup.count('<span dir="auto"') == 1 and 'class="other">cat<' in markup
    assert 'class="">cat<' in row_pictures.alike("", near.assign(same=True))


def test_a_trace_has_gaps_where_the_row_was_target_and_nothing_without_numbers():
    row = np.array([np.nan, 0.5, 1.0, np.nan, -1.0])
    markup = row_pictures.trace(row, np.zeros(5), "median", dark=False)
    assert "average" in markup and ">1<" in markup and "−1" in markup
    nothing = np.full(3, np.nan)
    assert row_pictures.trace(nothing, nothing, "median", dark=True) == ""


def test_the_sentence_says_what_left_and_what_came():
    before = pd.Series(np.arange(10.0))
    after = before.copy()
    after[[0, 1]] = np.nan
    after[2] = 99.0
    told = sentence(moved(before, after, k=4), "dvgs#1", "dvgs#2")
    assert "Of the 4 lowest rows of dvgs#1: 2 dropped, 1 no longer" in told
    assert "1 still there. 3 others took their place" in told and "the 8 rows" in told
    few = sentence(moved(before.head(2), after.head(3), k=1), "a", "b")
    assert "agrees" not in few
