"""How far several rankings of the same rows agree, and on which rows they do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from dvgs_core.data.wording import number, percent
from dvgs_core.errors import InputError

LOWEST = 0.05  # share of rows that a person would look at first


@dataclass(frozen=True, eq=False)
class Agreement:
    """Several rankings compared.

    Attributes:
        names: of the rankings, in the order given.
        pairs: tidy frame, one line a pair: a, b, spearman, overlap (share of the k lowest rows of a
            that are among the k lowest of b).
        disagreement: tidy frame, the rows on which rankings differ most, worst first: row, gap
            (largest difference of percentiles, 0 to 1), lowest_in and highest_in (names), and one
            column a ranking with the row's percentile there (0 = lowest value).
        k: how many lowest rows were compared.
        rows: how many rows have a value in every ranking; only they count.
        conclusion: one sentence.
    """

    names: tuple[str, ...]
    pairs: pd.DataFrame
    disagreement: pd.DataFrame
    k: int
    rows: int
    conclusion: str

    @property
    def spearman(self) -> pd.DataFrame:
        """(rankings, rankings) correlations, 1 on the diagonal."""
        return self._matrix("spearman")

    @property
    def overlap(self) -> pd.DataFrame:
        """(rankings, rankings) shares of the k lowest rows in common, 1 on the diagonal."""
        return self._matrix("overlap")

    def _matrix(self, column: str) -> pd.DataFrame:
        matrix = pd.DataFrame(np.eye(len(self.names)), index=self.names, columns=self.names)
        for a, b, share in self.pairs[["a", "b", column]].itertuples(index=False):
            matrix.loc[a, b] = matrix.loc[b, a] = share
        return matrix


def agreement(
    values: Mapping[str, ArrayLike],
    *,
    ids: ArrayLike | None = None,
    k: int | None = None,
    most: int = 20,
) -> Agreement:
    """Compare rankings of the same rows.

    Args:
        values: by name of the method or run, (n,) each, higher = more helpful; NaN = no value.
        ids: (n,) row ids; None: 0 .. n-1. Ties among the lowest go to the lower id.
        k: how many lowest rows to compare; None: 5 % of the rows, at least one.
        most: how many rows of disagreement to list.

    Raises:
        InputError: fewer than two rankings, lengths differ, fewer than 3 rows have a value in all
            of them, a ranking is constant, or k is out of bounds.
    """
    names = tuple(values)
    if len(names) < 2:
        raise InputError(f"Agreement needs at least two rankings; {len(names)} came.")
    columns = [np.asarray(column, dtype=np.float64) for column in values.values()]
    n = len(columns[0]) if columns[0].ndim == 1 else -1
    for name, column in zip(names, columns, strict=True):
        if column.shape != (n,):
            raise InputError(
                "All rankings must have one value a row, of the same rows; "
                f"{name} has the shape {column.shape}, {names[0]} {columns[0].shape}."
            )
    rows = np.arange(n) if ids is None else np.asarray(ids)
    if rows.shape != (n,):
        raise InputError(f"ids must have one entry a row ({n}); their shape is {rows.shape}.")
    table = np.stack(columns)
    valued = ~np.isnan(table).any(axis=0)
    table, rows = table[:, valued], rows[valued]
    left = len(rows)
    if left < 3:
        raise InputError(f"Only {left} of {n:,} rows have a value in every ranking; 3 are needed.")
    flat = [name for name, column in zip(names, table, strict=True) if np.ptp(column) == 0]
    if flat:
        raise InputError(f"All values of {flat[0]} are equal: they rank nothing.")
    k = max(1, round(LOWEST * left)) if k is None else k
    if not 1 <= k <= left:
        raise InputError(f"k must be 1 to {left:,}, the rows with a value; got {k}.")

    ranked = np.stack([rankdata(column) for column in table])
    correlation = np.corrcoef(ranked)
    lowest = [set(lowest_rows(column, rows, k).tolist()) for column in table]
    pairs = pd.DataFrame(
        [
            {
                "a": names[i],
                "b": names[j],
                "spearman": float(correlation[i, j]),
                "overlap": len(lowest[i] & lowest[j]) / k,
            }
            for i, j in combinations(range(len(names)), 2)
        ]
    )
    return Agreement(
        names=names,
        pairs=pairs,
        disagreement=_disagreement(names, (ranked - 1) / (left - 1), rows, most),
        k=k,
        rows=left,
        conclusion=_conclusion(pairs, k),
    )


def lowest_rows(values: NDArray[np.float64], ids: NDArray, k: int) -> NDArray:
    """(k,) ids of the lowest values, lowest first; ties by row id."""
    return ids[np.lexsort((ids, values))[:k]]


def overlap_curve(
    a: ArrayLike, b: ArrayLike, *, points: int = 101
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many of the k lowest rows of one ranking are among those of another, for every k.

    Args:
        a, b: (n,) values of the same rows; rows that lack one of them do not count.
        points: how many k to look at, evenly from none to all.

    Returns:
        share of the rows that is looked at, and share of those that both have; (<= points,) each,
        from 0 to 1. By chance the two are equal.

    Raises:
        InputError: the rankings are not of the same rows.
    """
    one, other = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1:
        raise InputError(
            f"Both rankings must have one value a row; shapes {one.shape} and {other.shape}."
        )
    table = np.stack([one, other])
    table = table[:, ~np.isnan(table).any(axis=0)]
    n = table.shape[1]
    order = np.argsort(table, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(n)[None].repeat(2, axis=0), axis=1)
    # a row is among the k lowest of both once k passes the larger of its two ranks
    both = np.append(0, np.cumsum(np.bincount(ranks.max(axis=0), minlength=n)))
    k = np.unique(np.linspace(0, n, min(points, n + 1)).round().astype(int))
    return k / max(n, 1), both[k] / np.maximum(k, 1)


def _disagreement(
    names: tuple[str, ...], percentile: NDArray[np.float64], rows: NDArray, most: int
) -> pd.DataFrame:
    gap = np.ptp(percentile, axis=0)
    worst = np.lexsort((rows, -gap))[:most]
    named = np.array(names, dtype=object)
    return pd.DataFrame(
        {
            "row": rows[worst],
            "gap": gap[worst],
            "lowest_in": named[percentile[:, worst].argmin(axis=0)],
            "highest_in": named[percentile[:, worst].argmax(axis=0)],
            **{name: percentile[i, worst] for i, name in enumerate(names)},
        }
    )


def _conclusion(pairs: pd.DataFrame, k: int) -> str:
    most = pairs.loc[pairs["spearman"].idxmax()]
    least = pairs.loc[pairs["spearman"].idxmin()]
    lowest = "lowest row" if k == 1 else f"{k:,} lowest rows"
    if len(pairs) == 1:
        return (
            f"{most.a} and {most.b} have the rank correlation "
            f"{number(most.spearman, decimals=2)} and share {percent(most.overlap)} of their "
            f"{lowest}."
        )
    return (
        f"{most.a} and {most.b} agree most (rank correlation "
        f"{number(most.spearman, decimals=2)}), {least.a} and {least.b} least "
        f"({number(least.spearman, decimals=2)}); two rankings share "
        f"{percent(pairs['overlap'].mean())} of their {lowest} on average."
    )
