"""Say which rows are trusted."""

import streamlit as st

from dvgs_core.data.split import SplitSettings
from dvgs_core.errors import InputError
from ui import splits, style, target_form
from ui.components import empty
from ui.frame import errors_for_people, inside_app
from ui.state import keep, kept, schema, split, state


def page() -> None:
    """Choose on the left, see on the right."""
    heading, forward = st.columns([6, 1.8], vertical_alignment="center")
    with heading:
        style.heading(
            "Target",
            "Say which rows you trust; all others are valued by how well they agree with them.",
        )
    roles, stored = schema(), split()
    chosen = stored or SplitSettings(rotations=2)
    left, right = st.columns([2, 3], gap="large")
    with left:
        way = st.radio(
            "Which rows do you trust?",
            list(splits.WAYS),
            format_func=splits.WAYS.get,
            index=list(splits.WAYS).index(splits.way_of(chosen, kept("target_dataset"))),
            key="target.way",
            persist_state="session",
        )
        values = target_form.form(chosen, way, [column.name for column in roles.columns])
        file = target_form.target_file() if way == "file" else None
        values |= target_form.rest(chosen)
    with right:
        try:
            if way == "file" and file is None:
                raise InputError("Upload the file with the rows you trust.")
            wanted = splits.settings_from(way, values)
            found = splits.preview(state.dataset_id, roles, wanted, file)
        except InputError as error:
            st.error(style.plain(str(error)), icon=":material/error:")
            return
        target_form.show(found)
    if wanted != stored or kept("target_dataset") != file:
        keep("split", wanted)
        keep("target_dataset", file)
    if forward.button(
        f"Value {found.source:,} rows",
        type="primary",
        icon=":material/arrow_forward:",
        width="stretch",
    ):
        st.switch_page("pages/value.py")


inside_app("target")
if state.dataset_id is None:
    style.heading("Target", "Say which rows you trust.")
    empty("The rows you trust will be chosen here, once there is data.", "data", "Bring data")
else:
    with errors_for_people():
        page()
