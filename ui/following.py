"""Rows whose traces a person follows: named in a box, or clicked in a table or on the map."""

import numpy as np
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from ui import charts, splits
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people
from ui.map import map_events
from ui.state import set_widget, state, widget

_BOX = "value.follow"
_MOST = len(charts.FOLLOWED)


def box(place: DeltaGenerator, rows: int) -> None:
    """Where row ids are named, of a table of so many rows."""
    text = place.text_input(
        "Follow rows",
        placeholder="the three lowest",
        key=_BOX,
        help=f"Up to {_MOST} row ids whose traces are drawn, such as 12, 40. A click on a row of "
        "the table of the lowest adds it, another takes it away.",
        persist_state="session",
    )
    with errors_for_people():
        state.followed = splits.row_ids(text, rows)[:_MOST]


def lines(
    ids: NDArray[np.int64], trace: NDArray[np.float32], lowest: NDArray[np.int64]
) -> dict[str, NDArray]:
    """The traces of the rows a person follows; of the three lowest if none was named.

    Args:
        ids: (n,) row ids, ascending.
        trace: (steps, n).
        lowest: (k,) positions of the lowest rows, lowest first.
    """
    wanted = np.array(state.followed, dtype=np.int64)
    at = np.searchsorted(ids, wanted)
    at = at[(at < len(ids)) & (ids[np.minimum(at, len(ids) - 1)] == wanted)] if len(wanted) else at
    positions = at[:_MOST] if len(at) else lowest[:3]
    return {f"#{ids[p]}": np.asarray(trace[:, p]) for p in positions}


def table_key(rows: NDArray[np.int64]) -> str:
    """Key of the table that shows these row ids, in their order; a click makes it a new one."""
    state.lowest_rows = tuple(int(row) for row in rows)
    return f"value.lowest.{state.lowest_clicks}"


def clicked() -> None:
    """Follow the row that was clicked in the table, or no longer."""
    event = widget(f"value.lowest.{state.lowest_clicks}") or {}
    cells = event.get("selection", {}).get("cells", [])
    rows = [state.lowest_rows[place] for place, _ in cells if place < len(state.lowest_rows)]
    if not rows:
        return
    state.lowest_clicks += (
        1  # a new table, with nothing selected: its rows move while a run goes on
    )
    _turn(rows)


def clicked_on_map(key: str, version: str) -> None:
    """Follow the point that was clicked on a map, or no longer.

    Args:
        key, version: of the map and of its points.
    """
    events = map_events(widget(key), version)
    if events.click > state.follow_click_seen:
        state.follow_click_seen = events.click
        if events.clicked is not None:
            _turn([events.clicked])


def _turn(rows: list[int]) -> None:
    """Rows that are followed are no longer, others are from now on; the oldest of too many goes."""
    before = state.followed
    after = tuple(row for row in before if row not in rows)
    if after == before:
        after = (*before, *rows)[-_MOST:]
    state.followed = after
    set_widget(_BOX, ", ".join(map(str, after)))
    state.follow_changed = True


def show_box_again() -> None:
    """In a fragment: a click changed the box, which stands outside."""
    if state.follow_changed:
        state.follow_changed = False
        rerun_when_free()
