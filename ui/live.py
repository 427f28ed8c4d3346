"""The live panels of a run: progress, traces, distribution, target loss, lowest rows.

Every panel has its place and height from the beginning, so that nothing moves while values arrive.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core import methods
from dvgs_core.data.wording import number, percent
from dvgs_core.engine.first import FIRST
from dvgs_core.engine.recorder import STATE
from dvgs_core.store import Run
from ui import charts, following, style
from ui.components import title
from ui.frame import errors_for_people
from ui.jobs import RunFiles, lowest, sparkline
from ui.map.colours import CLASSES
from ui.names import told_apart
from ui.state import schema, table, the_dataset_id, workspace
from ui.trace_groups import BY, group_quartiles, ways
from ui.words import MEANINGS, explained

_WORDS = {
    "queued": "Waits for its turn",
    "running": "Reading and encoding the rows …",
    "paused": "Paused",
    "done": "Finished",
    "stopped": "Stopped; what was computed is kept",
    "failed": "Failed",
    "interrupted": "Interrupted; what was computed is kept",
}
_PANEL, _LOW = 290, 200


@dataclass(frozen=True, eq=False)
class SoFar:
    """What a run has found so far.

    Attributes:
        steps: a line a checkpoint; see `RunFiles.steps`.
        few: it is a first look at a few rows, until all are scored once.
        ids: (n,) row ids, ascending; none before the first values.
        values: (n,) their values.
        trace: (steps, n) their similarities.
    """

    steps: pd.DataFrame
    few: bool
    ids: NDArray[np.int64]
    values: NDArray[np.float64]
    trace: NDArray[np.float32]


def so_far(run: Run) -> SoFar:
    """Read a run's files, of whatever age."""
    files = RunFiles(run.directory)
    steps = files.steps()
    few = steps.empty and run.active
    if few:
        files = RunFiles(run.directory / FIRST)
        steps = files.steps()
    ids, values, trace = files.array("ids"), files.array("values"), files.trace()
    if steps.empty or ids is None or values is None or trace is None:
        nothing = np.empty(0, dtype=np.int64)
        return SoFar(steps, few, nothing, nothing.astype(float), np.empty((0, 0), np.float32))
    steps = steps.iloc[: len(trace)]
    return SoFar(steps, few, ids, values, trace[: len(steps)])


def panels(run: Run) -> None:
    """Everything about one run, drawn from its files."""
    found = so_far(run)
    steps, ids, values, trace = found.steps, found.ids, found.values, found.trace
    progress(run, steps, few=found.few)
    there = len(ids) > 0
    if not there and not run.active:
        return
    upper, lower = st.columns([3, 2], gap="medium"), st.columns([3, 2], gap="medium")
    places = [
        column.container(height=height, border=False, gap="xsmall", key=f"panel_{name}")
        for column, height, name in (
            (upper[0], _PANEL + 75, "traces"),
            (upper[1], _PANEL + 75, "lowest"),
            (lower[0], _LOW + 45, "distribution"),
            (lower[1], _LOW + 45, "loss"),
        )
    ]
    if not there:
        with places[0]:
            no_traces_yet()
        for place, words in zip(
            places[1:],
            (
                "The lowest rows so far.",
                "The distribution of values.",
                "Loss on the target.",
            ),
            strict=True,
        ):
            place.caption(words)
        return
    shown = lowest(ids, values, 8)
    with places[0]:
        traces(run, steps, ids, trace, shown)
    with places[1]:
        lowest_title(run)
        lowest_table(found, shown, _PANEL)
    with places[2]:
        title("Distribution of values")
        middle = style.MIDDLE_DARK if style.dark() else style.MIDDLE_LIGHT
        st.echarts_chart(
            charts.distribution(histogram(values), middle),
            height=_LOW,
            key="value.distribution",
            alt="How many rows have which value.",
        )
    with places[3]:
        title("Target loss")
        if steps["target_loss"].notna().any():
            st.echarts_chart(
                charts.loss(steps),
                height=_LOW,
                key="value.loss",
                alt="Loss on the target by checkpoint.",
            )
        else:
            st.caption("This method trains no network on the target.")


def begun(run: Run) -> bool:
    """Whether there are values to show, if only of a few rows."""
    return any((run.directory / part / "values.npy").exists() for part in (".", FIRST))


