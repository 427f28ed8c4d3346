"""Damage a copy on purpose, to see how far the values can be trusted."""

import streamlit as st

from ui import damage, damage_views, style
from ui.components import empty
from ui.frame import errors_for_people, inside_app
from ui.state import dataset, open_dataset, split, state

PURPOSE = "Damage a copy in known places, value it, and see how much of it the lowest values find."


def page() -> None:
    """What to fear on the left, what it does on the right."""
    heading, button = st.columns([6, 1.9], vertical_alignment="center")
    with heading:
        style.heading("Corrupt", PURPOSE)
    left, right = st.columns([2, 3], gap="large")
    with left:
        asked, seed = damage_views.form()
    with right:
        if not asked:
            st.info("Choose at least one kind of damage.", icon=":material/info:")
            return
        found = damage.damaged(asked, seed)
        damage_views.show(found)
    if button.button(
        "Use the damaged copy",
        type="primary",
        icon=":material/science:",
        width="stretch",
        disabled=found.harmed == 0,
        help="The original stays as it is; a banner marks the copy on every page.",
    ):
        with st.spinner("Keeping the copy …"):
            copy = damage.keep_copy(found, asked, seed)
        open_dataset(copy.id)
        st.switch_page("pages/value.py" if split() is not None else "pages/target.py")


inside_app()
if state.dataset_id is None:
    style.heading("Corrupt", PURPOSE)
    empty("Damage can be tried here, once there is data.", "data", "Bring data")
elif damage.is_damaged(state.dataset_id):
    style.heading("Corrupt", PURPOSE)
    st.info(
        f"{style.shortened(dataset().name, 60)} is damaged already; go back to the original to "
        "damage it in another way.",
        icon=":material/info:",
    )
else:
    with errors_for_people():
        page()
