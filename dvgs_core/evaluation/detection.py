"""How well low values find rows that are known to be damaged."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from dvgs_core.data.wording import percent
from dvgs_core.errors import InputError

#: Shares of the rows at which people ask what inspecting them would find.
SHARES = (0.05, 0.1, 0.2)
_BY_CHANCE = 0.05


@dataclass(frozen=True, eq=False)
class Detection:
    """Damaged rows found when rows are inspected from the lowest value up.

    Attributes:
        auroc: chance that a damaged row has a lower value than a sound one; ties count half.
        average_precision: mean precision at each damaged row found; tied rows count together.
        curve: tidy frame with columns inspected and found, fractions from exactly 0 to exactly 1.
            Tied rows are inspected in their given order.
        damaged: how many rows are damaged.
    """

    auroc: float
    average_precision: float
    curve: pd.DataFrame
    damaged: int

    @property
    def roc(self) -> pd.DataFrame:
        """Columns false_positive and true_positive, rates from exactly 0 to exactly 1.

        Rows come in the curve's order, so the area can differ from `auroc` where values are tied.
        """
        n = len(self.curve) - 1
        inspected = np.arange(n + 1)
        found = (self.curve["found"] * self.damaged).round()
        return pd.DataFrame(
            {
                "false_positive": (inspected - found) / (n - self.damaged),
                "true_positive": self.curve["found"],
            }
        )

    @property
    def precision_recall(self) -> pd.DataFrame:
        """Columns recall and precision, a line for each number of rows inspected from 1 on."""
        found = (self.curve["found"] * self.damaged).round().iloc[1:]
        return pd.DataFrame(
            {
                "recall": self.curve["found"].iloc[1:].to_numpy(),
                "precision": found.to_numpy() / np.arange(1, len(self.curve)),
            }
        )

    @property
    def conclusion(self) -> str:
        """What inspecting the lowest tenth finds, and what chance would, in a sentence."""
        n = len(self.curve) - 1
        k = max(1, round(n / 10))
        found = float(self.curve["found"].iloc[k])
        return (
            f"Among the lowest {k:,} of {n:,} rows are {percent(found)} of the {self.damaged:,} "
            f"damaged ones (by chance {percent(k / n)}); a damaged row lies below a sound one in "
            f"{percent(self.auroc, 1)} of pairs."
        )

    @property
    def recommended_rows(self) -> int:
        """How many of the lowest rows to inspect to find most for the effort.

        Where the share found is furthest above the share inspected, which is what inspecting as
        many by chance would find; of several such numbers the smallest. 0 where it is not further
        above than the values of damaged and sound rows would be by chance, one time in twenty.

        Source: Youden 1950 (the index; the share of sound rows inspected gives the same place);
        Smirnov 1939 (how far it may be by chance).
        """
        n = len(self.curve) - 1
        sound = n - self.damaged
        gain = self.curve["found"].to_numpy() - np.arange(n + 1) / n
        by_chance = np.sqrt(-np.log(_BY_CHANCE) / 2 * n / (self.damaged * sound)) * sound / n
        if gain.max() <= by_chance:
            return 0
        # gains that differ by rounding alone are equal
        return int(np.argmax(gain >= gain.max() - 1e-12))

    @property
    def recommendation(self) -> str:
        """The recommended number of rows and what it finds, in a sentence."""
        k, n = self.recommended_rows, len(self.curve) - 1
        if k == 0:
            return (
                "No number of the lowest rows finds clearly more of the damage than chance would."
            )
        found, precision = float(self.curve["found"].iloc[k]), self.precision_at(k)
        return (
            f"Inspecting the lowest {percent(k / n)} ({k:,} row{'' if k == 1 else 's'}) finds most "
            f"for the effort: {percent(found)} of the damaged rows, at a precision of "
            f"{percent(precision)}."
        )

    def at_shares(self) -> pd.DataFrame:
        """What inspecting some shares of the rows finds, and the recommended number of them.

        Returns:
            Columns inspected (share), rows, precision (share of damaged rows among them), found
            (share of all damaged rows); a line for each of `SHARES`, and a last one for the
            recommended number of rows where there is one.
        """
        n = len(self.curve) - 1
        rows = [max(1, round(share * n)) for share in SHARES]
        shares = [*SHARES]
        if best := self.recommended_rows:
            rows, shares = [*rows, best], [*shares, best / n]
        return pd.DataFrame(
            {
                "inspected": shares,
                "rows": rows,
                "precision": [self.precision_at(k) for k in rows],
                "found": self.curve["found"].iloc[rows].to_numpy(),
            }
        )

    def precision_at(self, k: int) -> float:
        """Share of damaged rows among the k lowest, or among all rows where there are fewer.

        Raises:
            InputError: k is below 1.
        """
        if k < 1:
            raise InputError(f"k is a number of rows, at least 1; got {k}.")
        k = min(k, len(self.curve) - 1)
        return float(self.curve["found"].iloc[k] * self.damaged / k)


def detection(mask: ArrayLike, values: ArrayLike) -> Detection:
    """AUROC, average precision and the found-against-inspected curve.

    Args:
        mask: (n,) bool, true = damaged.
        values: (n,) float, higher = more helpful.

    Raises:
        InputError: lengths differ, a value is not finite, or all rows are of one kind.

    Source: Evans et al. 2024, section 3 (detection = AUROC of damaged against -value).
    """
    damaged = np.asarray(mask, dtype=bool)
    score = np.asarray(values, dtype=np.float64)
    if damaged.shape != score.shape or damaged.ndim != 1:
        raise InputError(
            f"mask and values must be one entry a row; shapes {damaged.shape} and {score.shape}."
        )
    if not np.isfinite(score).all():
        raise InputError(f"{(~np.isfinite(score)).sum()} values are missing or infinite.")
    positives = int(damaged.sum())
    negatives = len(damaged) - positives
    if positives == 0 or negatives == 0:
        raise InputError(
            f"Detection needs damaged and sound rows; {positives} are damaged, {negatives} sound."
        )
    ranks = rankdata(-score)
    auroc = (ranks[damaged].sum() - positives * (positives + 1) / 2) / (positives * negatives)

    order = np.argsort(score, kind="stable")
    found = np.concatenate([[0], np.cumsum(damaged[order])])
    # precision is read at the end of each run of equal values, so that ties count together
    ends = np.flatnonzero(np.diff(score[order], append=np.inf)) + 1
    precision, recall = found[ends] / ends, found[ends] / positives
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    curve = pd.DataFrame(
        {"inspected": np.arange(len(found)) / len(damaged), "found": found / positives}
    )
    return Detection(float(auroc), average, curve, positives)
