"""The map of the Target page: circle the rows that are trusted."""

from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.wording import number
from ui import style
from ui.jobs import RunFiles
from ui.map import (
    MapColours,
    MapHover,
    MapPoints,
    class_colours,
    linked_map,
    map_events,
    selected_rows,
)
from ui.results import damaged_rows
from ui.splits import row_ids, row_text
from ui.state import keep, kept, run, table, the_dataset_id, widget, workspace
from ui.studies import Look, look, waiting

KEY = "target.map"
_MODES = {"replace": "Replace", "add": "Add", "remove": "Take away"}
_MOST_POINTS = 200_000
_MOST_RINGS = 300
_FIELDS = 8
_NOTHING = {"rows": "", "lasso": 0}


def lasso_target(roles: Schema) -> tuple[int, ...]:
    """The rows circled so far; a lasso drawn since the last run of the page counts already."""
    stored = kept("target_lasso", _NOTHING)
    rows = len(table(the_dataset_id()).frame)
    chosen = np.array(row_ids(stored["rows"], rows), dtype=np.int64)
    place = _layout(roles)
    if place is None:
        return tuple(chosen.tolist())
    name, xy = place
    events = map_events(widget(KEY), _points(the_dataset_id(), name, xy).version)
    # the browser tells an old lasso again after a reload: each counts once
    if events.polygon is not None and events.lasso > stored["lasso"]:
        inside = np.flatnonzero(selected_rows(events.polygon, xy))
        match widget("target.lasso_mode") or "replace":
            case "add":
                chosen = np.union1d(chosen, inside)
            case "remove":
                chosen = np.setdiff1d(chosen, inside)
            case _:
                chosen = inside
        text = row_text(tuple(chosen.tolist()))
        keep("target_lasso", {"rows": text, "lasso": events.lasso})
    return tuple(chosen.tolist())


def lasso_form(chosen: tuple[int, ...]) -> None:
    """What the next lasso does, and a way back to none."""
    st.segmented_control(
        "The next lasso is to",
        list(_MODES),
        format_func=_MODES.__getitem__,
        default="replace",
        required=True,
        key="target.lasso_mode",
        persist_state="session",
        help="Replace the rows chosen so far, add to them, or take rows away.",
    )
    left, right = st.columns([2, 1], vertical_alignment="center")
    left.caption(f"**{style.count(len(chosen), 'row')}** circled")
    if len(chosen) and right.button("Clear", icon=":material/close:", key="target.lasso_clear"):
        keep("target_lasso", {**kept("target_lasso", _NOTHING), "rows": ""})
        st.rerun()


def lasso_map(roles: Schema, chosen: tuple[int, ...]) -> None:
    """The map itself; a line while it is being computed."""
    place = _layout(roles)
    if place is None:
        seen = look(the_dataset_id(), roles)
        if seen is None:
            st.caption("A map needs features: give a column the role feature on the Data page.")
        else:
            with st.container(height=460, border=False, key="target_map_wait"):
                waiting(seen, "The map is being computed …", part="layout.npy")
        return
    name, xy = place
    colours = _colour_columns(the_dataset_id(), roles.model_dump_json())
    left, right = st.columns([2, 3], vertical_alignment="center")
    by = left.selectbox(
        "Colour by",
        colours,
        index=0,
        format_func=lambda column: f"colour: {style.plain(column)}",
        key="target.colour",
        label_visibility="collapsed",
        persist_state="session",
    )
    points = _points(the_dataset_id(), name, xy)
    drawn = f", {len(points.ids):,} of them drawn" if len(points.ids) < len(xy) else ""
    right.caption(f"{name} of {len(xy):,} rows{drawn}. Draw a lasso around the rows you trust.")
    linked_map(
        points,
        _colours(the_dataset_id(), roles.model_dump_json(), by, points.version, points),
        key=KEY,
        description=f"Map of {len(xy):,} rows, coloured by {by}; rows alike are near each other. "
        f"{len(chosen):,} rows are chosen as target. Row ids can be typed instead, under Rows I "
        "list.",
        selected=chosen,
        rings=chosen if len(chosen) <= _MOST_RINGS else (),
        stars=damaged_rows(the_dataset_id()),
        hover=_hover(the_dataset_id(), roles.model_dump_json(), points.version, points),
        height=460,
        dim=len(chosen) > 0,
        known=map_events(widget(KEY), points.version),
        # what was circled is outlined from now on: the line itself has done its work
        cleared=kept("target_lasso", _NOTHING)["lasso"],
    )


