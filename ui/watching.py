"""Which run is shown, in which view, and its panels while it goes on."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from dvgs_core.store import Run
from ui import ahead, following, live, runs_view, value_map
from ui.dialogs import rerun_when_free
from ui.jobs import RunFiles
from ui.state import open_run, the_dataset_id, the_run, workspace

#: Seconds between two looks at a run: just begun, without a first trace yet, and from then on.
_AT_ONCE, _SOON, _OFTEN = 0.1, 0.25, 0.7
#: For so many seconds a run has just begun: a first trace that needs no encoding is there by then.
_BEGINS = 3.0
#: For so long one look waits for a first trace: a page drawn ten times a second in vain takes the
#: processor from who computes it.
_WAITS, _LOOKS_AGAIN = 0.4, 0.02
#: Seconds between two pictures of the map, of whose points many change colour each time.
_MAP = 2.0
VIEWS = {"watch": "Watch", "map": "Map", "runs": "Runs", "log": "Log"}


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
    following.box(follow, workspace().dataset(current.dataset).rows)
    valued = RunFiles(current.directory).array("values") is not None
    if valued and not current.active:
        ahead.review_soon(current)
        if right.button(
            "Review the lowest", type="secondary", icon=":material/arrow_forward:", width="stretch"
        ):
            st.switch_page("pages/review.py")
    match view:
        case "watch":
            watch(live.panels, _pace)
        case "map":
            watch(value_map.panels, _map_pace)
        case "runs":
            runs_view.runs_view()
        case "log":
            runs_view.log_view()


def watch(panels: Callable[[Run], None], pace: Callable[[Run], float | None]) -> None:
    """The panels, redrawn while something changes; the whole page when the run begins or ends.

    Args:
        panels: draws a run.
        pace: seconds until it is drawn again; None if nothing changes any more.
    """
    before = the_run()
    begun, every = live.begun(before), pace(before)
    drawn: list[bool] = []

    @st.fragment(run_every=every)
    def again() -> None:
        if drawn and every == _AT_ONCE:
            _await_first_trace()
        drawn.append(True)
        current = the_run()
        panels(current)
        following.show_box_again()
        changed = current.status != before.status or live.begun(current) != begun
        if every is not None and (changed or pace(current) != every):
            rerun_when_free()

    again()


def _await_first_trace() -> None:
    """Return as soon as there is one, or after a moment."""
    until = time.monotonic() + _WAITS
    # a click ends this at once: Streamlit looks for one whenever the session is asked for the run
    while not live.begun(the_run()) and time.monotonic() < until:
        time.sleep(_LOOKS_AGAIN)


def _pace(run: Run) -> float | None:
    """Seconds until a run's panels are drawn again; None if nothing changes any more."""
    if not run.active:
        return None
    others = (one for one in workspace().runs() if one.id != run.id)
    if live.begun(run) or any(one.status == "running" for one in others):
        return _OFTEN
    since = run.started or run.created
    return _AT_ONCE if (datetime.now(UTC) - since).total_seconds() < _BEGINS else _SOON


def _map_pace(run: Run) -> float | None:
    """The same for the map, which also changes when the UMAP is there."""
    pace = _pace(run)
    if pace == _OFTEN or (pace is None and value_map.waiting(run)):
        return _MAP
    return pace
