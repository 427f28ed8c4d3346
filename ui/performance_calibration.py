"""What `auto` found out on damaged trusted rows before it chose, shown on the Performance page."""

import pandas as pd
import streamlit as st

from dvgs_core.evaluation.calibration import Calibration
from dvgs_core.review.bulk import Cut
from dvgs_core.store import Run
from ui import performance, style
from ui.components import facts
from ui.queue_form import ask_for
from ui.state import QueueChoice


def show(run: Run) -> None:
    """Candidates with what is expected of them, the estimated rate, and the cut; else nothing."""
    told = performance.calibration(run)
    if told is None:
        return
    found = Calibration.of(told)
    st.subheader("Which method can be trusted here?", anchor=False)
    if found.warning:
        st.warning(style.plain(found.warning), icon=":material/warning:")
    st.markdown(style.plain(" ".join(found.conclusion)))
    known = found.rate is not None
    facts(
        {
            "estimated share of damaged rows": f"{found.rate:.1%}" if known else "not estimated",
            "expected AUROC": f"{found.auroc:.3f}",
            "recommended cut, rows": f"{found.cut:,}" if known else "–",
            "expected damaged among them": expected_damaged(found),
            "trusted rows in the trials": f"{found.trial_rows:,}",
            "seconds of trials": f"{found.seconds:.1f}",
        }
    )
    st.dataframe(candidates(found), hide_index=True)
    if found.cut and st.button(
        f"Review the {found.cut:,} rows below the cut", icon=":material/arrow_forward:"
    ):
        ask_for(QueueChoice("cut", cut=str(Cut("rows", float(found.cut)))))
        st.switch_page("pages/review.py")


def expected_damaged(found: Calibration) -> str:
    """Such as "80% (72 to 87%)"."""
    if found.precision is None:
        return "–"
    if found.precision_range is None:  # of a run from before there was one
        return f"{found.precision:.0%}"
    low, high = found.precision_range
    return f"{found.precision:.0%} ({100 * low:.0f} to {high:.0%})"


def candidates(found: Calibration) -> pd.DataFrame:
    """A line a candidate, without columns that say nothing here."""
    return found.candidates.dropna(axis=1, how="all").round(3)