def progress(run: Run, steps: pd.DataFrame, *, few: bool = False) -> None:
    """How far, how fast, how long still, how settled; and what can be done about it.

    Args:
        run: the run.
        steps: its lines, as far as there are any.
        few: whether they are of a few rows that are shown until all are scored.
    """
    line, gauge, first, second = st.columns([4.4, 1.6, 1.45, 1.2], vertical_alignment="center")
    with line:
        if steps.empty:
            st.progress(0.0, text=_WORDS[run.status])
        elif few:
            rows = int(steps["rows"].iloc[-1])
            st.progress(0.0, text=f"{rows:,} rows for a first look; all are being scored …")
        else:
            st.progress(_share(steps), text=" · ".join(_parts(run, steps)))
    with gauge:
        st.html(settledness(run, steps))
    asked = run.status == "running" and run.stop_requested
    if run.status in ("queued", "running") and first.button(
        "Pausing …" if asked and run.pause_requested else "Pause",
        icon=":material/pause_circle:",
        width="stretch",
        key="value.pause",
        disabled=asked or not methods.entry(run.method).resumes,
        help=None
        if methods.entry(run.method).resumes
        else "This method cannot go on from the middle.",
    ):
        workspace().request_pause(run.id)
        if run.status != "running":  # a worker that has to hear of it first is told by a tick
            st.rerun()
    if (run.status == "paused" or resumable(run)) and first.button(
        "Resume",
        icon=":material/resume:",
        width="stretch",
        key="value.resume",
        # no help: it stands where Pause stood, under the pointer, and would cover what is above
    ):
        with errors_for_people():
            workspace().resume_run(run.id)
            st.rerun()
    if run.status in ("queued", "running", "paused") and second.button(
        "Stopping …" if asked and not run.pause_requested else "Stop",
        icon=":material/stop_circle:",
        width="stretch",
        key="value.stop",
        disabled=asked and not run.pause_requested,
    ):
        workspace().request_stop(run.id)
        if run.status != "running":
            st.rerun()
    if run.status == "failed":
        st.error(style.plain(run.message), icon=":material/error:")
    elif run.message:
        st.caption(style.plain(run.message))


def _share(steps: pd.DataFrame) -> float:
    last = steps.iloc[-1]
    return int(last.get("done", last["index"] + 1)) / int(last["total"])


def _parts(run: Run, steps: pd.DataFrame) -> list[str]:
    """The words above the bar."""
    last, share = steps.iloc[-1], _share(steps)
    seconds = float(last["seconds"])
    rate = f"{float(steps['rows'].sum()) / max(seconds, 1e-3):,.0f} rows/s"
    done, what = len(steps), "checkpoints"
    if run.method == "auto":  # candidates that were given up have no line of their own
        done, what = int(last["index"]) + 1, "trials"
    many = f"{done:,} / {int(last['total']):,} {what}"
    if run.status == "running":
        left = style.duration(seconds / share * (1 - share))
        return [percent(share), many, f"{left} left", rate]
    took = f"{style.duration(seconds)} min"
    if run.status in ("queued", "paused"):
        return [_WORDS[run.status], percent(share), many, took]
    return [_WORDS[run.status], many, took, rate]


def settledness(run: Run, steps: pd.DataFrame) -> str:
    """A gauge of how settled the ranking is: the way from 0 over 0.9 and 0.99 to 0.999."""
    settled = math.nan if steps.empty else float(steps.iloc[-1].get("settled") or math.nan)
    known = not math.isnan(settled)
    limit = run.job.get("settings", {}).get("stop_when_settled")

    def place(value: float) -> float:
        return min(max(-math.log10(max(1 - value, 1e-3)) / 3, 0.0), 1.0)

    mark = "" if limit is None else f'<u style="left:{place(limit):.1%}"></u>'
    reached = known and limit is not None and settled >= limit
    words = number(settled, decimals=3) + (" ▲" if reached else "")
    tip = "" if limit is None else f"The run ends early at {limit:g}, the mark."
    return (
        f'<div class="gauge" title="{tip}"><span>{explained("ranking settled")}</span>'
        f"<b>{words}</b>"
        f'<div><i style="width:{place(settled) if known else 0:.1%}"></i>{mark}</div></div>'
    )


def resumable(run: Run) -> bool:
    """Whether a run ended early and kept what it needs to go on."""
    ended_early = run.status in ("stopped", "interrupted", "failed")
    return ended_early and (run.directory / STATE).exists()


