"""Decisions on the page: presses of the action bar become entries of the log."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.review.decisions import DecisionLog
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


def take_presses(found: Results, selection: Sequence[int], version: str, *, note: str) -> None:
    """Carry out what was pressed since the last run of the page, in order.

    A press that arrives twice counts once: its id goes into the log with the decision.
    """
    assert state.dataset_id is not None
    log = decision_log(state.dataset_id)
    pressed = action_events(widget(KEY), token=state.dataset_id, acknowledged=state.acknowledged)
    if not pressed.events:
        return
    cursor = pressed.cursor
    for event in pressed.events:
        moved = _take(log, found, event, selection, version, note)
        cursor = cursor if moved is None else moved
    state.acknowledged = pressed.last
    if cursor is not None:
        state.cursor = cursor


def _take(
    log: DecisionLog,
    found: Results,
    event: ActionEvent,
    selection: Sequence[int],
    version: str,
    note: str,
) -> int | None:
    """One press; returns the row the cursor should go back to, if any."""
    who = str(workspace().get_setting(None, "reviewer", ""))
    if event.action == "undo" or event.action == "redo":
        step = log.undo if event.action == "undo" else log.redo
        change = step(reviewer=who, token=event.id)
        if change is None:
            return None
        done = "Undone" if event.action == "undo" else "Done again"
        st.toast(f"{done}: {change.description}", icon=":material/undo:")
        return int(change.rows[0]) if len(change.rows) == 1 else None
    if event.action == "go":
        return None
    common = {"note": note, "reviewer": who}
    if event.selection is None:
        assert event.row is not None
        decision, label = event.action, None
        if event.label is not None:
            own = event.label == int(found.labels.y[event.row])
            decision = "keep" if own else decision
            label = None if own else found.labels.classes[event.label]
        log.decide([event.row], decision, label=label, token=event.id, **common)
        return None
    if event.selection != version or not selection:
        st.toast("The selection had changed; nothing was decided.", icon=":material/warning:")
        return None
    if event.action == "relabel" and event.label is None:
        _accept_suggestions(log, found, np.array(selection), event.id, common)
    else:
        label = found.labels.classes[event.label] if event.label is not None else None
        change = log.decide(selection, event.action, label=label, token=event.id, **common)
        st.toast(f"{change.description.capitalize()}.", icon=":material/check:")
    return None


def _accept_suggestions(
    log: DecisionLog, found: Results, rows: NDArray[np.int64], token: str, common: dict[str, str]
) -> None:
    """Give each selected row its own suggested label, one action a label."""
    lines = found.values.loc[rows]
    lines = lines[lines["suggested_label"].notna() & (lines["suggested_label"] != lines["label"])]
    classes = dict(zip(found.labels.names, found.labels.classes, strict=True))
    for name, group in lines.groupby("suggested_label", sort=True):
        log.decide(group.index, "relabel", label=classes[name], token=f"{token}-{name}", **common)
    st.toast(f"{len(lines):,} rows relabelled as suggested.", icon=":material/check:")


def decision_words(current: pd.DataFrame) -> pd.Series:
    """What each decided row's decision is called, indexed by row id: drop, → 7, keep."""
    words = current["decision"].astype("str")
    relabelled = (current["decision"] == "relabel").to_numpy()
    words[relabelled] = "→ " + current["label"].astype("str")[relabelled]
    words.index = pd.Index(current["row"])
    return words[words != "undecided"]
