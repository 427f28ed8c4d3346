"""What stands around the queue: the bar of decisions, and what acts on many rows at once."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.review.decisions import DecisionLog
from ui import bulk, decisions, queues, revalue, review_table, selections, style
from ui.actions import Follow, Selection, review_actions
from ui.results import Results
from ui.state import Queue, QueueChoice, state, the_dataset_id, workspace


def bar(found: Results, queue: Queue, log: DecisionLog, selection: Selection | None) -> None:
    """Buttons and keys; the browser knows some hundred rows ahead."""
    nearby = queues.around(queue, state.cursor, before=20, after=300)
    lines = found.values.loc[nearby]
    code = {name: i for i, name in enumerate(found.labels.names)}
    review_actions(
        key=decisions.KEY,
        token=the_dataset_id(),
        acknowledged=state.acknowledged,
        queue=nearby.tolist(),
        cursor=state.cursor if len(queue.rows) else None,
        suggested=review_table.suggestions(lines, code),
        labels=[code.get(name) for name in lines["label"]],
        classes=found.labels.names if found.schema.task == "classification" else (),
        selection=selection,
        scene=str(hash(state.queue_made_for)),
        follow=Follow(review_table.FRAME, state.page_rows, review_table.row_height(found)),
        can_undo=log.can_undo() is not None,
        can_redo=log.can_redo() is not None,
    )


def buttons(
    found: Results, queue: Queue, choice: QueueChoice, selection: NDArray[np.int64]
) -> None:
    """What acts on more than one row, and who decides."""
    if st.button(
        "",
        icon=":material/refresh:",
        help="Make the queue again, from the decisions of now. Until then its order stays.",
        key="review.again",
    ):
        review_table.make_again()
        st.rerun()
    # no help: when the dialog closes it would stand over the boxes above and take the next click
    if st.button(
        "Many at once",
        icon=":material/content_cut:",
        key="review.bulk",
    ):
        bulk.dialog()
    revalue.button(found)
    selections.popover(queue, choice, selection)
    reviewer_and_note()


def reviewer_and_note() -> None:
    """Who decides and why, written beside every decision."""
    stored = decisions.reviewer()
    words = style.shortened(stored, 14) or "Reviewer"
    with st.popover(words + (" · note" if state.note else ""), icon=":material/person:"):
        name = st.text_input("Reviewer", value=stored)
        if name != stored:
            workspace().set_setting(None, "reviewer", name)
            st.rerun()
        note = st.text_input(
            "Note for the next decisions", value=state.note, key="review.note",
            persist_state="session",
        )  # fmt: skip
        if note != state.note:
            state.note = note
            st.rerun()
