"""What a person did on the map, as the page reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ui.map.geometry import Polygon


@dataclass(frozen=True)
class MapEvents:
    """The map's state in the browser.

    Attributes:
        polygon: corners of the lasso in map coordinates, or None.
        lasso: grows with every lasso drawn or cleared; 0: never.
        clicked: row id of the point clicked last, or None.
        click: grows with every click; 0: never.
        version: the layout that the polygon belongs to.
    """

    polygon: Polygon | None = None
    lasso: int = 0
    clicked: int | None = None
    click: int = 0
    version: str = ""


NO_EVENTS = MapEvents()


def map_events(value: Any, version: str) -> MapEvents:
    """Read the component's state, as `linked_map` returned it or as the session keeps it.

    Pages call this with the session's value of the map's key to know the lasso before anything is
    drawn. A lasso drawn on another layout is left out: its corners mean nothing on this one.

    Args:
        value: mapping with the component's state, or None before the first event.
        version: version of the points on the page now.
    """
    view = value.get("view") if isinstance(value, Mapping) else None
    if not isinstance(view, Mapping):
        return NO_EVENTS
    current = view.get("version") == version
    corners = view.get("polygon") if current else None
    clicked = view.get("clicked")
    return MapEvents(
        polygon=tuple((float(x), float(y)) for x, y in corners) if corners else None,
        lasso=int(view.get("lasso") or 0) if current else 0,
        clicked=None if clicked is None else int(clicked),
        click=int(view.get("click") or 0),
        version=version,
    )