def _layout(roles: Schema) -> tuple[str, NDArray[np.float32]] | None:
    """UMAP where an earlier run of this dataset has left one, else PCA, once it is there."""
    umap = _earlier_umap()
    if umap is not None:
        return "UMAP", umap
    seen: Look | None = look(the_dataset_id(), roles)
    return None if seen is None or seen.layout is None else ("PCA", seen.layout)


def _earlier_umap() -> NDArray[np.float32] | None:
    current = run()
    if current is None or current.active or current.dataset != the_dataset_id():
        return None
    key = RunFiles(current.directory).map_key()
    return None if key is None else _stored_umap(key, current.dataset)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_umap(key: str) -> NDArray[np.float32]:
    found = workspace().map_layout(key)
    assert found is not None
    return found


def _stored_umap(key: str, dataset_id: str) -> NDArray[np.float32] | None:
    if not (workspace().root / "maps" / f"{key}.npz").exists():
        return None
    found = _read_umap(key)
    return found if len(found) == len(table(dataset_id).frame) else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _points_of(dataset_id: str, name: str, size: int, first: bytes, _xy: Any) -> MapPoints:
    n = len(_xy)
    rows = np.arange(n)
    if n > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(n, _MOST_POINTS, replace=False))
    return MapPoints.of(np.asarray(_xy)[rows], rows, total=n)


def _points(dataset_id: str, name: str, xy: NDArray[np.float32]) -> MapPoints:
    # some coordinates stand for the layout: roles change it, and then nearly all of them change
    return _points_of(dataset_id, name, len(xy), xy[:: max(len(xy) // 500, 1)].tobytes(), xy)


@st.cache_resource(max_entries=8, show_spinner=False)
def _colour_columns(dataset_id: str, roles_json: str) -> list[str]:
    """The label, then columns that have few values."""
    roles, frame = Schema.model_validate_json(roles_json), table(dataset_id).frame
    names = [roles.label] if roles.label else []
    for column in roles.columns:
        few = column.kind in ("category", "boolean") and column.role not in ("label", "id", "image")
        if few and not column.embedding:
            names.append(column.name)
    return names or [str(frame.columns[0])]


@st.cache_resource(max_entries=8, show_spinner=False)
def _colours(
    dataset_id: str, roles_json: str, column: str, version: str, _points: MapPoints
) -> MapColours:
    roles, frame = Schema.model_validate_json(roles_json), table(dataset_id).frame
    if column == roles.label and roles.task == "classification":
        labels = read_labels(frame, roles)
        return class_colours(labels.y[_points.ids], labels.names, title=column)
    values = frame[column]
    if values.dtype.kind in "fiu" and values.nunique() > 20:
        return _fifths(values.to_numpy(dtype=float, na_value=np.nan)[_points.ids], column)
    texts = values.astype(object).where(values.notna(), None)
    names = [str(name) for name in texts.dropna().value_counts().index[:200]]
    place = {name: i for i, name in enumerate(names)}
    codes = [-1 if v is None else place.get(str(v), -1) for v in texts.iloc[_points.ids]]
    return class_colours(np.array(codes, dtype=np.int64), names, title=column)


def _fifths(values: NDArray[np.float64], title: str) -> MapColours:
    """A quantity in five parts with equally many rows."""
    known = ~np.isnan(values)
    codes = np.full(len(values), -1, dtype=np.int64)
    if not known.any():
        return class_colours(codes, [], title=title)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, 6)))
    # more than 20 different values were there in all rows; where the drawn ones are alike, one part
    edges = edges if len(edges) > 1 else np.repeat(edges, 2)
    codes[known] = np.clip(
        np.searchsorted(edges, values[known], side="right") - 1, 0, len(edges) - 2
    )
    names = [f"{number(a)} to {number(b)}" for a, b in pairwise(edges)]
    return class_colours(codes, names, title=title)


@st.cache_resource(max_entries=4, show_spinner=False)
def _hover(dataset_id: str, roles_json: str, version: str, _points: MapPoints) -> MapHover:
    roles, frame = Schema.model_validate_json(roles_json), table(dataset_id).frame
    names = [roles.label] if roles.label else []
    pixels = set(roles.pixels)
    plain = [c.name for c in roles.features if c.name not in pixels and not c.embedding]
    names += plain[:_FIELDS]
    return MapHover.of(frame[names].iloc[_points.ids])
