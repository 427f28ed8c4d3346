"""Mounting the review bar: buttons and keys that lose nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ui.actions.events import ActionEvents, action_events
from ui.names import told_apart

HEIGHT = 112  # pixels; fixed, so that nothing below or above ever moves

_HERE = Path(__file__).parent
_SCRIPTS = ("../shared.js", "outbox.js", "keys.js", "around.js", "bar.js")
_bar = st.components.v2.component(
    "dvgs_actions",
    css=(_HERE / "actions.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
)


@dataclass(frozen=True)
class Selection:
    """Rows that the next presses act on together.

    Attributes:
        count: how many, at least 1.
        version: changes whenever the rows do, so that a late press on another selection is known.
    """

    count: int
    version: str


@dataclass(frozen=True)
class Follow:
    """A table that scrolls to the row under review.

    Attributes:
        inside: key of the container around it.
        rows: row ids in the table's order.
        height: of a row, in pixels.
    """

    inside: str
    rows: Sequence[int]
    height: int


def digit_keys(classes: Sequence[object]) -> list[str]:
    """The digit that relabels to each class, "" where none is left.

    A class that is called by a digit is on that digit: whoever sees a 7 presses 7. The others take
    what is left of 1 to 9, in order.
    """
    names = [str(name) for name in classes]
    left = iter([digit for digit in "123456789" if digit not in names])
    return [name if name in set("0123456789") else next(left, "") for name in names]


def review_actions(
    *,
    key: str,
    token: str,
    acknowledged: int,
    queue: Sequence[int],
    cursor: int | None,
    suggested: Sequence[int | None],
    classes: Sequence[object],
    labels: Sequence[int | None] = (),
    selection: Selection | None = None,
    scene: str = "",
    follow: Follow | None = None,
    can_undo: bool = False,
    can_redo: bool = False,
    on_change: Callable[[], None] | None = None,
) -> ActionEvents:
    """Draw the bar and listen to the keyboard: K W D U Z Y, digits, arrows up and down, J.

    Every press is bound in the browser to the row under its cursor, which then moves on at once;
    presses wait in the tab, through reloads and lost connections, until they are acknowledged.

    Args:
        key: names the component, and its value in the session (see `action_events`).
        token: names what is being reviewed (a dataset, say); waiting presses belong to it.
        acknowledged: the last sequence number handled in this tab; 0 at first.
        queue: row ids around the cursor in review order: some before it, some hundreds after.
        cursor: row id under review once all acknowledged events are applied; None: none.
        suggested: class index suggested for each row of the queue, or None.
        classes: names; which digit each is on, `digit_keys` says.
        labels: class index each row of the queue has now, or None; marked among the classes.
        selection: rows that presses act on instead of the cursor's.
        scene: names what the queue is; when it changes, a list box that was used to choose it
            gives the keyboard back.
        follow: the table beside the bar, or None.
        can_undo, can_redo: whether there is anything to undo or redo.
        on_change: called before the next run when presses came.

    Returns:
        Presses not acknowledged yet. Pages that read them before mounting need it not.

    Raises:
        ValueError: suggested or labels differ from queue in length.
    """
    if len(suggested) != len(queue) or (labels and len(labels) != len(queue)):
        raise ValueError(f"A queue of {len(queue)} rows needs as many suggestions and labels.")
    short, digits = told_apart(classes, 12), digit_keys(classes)
    data = {
        "token": token,
        "acknowledged": acknowledged,
        "queue": [int(row) for row in queue],
        "cursor": None if cursor is None else int(cursor),
        "suggested": [None if code is None else int(code) for code in suggested],
        "labels": [None if code is None else int(code) for code in labels],
        "classes": [str(name) for name in classes],
        "keys": digits,
        "short": [
            short[str(name)] if key else "" for name, key in zip(classes, digits, strict=True)
        ],
        "selection": selection and {"count": selection.count, "version": selection.version},
        "scene": scene,
        "follow": follow
        and {
            "inside": follow.inside,
            "rows": [int(row) for row in follow.rows],
            "height": follow.height,
        },
        "can_undo": can_undo,
        "can_redo": can_redo,
    }
    state = _bar(
        key=key,
        data=data,
        height=HEIGHT,
        on_events_change=on_change,
        on_heard_change=lambda: None,  # other tabs decided: a run of the page is all that is needed
    )
    return action_events(state, token=token, acknowledged=acknowledged)
