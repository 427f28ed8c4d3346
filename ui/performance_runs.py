"""The Performance page's last part: methods and runs side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.data.wording import number
from dvgs_core.engine.job import Job
from dvgs_core.errors import InputError
from dvgs_core.evaluation.agreement import Agreement, agreement, overlap_curve
from dvgs_core.paper.svg import Line, Panel
from dvgs_core.store import Run
from ui import performance, style
from ui.jobs import RunFiles
from ui.performance_views import chart
from ui.queue_form import ask_for
from ui.results import finished_runs, known_detection, the_results
from ui.run_settings import asked_for
from ui.state import QueueChoice, workspace

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A5AF8", "#98A2B3")


def show(run: Run) -> None:
    """Runs side by side: cost, what they find, where they agree and where not."""
    st.subheader("Runs side by side", anchor=False)
    there = finished_runs(run.dataset)
    others = [one for one in there if one != run.id]
    chosen = st.multiselect(
        "Compare with",
        others,
        default=others[:2],
        format_func=lambda one: f"{there[one].name}  {there[one].created:%d %b %H:%M}",
        key=f"performance.others.{run.id}",
        max_selections=7,
        persist_state="session",
        placeholder="other runs of this dataset" if others else "there is no other run yet",
    )
    ids = (run.id, *chosen)
    lines = compared(ids)
    _table(lines)
    if len(ids) < 2:
        st.caption("Value the same rows with another method or seed to see where they agree.")
        return
    found = agreement_of(ids)
    if isinstance(found, str):
        st.caption(style.plain(found))
        return
    panels = [*agreement_panels(ids), *cost_panels(lines)]
    numbers = performance.panel_numbers(panels)
    chart("runs", f"{found.conclusion} {cost_sentence(lines)}", panels, numbers, height=300)
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        _pairs(ids, found)
    with right:
        _disagreement(ids, found)
    if len(chosen) == 1 and st.button("Review the rows they disagree on", icon=":material/rule:"):
        ask_for(QueueChoice("disagreement", against=chosen[0]))
        st.switch_page("pages/review.py")


@st.cache_resource(max_entries=6, show_spinner=False)
def agreement_of(run_ids: tuple[int, ...]) -> Agreement | str:
    """How some runs of one dataset rank its rows, or why that cannot be said."""
    try:
        return agreement(_values(run_ids))
    except InputError as error:
        return str(error)


def _values(run_ids: tuple[int, ...]) -> dict[str, np.ndarray]:
    runs = [workspace().run(run_id) for run_id in run_ids]
    return {run.name: the_results(run).values["value"].to_numpy(dtype=float) for run in runs}


def compared(run_ids: tuple[int, ...]) -> pd.DataFrame:
    """A line a run: method, rows, seconds, memory, rows a second, how settled, what it finds."""
    lines = []
    for run_id in run_ids:
        run = workspace().run(run_id)
        steps = RunFiles(run.directory).steps()
        seconds = float(steps["seconds"].iloc[-1]) if len(steps) else float("nan")
        scored = int(steps["rows"].sum()) if len(steps) else 0
        found = known_detection(run_id, run.dataset)
        settled = steps["settled"].iloc[-1] if len(steps) and "settled" in steps else None
        lines.append(
            {
                "run": run.name,
                "method": run.job["method"],
                "rows": int(the_results(run).values["value"].notna().sum()),
                "seconds": seconds,
                "memory": RunFiles(run.directory).memory(),
                "rows_per_second": scored / seconds if seconds > 0 else float("nan"),
                "settled": float("nan") if settled is None else float(settled),
                "auroc": float("nan") if found is None else found.auroc,
                "precision": float("nan") if found is None else found.precision_at(found.damaged),
            }
        )
    return pd.DataFrame(lines)


def agreement_panels(run_ids: tuple[int, ...]) -> list[Panel]:
    """How many of the lowest rows of the open run are among the lowest of each other run."""
    columns = _values(run_ids)
    open_run, *others = columns
    lines = []
    for colour, name in zip(_COLOURS[1:], others, strict=False):
        share, common = overlap_curve(columns[open_run], columns[name])
        lines.append(Line(name, 100 * share, 100 * common, colour=colour))
    lines.append(Line("by chance", [0, 100], [0, 100], dashed=True, colour="#98A2B3"))
    return [
        Panel(
            f"Lowest rows shared with {open_run}",
            "% of rows inspected, lowest first",
            "% of them in both",
            lines,
            x_range=(0, 100),
            y_range=(0, 102),
        )
    ]


def cost_panels(lines: pd.DataFrame) -> list[Panel]:
    """A dot a run: seconds it took, and what it found, or how many rows it scored in a second."""
    known = lines["auroc"].notna().all()
    column, words = (
        ("auroc", "AUROC of the damage") if known else ("rows_per_second", "rows scored a second")
    )
    dots = [
        Line(line["run"], [line["seconds"]], [line[column]], dots=True, colour=colour)
        for colour, (_, line) in zip(_COLOURS, lines.iterrows(), strict=False)
        if np.isfinite(line["seconds"]) and np.isfinite(line[column])
    ]
    if not dots:
        return []
    most = float(lines["seconds"].max())
    heights = [float(dot.y[0]) for dot in dots]
    air = max(0.2 * (max(heights) - min(heights)), 0.01 * max(heights))  # equals look equal
    ends = (min(heights) - air, max(heights) + air)
    return [Panel("Cost", "seconds", words, dots, x_range=(0, 1.1 * most or 1.0), y_range=ends)]


def cost_sentence(lines: pd.DataFrame) -> str:
    """Which run was quickest and, where the damage is known, which found most."""
    there = lines.dropna(subset=["seconds"])
    if len(there) < 2:
        return ""
    quick = there.loc[there["seconds"].idxmin()]
    slow = there.loc[there["seconds"].idxmax()]
    words = (
        f"{quick['run']} was the quickest with {number(quick['seconds'])} s, "
        f"{slow['run']} took {number(slow['seconds'])} s"
    )
    if there["auroc"].notna().all():
        best = there.loc[there["auroc"].idxmax()]
        words += f"; {best['run']} ranks the damage best (AUROC {best['auroc']:.3f})"
    return f"{words}."


def _table(lines: pd.DataFrame) -> None:
    shown = lines.assign(
        memory=lines["memory"] / 2**20,
        rows_per_second=lines["rows_per_second"].round(),
        precision=100 * lines["precision"],
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        shown.dropna(axis=1, how="all"),
        hide_index=True,
        placeholder="–",
        column_config={
            "rows": number("rows valued", format="localized"),
            "seconds": number("seconds", format="%.1f"),
            "memory": number(
                "memory", format="%.0f MiB", help="What valuing took at most, besides the program"
            ),
            "rows_per_second": number("rows / s", format="localized"),
            "settled": number(
                "settled", format="%.3f", help="Agreement of the ranking with that before: 1 = same"
            ),
            "auroc": number(
                "AUROC", format="%.3f", help="How often a damaged row lies below a sound one"
            ),
            "precision": number(
                "precision", format="%.1f %%", help="Damaged rows among as many of the lowest"
            ),
        },
    )


def _pairs(ids: tuple[int, ...], found: Agreement) -> None:
    st.caption(f"Two runs: rank correlation, and share of the {found.k:,} lowest rows in common")
    number = st.column_config.NumberColumn
    st.dataframe(
        found.pairs.assign(overlap=100 * found.pairs["overlap"]),
        hide_index=True,
        column_config={
            "a": "run",
            "b": "and",
            "spearman": number("correlation", format="%.3f"),
            "overlap": number("in common", format="%.1f %%"),
        },
    )
    st.caption("Settings in which they differ")
    st.dataframe(differing_settings(ids), hide_index=True)


def _disagreement(ids: tuple[int, ...], found: Agreement) -> None:
    st.caption("Rows on which they disagree most, with the share of rows that are lower in each")
    names = [workspace().run(run_id).name for run_id in ids]
    lines = found.disagreement.drop(columns=["gap"])
    lines[names] = 100 * lines[names]
    st.dataframe(
        lines,
        hide_index=True,
        height=320,
        column_config={
            "row": st.column_config.NumberColumn("row", format="#%d", width=70),
            "lowest_in": "lowest in",
            "highest_in": "highest in",
            **dict.fromkeys(names, st.column_config.NumberColumn(format="%.1f %%")),
        },
    )


def differing_settings(run_ids: tuple[int, ...]) -> pd.DataFrame:
    """Settings in which runs differ: a line a setting, a column a run."""
    runs = [workspace().run(run_id) for run_id in run_ids]
    told = {run.name: asked_for(Job.model_validate(run.job)) for run in runs}
    frame = pd.DataFrame(told).astype(object).fillna("–")
    return frame[frame.nunique(axis=1) > 1].rename_axis("setting").reset_index()
