"""What a second run changed."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.errors import InputError
from dvgs_core.review.moved import moved


def test_who_entered_left_stayed_and_is_gone():
    before = pd.Series([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], index=[10, 11, 12, 13, 14, 15])
    after = pd.Series([9.0, 1.0, np.nan, 0.0, 4.0, 5.0], index=before.index)
    found = moved(before, after, k=3)
    lines = found.rows.set_index("row")
    assert lines["what"].to_dict() == {
        13: "entered",
        14: "entered",
        12: "gone",
        10: "left",
        11: "stayed",
    }
    assert lines.loc[10, ["rank_before", "rank_after"]].tolist() == [1, 5]
    # row 12 is gone, so row 13 was the third lowest of those that both runs valued, not the fourth
    assert lines.loc[13, ["rank_before", "rank_after"]].tolist() == [3, 1]
    assert lines.loc[12, ["rank_before", "rank_after", "change"]].isna().all()
    # among the five rows that both runs valued: 10 11 13 14 15 became 13 11 14 15 10
    assert lines["change"].dropna().to_dict() == {10: 4, 11: 0, 13: -2, 14: -1}
    assert found.both == 5 and [found.count(w) for w in ("entered", "left", "gone")] == [2, 1, 1]
    assert lines.index[0] == 13  # the larger change first


def test_rank_before_and_change_add_up_to_rank_after_whichever_rows_are_gone():
    rng = np.random.default_rng(3)
    before = pd.Series(rng.normal(size=300))
    after = (before + rng.normal(0, 0.5, 300)).drop(before.nsmallest(40).index[::2])
    before = before.drop(before.nlargest(20).index)
    lines = moved(before, after, k=60).rows
    there = lines.dropna(subset=["change"])
    assert (there["rank_before"] + there["change"] == there["rank_after"]).all() and len(there) > 50
    assert there["rank_after"].max() <= moved(before, after, k=60).both
    gone = lines[lines["what"] == "gone"]
    assert len(gone) == 20 and gone["rank_before"].isna().all()


def test_the_same_run_has_moved_nothing():
    values = pd.Series(np.random.default_rng(0).normal(size=50))
    found = moved(values, values, k=10)
    assert found.agreement == pytest.approx(1) and found.count("stayed") == 10
    assert len(found.rows) == 10 and (found.rows["change"] == 0).all()


def test_reversed_ranks_disagree_and_few_rows_have_no_agreement():
    values = pd.Series(np.arange(9.0))
    assert moved(values, -values, k=2).agreement == pytest.approx(-1)
    assert np.isnan(moved(values.head(2), values.head(2), k=1).agreement)
    assert np.isnan(moved(values, values * 0, k=1).agreement)


def test_at_least_one_row_is_compared():
    with pytest.raises(InputError, match="at least 1"):
        moved(pd.Series([1.0]), pd.Series([1.0]), k=0)
