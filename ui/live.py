"""The live panels of a run: progress, traces, distribution, target loss, lowest rows."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.engine.recorder import STATE
from dvgs_core.store import Run
from ui import charts, style
from ui.frame import errors_for_people
from ui.jobs import RunFiles, lowest, sparkline
from ui.state import schema, state, table, the_dataset_id, workspace

_WORDS = {
    "queued": "Waiting for the worker …",
    "running": "Reading and encoding the rows …",
    "done": "Finished.",
    "stopped": "Stopped; what was computed is kept.",
    "failed": "Failed.",
    "interrupted": "Interrupted; what was computed is kept.",
}
_PANEL = 250


def panels(run: Run) -> None:
    """Everything about one run, drawn from its files."""
    files = RunFiles(run.directory)
    steps = files.steps()
    progress(run, steps)
    ids, values, trace = files.array("ids"), files.array("values"), files.trace()
    if steps.empty or ids is None or values is None or trace is None:
        if run.active:
            for column in st.columns([3, 2]):
                column.container(height=_PANEL + 60, border=False)
        return
    shown = lowest(ids, values, 8)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**Similarity traces**  \n:gray[each checkpoint's agreement with the target]")
        steps = steps.iloc[: len(trace)]
        st.echarts_chart(
            charts.traces(steps, followed(ids, trace[: len(steps)], shown)),
            height=_PANEL,
            key="value.traces",
            alt="Median and bands of all rows' similarities by checkpoint, and followed rows.",
        )
    with right:
        st.markdown("**Lowest now**  \n:gray[rows that hurt most so far]")
        lowest_table(ids, values, trace, shown)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**Distribution of values**")
        middle = style.MIDDLE_DARK if style.dark() else style.MIDDLE_LIGHT
        st.echarts_chart(
            charts.distribution(histogram(values), middle),
            height=180,
            key="value.distribution",
            alt="How many rows have which value.",
        )
    with right:
        st.markdown("**Target loss**")
        if steps["target_loss"].notna().any():
            st.echarts_chart(
                charts.loss(steps),
                height=180,
                key="value.loss",
                alt="Loss on the target by checkpoint.",
            )
        else:
            st.caption("This method trains no network on the target.")


def progress(run: Run, steps: pd.DataFrame) -> None:
    """How far, how fast, how long still; Stop while it runs, Resume where it ended early."""
    line, button = st.columns([6, 1.2], vertical_alignment="center")
    with line:
        if steps.empty:
            st.progress(0.0, text=_WORDS[run.status])
        else:
            last = steps.iloc[-1]
            done, total = int(last.get("done", last["index"] + 1)), int(last["total"])
            rate = float(steps["rows"].sum()) / max(float(last["seconds"]), 1e-3)
            parts = [f"{len(steps):,} / {total:,} checkpoints", *settled(last)]
            if run.active:
                left = float(last["seconds"]) / done * (total - done)
                parts = [
                    f"{done / total:.0%}",
                    *parts,
                    f"{style.duration(left)} left",
                    f"{rate:,.0f} rows/s",
                ]
            else:
                parts = [
                    _WORDS[run.status],
                    *parts,
                    f"{style.duration(float(last['seconds']))} min",
                    f"{rate:,.0f} rows/s",
                ]
            st.progress(done / total, text=" · ".join(parts))
    if run.active and button.button(
        "Stop", icon=":material/stop_circle:", width="stretch", key="value.stop"
    ):
        workspace().request_stop(run.id)
    if resumable(run) and button.button(
        "Resume",
        icon=":material/resume:",
        width="stretch",
        key="value.resume",
        # no help: it stands where Stop stood, under the pointer, and would cover what is above
    ):
        with errors_for_people():
            workspace().resume_run(run.id)
            st.rerun()
    if run.status == "failed":
        st.error(style.plain(run.message), icon=":material/error:")
    elif run.message:
        st.caption(style.plain(run.message))


def settled(last: pd.Series) -> list[str]:
    """How settled the ranking is, as a part of the progress line; nothing while too early."""
    number = last.get("settled")
    return [] if number is None or pd.isna(number) else [f"ranking {number:.3f} settled"]


def resumable(run: Run) -> bool:
    """Whether a run ended early and kept what it needs to go on."""
    ended_early = run.status in ("stopped", "interrupted", "failed")
    return ended_early and (run.directory / STATE).exists()


def followed(
    ids: NDArray[np.int64], trace: NDArray[np.float32], shown: NDArray[np.int64]
) -> dict[str, NDArray]:
    """The lines of the rows a person follows; the three lowest if none was named."""
    wanted = np.array(state.followed, dtype=np.int64)
    at = np.searchsorted(ids, wanted)
    at = at[(at < len(ids)) & (ids[np.minimum(at, len(ids) - 1)] == wanted)] if len(wanted) else at
    positions = at[:5] if len(at) else shown[:3]
    return {f"#{ids[p]}": np.asarray(trace[:, p]) for p in positions}


def lowest_table(
    ids: NDArray[np.int64], values: NDArray, trace: NDArray[np.float32], shown: NDArray[np.int64]
) -> None:
    """The lowest rows as they stand."""
    rows = ids[shown]
    frame = pd.DataFrame({"row": rows, "value": values[shown], "trace": sparkline(trace, shown)})
    label, data = schema().label, table(the_dataset_id()).frame
    if label is not None:
        inside = rows < len(data)
        frame["label"] = [
            str(data[label].iloc[r]) if ok else "" for r, ok in zip(rows, inside, strict=True)
        ]
    st.dataframe(
        frame,
        hide_index=True,
        height=_PANEL,
        key="value.lowest",
        column_config={
            "row": st.column_config.NumberColumn("row", format="#%d", width="small"),
            "value": st.column_config.NumberColumn("value", format="%.3f", width="small"),
            "trace": st.column_config.LineChartColumn("trace", width="small"),
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