def traces(
    run: Run,
    steps: pd.DataFrame,
    ids: NDArray[np.int64],
    trace: NDArray[np.float32],
    shown: NDArray[np.int64],
) -> None:
    """All rows, or groups of them, and the rows a person follows."""
    left, right = st.columns([1, 1.5], vertical_alignment="bottom")
    with left:
        title(*_TRACES)
    choices = ways(run.id)
    by = right.segmented_control(
        "Lines",
        choices,
        format_func=BY.__getitem__,
        default=choices[-1] if choices[-1] == "truth" else "all",
        required=True,
        key=f"value.by.{run.id}",
        label_visibility="collapsed",
        persist_state="session",
    )
    curves = []
    if by == "all":
        edges = [(steps[low].to_numpy(), steps[high].to_numpy()) for low, high in _EDGES]
        curves = [charts.Curve("median", steps["q50"].to_numpy(), charts.HIGH, tuple(edges))]
    else:
        known = group_quartiles(run.id, by, len(ids), np.asarray(ids))
        found = known.of(trace)
        classes = tuple(colour[style.dark()] for colour in CLASSES)  # a light and a dark one each
        colours = (charts.HIGH, charts.LOW) if by == "truth" else classes
        short = told_apart((group.name for group in known.groups), 24)
        banded = len(known.groups) <= 4  # more bands hide each other
        for group, quartiles, colour in zip(known.groups, found, colours, strict=False):
            low, middle, high = quartiles.T
            name = f"{short[group.name]} ({group.rows:,})"
            bands = ((low, high),) if banded else ()
            dashed = by == "truth" and group.name == "damaged"
            curves.append(charts.Curve(name, middle, colour, bands, dashed=dashed))
    for colour, (name, line) in zip(
        charts.FOLLOWED, following.lines(ids, trace, shown).items(), strict=False
    ):
        curves.append(charts.Curve(name, line, colour, width=1.3))
    st.echarts_chart(
        charts.traces(steps["index"].tolist(), curves, int(steps["total"].iloc[-1]) - 1),
        height=_PANEL,
        key="value.traces",
        alt=f"Similarities by checkpoint, {BY[by].lower()}: median and middle half, and followed "
        "rows.",
    )


def no_traces_yet() -> None:
    """The empty chart that the traces will be drawn in: the browser gets ready for them."""
    left, _ = st.columns([1, 1.5], vertical_alignment="bottom")
    with left:
        title(*_TRACES)
    st.echarts_chart(
        charts.traces([], [], 1), height=_PANEL, key="value.traces", alt="No similarities yet."
    )


_TRACES = ("Similarity traces", "agreement with the target")
_EDGES = (("q05", "q95"), ("q25", "q75"))


def lowest_title(run: Run) -> None:
    """What the table of the lowest rows is called."""
    title("Lowest rows", "rows that hurt most" + (" so far" if run.active else ""))


def lowest_table(found: SoFar, shown: NDArray[np.int64], height: int) -> None:
    """The lowest rows as they stand.

    Args:
        found: what the run has found.
        shown: (k,) their positions.
        height: pixels.
    """
    rows, lines = found.ids[shown], sparkline(found.trace, shown)
    frame = pd.DataFrame({"row": rows, "value": found.values[shown], "trace": lines})
    label, data = schema().label, table(the_dataset_id()).frame
    if label is not None:
        inside = rows < len(data)
        names = [str(data[label].iloc[r]) if ok else "" for r, ok in zip(rows, inside, strict=True)]
        short = told_apart(names, 12)
        frame["label"] = [short[name] for name in names]
    st.dataframe(
        frame,
        hide_index=True,
        height=height,
        key=following.table_key(rows),
        on_select=following.clicked,
        selection_mode="single-cell",
        column_config={
            "row": st.column_config.NumberColumn("row", format="#%d", width="small"),
            "value": st.column_config.NumberColumn(
                "value", format="%.3f", width="small", help=MEANINGS["value"]
            ),
            "trace": st.column_config.LineChartColumn(
                "trace", width="small", help=MEANINGS["trace"]
            ),
            "label": st.column_config.TextColumn("label"),
        },
    )


def histogram(values: NDArray) -> pd.DataFrame:
    """Counts of values in 40 equal steps, with each step's place on the value scale."""
    there = values[np.isfinite(values)]
    counts, edges = np.histogram(there, bins=40)
    centres = (edges[:-1] + edges[1:]) / 2
    # the colour's middle is the middle of the distribution, not of the range
    shade = np.searchsorted(np.sort(there), centres) / len(there)
    return pd.DataFrame({"centre": centres, "rows": counts, "shade": shade})
