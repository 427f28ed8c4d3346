"""The Performance page's panels: a sentence, a chart, and the chart's numbers to take along."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dvgs_core.errors import InputError
from dvgs_core.evaluation.filtering import FilteringSettings
from dvgs_core.paper.svg import Panel, figure
from dvgs_core.review.bulk import Cut
from dvgs_core.store import Run
from ui import performance, style
from ui.components import settings_form
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people
from ui.panel_charts import panels_figure
from ui.queue_form import ask_for
from ui.results import known_detection
from ui.state import QueueChoice, workspace

_FORM = ("points", "most", "replicates", "metric", "epochs", "add_target")


def chart(
    name: str,
    sentence: str,
    panels: Sequence[Panel],
    numbers: pd.DataFrame,
    *,
    height: int = 340,
    cut: float | None = None,
) -> None:
    """A sentence to conclude, the chart, and PNG (in its corner), SVG and CSV of it."""
    st.markdown(style.plain(sentence))
    st.plotly_chart(
        panels_figure(panels, height=height, cut=cut),
        key=f"performance.{name}",
        config={
            "displaylogo": False,
            "toImageButtonOptions": {"format": "png", "filename": name, "scale": 2},
        },
    )
    with st.container(horizontal=True, gap="small", key=f"take_{name}"):
        st.download_button(
            "SVG",
            figure(panels, sentence, columns=len(panels)),
            file_name=f"{name}.svg",
            mime="image/svg+xml",
            key=f"performance.{name}.svg",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "CSV",
            numbers.to_csv(index=False, lineterminator="\n"),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"performance.{name}.csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption("PNG: the camera in the chart's corner.")


def filtering(run: Run) -> None:
    """Curves of the holdout's score, and the cut that follows from them."""
    st.subheader("Is the data better without its lowest rows?", anchor=False)
    if not performance.has_holdout(run):
        st.info(
            "Filtering curves train networks on what is left and score them on a holdout; this run "
            "has none. Choose a holdout with the target, then value again.",
            icon=":material/info:",
        )
        if st.button("Choose a holdout", icon=":material/arrow_forward:"):
            st.switch_page("pages/target.py")
        return
    left, right = st.columns([5, 1.4], vertical_alignment="center")
    with right.popover("How they are made", icon=":material/tune:", width="stretch"):
        asked = settings_form(FilteringSettings, "performance.curve", {}, only=_FORM, across=2)
    try:
        found = performance.curves(run, asked)
    except InputError as error:
        st.error(style.plain(str(error)), icon=":material/error:")
        return
    with left:
        start(run, asked, found)
    if found.points.empty or found.points["which"].nunique() < 3:
        return
    if found.cut is None:
        if not (found.study and found.study.active):
            return
        st.plotly_chart(panels_figure(performance.curve_panels(found.points)), key="curves.live")
        return
    share = cut_slider(run, found.cut.removed)
    chart(
        "filtering",
        f"{found.sentence} {found.cut.conclusion}",
        performance.curve_panels(found.points),
        found.points,
        height=400,
        cut=share,
    )


def start(run: Run, asked: dict, found: performance.Curves) -> None:
    """The button, or how far the work is."""
    study = found.study
    if study is not None and study.active:
        known = len(found.points)

        # ticks only while networks are trained: a tick that meets a click can swallow it
        @st.fragment(run_every=1.0)
        def progress() -> None:
            now = performance.curves(run, asked)
            if now.study is None or not now.study.active or len(now.points) != known:
                rerun_when_free()
            if now.study is None:
                return
            line, stop = st.columns([4, 1], vertical_alignment="center")
            total = now.study.total or 0
            share = (now.study.step or 0) / total if total else 0.0
            words = f"{now.study.step or 0:,} of {total:,} networks" if total else "Waiting …"
            line.progress(share, text=words)
            if stop.button("Stop", icon=":material/stop_circle:", key="curves.stop"):
                workspace().request_stop(now.study.id)

        progress()
        return
    if study is not None and study.status == "done":
        return
    if study is not None and study.message:
        st.error(style.plain(study.message), icon=":material/error:")
    st.caption("Networks are trained on the source without its lowest, highest or random rows.")
    if st.button("Draw the curves", type="primary", icon=":material/show_chart:"):
        with errors_for_people():
            performance.ask_for_curves(run, asked)
            st.rerun()


