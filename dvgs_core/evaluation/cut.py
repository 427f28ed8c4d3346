"""How many of the lowest rows to remove, by a filtering curve."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RecommendedCut:
    """The smallest removal that is as good as the best one.

    Attributes:
        removed: share of the source, 0 if removing does no good.
        rows: how many rows that is.
        before, after: score of the networks without and with that removal, mean over replicates.
        conclusion: the same in one sentence.
    """

    removed: float
    rows: int
    before: float
    after: float
    conclusion: str


def recommended_cut(frame: pd.DataFrame) -> RecommendedCut:
    """The one-standard-error rule on the curve of the lowest values.

    Of all removals whose mean score is within one standard error of the best mean, the smallest.
    The error is that of the best point's gain over removing nothing, since replicates share their
    seeds. With a single replicate it is 0, and the best point itself is taken.

    Args:
        frame: what `filtering_curve` returned.

    Source: Breiman et al. 1984 (the rule, for pruning).
    """
    lowest = frame[frame["which"] == "lowest"]
    scores = lowest.pivot(index="replicate", columns="removed", values="score")
    left = lowest.groupby("removed")["rows"].first()
    means = scores.mean()
    gains = scores.sub(scores[0.0], axis=0)
    best = means.idxmax()
    error = float(gains[best].sem()) if len(scores) > 1 else 0.0
    good = means.index[means >= means[best] - error]
    removed = float(good.min())
    rows = int(left[0.0] - left[removed])
    before, after = float(means[0.0]), float(means[removed])
    if removed == 0:
        said = (
            "Removing the lowest rows does not raise the score: the data as it is serves as well."
        )
    else:
        said = (
            f"Removing the lowest {removed:.3g} of the source ({rows:,} rows) is enough: "
            f"{before:.3f} becomes {after:.3f}, and removing more gains no more than chance."
        )
    return RecommendedCut(removed, rows, before, after, said)
