"""See how far the values can be trusted, and how many rows to remove."""

import streamlit as st

from ui import (
    ahead,
    no_results,
    performance_calibration,
    performance_runs,
    performance_views,
    style,
)
from ui.components import empty
from ui.frame import errors_for_people, inside_app
from ui.results import finished_runs, results, run_title
from ui.state import open_run, run, state

PURPOSE = "See how far the values can be trusted, and how many of the lowest rows to remove."


def page(current) -> None:
    """Curves first, then what is known about the damage, then other runs."""
    left, right = st.columns([6, 2.2], vertical_alignment="center")
    with left:
        style.heading("Performance", PURPOSE)
    there = finished_runs(current.dataset)
    shown = right.selectbox(
        "Run",
        list(there),
        index=list(there).index(current.id),
        format_func=lambda one: run_title(there[one]),
        label_visibility="collapsed",
    )
    if shown != current.id:
        open_run(shown)
        st.rerun()
    ahead.review_soon(current)
    performance_views.filtering(current)
    performance_calibration.show(current)
    performance_views.detection(current)
    performance_views.noise(current)
    performance_runs.show(current)


inside_app()
now = run() if state.dataset_id is not None else None
if state.dataset_id is None:
    style.heading("Performance", PURPOSE)
    empty("Curves will be drawn here, once there is data.", "data", "Bring data")
elif now is None or results(now) is None:
    style.heading("Performance", PURPOSE)
    no_results.show("Curves", now)
else:
    with errors_for_people():
        page(now)
