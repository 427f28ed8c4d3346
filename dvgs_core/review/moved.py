"""What a run on corrected data changed: who entered the lowest rows, who left, how ranks moved."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from dvgs_core.errors import InputError


@dataclass(frozen=True, eq=False)
class Moved:
    """Two runs of the same rows compared.

    Attributes:
        k: how many rows count as the lowest in each run.
        rows: one line a row that is among the lowest in either run: row, what (entered, left,
            stayed or gone: no longer valued), rank_before, rank_after (1 = lowest, Int64, among
            the rows valued in both runs, so that rows that are gone move nothing; missing where
            the row is not one of them), change (rank after minus rank before). Entered first, then
            gone, left, stayed; within each the largest change first.
        agreement: rank correlation of the rows valued in both; NaN for fewer than three.
        both: how many rows are valued in both.
    """

    k: int
    rows: pd.DataFrame
    agreement: float
    both: int

    def count(self, what: str) -> int:
        """How many of the rows entered, left, stayed or are gone."""
        return int((self.rows["what"] == what).sum())


def moved(before: pd.Series, after: pd.Series, *, k: int) -> Moved:
    """Compare two runs.

    Args:
        before, after: value by row id, NaN or left out where a row was not valued; higher = more
            helpful.
        k: how many rows count as the lowest, ≥ 1.

    Raises:
        InputError: k below 1.
    """
    if k < 1:
        raise InputError(f"The lowest rows compared are at least 1; got {k}.")
    first, second = before.dropna().sort_index(), after.dropna().sort_index()
    shared = first.index.intersection(second.index)
    before_rank, after_rank = _ranks(first.loc[shared]), _ranks(second.loc[shared])
    low_before, low_after = _lowest(first, k), _lowest(second, k)
    rows = sorted(low_before | low_after)
    valued = set(second.index)

    def what(row: int) -> str:
        if row in low_after:
            return "stayed" if row in low_before else "entered"
        return "left" if row in valued else "gone"

    frame = pd.DataFrame(
        {
            "row": pd.array(rows, dtype="int64"),
            "what": pd.Categorical(
                [what(row) for row in rows], categories=["entered", "gone", "left", "stayed"]
            ),
            "rank_before": before_rank.reindex(rows).astype("Int64").to_numpy(),
            "rank_after": after_rank.reindex(rows).astype("Int64").to_numpy(),
            "change": (after_rank - before_rank).reindex(rows).astype("Int64").to_numpy(),
        }
    )
    frame["size"] = frame["change"].abs().fillna(0)
    frame = frame.sort_values(["what", "size", "row"], ascending=[True, False, True])
    agreement = np.nan
    if len(shared) > 2:
        pair = rankdata(first.loc[shared]), rankdata(second.loc[shared])
        if all(len(np.unique(ranks)) > 1 for ranks in pair):
            agreement = float(np.corrcoef(*pair)[0, 1])
    return Moved(
        k=k,
        rows=frame.drop(columns="size").reset_index(drop=True),
        agreement=agreement,
        both=len(shared),
    )


def _lowest(values: pd.Series, k: int) -> set[int]:
    ranks = _ranks(values)
    return set(ranks.index[ranks <= k])


def _ranks(values: pd.Series) -> pd.Series:
    """1 = lowest, ties by row id; by row id."""
    order = np.lexsort((values.index.to_numpy(), values.to_numpy()))
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(1, len(values) + 1)
    return pd.Series(ranks, index=values.index)
