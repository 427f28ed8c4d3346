"""What surrounds every page: the sidebar, the banner of damaged data, errors in one line."""

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from dvgs_core.errors import InputError
from ui import ahead, damage, dialogs, sidebar, style
from ui.state import open_dataset, restore, state, workspace

APP = Path(__file__).parents[1] / "app.py"
ICON = Path(__file__).parent / "icon.png"


def show() -> None:
    """The sidebar and the page that the address names."""
    style.apply()
    ahead.import_soon()
    try:
        restore()
    except InputError as error:
        st.error(str(error))
        st.stop()
    page = st.navigation(
        [
            st.Page(
                f"pages/{name}.py",
                title=title,
                icon=f":material/{icon}:",
                # the first page stands at the address itself, and keeps the name it is given
                url_path="start" if name == "data" else name,
                default=name == "data",
            )
            for name, (title, icon) in sidebar.STEPS.items()
        ]
        # who types the first page's name means it too
        + [st.Page(_to_data, url_path="data")],
        position="hidden",
    )
    state.inside_app = True
    beside = sidebar.Sidebar()
    beside.draw()
    page.run()
    beside.draw()


def _to_data() -> None:
    st.switch_page("pages/data.py", query_params=dict(st.query_params))


def inside_app() -> None:
    """What every page does first: put itself into the frame where it was opened without it.

    Until app.py has run once in a server's life, Streamlit takes the files of pages/ for pages of
    their own, and runs alone the one that the first visitor's address names. It runs app.py here
    and is not sent there: what a browser sends on the way (the presses that a server which has gone
    did not take) would be answered by the first page.
    """
    if not state.inside_app:
        runpy.run_path(str(APP))
        st.stop()
    dialogs.closed()
    if state.dataset_id is not None and damage.is_damaged(state.dataset_id):
        _damaged_banner(state.dataset_id)


def _damaged_banner(dataset_id: str) -> None:
    """On every page: these data are not what they were."""
    made = workspace().get_setting(dataset_id, damage.HOW, {"settings": {}})
    original = damage.original_of(dataset_id)
    with st.container(key="damaged_banner", horizontal=True, vertical_alignment="center"):
        name = "data no longer here" if original is None else style.shortened(original.name, 40)
        st.markdown(
            f":material/star: **Damaged on purpose**, a copy of {name}: "
            f"{damage.words(made['settings'])}. For trying out, not for use."
        )
        if original is not None and st.button("Back to the original", icon=":material/undo:"):
            open_dataset(original.id)
            st.rerun()


@contextmanager
def errors_for_people() -> Iterator[None]:
    """One clear line where something a person gave cannot be used; the page goes on."""
    try:
        yield
    except InputError as error:
        st.error(style.plain(str(error)), icon=":material/error:")
