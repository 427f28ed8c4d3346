"""The runs of a dataset: which wait, which have ended, with which settings, and what differs."""

import pandas as pd
import streamlit as st

from dvgs_core.data.wording import percent
from dvgs_core.engine.job import Job
from dvgs_core.store import Run
from ui import style
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people
from ui.run_settings import asked_for, differences, not_default
from ui.state import open_run, state, the_dataset_id, the_run, workspace

_LOG = 12_000


def runs_view() -> None:
    """The table; with one run chosen what can be done with it, with two what differs."""
    runs = workspace().runs(the_dataset_id())
    others = [one for one in workspace().runs() if one.dataset != the_dataset_id() and one.active]
    if others:
        st.caption(
            f"{style.count(len(others), 'run')} of other data "
            f"{'goes' if len(others) == 1 else 'go'} through the same queue."
        )
    picked = st.dataframe(
        pd.DataFrame([_line(one) for one in runs]),
        hide_index=True,
        height="content" if len(runs) <= 8 else 320,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"value.runs.{runs[0].id}.{len(runs)}",
        column_config={
            "run": st.column_config.TextColumn("run", width="small"),
            "state": st.column_config.TextColumn("state", width="small"),
            "settings": st.column_config.TextColumn("settings that are not the default"),
            "target": st.column_config.TextColumn("target", width="medium"),
            "time": st.column_config.TextColumn("time", width="small", help="Minutes."),
            "asked for": st.column_config.DatetimeColumn("asked for", format="D MMM, HH:mm"),
        },
    )
    chosen = [runs[at] for at in picked.selection.rows if at < len(runs)]
    match chosen:
        case []:
            st.caption("Choose a run to open, stop or delete it; choose two to see what differs.")
        case [one]:
            _actions(one)
        case [one, other, *_]:
            _difference(one, other)
    _follow(runs)


def _line(one: Run) -> dict:
    job = Job.model_validate(one.job)
    began, ended = one.started, one.finished
    took = "" if began is None or ended is None else style.duration((ended - began).total_seconds())
    return {
        "run": one.name,
        "state": {"queued": "waits"}.get(one.status, one.status),
        "settings": not_default(job) or "–",
        "target": _target(job),
        "time": took,
        "asked for": one.created,
    }


def _target(job: Job) -> str:
    split = job.split
    if job.target_dataset:
        return "a file"
    if split.target_rows:
        return f"{len(split.target_rows):,} rows"
    if split.target_query:
        return split.target_query
    size = split.target_size
    share = "30 %" if size is None else percent(size) if size <= 1 else f"{size:,.0f} rows"
    return f"{share} at random, {split.rotations} turns" if split.rotations > 1 else share


def _actions(one: Run) -> None:
    with st.container(horizontal=True, key="run_actions"):
        if one.id != the_run().id and st.button(
            f"Open {one.name}", icon=":material/visibility:", key="value.open"
        ):
            open_run(one.id)
            st.rerun()
        if one.active and st.button(
            "Take off the queue" if one.status == "queued" else "Stop",
            icon=":material/stop_circle:",
            key="value.cancel",
        ):
            workspace().request_stop(one.id)
            st.rerun()
        if one.status == "queued" and st.button(
            "Run next", icon=":material/vertical_align_top:", key="value.next"
        ):
            workspace().run_next(one.id)
            st.toast(f"{one.name} is next.")
        if one.status != "running":
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown(f"Delete **{one.name}** with its values? Decisions stay.")
                if st.button("Delete it", type="primary", key="value.delete"):
                    _delete(one)
    with st.expander(f"All settings of {one.name}"):
        _settings(one)


def _delete(one: Run) -> None:
    with errors_for_people():
        workspace().delete_run(one.id)
        if one.id == state.run_id:
            left = workspace().runs(the_dataset_id())
            open_run(left[0].id if left else None)
        st.rerun()


def _difference(one: Run, other: Run) -> None:
    found = differences(Job.model_validate(one.job), Job.model_validate(other.job))
    if not len(found):
        st.caption(f"{one.name} and {other.name} were asked for with the same settings.")
        return
    st.caption(
        f"{style.count(len(found), 'setting')} of {one.name} and {other.name} "
        f"{'differs' if len(found) == 1 else 'differ'}. How their values agree is on the "
        "Performance page."
    )
    st.dataframe(
        found.rename(columns={"one": one.name, "other": other.name})
        if one.name != other.name
        else found,
        hide_index=True,
        height="content" if len(found) <= 10 else 400,
    )


def _settings(one: Run) -> None:
    words = asked_for(Job.model_validate(one.job))
    frame = pd.DataFrame({"setting": list(words), "chosen": list(words.values())})
    st.dataframe(frame, hide_index=True, height=340)


def log_view() -> None:
    """What the run wrote, line by line, and its settings."""
    going = the_run().active
    left, right = st.columns([3, 2], gap="medium")

    @st.fragment(run_every=1.0 if going else None)
    def lines() -> None:
        log = the_run().log
        text = log.read_text(encoding="utf-8") if log.exists() else "Nothing has been written yet."
        with st.container(height=420):
            st.code(text[-_LOG:], language=None, wrap_lines=True)

    with left:
        lines()
    with right:
        _settings(the_run())


def _follow(runs: list[Run]) -> None:
    """Draw again when a run begins or ends."""
    before = [(one.id, one.status) for one in runs]

    @st.fragment(run_every=1.0)
    def look() -> None:
        if [(one.id, one.status) for one in workspace().runs(the_dataset_id())] != before:
            rerun_when_free()

    if any(one.active for one in runs):
        look()
