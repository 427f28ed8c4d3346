"""The Value page's map: where the rows stand that hurt, as far as that is known.

While a run goes on its points take the colours of the values so far; afterwards it is the Review
page's map, with the same zoom and lasso.
"""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.store import Run
from ui import following, live, review_map
from ui.jobs import lowest
from ui.map import MapColours, MapPoints, linked_map, map_events, value_colours
from ui.results import Layout, layout, results
from ui.state import state, widget, workspace

KEY = "value.map"
_HEIGHT = 563  # of a table with 15 rows
_MOST_POINTS = 200_000


def panels(run: Run) -> None:
    """Progress above; the map, and the lowest rows beside it."""
    found = live.so_far(run)
    live.progress(run, found.steps, few=found.few)
    left, right = st.columns([2.6, 1], gap="medium")
    with left, st.container(height=_HEIGHT + 60, border=False, key="panel_map", gap="xsmall"):
        place = layout(run)
        if place is None or not len(found.ids):
            waits = "The map will be here with the first values of all rows."
            st.caption(waits if run.active else "This run has no values to show.")
        elif results(run) is not None:
            _of_results(run, place)
        else:
            _of_values_so_far(run, place, found)
    with right, st.container(height=_HEIGHT + 60, border=False, key="panel_lowest"):
        live.lowest_title(run)
        if len(found.ids):
            live.lowest_table(found, lowest(found.ids, found.values, 15), _HEIGHT)


def waiting(run: Run) -> bool:
    """Whether a UMAP is still to come."""
    place = layout(run)
    return place is not None and place.waiting


def _of_results(run: Run, place: Layout) -> None:
    """The Review page's map, where a click follows the row's trace."""
    version = review_map.events_before_drawing(place).version
    review_map.show(
        place,
        selected=(),
        focus=_followed_last(len(place.xy)),
        height=_HEIGHT,
        on_change=partial(following.clicked_on_map, review_map.KEY, version),
    )


def _of_values_so_far(run: Run, place: Layout, found: live.SoFar) -> None:
    points, rows = _points(run.id, place.name), len(place.xy)
    drawn = "" if len(points.ids) == rows else f", {len(points.ids):,} of them drawn"
    st.caption(
        f"{place.name} of {rows:,} rows{drawn}, by their value so far. A click on a point follows "
        "its trace."
    )
    followed = [row for row in state.followed if row < rows]
    focus = _followed_last(rows)
    at = None if focus is None else place.xy[focus]
    linked_map(
        points,
        _colours(run.id, place.name, len(found.steps), points, found),
        key=KEY,
        description=f"Map of {rows:,} rows, coloured by value so far; rows alike are near each "
        "other. The table beside it lists the lowest.",
        selected=followed,
        focus=focus,
        focus_xy=None if at is None else (float(at[0]), float(at[1])),
        height=_HEIGHT,
        dim=False,
        known=map_events(widget(KEY), points.version),
        on_change=partial(following.clicked_on_map, KEY, points.version),
    )


def _followed_last(rows: int) -> int | None:
    return next((row for row in reversed(state.followed) if row < rows), None)


@st.cache_resource(max_entries=4, show_spinner=False)
def _points(run_id: int, name: str) -> MapPoints:
    place = layout(workspace().run(run_id))
    assert place is not None
    n = len(place.xy)
    rows: NDArray[np.int64] = np.arange(n)
    if n > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(n, _MOST_POINTS, replace=False))
    return MapPoints.of(np.asarray(place.xy)[rows], rows, total=n)


@st.cache_resource(max_entries=4, show_spinner=False)
def _colours(
    run_id: int, name: str, steps: int, _points: MapPoints, _found: live.SoFar
) -> MapColours:
    values = np.full(_points.total, np.nan)
    inside = _found.ids < _points.total
    values[_found.ids[inside]] = _found.values[inside]
    return value_colours(values[_points.ids], title="value so far")
