"""What `auto` found out on damaged trusted rows before it chose, shown on the Performance page."""

import pandas as pd
import streamlit as st

from dvgs_core.data.wording import percent
from dvgs_core.evaluation.calibration import Calibration
from dvgs_core.methods.candidates import in_words
from dvgs_core.review.bulk import Cut
from dvgs_core.store import Run
from ui import performance, style
from ui.components import facts
from ui.queue_form import ask_for
from ui.results import the_results
from ui.state import QueueChoice

_ORDER = (
    *("candidate", "weight", "auroc", "standard_error", "precision", "spearman"),
    *("looks_for", "seconds", "settings", "note"),
)
_EVEN = 0.5  # a value is the probability that the row is sound


def show(run: Run) -> None:
    """Candidates with what is expected of them, the estimated rate, and the cut; else nothing."""
    turns = performance.calibrations(run)
    if not turns:
        return
    st.subheader("Which method can be trusted here?", anchor=False)
    found = turns[0] if len(turns) == 1 else _chosen(turns)
    if found.warning:
        st.warning(style.plain(found.warning), icon=":material/warning:")
    st.markdown(style.plain(" ".join(found.conclusion)))
    known = found.rate is not None
    facts(
        {
            "estimated share of damaged rows": "not estimated"
            if found.rate is None
            else percent(found.rate, 1),
            "expected AUROC": f"{found.auroc:.3f}",
            "recommended cut, rows": f"{found.cut:,}" if known else "–",
            "expected damaged among them": expected_damaged(found),
            "trusted rows in the trials": f"{found.trial_rows:,}",
            "seconds of trials": f"{found.seconds:.1f}",
        }
    )
    _candidates(found.candidates)
    if all(one.rate is not None for one in turns):
        _to_the_queue(run, len(turns))


def _chosen(turns: list[Calibration]) -> Calibration:
    """Each turn has a target of its own, and so trials of its own."""
    st.caption(
        f"{len(turns)} targets took turns, and each turn had trials of its own. Where they say "
        "different things, rely on what they have in common."
    )
    at = st.segmented_control(
        "Turn",
        range(len(turns)),
        format_func=lambda turn: f"Turn {turn + 1}",
        default=0,
        required=True,
        key="performance.turn",
        label_visibility="collapsed",
    )
    return turns[at]


def _to_the_queue(run: Run, turns: int) -> None:
    """The rows of all turns that are more likely damaged than sound, and the way to them."""
    values = the_results(run).values["value"].dropna()
    low = values[values < _EVEN]
    if low.empty:
        return
    words, button = st.columns([4, 1.7], vertical_alignment="center")
    words.caption(
        style.plain(
            f"{'Over all turns' if turns > 1 else 'In all'}, {style.count(len(low), 'row')} of "
            f"{len(values):,} are more likely damaged than sound; {percent(1 - low.mean())} of "
            "them are expected to be damaged."
        )
    )
    if button.button(
        f"Review {style.count(len(low), 'row')}",
        icon=":material/arrow_forward:",
        width="stretch",
        key="performance.review_damaged",
    ):
        ask_for(QueueChoice("cut", cut=str(Cut("rows", float(len(low))))))
        st.switch_page("pages/review.py")


def expected_damaged(found: Calibration) -> str:
    """Such as "80% (72 to 87%)"."""
    if found.precision is None:
        return "–"
    if found.precision_range is None:  # of a run from before there was one
        return percent(found.precision)
    low, high = found.precision_range
    return f"{percent(found.precision)} ({100 * low:.0f} to {percent(high)})"


def candidates(found: pd.DataFrame) -> pd.DataFrame:
    """A line a candidate: shares in percent, its settings apart, no column that says nothing."""
    words = [in_words(label) for label in found["candidate"]]
    lines = found.assign(
        candidate=[title for title, _ in words],
        settings=[settings for _, settings in words],
        precision=100 * found["precision"],
        weight=100 * found["weight"],
    )
    silent = [name for name in ("settings", "note") if not lines[name].any()]
    if lines["looks_for"].nunique() == 1:
        silent.append("looks_for")
    return lines[[name for name in _ORDER if name not in silent]].dropna(axis=1, how="all")


def _candidates(found: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        candidates(found),
        hide_index=True,
        placeholder="–",
        column_config={
            "candidate": st.column_config.TextColumn("method", width=130),
            "weight": number(
                "used", format="%.0f %%", width=58, help="Its weight in the values of this run."
            ),
            "auroc": number(
                "AUROC",
                format="%.3f",
                width=62,
                help="How often a damaged row lies below a sound one, expected from the trials.",
            ),
            "standard_error": number("±", format="%.3f", width=58, help="Standard error of AUROC."),
            "precision": number(
                "precision",
                format="%.1f %%",
                width=76,
                help="Damaged rows among as many of the lowest as are damaged, expected.",
            ),
            "spearman": number(
                "noise",
                format="%.2f",
                width=58,
                help="Rank correlation of the values with how strong the noise was.",
            ),
            "looks_for": st.column_config.TextColumn("looks for", width=76),
            "seconds": number("seconds", format="%.1f", width=66),
            "settings": st.column_config.TextColumn("settings", width=170),
            "note": st.column_config.TextColumn("note", width=180),
        },
    )
