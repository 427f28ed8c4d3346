"""Figures are well-formed, complete and the same every time."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.paper.svg import Line, Panel, figure, ticks

NAME = "{http://www.w3.org/2000/svg}"
PANELS = [
    Panel(
        "a < b & c",
        "x",
        "y",
        [
            Line("one", (0, 0.5, 1), (0, 1, 0), (0, 0.9, 0), (0, 1.1, 0)),
            Line("two", (0, 1), (1, 1), dashed=True),
        ],
        x_range=(0, 1),
    ),
    Panel("dots", "seconds", "y", [Line("three", (0.01, 100), (1, 2), dots=True)], log=True),
    Panel("names", "", "y", [Line("two", (0, 1), (3, 4))], x_names=("low", "high")),
]


def test_a_figure_is_xml_with_every_panel_and_one_legend():
    root = ElementTree.fromstring(figure(PANELS, "what there is to see"))
    texts = [text.text for text in root.iter(f"{NAME}text")]
    assert {"a < b & c", "dots", "names", "low", "high", "0.01", "100"} <= set(texts)
    assert texts.count("one") == texts.count("two") == 1
    assert root.find(f"{NAME}title").text == "what there is to see"
    assert "prefers-color-scheme: dark" in root.find(f"{NAME}style").text
    # two points and one in the legend
    assert len(list(root.iter(f"{NAME}circle"))) == 3
    assert figure(PANELS, "what there is to see") == figure(PANELS, "what there is to see")


def test_points_lie_where_the_axes_say():
    line = Line("", (0, 0.5, 1), (0, 10, 0))
    text = figure([Panel("", "", "", [line], (0, 1), (0, 10))], "")
    (path,) = re.findall(r'stroke-width="1.8" d="M([^"]+)"', text)
    points = np.array([point.split() for point in path.split("L")], dtype=float)
    (left, bottom), (middle, top), (right, again) = points
    assert middle == pytest.approx((left + right) / 2) and top < bottom == again


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_are_a_few_round_numbers_inside(low, span):
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 7
    assert low - 1e-6 * span <= found[0] and found[-1] <= low + span * (1 + 1e-6)
    steps = np.diff(found)
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-4)
