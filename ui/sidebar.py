"""The sidebar: the steps of the job, each with how far it is, and four lines on what is open."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dvgs_core.data.wording import percent
from dvgs_core.store import Run
from ui import damage, splits, style
from ui.decisions import decided, decision_log
from ui.state import dataset, kept, run, split, state, table, workspace

STEPS = {
    "data": ("Data", "table"),
    "target": ("Target", "target"),
    "corrupt": ("Corrupt", "science"),
    "value": ("Value", "monitoring"),
    "performance": ("Performance", "show_chart"),
    "review": ("Review", "rule"),
    "export": ("Export", "download"),
}


_TICK = 2.0  # seconds
_LINE = 26  # letters that a line at the foot has room for on a wide page


@dataclass(frozen=True)
class Job:
    """What the sidebar says.

    Attributes:
        marks: page -> how far that step is, "" where there is nothing to say.
        lines: page -> what is open there.
        going: something is being computed, so that it will say another thing soon.
    """

    marks: Mapping[str, str]
    lines: tuple[tuple[str, str, str], ...]
    going: bool


def job() -> Job:
    """The job as it stands."""
    marks = dict.fromkeys(STEPS, "")
    machine = ("value", "memory", f"{_device()} · {os.cpu_count() or 1} cores")
    current = dataset()
    if current is None:
        return Job(marks, (("data", "table", "no data yet"), machine), going=False)
    valuation = run()
    curves = next(iter(workspace().studies(current.id, "curve")), None)
    marks |= {
        "data": "✓",
        "target": "" if split() is None else "✓",
        "corrupt": "★" if damage.is_damaged(current.id) else "–",
        "value": "" if valuation is None else state_of(valuation),
        "review": _decided(current.id),
    }
    if curves is not None and (curves.active or curves.status == "done"):
        marks["performance"] = "✓" if curves.status == "done" else _share(curves.step, curves.total)
    size = f"{current.rows:,} × {current.columns:,}"
    said = "no run yet" if valuation is None else f"run {valuation.name}  {_word(valuation)}"
    lines = (
        ("data", "table", f"{style.shortened(current.name, max(10, _LINE - len(size)))}  {size}"),
        ("target", "target", target_line()),
        ("value", "monitoring", said),
        machine,
    )
    active = [one is not None and one.active for one in (valuation, curves)]
    return Job(marks, lines, going=any(active))


class Sidebar:
    """Links to the steps and to what is open; they follow while something is computed.

    It is drawn before the page, so that it is there at once, and again if the page has changed
    what it says, such as the target.
    """

    def __init__(self) -> None:
        with st.sidebar:
            with st.container(key="steps"):
                st.markdown("DVGS Workbench")
                self._steps = st.empty()
            with st.container(key="job_lines"):
                self._lines = st.empty()
        self._shown: Job | None = None

    def draw(self) -> None:
        """Show the job as it stands; what is shown already stays."""
        now, before = job(), self._shown
        self._shown = now
        if before is None or (before.marks, before.going) != (now.marks, now.going):
            _put(self._steps, _steps, now)
        if before is None or (before.lines, before.going) != (now.lines, now.going):
            _put(self._lines, _lines, now)


def _put(place: DeltaGenerator, part: Callable[[Job], None], now: Job) -> None:
    """Draw a part of the sidebar; it follows while something is computed."""
    with place.container(gap=None):
        if not now.going:  # no timer: a tick that meets a click can swallow it
            part(now)
            return
        first = [now]
        st.fragment(lambda: part(first.pop() if first else job()), run_every=_TICK)()


def _steps(now: Job) -> None:
    for page, (title, icon) in STEPS.items():
        mark = f" :small[{now.marks[page]}]" if now.marks[page] else ""
        st.page_link(f"pages/{page}.py", label=f"{title}{mark}", icon=f":material/{icon}:")


def _lines(now: Job) -> None:
    for page, icon, words in now.lines:
        st.page_link(f"pages/{page}.py", label=words, icon=f":material/{icon}:")


def state_of(current: Run) -> str:
    """A run's state in a mark: waits, ● 62 %, paused 62 %, ✓."""
    match current.status:
        case "queued":
            return "waits"
        case "running":
            return _share(current.step, current.total)
        case "done":
            return "✓"
        case "paused" if current.step and current.total:
            return f"paused {percent(current.step / current.total)}"
    return current.status


def _word(current: Run) -> str:
    if current.status == "running" and current.total:
        return percent((current.step or 0) / current.total)
    return current.status


def _share(step: int | None, total: int | None) -> str:
    return f"● {percent((step or 0) / total)}" if total else "●"


def _decided(dataset_id: str) -> str:
    """Rows decided, of those in the queue where there is one."""
    queue = state.queue
    if queue is None or not len(queue.rows):
        rows = decided(dataset_id)
        return f"{rows:,}" if rows else ""
    log = decision_log(dataset_id).current()
    known = log.loc[log["decision"] != "undecided", "row"].to_numpy()
    return f"{int(np.isin(queue.rows, known).sum()):,}/{len(queue.rows):,}"


def _device() -> str:
    chosen = (kept("valuation") or {}).get("device", "auto") if state.dataset_id else "auto"
    return "auto device" if chosen == "auto" else str(chosen)


def target_line() -> str:
    """The target in use, in a few words; not what the Target page's form is being asked for."""
    chosen, file = split(), kept("target_dataset")
    if chosen is None:
        return "target not chosen"
    size = chosen.target_size
    match splits.way_of(chosen, file, None):
        case "turns":
            return f"target in {chosen.rotations} turns"
        case "query":
            return f"target {style.shortened(chosen.target_query, 24)}"
        case "balanced":
            return f"target balanced by {style.shortened(chosen.balance_by, 16)}"
        case "rows":
            return f"target {len(chosen.target_rows):,} chosen rows"
        case "file" if file:
            return f"target {style.shortened(table(file).name, 24)}"
    if size is None:
        return "target 30 % at random"
    return f"target {percent(size)} at random" if size <= 1 else f"target {size:,.0f} at random"
