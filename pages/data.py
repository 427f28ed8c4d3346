"""Bring data and say what its columns are."""

import streamlit as st

from ui import charts, style, uploads
from ui.components import facts
from ui.frame import errors_for_people, inside_app
from ui.profiles import profile_of
from ui.roles import choose_label, roles_table
from ui.state import dataset, open_dataset, schema, state, table


def start() -> None:
    """Nothing open yet: bring a file, or take a demo."""
    style.heading(
        "Data", "Bring a table or embeddings; its rows are what you will value and clean."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        uploads.upload()
    with right:
        uploads.demos()
        uploads.recent()


def opened() -> None:
    """Roles and profile of the open dataset."""
    current = dataset()
    assert current is not None
    heading, close, forward = st.columns([6, 1.6, 1.6], vertical_alignment="center")
    with heading:
        style.heading(
            "Data",
            "Say which column is the label and what the others are; then choose "
            "the rows you trust.",
        )
    if close.button("Another file", icon=":material/upload_file:", width="stretch"):
        open_dataset(None)
        st.rerun()
    if forward.button(
        "Choose the target", type="primary", icon=":material/arrow_forward:", width="stretch"
    ):
        st.switch_page("pages/target.py")
    loaded, roles = table(current.id), schema()
    st.markdown(f"**{style.shortened(current.name, 80)}**")
    for note in loaded.notes:
        st.caption(style.plain(note))
    if state.message:
        st.error(style.plain(state.message), icon=":material/error:")
        state.message = ""
    with errors_for_people():
        choose_label(roles)
    with errors_for_people():
        found = profile_of(current.id, roles)
        facts(
            {
                "rows": f"{current.rows:,}",
                "columns": f"{current.columns:,}",
                "features": f"{len(roles.features):,}",
                "missing cells": f"{int(found.columns['missing'].sum()):,}",
                "rows without a label": f"{found.unlabelled:,}" if roles.label else "–",
                "duplicate rows": f"{found.duplicates:,}",
                "same row, other label": f"{found.conflicts:,}" if roles.label else "–",
            }
        )
        for note in found.notes:
            st.info(style.plain(note), icon=":material/info:")
        for problem in found.problems:
            st.error(style.plain(problem), icon=":material/error:")
        left, right = st.columns([3, 2], gap="large")
        with left:
            roles_table(roles, found)
        with right:
            if len(found.classes):
                st.subheader("Classes", anchor=False)
                shown = found.classes.head(12).assign(group="all rows")
                st.plotly_chart(charts.class_shares(shown), key="data.classes")
                if len(found.classes) > 12:
                    st.caption(f"The 12 most frequent of {len(found.classes):,} classes.")
            gaps = found.columns[found.columns["missing"] > 0].nlargest(12, "missing")
            if len(gaps):
                st.subheader("Missing cells", anchor=False)
                gaps = gaps.rename(
                    columns={"name": "column", "missing_share": "share", "missing": "rows"}
                )
                st.plotly_chart(charts.missing(gaps), key="data.missing")
    st.subheader("First rows", anchor=False)
    st.dataframe(loaded.frame.head(50), height=240)


inside_app("data")
if state.dataset_id is None:
    start()
else:
    opened()
