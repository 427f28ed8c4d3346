"""The Corrupt page's form, and its look at what the damage does."""

from typing import Any

import streamlit as st

from dvgs_core.data.corrupt.settings import CorruptionSettings
from ui import charts, damage
from ui.components import facts, settings_form
from ui.names import told_apart
from ui.state import keep, kept, schema, table, the_dataset_id, widget

SOME_LABELS = ("label_class", "label_group_column", "label_group", "label_rate_elsewhere")
_MOST_GROUPS = 500


def _some_labels() -> dict[str, list[str]]:
    """Classes, columns, and the values of the column chosen."""
    roles, frame = schema(), table(the_dataset_id()).frame
    few = [
        column.name
        for column in roles.columns
        if column.kind in ("category", "boolean") and column.name != roles.label
    ]
    chosen = widget("corrupt.label_group_column") or None
    return {
        "label_class": _values(the_dataset_id(), roles.label),
        "label_group_column": few,
        "label_group": _values(the_dataset_id(), chosen if chosen in frame.columns else None),
    }


@st.cache_data(max_entries=16, show_spinner=False)
def _values(dataset_id: str, column: str | None) -> list[str]:
    if column is None:
        return []
    found = table(dataset_id).frame[column].dropna().astype("str").unique()
    return sorted(found.tolist())[:_MOST_GROUPS]


def form() -> tuple[dict[str, Any], int]:
    """Kinds of damage and how much of each; remembered with the data."""
    stored = kept("damage_form", ["Wrong labels"] if schema().label else ["Noise"])
    kinds = st.pills(
        "What do you fear?",
        list(damage.KINDS),
        selection_mode="multi",
        default=[kind for kind in stored if kind in damage.KINDS],
        key="corrupt.kinds",
        wrap=True,
        persist_state="session",
    )
    if kinds != stored:
        keep("damage_form", list(kinds))
    asked: dict[str, Any] = {}
    for kind in kinds:
        preset = damage.KINDS[kind]
        st.markdown(f"**{kind}**")
        first = [name for name in preset if name not in SOME_LABELS]
        asked |= settings_form(CorruptionSettings, "corrupt", preset, only=first, across=2)
        if kind == "Wrong labels":
            with st.expander("Only some of the labels"):
                asked |= settings_form(
                    CorruptionSettings,
                    "corrupt",
                    preset,
                    only=SOME_LABELS,
                    choices=_some_labels(),
                    across=2,
                )
    seed = st.number_input(
        "Seed",
        min_value=0,
        value=0,
        key="corrupt.seed",
        help="The same seed, the same damage.",
        persist_state="session",
    )
    return asked, int(seed)


def show(found: damage.Damage) -> None:
    """Before and after."""
    words = {"label": "labels replaced", "noise": "rows with noise"}
    numbers = {words.get(kind, f"rows: {kind}"): f"{n:,}" for kind, n in found.counts.items()}
    facts({"rows": f"{len(found.truth):,}", **numbers, "rows left alone": f"{found.protected:,}"})
    st.caption(reach(found))
    st.subheader("Before and after", anchor=False)
    if found.cells.empty:
        st.caption("Nothing changes yet: every rate is 0.")
        return
    short = told_apart([*found.cells["before"], *found.cells["after"]], 16)
    more = ["more"] if found.cells["more"].any() else []
    st.dataframe(
        found.cells.assign(
            before=found.cells["before"].map(short),
            after=found.cells["after"].map(short),
            more=found.cells["more"].map(lambda n: f"+ {n:,} more" if n else ""),
        ),
        hide_index=True,
        height=340,
        column_order=["row", "kind", "column", "before", "after", *more],
        column_config={
            "row": st.column_config.NumberColumn("row", format="#%d", width=56),
            "kind": st.column_config.TextColumn("damage", width=80),
            "column": st.column_config.TextColumn("column", width=110),
            "before": st.column_config.TextColumn("before", width=90),
            "after": st.column_config.TextColumn("after", width=90),
            "more": st.column_config.TextColumn("further cells", width=84),
        },
    )
    if len(found.shares) and "label" in found.counts:
        st.subheader("Classes", anchor=False)
        largest = found.shares.query("group == 'before'").nlargest(12, "rows")["name"]
        shown = found.shares[found.shares["name"].isin(largest)]
        st.echarts_chart(
            charts.class_shares(shown),
            height=min(70 + 30 * shown["name"].nunique(), 420),
            key="corrupt.classes",
            alt="Share of each class before and after the damage.",
        )


def reach(found: damage.Damage) -> str:
    """Which rows the damage can reach, in one sentence."""
    if found.turns == 0:
        return (
            "No target is chosen yet, so any row can be damaged; choose one first to keep it clean."
        )
    if found.turns > 1:
        return (
            f"{found.turns} targets take turns, so target rows are damaged too, as in data "
            "of which no row is trusted; holdout rows are not."
        )
    return "Target and holdout rows are never damaged; the truth is kept beside the copy."
