"""The review bar. Presses are kept in the browser until the page has acknowledged them.

pressed = action_events(value_in_session, token=token, acknowledged=done)
for event in pressed.events: ...                      # idempotent by event.id
review_actions(key="actions", token=token, acknowledged=pressed.last or done, cursor=..., ...)
"""

from ui.actions.component import HEIGHT, Follow, Selection, review_actions
from ui.actions.events import (
    NOTHING_PRESSED,
    Action,
    ActionEvent,
    ActionEvents,
    action_events,
)

__all__ = [
    "HEIGHT",
    "NOTHING_PRESSED",
    "Action",
    "ActionEvent",
    "ActionEvents",
    "Follow",
    "Selection",
    "action_events",
    "review_actions",
]
