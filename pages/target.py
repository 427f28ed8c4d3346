"""Say which rows are trusted."""

import streamlit as st

import ui  # noqa: F401  # isort: skip  (before anything of the core: see ui/__init__.py)

from dvgs_core.data.split import SplitSettings
from dvgs_core.errors import InputError
from ui import splits, style, target_form, target_map, target_views
from ui.components import empty
from ui.frame import errors_for_people, inside_app
from ui.state import keep, kept, schema, split, state, table, the_dataset_id
from ui.studies import look


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
    look(the_dataset_id(), roles)  # the map and the nearly equal rows, while one reads
    left, right = st.columns([2, 3], gap="large")
    with left:
        way = target_form.choose_way(chosen)
        values = target_form.form(chosen, way, roles)
        file = target_form.target_file() if way == "file" else None
        values |= target_form.rest(chosen)
    with right:
        if way == "lasso":
            target_map.lasso_map(roles, values["lasso_rows"])
        try:
            if way == "file" and file is None:
                raise InputError("Upload the file with the rows you trust.")
            wanted = splits.settings_from(way, values, len(table(the_dataset_id()).frame))
            found = splits.preview(the_dataset_id(), roles, wanted, file)
        except InputError as error:
            unfinished(way, str(error), values)
            return
        target_views.show(found, roles, wanted, file)
    # no rerun for the sidebar's line: Streamlit loses a click on another page that meets one
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


def unfinished(way: str, problem: str, values: dict) -> None:
    """Nothing chosen yet is a hint; a choice that does not work is an error."""
    given = {
        "query": values["target_query"].strip(),
        "rows": values["rows_text"].strip(),
        "lasso": values["lasso_rows"],
        "balanced": values["balance_by"],
        "file": kept("target_dataset"),
    }
    if given.get(way, True):
        st.error(style.plain(problem), icon=":material/error:")
    else:
        st.info(style.plain(problem), icon=":material/info:")


inside_app()
if state.dataset_id is None:
    style.heading("Target", "Say which rows you trust.")
    empty("The rows you trust will be chosen here, once there is data.", "data", "Bring data")
else:
    with errors_for_people():
        page()
