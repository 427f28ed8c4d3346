"""Look at the lowest rows and decide: keep, relabel or drop."""

import streamlit as st

from ui import card, decisions, queues, review_map, review_table, style
from ui.actions import Selection, review_actions
from ui.components import empty
from ui.frame import errors_for_people, inside_app
from ui.results import layout, results
from ui.state import run, state, workspace

HEIGHT = 620


def page(found, current) -> None:
    """Queue, card and map beside each other; the bar stays at the foot."""
    place = layout(current)
    events = review_map.events_before_drawing(place)
    lasso = review_map.lasso_rows(place, events)
    log = decisions.decision_log(current.dataset)

    top = st.columns([2.2, 1.3, 1.1, 1.4], vertical_alignment="bottom")
    with top[0]:
        style.heading(
            "Review", "Decide about the rows that hurt, lowest first; every decision can be undone."
        )
    mode, label = review_table.choose_queue(top[1], top[2], found, events)
    with top[3]:
        reviewer_and_note()
    selection, version = review_table.read_selection(current.id)
    decisions.take_presses(found, selection, version, note=state.note)
    queue = review_table.frozen_queue(found, mode, label, lasso, events, log)
    review_table.follow_clicks(queue, events, selection)
    review_table.progress_line(found, queue, log)

    left, middle, right = st.columns([1.35, 1.1, 1.35], gap="small")
    words = decisions.decision_words(log.current())
    with left:
        review_table.show(found, queue, words, HEIGHT)
    with middle, st.container(height=HEIGHT, border=True, key="card_row"):
        if state.cursor is not None and state.cursor in found.values.index:
            card.show(found, state.cursor, words.get(state.cursor))
        else:
            st.caption("No row in this queue.")
    with right:
        chosen = selection if len(selection) > 1 else ()
        review_map.show(place, selected=chosen, focus=state.cursor, height=HEIGHT - 50)

    nearby = queues.around(queue, state.cursor, before=20, after=300)
    lines = found.values.loc[nearby]
    code = {name: i for i, name in enumerate(found.labels.names)}
    with st.bottom:
        review_actions(
            key=decisions.KEY,
            token=state.dataset_id,
            acknowledged=state.acknowledged,
            queue=nearby.tolist(),
            cursor=state.cursor,
            suggested=review_table.suggestions(lines, code),
            labels=[code.get(name) for name in lines["label"]],
            classes=found.labels.names if found.schema.task == "classification" else (),
            selection=Selection(len(selection), version) if len(selection) > 1 else None,
            can_undo=log.can_undo() is not None,
            can_redo=log.can_redo() is not None,
        )
    if place.waiting:
        wait_for_umap(place.name)


def reviewer_and_note() -> None:
    """Who decides and why, written beside every decision."""
    space = workspace()
    with st.popover("Reviewer and note", icon=":material/person:", width="stretch"):
        stored = space.get_setting(None, "reviewer", "")
        name = st.text_input("Reviewer", value=stored)
        if name != stored:
            space.set_setting(None, "reviewer", name)
            st.rerun()
        state.note = st.text_input(
            "Note for the next decisions",
            value=state.note,
            key="review.note",
            persist_state="session",
        )


def wait_for_umap(drawn: str) -> None:
    """Draw again when the UMAP is there."""

    @st.fragment(run_every=1.0)
    def look() -> None:
        place = layout(run())
        if place.name != drawn or not place.waiting:
            st.rerun()

    look()


inside_app("review")
current = run() if state.dataset_id is not None else None
found = None if current is None else results(current)
if state.dataset_id is None:
    style.heading("Review", "Decide about the rows that hurt.")
    empty("Rows will be reviewed here, once there is data.", "data", "Bring data")
elif found is None:
    style.heading("Review", "Decide about the rows that hurt.")
    going = current is not None and current.active
    empty(
        "The lowest rows will be here as soon as the run has ended."
        if going
        else "The lowest rows will be here once there is a run.",
        "value",
        "Watch the run" if going else "Value the rows",
    )
else:
    with errors_for_people():
        page(found, current)
