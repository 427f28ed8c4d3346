"""The Review page's map: layouts, colours and hover texts, each made once and kept."""

import os
from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.store import Run
from ui import style, truth
from ui.decisions import decision_log, decision_words
from ui.map import (
    MapColours,
    MapEvents,
    MapHover,
    MapPoints,
    class_colours,
    decision_colours,
    linked_map,
    map_events,
    selected_rows,
    value_colours,
)
from ui.pictures_of_rows import picture_address
from ui.results import Layout, damaged_rows, layout, the_results, truth_of
from ui.state import table, the_run, widget, workspace

KEY = "review.map"
COLOURS = {
    "value": "value",
    "label": "label",
    "suggested": "suggested label",
    "decision": "decision",
    "role": "role",
}
_MOST_POINTS = int(os.environ.get("DVGS_MAP_POINTS", "200000"))  # fewer for slow computers
_MOST_PICTURES = 4_000
_FIELDS = 8


@st.cache_resource(max_entries=6, show_spinner=False)
def _drawn(run_id: int) -> NDArray[np.int64]:
    found = the_results(workspace().run(run_id))
    return drawn_rows(found.codes, found.order, _MOST_POINTS)


@st.cache_resource(max_entries=6, show_spinner=False)
def _points(run_id: int, name: str) -> MapPoints:
    place, rows = layout(workspace().run(run_id)), _drawn(run_id)
    assert place is not None
    return MapPoints.of(np.asarray(place.xy)[rows], rows, total=len(place.xy))


def drawn_rows(codes: NDArray[np.int64], order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The rows that are drawn: all, or the lowest ones and a sample of each class.

    Args:
        codes: (n,) class of each row, -1 for none.
        order: row ids, lowest value first; a quarter of what is drawn is their beginning.
        most: how many may be drawn.

    Returns:
        Row ids, ascending. Of every class the same share is drawn, and at least one row.
    """
    n = len(codes)
    if n <= most:
        return np.arange(n)
    low = order[: most // 4]
    others = np.ones(n, bool)
    others[low] = False
    rest = np.flatnonzero(others)
    rest = np.random.default_rng(0).permutation(rest)
    by_class = rest[np.argsort(codes[rest], kind="stable")]
    sizes = np.bincount(codes[rest] + 1)
    place = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes if size])
    first = np.argsort(place, kind="stable")[: most - len(low)]
    return np.sort(np.concatenate([low, by_class[first]]))


@st.cache_resource(max_entries=12, show_spinner=False)
def _colours(run_id: int, by: str, decisions: int) -> MapColours:
    found, rows = the_results(workspace().run(run_id)), _drawn(run_id)
    lines = found.values.reindex(rows)
    if by == "value":
        return value_colours(lines["value"].to_numpy())
    if by == "decision":
        words = decision_log(workspace().run(run_id).dataset).current()
        kinds = pd.Series(words["decision"].to_numpy(), index=words["row"].to_numpy())
        return decision_colours(kinds.reindex(rows).fillna("undecided").astype(str).tolist())
    column = {"label": "label", "suggested": "suggested_label", "role": "role"}[by]
    names = lines[column].fillna("none").astype(str)
    order = found.labels.names if by != "role" else ("source", "target", "both", "unused")
    known = [str(name) for name in order] + (["none"] if (names == "none").any() else [])
    code = {name: i for i, name in enumerate(known)}
    codes = np.array([code.get(name, -1) for name in names], dtype=np.int64)
    return class_colours(codes, known, title=COLOURS[by])


@st.cache_resource(max_entries=4, show_spinner=False)
def _hover(run_id: int) -> MapHover:
    """What the run found of each row, what was done to it, its first fields, and its picture."""
    run, rows = workspace().run(run_id), _drawn(run_id)
    found, frame = the_results(run), table(run.dataset).frame
    lines = found.values.reindex(rows)
    told = lines[["label", "value", "suggested_label", "role"]].dropna(axis=1, how="all")
    told = told.rename(columns={"suggested_label": "suggested"})
    known = truth_of(run.dataset)
    if known is not None:
        told["damage"] = truth.damage(known).reindex(rows, fill_value="").replace("", None)
    pixels = set(found.schema.pixels)
    plain = [c.name for c in found.schema.features if c.name not in pixels and not c.embedding]
    shown = pd.concat([told, frame[plain[:_FIELDS]].iloc[rows]], axis=1)
    pictures = []
    if found.schema.pixels and len(rows) <= _MOST_PICTURES:
        pictures = [picture_address(run_id, int(row)) for row in rows]
    return MapHover.of(shown, pictures=pictures)


def prepare(run: Run, name: str) -> None:
    """Make what a map of a run that has ended first shows."""
    _points(run.id, name)
    _colours(run.id, "value", 0)
    _hover(run.id)


def events_before_drawing(place: Layout) -> MapEvents:
    """What was done on the map since the last run of the page."""
    return map_events(widget(KEY), _points(the_run().id, place.name).version)


def lasso_rows(place: Layout, events: MapEvents) -> np.ndarray:
    """Row ids inside the lasso, of all rows, drawn or not."""
    if events.polygon is None:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(selected_rows(events.polygon, np.asarray(place.xy)))


def show(
    place: Layout,
    *,
    selected,
    focus: int | None,
    height: int,
    on_change: Callable[[], None] | None = None,
) -> None:
    """The map and what it is coloured by.

    Args:
        place: where rows stand.
        selected: row ids outlined.
        focus: row id of the row under review.
        height: pixels of the map.
        on_change: called before the next run when a lasso or click came.
    """
    left, right = st.columns([2, 3], vertical_alignment="center")
    by = left.selectbox(
        "Colour by",
        list(COLOURS),
        format_func=COLOURS.__getitem__,
        key="review.colour",
        label_visibility="collapsed",
        persist_state="session",
    )
    points = _points(the_run().id, place.name)
    words = f"{place.name} of {len(place.xy):,} rows"
    if len(points.ids) < len(place.xy):
        words += f", {len(points.ids):,} of them drawn"
    if place.waiting:
        words += " · UMAP is being computed"
    if place.problem:
        words += f" · no UMAP: {style.plain(place.problem)}"
    with right.container(key="map_words"):
        st.caption(words)
    current = the_run()
    log = decision_log(current.dataset)
    version = len(log.current()) if by != "decision" else _log_version(log)
    found = the_results(current)
    roles = found.values["role"]
    at = None if focus is None else place.xy[focus]
    linked_map(
        points,
        _colours(current.id, by, version if by == "decision" else 0),
        key=KEY,
        description=f"Map of {len(place.xy):,} rows, coloured by {COLOURS[by]}; rows alike are "
        "near each other. The table beside it lists the same rows.",
        selected=selected,
        focus=focus,
        focus_xy=None if at is None else (float(at[0]), float(at[1])),
        rings=np.flatnonzero(roles == "target") if len(roles) <= 20_000 else (),
        stars=damaged_rows(current.dataset),
        hover=_hover(current.id),
        height=height,
        dim=len(selected) > 0,
        known=events_before_drawing(place),
        on_change=on_change,
    )


def _log_version(log) -> int:
    return hash(tuple(decision_words(log.current()).items())) if len(log.current()) else 0


def picture_column(rows, limit: int = 200) -> list[str]:
    """Pictures of some rows for a table; empty where there are none."""
    run = the_run()
    found = the_results(run)
    if not found.schema.pixels and found.schema.image_column is None:
        return []
    return [picture_address(run.id, int(row)) for row in rows[:limit]]
