"""The Target page's form: what each way of choosing asks for."""

from typing import Any

import streamlit as st

from dvgs_core.data.schema import Schema
from dvgs_core.data.split import SplitSettings
from ui import query_builder, splits, style, target_map
from ui.frame import errors_for_people
from ui.state import keep, kept, state, table
from ui.uploads import TYPES, add_uploaded

_REMEMBER: dict[str, Any] = {"persist_state": "session"}


def choose_way(chosen: SplitSettings) -> str:
    """In which of the ways the target is chosen."""
    way = st.radio(
        "Which rows do you trust?",
        list(splits.WAYS),
        format_func=splits.WAYS.__getitem__,
        index=list(splits.WAYS).index(
            splits.way_of(chosen, kept("target_dataset"), kept("target_way"))
        ),
        key="target.way",
        **_REMEMBER,
    )
    if way != kept("target_way"):
        keep("target_way", way)
    return way


def form(chosen: SplitSettings, way: str, roles: Schema) -> dict[str, Any]:
    """Widgets for the way chosen; what is not shown keeps its value."""
    columns = [column.name for column in roles.columns]
    size = chosen.target_size
    # a condition belongs to the way it was given in; the other one starts without
    own_condition = bool(chosen.balance_by) == (way == "balanced")
    values: dict[str, Any] = {
        "share": 0.3 if size is None or size > 1 else size,
        "rotations": max(chosen.rotations, 2),
        "target_query": chosen.target_query if own_condition else "",
        "number": (kept("target_numbers") or {}).get(way),
        "balance_by": chosen.balance_by,
        "rows_text": splits.row_text(chosen.target_rows) if way == "rows" else "",
        "lasso_rows": (),
    }
    match way:
        case "turns":
            _share(values, "Share of rows that train as target each turn")
            values["rotations"] = st.number_input(
                "Turns",
                2,
                20,
                value=values["rotations"],
                key="target.rotations",
                help=splits.HELP["rotations"] + " With two or more, every row gets a value.",
                **_REMEMBER,
            )
        case "share":
            _share(values, "Share of rows that are target")
            _number(values, way, "Or exactly this many", "as many as the share says")
        case "query":
            values["target_query"] = query_builder.query_form(values["target_query"], columns)
            _number(values, way, "Take this many of them at random", "all of them")
        case "balanced":
            _balanced(values, columns)
        case "lasso":
            values["lasso_rows"] = target_map.lasso_target(roles)
            target_map.lasso_form(values["lasso_rows"])
            _number(values, way, "Take this many of them at random", "all of them")
        case "rows":
            values["rows_text"] = st.text_area(
                "Row ids",
                value=values["rows_text"],
                key="target.rows",
                placeholder="12, 40-60",
                help="Numbers and ranges, parted by commas, blanks or lines. The first row of the "
                "file has id 0.",
                **_REMEMBER,
            )
    return values


def _share(values: dict[str, Any], words: str) -> None:
    values["share"] = st.slider(
        words,
        0.05,
        0.5,
        value=min(max(values["share"], 0.05), 0.5),
        step=0.05,
        format="percent",
        key="target.share",
        help=splits.HELP["target_size"],
        **_REMEMBER,
    )


def _number(
    values: dict[str, Any], way: str, words: str, placeholder: str, about: str | None = None
) -> None:
    """How many rows; each way remembers its own number."""
    before = values["number"]
    values["number"] = st.number_input(
        words,
        min_value=2,
        value=before,
        placeholder=placeholder,
        help=about,
        key=f"target.number.{way}",
        **_REMEMBER,
    )
    if values["number"] != before:
        keep("target_numbers", {**(kept("target_numbers") or {}), way: values["number"]})


def _balanced(values: dict[str, Any], columns: list[str]) -> None:
    values["balance_by"] = st.selectbox(
        "Groups are the values of",
        columns,
        key="target.balance_by",
        placeholder="a column",
        index=columns.index(values["balance_by"]) if values["balance_by"] in columns else None,
        help=splits.HELP["balance_by"],
        **_REMEMBER,
    )
    values["target_query"] = st.text_input(
        "Condition (optional)",
        value=values["target_query"],
        key="target.balance_query",
        placeholder="split == 'test' and age > 30",
        help=splits.HELP["target_query"],
        **_REMEMBER,
    )
    _number(
        values,
        "balanced",
        "Rows in all",
        "30 % of those rows",
        "As many from each group; a group with fewer rows gives all it has, and the others make up "
        "for it.",
    )


def target_file() -> str | None:
    """A file whose rows are all trusted."""
    current = kept("target_dataset")
    file = st.file_uploader(
        "File with the trusted rows, same columns",
        type=TYPES,
        key=f"target.file.{state.uploader_generation}",
    )
    if file is not None:
        with errors_for_people():
            current = add_uploaded([file]).id
            keep("target_dataset", current)
            state.uploader_generation += 1
            st.rerun()
    if current:
        used = table(current)
        st.caption(f"In use: {style.shortened(used.name, 40)}, {len(used.frame):,} rows")
    return current


def rest(chosen: SplitSettings) -> dict[str, Any]:
    """Which rows are valued, what is kept aside, and the seed."""
    with st.expander("Which rows are valued, holdout, seed"):
        return {
            "source_query": st.text_input(
                "Value only rows that match",
                value=chosen.source_query,
                key="target.source_query",
                placeholder="all other rows",
                help=splits.HELP["source_query"],
                **_REMEMBER,
            ),
            "source_size": st.number_input(
                "Value this many of them, at random",
                min_value=1,
                key="target.source_size",
                value=None if chosen.source_size is None else int(chosen.source_size),
                placeholder="all",
                help=splits.HELP["source_size"],
                **_REMEMBER,
            ),
            "holdout_size": st.slider(
                "Share kept aside as holdout",
                0.0,
                0.5,
                value=min(chosen.holdout_size, 0.5),
                step=0.05,
                format="percent",
                key="target.holdout",
                help=splits.HELP["holdout_size"],
                **_REMEMBER,
            ),
            "seed": st.number_input(
                "Seed",
                min_value=0,
                value=chosen.seed,
                key="target.seed",
                help=splits.HELP["seed"],
                **_REMEMBER,
            ),
        }
