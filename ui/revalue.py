"""Valuing again with the decisions made so far, and what that moved."""

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.data.wording import number, percent
from dvgs_core.engine.corrected import Corrections
from dvgs_core.errors import InputError
from dvgs_core.review.moved import Moved, moved
from dvgs_core.store import Run
from ui import style
from ui.decisions import decision_log
from ui.dialogs import dialog as opens_dialog
from ui.dialogs import rerun_when_free
from ui.frame import errors_for_people
from ui.results import Results, results, the_results
from ui.state import open_run, the_dataset_id, the_run, workspace

_LINES = 300
_WIDE = 128  # pixels of the button, enough for both of its faces
_WORDS = {
    "entered": "entered",
    "gone": "dropped",
    "left": "left",
    "stayed": "stayed",
}


def corrections_now(after_run: int) -> Corrections:
    """The decisions in effect, as a run takes them into account."""
    current = decision_log(the_dataset_id()).current()
    dropped = current["row"][current["decision"] == "drop"]
    changed = current[current["decision"] == "relabel"]
    return Corrections(
        dropped=tuple(dropped.tolist()),
        relabelled=dict(zip(changed["row"].tolist(), changed["label"].tolist(), strict=True)),
        after_run=after_run,
    )


def corrected_runs(run_id: int) -> list[Run]:
    """Runs on the data corrected after a run, the newest first."""
    runs = workspace().runs(the_dataset_id())
    return [run for run in runs if (run.job.get("corrections") or {}).get("after_run") == run_id]


def button(found: Results) -> None:
    """Opens the dialog; in its place, while such a run goes on, how far it is.

    Both buttons are always there, in their own width, so that what is beside them stays put.
    """
    again = corrected_runs(the_run().id)
    going = next((run for run in again if run.active), None)
    with st.container(key="revalue_place", width=_WIDE):
        if going is not None:
            _progress(going.id)
        # no help: when the dialog closes it would stand over the boxes above and take the next
        # click
        elif st.button(
            "Re-value", icon=":material/restart_alt:", key="review.revalue", width="stretch"
        ):
            dialog()
    compared = found.job.corrections is not None or any(results(run) is not None for run in again)
    if st.button(
        "What moved",
        icon=":material/swap_vert:",
        help="What the run on the corrected data changed."
        if compared
        else "What re-valuing changed, once such a run has ended.",
        disabled=not compared,
        key="moved_open",
    ):
        moved_dialog()


def _progress(run_id: int) -> None:
    @st.fragment(run_every=1.0)
    def look() -> None:
        run = workspace().run(run_id)
        if not run.active:
            rerun_when_free()
        share = (run.step or 0) / run.total if run.total else 0.0
        words = f"Valued {percent(share)}" if run.status == "running" else "Waits"
        st.button(
            words,
            icon=":material/hourglass_top:",
            disabled=True,
            key="revalue.at",
            width="stretch",
        )

    look()


@opens_dialog("Re-value with these decisions")
def dialog() -> None:
    """What the run will do, and the button that starts it."""
    current, found = the_run(), the_results(the_run())
    corrections = corrections_now(current.id)
    if not corrections:
        st.markdown(
            "Nothing has been dropped or relabelled yet. Decide about some rows first; keeping a "
            "row changes nothing."
        )
        return
    st.markdown(
        f"**{style.count(len(corrections.dropped), 'row')}** will be left out of source and "
        f"target, **{style.count(len(corrections.relabelled), 'row')}** will count with the new "
        "label. Everything else, the draw of the target included, stays as in "
        f"{style.plain(current.name)}, so the ranks can be compared."
    )
    before = found.job.corrections
    if before is not None and (before.dropped, before.relabelled) == (
        corrections.dropped,
        corrections.relabelled,
    ):
        st.caption("These are the decisions that this run has taken into account already.")
    if st.button("Start", type="primary", icon=":material/play_arrow:", key="revalue.start"):
        with errors_for_people():
            job = found.job.model_copy(update={"corrections": corrections})
            workspace().create_run(current.dataset, job.model_dump(mode="json"))
            st.rerun()


@opens_dialog("What moved", width="large")
def moved_dialog() -> None:
    """The run before and the run after: a sentence, a table, and a way to go on reviewing."""
    with errors_for_people():
        _moved(*_pair())


def _moved(before_run: Run, after_run: Run) -> None:
    before, after = the_results(before_run), the_results(after_run)
    n = int(before.values["value"].notna().sum())
    sizes = sorted({min(size, n) for size in (20, 50, 100, 200, 500, 1000)})
    usual = sizes.index(min(sizes, key=lambda size: abs(size - min(100, n))))
    k = st.selectbox("The lowest", sizes, index=usual, format_func="{:,} rows".format)
    found = moved(before.values["value"], after.values["value"], k=k)
    st.markdown(sentence(found, style.plain(before_run.name), style.plain(after_run.name)))
    st.dataframe(
        moved_table(found, before, after).head(_LINES),
        hide_index=True,
        height=360,
        column_config={
            "row": st.column_config.NumberColumn("row", format="#%d", width=70),
            "rank before": st.column_config.NumberColumn(format="localized"),
            "rank after": st.column_config.NumberColumn(format="localized"),
            "moved": st.column_config.NumberColumn(
                format="%+d", help="Places up, towards helpful (+), or down (−)."
            ),
        },
    )
    st.caption(
        f"Ranks count among the {style.count(found.both, 'row')} that both runs valued, so that a "
        "row does not move because others were dropped; a dropped row has no rank."
    )
    if len(found.rows) > _LINES:
        st.caption(f"The first {_LINES:,} of {len(found.rows):,} rows.")
    other = after_run if after_run.id != the_run().id else before_run
    if st.button(f"Review {other.name}", type="primary", key="moved.review"):
        open_run(other.id)
        st.rerun()


def sentence(found: Moved, before: str, after: str) -> str:
    """What moved, in two sentences."""
    entered, gone, left = (found.count(what) for what in ("entered", "gone", "left"))
    words = (
        f"Of the {found.k:,} lowest rows of {before}: {gone:,} dropped, {left:,} no longer among "
        f"the lowest, {found.count('stayed'):,} still there. {entered:,} others took their place."
    )
    if np.isfinite(found.agreement):
        words += (
            f" Over the {found.both:,} rows that both runs valued, the ranking of {after} agrees "
            f"with the one before by {number(found.agreement, decimals=3)} (1: the same order)."
        )
    return words


def moved_table(found: Moved, before: Results, after: Results) -> pd.DataFrame:
    """The rows that are among the lowest in either run."""
    rows = found.rows["row"].to_numpy()
    labels = [one.values["label"].reindex(rows).fillna("–") for one in (before, after)]
    names = [a if a == b else f"{a} → {b}" for a, b in zip(*labels, strict=True)]
    return pd.DataFrame(
        {
            "row": rows,
            "lowest rows": found.rows["what"].astype(str).map(_WORDS),
            "label": names,
            "rank before": found.rows["rank_before"],
            "rank after": found.rows["rank_after"],
            "moved": found.rows["change"],
        }
    )


def _pair() -> tuple[Run, Run]:
    """The open run and the one it is compared with, the earlier first.

    Raises:
        InputError: the run before is gone, or has no values.
    """
    current = the_run()
    later = [run for run in corrected_runs(current.id) if results(run) is not None]
    if later:
        return current, later[0]
    corrections = the_results(current).job.corrections
    number = None if corrections is None else corrections.after_run
    earlier = None if number is None else workspace().run(number)
    if earlier is None or results(earlier) is None:
        raise InputError("The run that this one is compared with has no values.")
    return earlier, current
