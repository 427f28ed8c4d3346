"""What stands where a run's results will be; those of finished runs are one choice away."""

import streamlit as st

from dvgs_core.store import Run
from ui.components import empty
from ui.results import finished_runs, run_title
from ui.state import open_run, the_dataset_id


def show(what: str, current: Run | None) -> None:
    """Says when something will be here, leads there, and offers the finished runs, newest first.

    Args:
        what: will be here, such as "Curves".
        current: the open run, which has no results; None: there is no run at all.
    """
    going = current is not None and current.active
    empty(
        f"{what} will be here as soon as the run has ended."
        if going
        else f"{what} will be here once there is a run.",
        "value",
        "Watch the run" if going else "Value the rows",
    )
    there = finished_runs(the_dataset_id())
    if not there:
        return
    chosen = st.selectbox(
        "Meanwhile, look at a finished run" if going else "Look at a finished run",
        list(there),
        index=None,
        format_func=lambda one: run_title(there[one]),
        placeholder="Choose a run, the newest first",
        width=360,
    )
    if chosen is not None:
        open_run(chosen)
        st.rerun()
