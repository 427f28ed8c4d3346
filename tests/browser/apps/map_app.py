"""The map on two pages, with what the tests need to see: rows selected, reruns, new colours."""

import json
import os

import numpy as np
import pandas as pd
import streamlit as st

from ui.map import (
    MapHover,
    MapPoints,
    class_colours,
    decision_colours,
    linked_map,
    map_events,
    selected_rows,
    value_colours,
)

ROWS = int(os.environ.get("MAP_ROWS", "2000"))
NAMES = ["<=50K", "<b>bold</b> & co", "عربي", "x" * 120]

st.set_page_config(layout="wide")


@st.cache_resource
def cloud(rows: int):
    generator = np.random.default_rng(7)
    codes = generator.integers(0, len(NAMES), rows)
    centres = np.array([(0, 0), (3, 1), (1, 3), (-2, 2)], dtype=float)
    xy = (centres[codes] + generator.normal(0, 0.55, (rows, 2))).astype(np.float32)
    values = np.tanh(generator.normal(0.1, 0.4, rows) + 0.2 * (codes - 1))
    cells = {"income <i>": np.array(NAMES)[codes], "value": values.round(2), "row": np.arange(rows)}
    hover = MapHover.of(pd.DataFrame(cells))
    colours = {
        "value": value_colours(values),
        "label": class_colours(codes, NAMES, values=values),
        "decision": decision_colours([("keep", "", "drop")[row % 3] for row in range(rows)]),
    }
    return MapPoints.of(xy), colours, hover


points, colours, hover = cloud(ROWS)
ids = points.ids


def draw(where: str) -> None:
    early = map_events(st.session_state.get("map"), points.version)
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    side, main = st.columns([1, 3])
    with side:
        shown = st.selectbox("Colour by", list(colours))
        many = st.toggle("Select every tenth row")
        st.button("Rerun")
        drawn = colours[shown]
        if st.button("New values"):
            st.session_state["times"] = st.session_state.get("times", 0) + 1
        if times := st.session_state.get("times"):
            drawn = value_colours(np.roll(drawn.values, times))
        if st.button("Forget the lasso"):
            st.session_state["cleared"] = early.lasso
    with main:
        events = linked_map(
            points,
            drawn,
            key="map",
            description=f"{ROWS} rows by likeness.",
            selected=ids[::10] if many else (),
            focus=int(ids[5]),
            rings=ids[1::40],
            stars=ids[2::60],
            hover=hover,
            cleared=st.session_state.get("cleared", 0),
            known=early,
        )
    assert events == early, "the session's value and the component's differ"
    rows = np.flatnonzero(selected_rows(events.polygon, points.xy))
    with side:
        st.text(f"page {where}")
        st.text(f"runs {st.session_state['runs']}")
        st.text(f"clicked {events.clicked}")
        st.text(f"lasso {events.lasso}")
        st.text(f"selected {len(rows)}")
        st.code(json.dumps({"polygon": events.polygon, "rows": rows[:4000].tolist()}))


def first() -> None:
    draw("first")


def second() -> None:
    draw("second")


def empty() -> None:
    st.text("page empty")


st.navigation(
    [
        st.Page(first, title="First", default=True),
        st.Page(second, title="Second"),
        st.Page(empty, title="Empty"),
    ]
).run()
