"""Bring data and say what its columns are."""

import streamlit as st

from ui import profile_views, style, uploads
from ui.components import facts
from ui.frame import errors_for_people, inside_app
from ui.profiles import PageProfile, profile_of
from ui.recent import recent
from ui.roles import choose_label, roles_table
from ui.state import dataset, kept, open_dataset, schema, state, table
from ui.studies import look

VIEWS = {
    "columns": ("Columns", "view_column"),
    "distributions": ("Distributions", "bar_chart"),
    "equal": ("Equal rows", "content_copy"),
    "network": ("What the network sees", "hub"),
    "rows": ("Rows", "table_rows"),
}


def start() -> None:
    """Nothing open yet: bring files, take a demo, or go on with what is there."""
    style.heading(
        "Data", "Bring a table or embeddings; its rows are what you will value and clean."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        uploads.upload()
        uploads.by_path()
    with right:
        uploads.demos()
    recent()


def opened() -> None:
    """Roles and profile of the open dataset."""
    current = dataset()
    assert current is not None
    heading, close, forward = st.columns([4.6, 1.7, 2.1], vertical_alignment="center")
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
    parts = kept("parts")
    notes = [*loaded.notes, *([uploads.parts_line(parts)] if parts else [])]
    style.name_and_notes(current.name, notes)
    if state.message:
        st.error(style.plain(state.message), icon=":material/error:")
        state.message = ""
    with errors_for_people():
        choose_label(roles)
    with errors_for_people():
        found = profile_of(current.id, roles)
        numbers(found)
        for note in found.notes:
            st.info(style.plain(note), icon=":material/info:")
        for problem in found.problems:
            st.error(style.plain(problem), icon=":material/error:")
        view = st.segmented_control(
            "View",
            list(VIEWS),
            format_func=lambda name: f":material/{VIEWS[name][1]}: {VIEWS[name][0]}",
            default="columns",
            required=True,
            key="data.view",
            label_visibility="collapsed",
            wrap=True,
            persist_state="session",
        )
        if not found.problems:
            look(current.id, roles)  # computed while one reads
        match view:
            case "columns":
                roles_table(roles, found)
            case "distributions":
                profile_views.distributions_view(found)
            case "equal":
                profile_views.equal_rows_view(found, roles)
            case "network":
                profile_views.network_view(found, roles)
            case "rows":
                st.caption(f"The first {min(200, current.rows):,} of {current.rows:,} rows.")
                st.dataframe(loaded.frame.head(200), height=520)


def numbers(found: PageProfile) -> None:
    """The table in seven numbers."""
    current, roles = dataset(), schema()
    assert current is not None
    facts(
        {
            "rows": f"{current.rows:,}",
            "columns": f"{current.columns:,}",
            "features": f"{len(roles.features):,}",
            "missing cells": f"{int(found.columns['missing'].sum()):,}",
            "rows without a label": f"{found.unlabelled:,}" if roles.label else "–",
            "repeated rows": f"{found.duplicates:,}",
            "equal rows, other label": f"{found.conflicts:,}" if roles.label else "–",
        }
    )


inside_app()
if state.dataset_id is None:
    start()
else:
    opened()
