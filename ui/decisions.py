"""Decisions on the page: presses of the action bar become entries of the log."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.review.decisions import DecisionLog, Label
from ui import style
from ui.actions import ActionEvent, action_events
from ui.results import Results
from ui.state import state, widget, workspace

KEY = "review.actions"


@st.cache_resource(max_entries=8, show_spinner=False)
def decision_log(dataset_id: str) -> DecisionLog:
    """The log of a dataset; it reads on from where it was."""
    return DecisionLog(workspace(), dataset_id)


def decided(dataset_id: str) -> int:
    """How many rows have a decision."""
    counts = decision_log(dataset_id).counts()
    return sum(n for decision, n in counts.items() if decision != "undecided")


def reviewer() -> str:
    """Who decides, as said once for the workspace."""
    return str(workspace().get_setting(None, "reviewer", ""))


def take_presses(found: Results, selection: NDArray[np.int64], version: str, *, note: str) -> bool:
    """Carry out what was pressed since the last run of the page, in order.

    A press that arrives twice counts once: its id goes into the log with the decision.

    Returns:
        Whether the selected rows were decided about; they need no longer be selected then.
    """
    assert state.dataset_id is not None
    log = decision_log(state.dataset_id)
    pressed = action_events(widget(KEY), token=state.dataset_id, acknowledged=state.acknowledged)
    if not pressed.events:
        return False
    cursor, together = pressed.cursor, False
    for event in pressed.events:
        if event.selection is not None:
            together |= _take_many(log, found, event, selection, version, note)
        else:
            moved = _take(log, found, event, note)
            cursor = cursor if moved is None else moved
    state.acknowledged = pressed.last
    if cursor is not None:
        state.cursor = cursor
    return together


def _take(log: DecisionLog, found: Results, event: ActionEvent, note: str) -> int | None:
    """One press; returns the row the cursor should go back to, if any."""
    if event.action == "undo" or event.action == "redo":
        step = log.undo if event.action == "undo" else log.redo
        change = step(reviewer=reviewer(), token=event.id)
        if change is None:
            return None
        done = "Undone" if event.action == "undo" else "Done again"
        st.toast(f"{done}: {style.plain(change.description)}", icon=":material/undo:")
        return int(change.rows[0]) if len(change.rows) == 1 else None
    if event.action == "go":
        return None
    assert event.row is not None
    decision, label = event.action, None
    if event.label is not None:
        own = event.label == int(found.labels.y[event.row])
        decision = "keep" if own else decision
        label = None if own else found.labels.classes[event.label]
    elif decision == "keep" and (before := label_it_had(found, event.row)) is not None:
        decision, label = "relabel", before
    log.decide([event.row], decision, label=label, note=note, reviewer=reviewer(), token=event.id)
    return None


def label_it_had(found: Results, row: int) -> Label | None:
    """In a run on corrected data: the new label that a row was valued with, or None.

    Keeping such a row keeps it as it is seen, with the new label.
    """
    corrections = found.job.corrections
    return None if corrections is None else corrections.relabelled.get(row)


def _take_many(
    log: DecisionLog,
    found: Results,
    event: ActionEvent,
    selection: NDArray[np.int64],
    version: str,
    note: str,
) -> bool:
    """One press about all selected rows, as one action; whether it was carried out."""
    if event.action == "undo" or event.action == "redo" or event.action == "go":
        return False  # these are about no selection
    if event.selection != version or not len(selection):
        st.toast("The selection had changed; nothing was decided.", icon=":material/warning:")
        return False
    if event.action == "relabel" and event.label is None:
        count = relabel_as_suggested(log, found, selection, note=note, token=event.id)
        st.toast(f"{style.count(count, 'row')} relabelled as suggested.", icon=":material/check:")
        return True
    label = found.labels.classes[event.label] if event.label is not None else None
    change = log.decide(
        selection, event.action, label=label, note=note, reviewer=reviewer(), token=event.id
    )
    words = style.plain(change.description.capitalize())
    st.toast(f"{words}. Z undoes it.", icon=":material/check:")
    return True


def relabel_as_suggested(
    log: DecisionLog, found: Results, rows: NDArray[np.int64], *, note: str, token: str
) -> int:
    """Give each row its own suggested label, all as one action; how many had one."""
    lines = found.values.loc[rows]
    lines = lines[lines["suggested_label"].notna() & (lines["suggested_label"] != lines["label"])]
    if lines.empty:
        return 0
    classes = dict(zip(found.labels.names, found.labels.classes, strict=True))
    labels = [classes[name] for name in lines["suggested_label"]]
    log.decide(
        lines.index.to_numpy(dtype=np.int64),
        "relabel",
        labels=labels,
        note=note,
        reviewer=reviewer(),
        token=token,
    )
    return len(lines)


def decision_words(current: pd.DataFrame) -> pd.Series:
    """What each decided row's decision is called, indexed by row id: drop, → 7, keep."""
    words = current["decision"].astype("str")
    relabelled = (current["decision"] == "relabel").to_numpy()
    words[relabelled] = "→ " + current["label"].astype("str")[relabelled]
    words.index = pd.Index(current["row"])
    return words[words != "undecided"]
