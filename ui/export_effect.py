"""The Export page's effect: what the decisions do to each class and group."""

from collections.abc import Iterable
from functools import partial

import pandas as pd
import streamlit as st

from dvgs_core.data.schema import Schema
from dvgs_core.data.wording import percent
from dvgs_core.review import Recipe
from dvgs_core.store import Dataset
from ui import exports, style
from ui.names import told_apart

_WHY = ("dropped", "relabelled_away", "relabelled_to")


def effect(current: Dataset, roles: Schema, recipe: Recipe) -> None:
    """What happens to each class and group, the largest loss first."""
    classes = exports.by_class(current, roles, recipe)
    groups = exports.by_group(current, roles, recipe) if recipe.dropped else {}
    views = [*(["class"] if classes is not None else []), *groups]
    if not views:
        return
    st.subheader("Effect on each class" if classes is not None else "Effect", anchor=False)
    view = views[0]
    if len(views) > 1:
        view = st.selectbox("By", views, key="export.by", persist_state="session")
    if view == "class" and classes is not None:
        _class_table(classes)
        for words in class_warnings(classes):
            st.warning(style.plain(words), icon=":material/warning:")
    else:
        _group_table(view, groups[view])


def _class_table(frame: pd.DataFrame) -> None:
    if not frame["relabelled_to"].any():
        frame = frame.drop(columns=["relabelled_away", "relabelled_to"])
    number = partial(st.column_config.NumberColumn, format="localized")
    st.dataframe(
        frame.assign(
            label=frame["label"].astype(str).map(told_apart(frame["label"], 12)),
            change=100 * frame["change"],
        ),
        hide_index=True,
        height="content" if len(frame) <= 12 else 420,
        # what a class is left with comes first, and all of it fits a page of 1024 pixels
        column_order=["label", "before", "after", "change", *_WHY],
        column_config={
            "label": st.column_config.TextColumn("class", width=80),
            "before": number("before", width=56),
            "after": number("after", width=50),
            "change": st.column_config.NumberColumn("change", format="%.1f %%", width=68),
            "dropped": number("dropped", width=62),
            "relabelled_away": number("out", width=44, help="Relabelled to another class."),
            "relabelled_to": number("in", width=40, help="Relabelled to this class."),
        },
    )


def class_warnings(frame: pd.DataFrame) -> list[str]:
    """What to look at again, a line each: by the rule of the dialog that decides about many rows.

    Args:
        frame: what `class_effect` returns.
    """
    all_rows = frame["before"].sum()
    lines = []
    for rule, column, begins, done in (
        ("drops_more", "dropped", "Loses more than its share", "dropped"),
        ("moves_more", "relabelled_away", "More than its share is relabelled", "relabelled"),
    ):
        told = frame[frame[rule]].assign(share=lambda few, what=column: few[what] / few["before"])
        told = told.sort_values(["share", "before"], ascending=False, kind="stable")
        if len(told):
            listed = _few(
                f"{line.label} ({percent(line.share, 1)} of its {line.before:,} rows {done})"
                for line in told.itertuples()
            )
            overall = percent(frame[column].sum() / all_rows, 1)
            lines.append(
                f"{begins}, beyond chance: {listed}; of all rows {overall}. Look at these "
                "decisions again: the rows may be rare rather than wrong."
            )
    gone = frame.loc[(frame["before"] > 0) & (frame["after"] == 0), "label"]
    if len(gone):
        lines.append(f"Classes of which no row is left: {_few(gone)}.")
    return lines


def _few(words: Iterable[str]) -> str:
    words = list(words)
    return ", ".join(words[:3]) + (f", and {len(words) - 3} more" if len(words) > 3 else "")


def _group_table(name: str, frame: pd.DataFrame) -> None:
    first = frame.sort_values(["more", "lost", "rows"], ascending=False, kind="stable")
    short = told_apart(first["name"], 12)
    shown = first[["name", "rows", "lost", "share"]].head(1000)
    st.dataframe(
        shown.assign(name=shown["name"].map(short), share=100 * shown["share"]),
        hide_index=True,
        height="content" if len(frame) <= 12 else 420,
        column_config={
            "name": st.column_config.TextColumn(name, width="small"),
            "rows": st.column_config.NumberColumn("rows", format="localized"),
            "lost": st.column_config.NumberColumn("dropped", format="localized"),
            "share": st.column_config.NumberColumn("share dropped", format="%.1f %%"),
        },
    )
    if len(frame) > 1000:
        st.caption(f"The first 1,000 of {len(frame):,} values.")
    losing = first[first["more"]]
    if len(losing):
        listed = ", ".join(losing["name"].head(3)) + (" …" if len(losing) > 3 else "")
        st.warning(
            style.plain(f"Loses more than its share, beyond chance: {listed}."),
            icon=":material/warning:",
        )
