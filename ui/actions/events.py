"""What a reviewer pressed, as the page reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from dvgs_core.errors import InputError

Action = Literal["keep", "relabel", "drop", "undecided", "undo", "redo", "go"]


@dataclass(frozen=True)
class ActionEvent:
    """One press of a key or button.

    Attributes:
        id: unlike any other event's, also of other tabs and earlier visits; store it beside the
            decision, and a press that arrives twice counts once.
        sequence: grows with every press; acknowledge the last one handled.
        action: what to do; "go" moves the cursor and decides nothing.
        row: row id the press was bound to; None for undo, redo and a whole selection.
        label: class index of a relabel. None: each row's own suggested label (a selection only).
        selection: version of the selection that the press acts on, else None.
    """

    id: str
    sequence: int
    action: Action
    row: int | None = None
    label: int | None = None
    selection: str | None = None


@dataclass(frozen=True)
class ActionEvents:
    """What the page has not acknowledged yet.

    Attributes:
        events: in the order of pressing.
        cursor: row id under the browser's cursor after them, or None (end of the queue, or the
            page decides, as after an undo).
    """

    events: tuple[ActionEvent, ...] = ()
    cursor: int | None = None

    @property
    def last(self) -> int:
        """Sequence number to acknowledge once all events are handled; 0 if there are none."""
        return self.events[-1].sequence if self.events else 0


NOTHING_PRESSED = ActionEvents()


def action_events(value: Any, *, token: str, acknowledged: int) -> ActionEvents:
    """Read the component's state, as the session keeps it under the component's key.

    Pages call this *before* they mount the bar, handle the events, and mount it with the new
    acknowledged number, cursor and queue: then one press costs one run of the page.

    Args:
        value: mapping with the component's state, or None before the first press.
        token: names what is being reviewed; presses made for anything else are left out.
        acknowledged: the last sequence number handled in this tab.

    Raises:
        InputError: an action that this version does not know (a tab older than the server).
    """
    pressed = value.get("events") if isinstance(value, Mapping) else None
    if not isinstance(pressed, Mapping) or pressed.get("token") != token:
        return NOTHING_PRESSED
    events = []
    for item in pressed.get("batch") or ():
        sequence = int(item["sequence"])
        if sequence <= acknowledged:
            continue
        if item["action"] not in get_args(Action):
            raise InputError(
                f"The browser sent an unknown action {str(item['action'])[:40]!r}: reload the page."
            )
        events.append(
            ActionEvent(
                id=f"{pressed['client']}-{sequence}",
                sequence=sequence,
                action=item["action"],
                row=_whole(item.get("row")),
                label=_whole(item.get("label")),
                selection=item.get("selection"),
            )
        )
    if not events:
        return NOTHING_PRESSED
    return ActionEvents(tuple(events), _whole(pressed.get("cursor")))


def _whole(number: Any) -> int | None:
    return None if number is None else int(number)
