"""The linked map: zoom, pan and lasso stay in the browser; only the polygon comes back.

points = MapPoints.of(xy, ids)                        # in a cached function
colours = value_colours(values)                       # likewise
events = linked_map(points, colours, key="map", description="...", selected=rows)
mask = selected_rows(events.polygon, xy_of_all_rows)  # drawn or not
"""

from ui.map.colours import MapColours, class_colours, decision_colours, value_colours
from ui.map.component import linked_map
from ui.map.events import NO_EVENTS, MapEvents, map_events
from ui.map.geometry import Polygon, selected_rows
from ui.map.points import MapHover, MapPoints

__all__ = [
    "NO_EVENTS",
    "MapColours",
    "MapEvents",
    "MapHover",
    "MapPoints",
    "Polygon",
    "class_colours",
    "decision_colours",
    "linked_map",
    "map_events",
    "selected_rows",
    "value_colours",
]
