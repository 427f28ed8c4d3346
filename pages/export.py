"""Take the cleaned data, and the recipe that produces it again."""

import streamlit as st

import ui  # noqa: F401  # isort: skip  (before anything of the core: see ui/__init__.py)

from dvgs_core.review import damage_of
from ui import export_effect, export_panels, exports, style
from ui.components import counts_line, empty
from ui.decisions import decision_log
from ui.frame import errors_for_people, inside_app
from ui.state import dataset, run, schema, state, workspace


def page() -> None:
    """What the decisions do, and the files."""
    current, roles = dataset(), schema()
    log, made_with = decision_log(current.id), run()
    style.heading(
        "Export", "Take the cleaned data; the recipe produces it again from the original."
    )
    recipe = exports.recipe_of(current, log, roles.label, made_with, export_panels.wants_safe())
    allowed = export_panels.damage_banner(current, damage_of(workspace(), current.id))
    counts_line(
        {
            "row": current.rows,
            "dropped row": len(recipe.dropped),
            "relabelled row": len(recipe.relabelled),
            "remaining row": current.rows - len(recipe.dropped),
        }
    )
    if not recipe.dropped and not recipe.relabelled:
        st.info(
            "Nothing is dropped or relabelled yet: the cleaned data equals the original.",
            icon=":material/info:",
        )
        if st.button("Review the lowest rows", icon=":material/arrow_forward:"):
            st.switch_page("pages/review.py")
    left, right = st.columns([5, 6], gap="medium")
    with left:
        form = export_panels.chosen_form(current)
        export_panels.cleaned_file(current, recipe, form, allowed)
        export_panels.records(current, recipe, log, made_with, form)
        export_panels.same_again(current, recipe, made_with, form)
    with right:
        export_effect.effect(current, exports.roles_of(made_with, roles), recipe)
        export_panels.holdout(current, recipe, made_with)


inside_app()
if state.dataset_id is None:
    style.heading("Export", "Take the cleaned data.")
    empty("The cleaned data will be here, once there is data.", "data", "Bring data")
else:
    with errors_for_people():
        page()
