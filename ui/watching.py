"""Which run is shown, in which view, and its panels while it goes on."""

import streamlit as st

from ui import following, live, runs_view
from ui.dialogs import rerun_when_free
from ui.jobs import RunFiles
from ui.state import open_run, the_dataset_id, the_run, workspace

#: Seconds between two looks at a run: until its first trace is there, and from then on.
_SOON, _OFTEN = 0.25, 0.7
VIEWS = {"watch": "Watch", "runs": "Runs", "log": "Log"}


def show() -> None:
    """The view that is chosen, of the run that is chosen."""
    runs = workspace().runs(the_dataset_id())
    waiting = sum(one.status == "queued" for one in runs)
    left, middle, follow, right = st.columns([2.6, 2, 1.5, 1.6], vertical_alignment="bottom")
    view = left.segmented_control(
        "View",
        list(VIEWS),
        format_func=lambda name: (
            f"{VIEWS[name]} · {waiting} wait" if name == "runs" and waiting else VIEWS[name]
        ),
        default="watch",
        required=True,
        key="value.view",
        label_visibility="collapsed",
        persist_state="session",
    )
    ids = [one.id for one in runs]
    names = {one.id: f"{one.name}  {one.status}  {one.created:%d %b %H:%M}" for one in runs}
    current = the_run()
    shown = middle.selectbox("Run", ids, index=ids.index(current.id), format_func=names.__getitem__)
    if shown != current.id:
        open_run(shown)
        st.rerun()
    following.box(follow)
    valued = RunFiles(current.directory).array("values") is not None
    if (
        valued
        and not current.active
        and right.button(
            "Review the lowest", type="secondary", icon=":material/arrow_forward:", width="stretch"
        )
    ):
        st.switch_page("pages/review.py")
    match view:
        case "watch":
            watch()
        case "runs":
            runs_view.runs_view()
        case "log":
            runs_view.log_view()


def watch() -> None:
    """The panels, redrawn while the run goes on; the whole page when it begins or ends."""
    before = the_run()
    begun = live.begun(before)
    others = (one for one in workspace().runs() if one.id != before.id)
    next_one = not any(one.status == "running" for one in others)
    every = (_SOON if next_one and not begun else _OFTEN) if before.active else None

    @st.fragment(run_every=every)
    def panels() -> None:
        current = the_run()
        live.panels(current)
        following.show_box_again()
        changed = current.status != before.status or live.begun(current) != begun
        if before.active and changed:
            rerun_when_free()

    panels()
