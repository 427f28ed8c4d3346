"""Which run is shown, and its panels while it goes on."""

import streamlit as st

from ui import live, splits
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people
from ui.state import open_run, state, the_dataset_id, the_run, workspace


def history() -> None:
    """The runs of this dataset; which one is shown, and which rows are followed."""
    runs = workspace().runs(the_dataset_id())
    ids = [one.id for one in runs]
    names = {one.id: f"{one.name}  {one.status}  {one.created:%d %b %H:%M}" for one in runs}
    left, middle, log, right = st.columns([2.2, 1.8, 0.8, 1.2], vertical_alignment="bottom")
    shown = left.selectbox("Run", ids, index=ids.index(the_run().id), format_func=names.__getitem__)
    if shown != the_run().id:
        open_run(shown)
        st.rerun()
    text = middle.text_input(
        "Follow rows",
        placeholder="the three lowest",
        key="value.follow",
        help="Row ids whose traces are drawn, such as 12, 40.",
        persist_state="session",
    )
    with errors_for_people():
        state.followed = splits.row_ids(text)[:5]
    current = the_run()
    with log.popover("Log", width="stretch", help="What the run wrote, and its settings."):
        if current.log.exists():
            text = current.log.read_text(encoding="utf-8")
            st.code(text[-8000:], language=None, wrap_lines=True)
        st.json(current.job["settings"])
    if not current.active and right.button(
        "Review the lowest", type="secondary", icon=":material/arrow_forward:", width="stretch"
    ):
        st.switch_page("pages/review.py")


def watch() -> None:
    """The panels; redrawn while the run goes on."""
    was_active = the_run().active

    @st.fragment(run_every=0.7 if was_active else None)
    def panels() -> None:
        current = the_run()
        live.panels(current)
        if was_active and not current.active:
            rerun_when_free()

    panels()
