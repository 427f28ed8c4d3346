"""The Performance page's panels: a sentence, a chart, and the chart's numbers to take along."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dvgs_core.data.wording import percent
from dvgs_core.errors import InputError
from dvgs_core.evaluation.cut import RecommendedCut
from dvgs_core.evaluation.detection import Detection
from dvgs_core.evaluation.filtering import FilteringSettings, conclusion
from dvgs_core.paper.svg import Panel, figure
from dvgs_core.review.bulk import Cut as QueueCut
from dvgs_core.store import Run
from ui import performance, style
from ui.components import note, settings_form
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people
from ui.panels import Cut, cut_of, panels_chart
from ui.queue_form import ask_for
from ui.results import known_detection, the_results
from ui.state import QueueChoice, state, widget, workspace

_CURVES = 420  # pixels; style.css keeps room for the chart and what stands around it
_FORM = ("points", "most", "replicates", "metric", "epochs", "add_target")


def chart(
    name: str,
    sentence: str,
    panels: Sequence[Panel],
    numbers: pd.DataFrame,
    *,
    height: int = 340,
    cut: Cut | None = None,
) -> None:
    """A sentence to conclude, the chart, and PNG (in its corner), SVG and CSV of it."""
    st.markdown(style.plain(sentence))
    panels_chart(
        panels,
        key=f"performance.{name}",
        name=name,
        description=sentence,
        height=height,
        cut=cut,
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
    left, right = st.columns([5, 1.7], vertical_alignment="center")
    with right.popover("How they are made", icon=":material/tune:", width="stretch"):
        asked = settings_form(FilteringSettings, "performance.curve", {}, only=_FORM, across=2)
    try:
        found = performance.curves(run, asked)
    except InputError as error:
        st.error(style.plain(str(error)), icon=":material/error:")
        return
    with left:
        note(
            "Filtering curves: networks are trained on the source without its lowest, highest or "
            "random rows, and scored on the holdout."
        )
    going = found.study is not None and found.study.active
    if found.cut is None and not going:
        start(run, asked, found)
        return
    # the room of the finished curves from the start: nothing below moves when they come
    with st.container(key="curves_room"):
        if going:
            progress(run, asked, found)
        _drawn(run, found)


def _drawn(run: Run, found: performance.Curves) -> None:
    """The curves as far as they are there, and in the end where to cut."""
    if found.points.empty or found.points["which"].nunique() < 3:
        st.caption("The curves come here as soon as the first networks are trained.")
        return
    if found.cut is None:
        panels_chart(
            performance.curve_panels(found.points),
            key="curves.live",
            name="filtering",
            description="Filtering curves, as far as they are known.",
            height=_CURVES,
        )
        return
    cut = the_cut(run, found.points, found.cut)
    chart(
        "filtering",
        found.cut.conclusion,
        performance.curve_panels(found.points),
        found.points,
        height=_CURVES,
        cut=cut,
    )
    to_the_queue(found.points, cut)
    values = the_results(run).values
    without = int((values["role"].isin(("source", "both")) & values["value"].isna()).sum())
    if without:
        st.caption(f"{without:,} source rows without a value take no part in the curves.")


def start(run: Run, asked: dict, found: performance.Curves) -> None:
    """The button, and why there are no curves where some were asked for before."""
    if found.study is not None and found.study.message:
        st.error(style.plain(found.study.message), icon=":material/error:")
    if st.button("Draw the curves", type="primary", icon=":material/show_chart:"):
        with errors_for_people():
            performance.ask_for_curves(run, asked)
            st.rerun()


def progress(run: Run, asked: dict, found: performance.Curves) -> None:
    """How far the work is."""
    known = len(found.points)

    # ticks only while networks are trained: a tick that meets a click can swallow it
    @st.fragment(run_every=1.0)
    def tick() -> None:
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

    tick()


def the_cut(run: Run, points: pd.DataFrame, recommended: RecommendedCut) -> Cut:
    """Where the line stands: as recommended until it is moved, which also sets Review's queue."""
    token = f"run {run.id}"
    moved = cut_of(widget("performance.filtering"), token)
    if moved is not None and moved != state.cuts.get(token):
        state.cuts = {**state.cuts, token: moved}
        ask_for(QueueChoice("cut", cut=str(QueueCut("share", moved))))
    usual = 100 * recommended.removed
    return Cut(
        at=state.cuts.get(token, usual),
        usual=usual,
        rows=int(points["rows"].max()),
        most=100 * float(points["removed"].max()),
        token=token,
    )


def to_the_queue(points: pd.DataFrame, cut: Cut) -> None:
    """What is known of the line's place, and the way to the rows below it."""
    words, button = st.columns([4, 1.4], vertical_alignment="center")
    if cut.at:
        words.caption(style.plain(conclusion(points, cut.at / 100)))
    else:
        words.caption("Drag the line, or focus it and use the arrow keys, to choose a cut.")
    if button.button(
        f"Review the lowest {cut.at:g} %",
        icon=":material/arrow_forward:",
        width="stretch",
        disabled=not cut.at,
        key="performance.review_cut",
    ):
        ask_for(QueueChoice("cut", cut=str(QueueCut("share", cut.at))))
        st.switch_page("pages/review.py")


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
    panels = performance.detection_panels(found)
    note("Detection curves, for rows in the order of their values; AUROC in one number.")
    chart("detection", found.conclusion, panels, performance.detection_numbers(found))
    st.markdown(style.plain(found.recommendation))
    _at_shares(found)


def _at_shares(found: Detection) -> None:
    """How many damaged rows are among the lowest, for some shares and the recommended one."""
    lines = found.at_shares()
    names = [percent(share) for share in lines["inspected"]]
    if found.recommended_rows:
        names[-1] += ", most for the effort"
    number = st.column_config.NumberColumn
    st.dataframe(
        lines.assign(
            inspected=names, precision=100 * lines["precision"], found=100 * lines["found"]
        ),
        hide_index=True,
        width=640,
        column_config={
            "inspected": "lowest rows inspected",
            "rows": number("rows", format="localized"),
            "precision": number(
                "precision", format="%.1f %%", help="Damaged rows among those inspected."
            ),
            "found": number(
                "damage found", format="%.1f %%", help="Of all damaged rows that have a value."
            ),
        },
    )


def noise(run: Run) -> None:
    """For data with known noise: whether noisier rows have lower values."""
    found = performance.known_noise(run.id)
    if found is None:
        return
    st.subheader("Are noisier rows lower?", anchor=False)
    chart("noise", found[0].conclusion, performance.noise_panel(found[1]), found[1], height=320)
