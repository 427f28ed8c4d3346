"""How a target stands to its source: classes covered, rows in common. Pure numpy and pandas."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.schema import Labels, Schema
from dvgs_core.data.wording import number

#: A class with fewer target rows than this is told: what it should look like rests on very few.
FEW_ROWS = 10
_PARTS = 10


@dataclass(frozen=True, eq=False)
class Leaks:
    """Source rows that the target knows already.

    Attributes:
        rows: (m,) source rows whose features equal those of a target row.
        twins: (m,) for each, the first such target row.
        differ: (m,) bool, both have a label and the labels differ.
        compared: whether rows could be compared at all.
    """

    rows: NDArray[np.int64]
    twins: NDArray[np.int64]
    differ: NDArray[np.bool_]
    compared: bool = True


def coverage(
    labels: Labels, roles: Schema, target: NDArray[np.int64], source: NDArray[np.int64]
) -> pd.DataFrame:
    """Target against source, by class or by tenths of a quantity.

    Args:
        labels: of all rows.
        target, source: (m,) row ids.

    Returns:
        Two lines a class, target first: name, group, share (of the group), rows, few (bool: the
        source has the class, the target fewer than 10 rows of it). Empty in a reconstruction.
    """
    if roles.task == "reconstruction":
        return pd.DataFrame(columns=["name", "group", "share", "rows", "few"])
    if roles.task == "classification":
        codes, names = labels.y, [str(name) for name in labels.names]
    else:
        codes, names = _tenths(labels)
    counts = {
        "target": np.bincount(codes[target], minlength=len(names)),
        "source": np.bincount(codes[source], minlength=len(names)),
    }
    few = (counts["target"] < FEW_ROWS) & (counts["source"] > 0)
    parts = [
        pd.DataFrame(
            {"name": names, "group": group, "share": n / max(n.sum(), 1), "rows": n, "few": few}
        )
        for group, n in counts.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _tenths(labels: Labels) -> tuple[NDArray[np.int64], list[str]]:
    """Parts of a quantity with about equally many rows, lowest first."""
    known = labels.y[~labels.missing]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _PARTS + 1)))
    inner = edges[1:-1]
    names = [f"{number(a)} to {number(b)}" for a, b in pairwise(edges)] or [number(edges[0])]
    codes = np.zeros(len(labels.y), dtype=np.int64)
    codes[~labels.missing] = np.searchsorted(inner, known, side="right")
    return codes, names


def exact_leaks(
    codes: NDArray[np.int64] | None,
    labels: Labels,
    roles: Schema,
    target: NDArray[np.int64],
    source: NDArray[np.int64],
) -> Leaks:
    """Source rows whose features equal those of a target row.

    Args:
        codes: (n,) from `same_rows`, or None where rows cannot be compared.
        labels: of all rows.
        target, source: (m,) row ids, ascending, disjoint.
    """
    nothing = np.empty(0, np.int64)
    if codes is None:
        return Leaks(nothing, nothing, np.empty(0, bool), compared=False)
    first = np.full(int(codes.max()) + 1, -1, np.int64)
    first[codes[target][::-1]] = target[::-1]  # the first of several is written last
    twin = first[codes[source]]
    rows, twins = source[twin >= 0], twin[twin >= 0]
    differ = np.zeros(len(rows), bool)
    if roles.task != "reconstruction":
        both = ~labels.missing[rows] & ~labels.missing[twins]
        differ = both & (labels.y[rows] != labels.y[twins])
    return Leaks(rows, twins, differ)


def near_leaks(
    pairs: NDArray[np.int64],
    codes: NDArray[np.int64] | None,
    target: NDArray[np.int64],
    source: NDArray[np.int64],
    n: int,
) -> NDArray[np.int64]:
    """Pairs that lie across: a source row and a target row that is nearly the same.

    Args:
        pairs: (m, 2) row ids of rows that are nearly the same.
        codes: (n,) from `same_rows`: pairs that are exactly the same are left out.
        target, source: row ids; those from n on (of a target file) are in no pair.

    Returns:
        (k, 2) int64: source row, target row; in the order of the pairs.
    """
    side = np.zeros(n, np.int8)
    side[source[source < n]] = 1
    side[target[target < n]] = 2
    first, second = pairs[:, 0], pairs[:, 1]
    across = side[first] + side[second] == 3
    if codes is not None:
        across &= codes[first] != codes[second]
    first, second = first[across], second[across]
    turned = side[first] == 2
    return np.stack([np.where(turned, second, first), np.where(turned, first, second)], axis=1)
