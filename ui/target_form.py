"""The Target page's form, and what its choice gives."""

from typing import Any

import streamlit as st

from dvgs_core.data.split import SplitSettings
from ui import charts, splits, style
from ui.components import counts_line
from ui.frame import errors_for_people
from ui.state import keep, kept, state, table, the_dataset_id
from ui.uploads import TYPES, add_uploaded


def form(chosen: SplitSettings, way: str, columns: list[str]) -> dict:
    """Widgets for the way chosen; what is not shown keeps its value."""
    size = chosen.target_size
    values: dict[str, Any] = {
        "share": 0.3 if size is None or size > 1 else size,
        "rotations": chosen.rotations,
        "target_query": chosen.target_query,
        "number": int(size) if size is not None and size > 1 else None,
        "balance_by": chosen.balance_by,
        "rows_text": splits.row_text(chosen.target_rows),
    }
    remember: dict[str, Any] = {"persist_state": "session"}
    if way == "share":
        values["share"] = st.slider(
            "Share of rows that train as target each turn",
            0.05,
            0.5,
            value=values["share"],
            step=0.05,
            format="percent",
            key="target.share",
            help=splits.HELP["target_size"],
            **remember,
        )
        values["rotations"] = st.number_input(
            "Turns",
            1,
            20,
            value=max(values["rotations"], 1),
            key="target.rotations",
            help=splits.HELP["rotations"] + " With two or more, every row gets a value.",
            **remember,
        )
    if way == "balanced":
        values["balance_by"] = st.selectbox(
            "Groups are the values of",
            columns,
            key="target.balance_by",
            placeholder="a column",
            index=columns.index(values["balance_by"]) if values["balance_by"] in columns else None,
            help=splits.HELP["balance_by"],
            **remember,
        )
    if way in ("query", "balanced"):
        values["target_query"] = st.text_input(
            "Condition" + ("" if way == "query" else " (optional)"),
            value=values["target_query"],
            key="target.query",
            placeholder="split == 'test' and age > 30",
            help=splits.HELP["target_query"],
            **remember,
        )
        values["number"] = st.number_input(
            "Take this many of them at random",
            min_value=2,
            value=values["number"],
            placeholder="all of them" if way == "query" else "30 %",
            key="target.number",
            **remember,
        )
    if way == "rows":
        values["rows_text"] = st.text_area(
            "Row ids",
            value=values["rows_text"],
            key="target.rows",
            placeholder="12, 40-60",
            help="The first row of the file has id 0.",
            **remember,
        )
    return values


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
            current = add_uploaded(file).id
            keep("target_dataset", current)
            state.uploader_generation += 1
            st.rerun()
    if current:
        used = table(current)
        st.caption(f"In use: {style.shortened(used.name, 40)}, {len(used.frame):,} rows")
    return current


def rest(chosen: SplitSettings) -> dict:
    """Which rows are valued, what is kept aside, and the seed."""
    with st.expander("Which rows are valued, holdout, seed"):
        return {
            "source_query": st.text_input(
                "Value only rows that match",
                value=chosen.source_query,
                key="target.source_query",
                placeholder="all other rows",
                help=splits.HELP["source_query"],
                persist_state="session",
            ),
            "source_size": st.number_input(
                "Value this many of them, at random",
                min_value=1,
                key="target.source_size",
                value=None if chosen.source_size is None else int(chosen.source_size),
                placeholder="all",
                help=splits.HELP["source_size"],
                persist_state="session",
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
                persist_state="session",
            ),
            "seed": st.number_input(
                "Seed",
                min_value=0,
                value=chosen.seed,
                key="target.seed",
                help=splits.HELP["seed"],
                persist_state="session",
            ),
        }


def show(found: splits.Preview) -> None:
    """Counts, classes, and the target's first rows."""
    counts_line(
        {
            "target row": found.target,
            "source row": found.source,
            "holdout row": found.holdout,
            "unused row": found.unused,
        }
    )
    if found.both:
        st.caption(f"{found.both:,} rows are target in one turn and valued in another.")
    if len(found.shares):
        absent = found.shares.query("group == 'target' and rows == 0")["name"]
        if len(absent):
            names = ", ".join(map(str, absent[:5]))
            st.warning(
                style.plain(
                    f"The target has no row of {names}. Rows of these classes will look harmful."
                ),
                icon=":material/warning:",
            )
        first = found.shares["name"].unique()[:12]
        st.plotly_chart(
            charts.class_shares(found.shares[found.shares["name"].isin(first)]),
            key="target.classes",
        )
    if len(found.target_rows):
        st.caption("Target rows, the first 50")
        st.dataframe(table(the_dataset_id()).frame.iloc[found.target_rows[:50]], height=260)
