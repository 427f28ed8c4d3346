"""Mounting the map: one visible component, and one that carries points, colours and texts.

The carrier's data is the same bytes on every rerun while versions stand, so Streamlit sends a
reference instead; the visible component's data is small, so a click in a table costs little.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from numpy.typing import NDArray

from ui.map.colours import MapColours
from ui.map.events import NO_EVENTS, MapEvents, map_events
from ui.map.points import MapHover, MapPoints

Rows = Sequence[int] | NDArray

_HERE = Path(__file__).parent


def _script(*names: str) -> str:
    """The files joined: a component's JavaScript is one module and cannot import another."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


_carrier = st.components.v2.component("dvgs_map_carrier", js=_script("registry.js", "carrier.js"))
_canvas = st.components.v2.component(
    "dvgs_map",
    css=_script("map.css"),
    js=_script("../shared.js", "registry.js", "raster.js", "index.js", "icons.js", "map.js"),
)


def linked_map(
    points: MapPoints,
    colours: MapColours,
    *,
    key: str,
    description: str,
    selected: Rows = (),
    focus: int | None = None,
    focus_xy: tuple[float, float] | None = None,
    rings: Rows = (),
    stars: Rows = (),
    hover: MapHover | None = None,
    height: int = 460,
    dim: bool = True,
    known: MapEvents = NO_EVENTS,
    cleared: int = 0,
    on_change: Callable[[], None] | None = None,
) -> MapEvents:
    """Draw a map that keeps its zoom, pan and lasso in the browser.

    Call it with the same key on every page that shows the same map: zoom and lasso follow.

    Args:
        points: what to draw; at most about 1,000,000.
        colours: one colour a point, same order and length.
        key: names the map, and its value in the session (see `map_events`).
        description: one sentence for people who do not see the map.
        selected: row ids outlined; the others are greyed while no lasso is drawn.
        focus: row id of the row under review.
        focus_xy: its coordinates, for a row that is not among the points.
        rings: row ids ringed in ink, such as target rows.
        stars: row ids crossed in ink: rows damaged on purpose; the legend says so.
        hover: what the hover card shows; None: row, class and value.
        height: pixels, legend included.
        dim: False outlines `selected` without greying the others.
        known: the events that the page has in hand (from `map_events`, or kept by itself). After
            a page switch or reload the browser reports its lasso again if it is not this one.
        cleared: a lasso number; the browser drops every lasso up to it (a "Clear" button).
        on_change: called before the next run when a lasso or click came.

    Returns:
        What the person did last. `selected_rows(events.polygon, xy)` gives the rows.

    Raises:
        ValueError: colours or hover texts differ from points in length.
    """
    count = len(points.ids)
    if len(colours.index) != count or (hover is not None and hover.count != count):
        raise ValueError(f"{count} points need as many colours and hover texts.")
    if len(stars):
        description += f" A cross marks the rows damaged on purpose, {len(stars):,} of them."
    with st.container(key=f"{key}_frame", gap=None):
        _carrier(key=f"{key}_points", data=points.payload)
        _carrier(key=f"{key}_colours", data=colours.payload)
        if hover is not None:
            _carrier(key=f"{key}_hover", data=hover.payload)
        data: dict[str, Any] = {
            "map": key,
            "points": points.version,
            "colours": colours.version,
            "hover": None if hover is None else hover.version,
            "total": points.total,
            "description": description,
            "selected": points.subset(selected),
            "rings": points.subset(rings),
            "stars": points.subset(stars),
            "focus": None if focus is None else _focus(points, focus, focus_xy),
            "dim": dim,
            "known": known.lasso if known.version == points.version else 0,
            "cleared": cleared,
        }
        state = _canvas(key=key, data=data, height=height, on_view_change=on_change)
    events = map_events(state, points.version)
    forgotten = known.version == points.version and known.lasso > events.lasso
    return known if forgotten else events


def _focus(
    points: MapPoints, row: int, place: tuple[float, float] | None
) -> dict[str, int | float] | None:
    at = points.positions([row])
    if len(at):
        x, y = points.xy[at[0]].tolist()
    elif place is not None:
        x, y = map(float, place)
    else:
        return None
    return {"row": int(row), "x": x, "y": y}
