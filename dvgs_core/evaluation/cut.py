"""How many of the lowest rows to remove, by a filtering curve."""

from dataclasses import dataclass

import pandas as pd

from dvgs_core.data.wording import number
from dvgs_core.evaluation.filtering import random_removal
from dvgs_core.evaluation.scores import METRIC_NAMES

_ROUNDING = 1e-9  # means that differ by less are equal


@dataclass(frozen=True)
class RecommendedCut:
    """The smallest removal that is as good as the best one.

    Attributes:
        removed: share of the source, 0 if removing does no good.
        rows: how many rows that is.
        before, after: score of the networks without and with that removal, mean over replicates.
        error: standard error of the gain.
        lasts: the largest removal that is as good.
        conclusion: the same in one sentence.
        against_random: what removing as many at random does, in a sentence; "" where nothing is
            removed or that was not tried.
    """

    removed: float
    rows: int
    before: float
    after: float
    error: float
    lasts: float
    conclusion: str
    against_random: str


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
    good = means.index[means >= means[best] - error - _ROUNDING]
    removed, lasts = float(good.min()), float(good.max())
    rows = int(left[0.0] - left[removed])
    before, after = float(means[0.0]), float(means[removed])
    own = float(gains[removed].sem()) if len(scores) > 1 else 0.0
    metric = METRIC_NAMES[str(frame["metric"].iloc[0])]
    was, now = (number(score, decimals=3) for score in (before, after))
    if removed > 0:
        within = f" (±{own:.3f})" if own > 0 else ""  # 0 too where all replicates gain alike
        said = (
            f"Dropping the lowest {_percent(removed)} ({rows:,} rows) raises holdout {metric} from "
            f"{was} to {now}{within}; {_end(means, lasts)}."
        )
    else:
        said = (
            f"Dropping the lowest rows does not raise holdout {metric}, {was} with all of "
            f"them; {_end(means, lasts)}."
        )
    chance = random_removal(frame, removed) if removed > 0 else ""
    return RecommendedCut(removed, rows, before, after, own, lasts, said, chance)


def _end(means: pd.Series, lasts: float) -> str:
    """Where the curve begins to fall."""
    later = means[means.index > lasts]
    if not len(later):
        return f"it has not fallen at {_percent(lasts)}, the most that was tried"
    if lasts == 0:
        return f"without the lowest {_percent(later.index[0])} it is {later.iloc[0]:.3f}"
    return f"past {_percent(lasts)} it falls"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
