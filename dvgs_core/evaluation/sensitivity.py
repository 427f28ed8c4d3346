"""How much a ranking depends on which rows happened to be the target."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dvgs_core.data.wording import percent
from dvgs_core.errors import InputError
from dvgs_core.evaluation.agreement import LOWEST, agreement
from dvgs_core.samples import Samples, Valuation

Value = Callable[[Samples, Samples, int], Valuation]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Rankings of the same rows under several draws of the target.

    Attributes:
        pairs: tidy frame, one line a pair of draws: a, b, spearman, overlap of the lowest 5 %.
        spearman: mean over the pairs.
        overlap: mean over the pairs.
        rows: frame, one line a row that every draw valued, least steady first: row, mean_percentile
            (0 = lowest value), spread (standard deviation of its percentile over the draws), lowest
            (share of the draws in which it is among the lowest 5 %).
        conclusion: one sentence.
    """

    pairs: pd.DataFrame
    spearman: float
    overlap: float
    rows: pd.DataFrame
    conclusion: str


def sensitivity(values: ArrayLike, *, ids: ArrayLike | None = None) -> Sensitivity:
    """Compare rankings of the same rows under several draws of the target.

    Args:
        values: (draws, n), higher = more helpful; NaN = no value.
        ids: (n,) row ids; None: 0 .. n-1.

    Raises:
        InputError: fewer than two draws, or too few rows that every draw values.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise InputError(
            f"Sensitivity needs two draws or more as rows; the shape is {table.shape}."
        )
    n = table.shape[1]
    rows = np.arange(n) if ids is None else np.asarray(ids)
    names = [f"draw {i + 1}" for i in range(len(table))]
    compared = agreement(dict(zip(names, table, strict=True)), ids=rows, most=n)
    percentile = compared.disagreement[names].to_numpy()
    # a row is among the lowest k where fewer than k others lie below it
    lowest = percentile * (compared.rows - 1) < compared.k
    frame = pd.DataFrame(
        {
            "row": compared.disagreement["row"],
            "mean_percentile": percentile.mean(axis=1),
            "spread": percentile.std(axis=1),
            "lowest": lowest.mean(axis=1),
        }
    ).sort_values(["spread", "row"], ascending=[False, True], ignore_index=True)
    spearman = float(compared.pairs["spearman"].mean())
    overlap = float(compared.pairs["overlap"].mean())
    if spearman >= 0.9 and overlap >= 0.7:
        said = "the ranking hardly depends on which rows are the target"
    elif spearman >= 0.7:
        said = (
            "the order as a whole stands, single rows move: look at the lowest under several draws"
        )
    else:
        said = "the ranking depends on the target: make the target larger or more typical"
    conclusion = (
        f"Over {len(table)} draws of the target, two rankings have the rank correlation "
        f"{spearman:.2f} and share {percent(overlap)} of their lowest {percent(LOWEST)} on "
        f"average: {said}."
    )
    return Sensitivity(compared.pairs, spearman, overlap, frame, conclusion)


def values_under_other_targets(
    value: Value,
    source: Samples,
    pool: Samples,
    *,
    draws: int = 5,
    share: float = 0.5,
    seed: int = 0,
) -> Iterator[NDArray[np.float64]]:
    """Value the source under several draws from the trusted rows; `sensitivity` compares them.

    Classes keep their proportions in every draw, each class with a row at least. Draws overlap.

    Args:
        value: called with source, target and a seed; gives the valuation. With a method by name:
            `lambda s, t, seed: methods.create(name, seed=seed).value(s, t)`.
        source: the rows to value.
        pool: all trusted rows.
        draws: how many targets.
        share: of the pool in each of them.
        seed: root of the draws.

    Yields:
        (n_source,) values of one draw, as they are known.

    Raises:
        InputError: fewer than two draws, or a share outside of (0, 1).
    """
    if draws < 2:
        raise InputError(f"Sensitivity needs two draws or more; got {draws}.")
    if not 0 < share < 1:
        raise InputError(f"share is a part of the trusted rows, above 0 and below 1; got {share}.")
    for sequence in np.random.SeedSequence(seed).spawn(draws):
        rng = np.random.default_rng(sequence)
        rows = _drawn(pool, share, rng)
        yield value(source, pool.rows(rows), int(rng.integers(2**31))).values


def _drawn(pool: Samples, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    codes = pool.y if pool.task == "classification" else np.zeros(len(pool), np.int64)
    picked = []
    for code in np.unique(codes):  # type: ignore[arg-type]  # classification has codes
        mine = rng.permutation(np.flatnonzero(codes == code))
        picked.append(mine[: max(1, round(share * len(mine)))])
    return np.sort(np.concatenate(picked))
