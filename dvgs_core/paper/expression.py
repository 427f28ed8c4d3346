"""Experiments 9 and 10: do values of gene-expression profiles follow the replicates' agreement?

The paper values 710,216 LINCS profiles against a target drawn from all of them (9) or from those
with an APC above 0.5 (10). Here the profiles are generated, or are one of three small real sets:

    generated    2,000 perturbations × 6 doses, 4 replicates each; quality = APC
    technical    the same, half of the noise from five technical factors that all rows share
    knockdown    wells of one plate; quality = mean correlation with the perturbation's other wells
    signatures   level-5 signatures; quality = distil_cc_q75, which comes with the data
    doses        wells of one plate as robust z-scores; quality = as for knockdown, over the doses
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from dvgs_core.errors import InputError
from dvgs_core.paper.data import DOSES, KNOCKDOWN, SIGNATURES, DataSets
from dvgs_core.paper.profiles import Profiles, generate_profiles
from dvgs_core.samples import Samples

#: z-scores are cut here, as in the published signatures.
MOST = 10.0
#: The generated set whose noise rows share.
TECHNICAL = "generated, technical noise"
_SMALLEST_SPREAD = 0.05  # of a gene's levels over the vehicle wells


@dataclass(frozen=True, eq=False)
class Expression:
    """Profiles whose quality is known from elsewhere.

    Attributes:
        X: (n, genes) float32 z-scores.
        quality: (n,) float64, agreement of the replicates behind or beside each row.
        group: (n,) int64, the perturbation.
    """

    X: NDArray[np.float32]
    quality: NDArray[np.float64]
    group: NDArray[np.int64]


@dataclass(frozen=True)
class ExpressionSet:
    """One of the sets.

    Attributes:
        name: its name in tables.
        file: the data file, or "" where it is generated.
        target, holdout: rows of each.
        high: the quality above which a row may be in a high-quality target.
        read: gives the profiles, from the data sets, a seed and whether few will do.
    """

    name: str
    file: str
    target: int
    holdout: int
    high: float
    read: Callable[[DataSets, int, bool], Expression]


def _generated(data: DataSets, seed: int, quick: bool) -> Expression:
    return _expression(generate_profiles(60 if quick else 2000, seed=seed))


def _technical(data: DataSets, seed: int, quick: bool) -> Expression:
    return _expression(generate_profiles(60 if quick else 2000, shared=0.5, factors=5, seed=seed))


def _expression(made: Profiles) -> Expression:
    return Expression(np.clip(made.X, -MOST, MOST), made.apc, made.perturbation)


def _knockdown(data: DataSets, seed: int, quick: bool) -> Expression:
    about, X = data.l1000(KNOCKDOWN)
    treated = (about["pert_type"] == "trt_sh").to_numpy()
    return _with_agreement(X[treated], about.loc[treated, "pert_id"].to_numpy())


def _doses(data: DataSets, seed: int, quick: bool) -> Expression:
    about, levels = data.l1000(DOSES)
    vehicle = levels[(about["pert_type"] == "ctl_vehicle").to_numpy()]
    centre = np.median(vehicle, axis=0)
    spread = 1.4826 * np.median(np.abs(vehicle - centre), axis=0)
    X = np.clip((levels - centre) / np.maximum(spread, _SMALLEST_SPREAD), -MOST, MOST)
    treated = (about["pert_type"] == "trt_cp").to_numpy()
    return _with_agreement(X[treated], about.loc[treated, "pert_id"].to_numpy())


def _signatures(data: DataSets, seed: int, quick: bool) -> Expression:
    about, X = data.l1000(SIGNATURES)
    known = about["distil_cc_q75"].notna().to_numpy()
    group = np.unique(about.loc[known, "pert_id"].to_numpy(dtype=str), return_inverse=True)[1]
    quality = about.loc[known, "distil_cc_q75"].to_numpy(dtype=np.float64)
    return Expression(X[known], quality, group)


def _with_agreement(X: NDArray, names: NDArray) -> Expression:
    """Quality from the rows themselves; perturbations with one row have none and are left out."""
    group = np.unique(names.astype(str), return_inverse=True)[1]
    several = np.bincount(group)[group] > 1
    return Expression(X[several], agreement(X[several], group[several]), group[several])


def agreement(X: NDArray, group: NDArray) -> NDArray[np.float64]:
    """Mean Pearson correlation of each row with the other rows of its group.

    Args:
        X: (n, genes), no row constant.
        group: (n,) int64, each with at least 2 rows.

    Returns:
        (n,) in [-1, 1].
    """
    z = X - X.mean(axis=1, keepdims=True, dtype=np.float64)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    sums = np.zeros((group.max() + 1, z.shape[1]))
    np.add.at(sums, group, z)
    others = np.bincount(group)[group] - 1
    return ((sums[group] * z).sum(axis=1) - 1) / others


SETS = {
    s.name: s
    for s in (
        ExpressionSet("generated", "", 1000, 1000, 0.5, _generated),
        ExpressionSet(TECHNICAL, "", 1000, 1000, 0.5, _technical),
        ExpressionSet("knockdown", KNOCKDOWN, 100, 0, 0.5, _knockdown),
        ExpressionSet("signatures", SIGNATURES, 70, 0, 0.3, _signatures),
        ExpressionSet("doses", DOSES, 90, 0, 0.3, _doses),
    )
}
#: Where the target (and holdout) are drawn from.
TARGETS = ("all rows", "high APC")


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of an expression set by role: positions, disjoint."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    holdout: NDArray[np.int64]


def split(chosen: ExpressionSet, expression: Expression, drawn_from: str, seed: int) -> Split:
    """Target and holdout, with probabilities balanced by perturbation; the source is the rest.

    Raises:
        InputError: fewer rows than are to be drawn.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, TARGETS.index(drawn_from)]))
    rows = np.arange(len(expression.X))
    if drawn_from == "high APC":
        rows = rows[expression.quality > chosen.high]
    target, holdout = chosen.target, chosen.holdout
    if len(rows) < 2 * (target + holdout):
        # a small set: half of what there is, in the same proportion
        share = len(rows) / 2 / (target + holdout)
        target, holdout = int(target * share), int(holdout * share)
    if target < 4:
        raise InputError(f"{chosen.name}: {len(rows)} rows are too few to draw a target from.")
    weight = 1 / np.bincount(expression.group[rows])[expression.group[rows]]
    drawn = rng.choice(rows, target + holdout, replace=False, p=weight / weight.sum())
    source = np.setdiff1d(np.arange(len(expression.X)), drawn)
    return Split(source, drawn[:target], drawn[target:])


def samples(expression: Expression, rows: NDArray) -> Samples:
    """These rows, each its own reconstruction target."""
    return Samples(expression.X[rows], None, rows)


def correlations(
    expression: Expression, rows: NDArray, values: NDArray, shown: int = 300
) -> dict[str, Any]:
    """How values, and the mere length of a row, go with quality; and some points to draw.

    Returns:
        spearman and pearson of value and quality, `length`: spearman of the row's length and
        quality, and points: [quality, value] of at most `shown` rows.
    """
    quality = expression.quality[rows]
    length = np.linalg.norm(expression.X[rows], axis=1)
    some = np.linspace(0, len(rows) - 1, min(shown, len(rows))).astype(int)
    return {
        "spearman": round(float(spearmanr(values, quality).statistic), 5),
        "pearson": round(float(pearsonr(values, quality).statistic), 5),
        "length": round(float(spearmanr(length, quality).statistic), 5),
        "points": np.stack([quality[some], values[some]], axis=1).round(4).tolist(),
    }