def cut_slider(run: Run, recommended: float) -> float:
    """Where to cut; the same cut makes the Review page's queue."""
    left, right = st.columns([4, 1.4], vertical_alignment="bottom")
    percent = left.slider(
        "Cut: the lowest share of the source",
        0.0,
        90.0,
        value=round(100 * recommended, 1),
        step=0.5,
        format="%.1f %%",
        key=f"performance.cut.{run.id}",
        help=f"Recommended by the curves: {100 * recommended:.3g} %.",
        persist_state="session",
    )
    if right.button(
        f"Review the lowest {percent:g} %",
        icon=":material/arrow_forward:",
        width="stretch",
        disabled=percent == 0,
    ):
        ask_for(QueueChoice("cut", cut=str(Cut("share", percent))))
        st.switch_page("pages/review.py")
    return percent / 100


def detection(run: Run) -> None:
    """For data with known damage: what the values find."""
    found = known_detection(run.id, run.dataset)
    st.subheader("Do low values find the damage?", anchor=False)
    if found is None:
        st.info(
            "For these rows nobody knows which are damaged. Damage a copy on the Corrupt page, "
            "value it, and see here how much is found.",
            icon=":material/info:",
        )
        if st.button("Damage a copy", icon=":material/science:"):
            st.switch_page("pages/corrupt.py")
        return
    chart("detection", found.conclusion, performance.detection_panels(found), found.curve)


def noise(run: Run) -> None:
    """For data with known noise: whether noisier rows have lower values."""
    found = performance.known_noise(run.id)
    if found is None:
        return
    st.subheader("Are noisier rows lower?", anchor=False)
    chart("noise", found[0].conclusion, performance.noise_panel(found[1]), found[1], height=320)


def runs_compared(run: Run) -> None:
    """Runs side by side: cost, what they find, where they agree and where not."""
    st.subheader("Runs side by side", anchor=False)
    there = performance.finished_runs(run.dataset)
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
    lines = performance.compared(ids)
    st.dataframe(
        lines.dropna(axis=1, how="all"),
        hide_index=True,
        column_config={
            "rows": st.column_config.NumberColumn("rows valued", format="localized"),
            "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
            "rows_per_second": st.column_config.NumberColumn("rows / s", format="localized"),
            "settled": st.column_config.NumberColumn("settled", format="%.3f"),
            "auroc": st.column_config.NumberColumn("AUROC", format="%.3f"),
            "precision": st.column_config.NumberColumn("precision", format="percent"),
        },
    )
    if len(ids) < 2:
        st.caption("Value the same rows with another method or seed to see where they agree.")
        return
    found = performance.agreement_of(ids)
    if isinstance(found, str):
        st.caption(style.plain(found))
        return
    st.markdown(style.plain(found.conclusion))
    left, middle, right = st.columns([1, 1, 1.3], gap="medium")
    with left:
        st.caption("Rank correlation of two runs, and how many of their lowest rows are the same")
        st.dataframe(found.pairs, hide_index=True)
    with middle:
        st.caption("Settings in which they differ")
        st.dataframe(performance.differing_settings(ids), hide_index=True)
    with right:
        st.caption("Rows on which they disagree most (share of rows that are lower)")
        st.dataframe(found.disagreement, hide_index=True, height=220)
    if len(chosen) == 1 and st.button("Review the rows they disagree on", icon=":material/rule:"):
        ask_for(QueueChoice("disagreement", against=chosen[0]))
        st.switch_page("pages/review.py")
