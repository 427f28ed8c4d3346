"""Look at the lowest rows and decide: keep, relabel or drop."""

import numpy as np
import streamlit as st

from dvgs_core.errors import InputError
from ui import (
    bulk,
    card,
    decisions,
    no_results,
    queue_form,
    review_map,
    review_table,
    review_tools,
    style,
)
from ui.actions import Selection
from ui.components import empty
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people, inside_app
from ui.results import layout, results
from ui.state import Queue, run, state

HEIGHT = 590
NOTHING = Queue(np.empty(0, dtype=np.int64), "nothing")


def page(found, current) -> None:
    """Queue, card and map beside each other; the bar stays at the foot."""
    place = layout(current)
    events = review_map.events_before_drawing(place)
    log = decisions.decision_log(current.dataset)
    bulk.show_toasts()
    choice = queue_form.choose(heading, found, events)
    selection, version = review_table.read_selection(current.id)
    if decisions.take_presses(found, selection, version, note=state.note):
        review_table.forget_selection()
        selection, version = review_table.read_selection(current.id)
    problem = ""
    try:
        lasso = review_map.lasso_rows(place, events)
        queue = review_table.frozen_queue(found, choice, lasso, events, log)
    except InputError as error:
        queue, problem = NOTHING, str(error)
    queue_form.write_address(choice)
    review_table.follow_clicks(queue, events, selection)
    line, tools = st.columns([1, 1.75], vertical_alignment="center")
    with line:
        review_table.progress_line(found, queue, log)
    with tools, st.container(horizontal=True, key="review_tools", gap="xsmall"):
        review_tools.buttons(found, queue, choice, selection)
    left, middle, right = st.columns([1.45, 1.15, 1.3], gap="small")
    words = decisions.decision_words(log.current())
    with left, st.container(key=review_table.FRAME, gap="small"):
        unasked = choice.mode == "query" and not choice.where
        review_table.show(found, queue, words, HEIGHT, problem, unasked=unasked)
    with middle, st.container(height=HEIGHT, border=True, key="card_row"):
        if len(selection) > 1:
            card.show_many(found, selection)
        elif len(queue.rows) and state.cursor is not None:
            card.show(found, state.cursor, words.get(state.cursor))
        else:
            st.caption("No row in this queue.")
    with right:
        chosen = selection if len(selection) > 1 else ()
        review_map.show(place, selected=chosen, focus=state.cursor, height=HEIGHT - 50)
    with st.bottom:
        many = Selection(len(selection), version) if len(selection) > 1 else None
        review_tools.bar(found, queue, log, many)
    if place.waiting:
        wait_for_umap(place.name)


def heading() -> None:
    """Title and purpose."""
    style.heading("Review", "Decide about the rows that hurt; every decision can be undone.")


def wait_for_umap(drawn: str) -> None:
    """Draw again when the UMAP is there."""

    @st.fragment(run_every=1.0)
    def look() -> None:
        place = layout(run())
        if place.name != drawn or not place.waiting:
            rerun_when_free()

    look()


inside_app()
current = run() if state.dataset_id is not None else None
found = None if current is None else results(current)
if state.dataset_id is None:
    style.heading("Review", "Decide about the rows that hurt.")
    empty("Rows will be reviewed here, once there is data.", "data", "Bring data")
elif found is None:
    style.heading("Review", "Decide about the rows that hurt.")
    no_results.show("The lowest rows", current)
else:
    with errors_for_people():
        page(found, current)
