"""Rows that are the same, and rows that are nearly the same."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError

if TYPE_CHECKING:
    from dvgs_core.neighbours.exact import Neighbours


def duplicate_groups(rows: Any) -> list[NDArray[np.int64]]:
    """Groups of rows that are exactly the same in every column.

    Args:
        rows: (n, d) array of numbers, or a data frame with columns of any hashable kind. A missing
            value equals a missing value, and 0 equals -0.

    Returns:
        One (size,) int64 array a group of two or more: positions of its rows, ascending. Groups
        come in the order of their first rows; without duplicates the list is empty.

    Raises:
        InputError: not two-dimensional, or a column whose cells cannot be hashed.
    """
    codes = row_codes(rows)
    by_code = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[by_code])) + 1
    groups = [group for group in np.split(by_code, starts) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def near_duplicates(
    neighbours: "Neighbours", threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of rows that are at most `threshold` apart, exact duplicates among them.

    Only pairs within the k neighbours of one of the two rows are seen: where more than k rows lie
    that close together, not every pair of them is listed.

    Args:
        neighbours: of every row, as `nearest_neighbours` gives them.
        threshold: largest distance, ≥ 0, in the unit of the columns.

    Returns:
        pairs: (m, 2) int64, each pair once, lower position first; nearest pairs first, then by
            position.
        distances: (m,) float32.

    Raises:
        InputError: a threshold below 0 or not a number.
    """
    if not threshold >= 0:
        raise InputError(f"threshold must be a distance of at least 0; got {threshold}.")
    rows, places = np.nonzero(neighbours.distances <= threshold)
    pairs = np.stack([rows, neighbours.indices[rows, places]], axis=1).astype(np.int64)
    pairs.sort(axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    distances = neighbours.distances[rows, places][first]
    order = np.argsort(distances, kind="stable")
    return pairs[order], distances[order]


def row_codes(rows: Any) -> NDArray[np.int64]:
    """(n,) int64: the same number for two rows exactly when all their cells are equal."""
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        cells = np.empty((len(rows), max(rows.shape[1], 1)), dtype=np.int64)
        cells[:] = 0
        for j, label in enumerate(rows.columns):
            try:
                cells[:, j] = pd.factorize(rows.iloc[:, j], use_na_sentinel=False)[0]
            except TypeError as error:
                raise InputError(
                    f"Cells of column {label!r} must be single values to be compared; "
                    f"{error}. Leave the column out."
                ) from error
    else:
        cells = np.asarray(rows)
        if cells.ndim != 2 or cells.dtype.kind not in "buif":
            raise InputError(
                "Rows must be a two-dimensional array of numbers or a data frame; got shape "
                f"{cells.shape} of {cells.dtype}."
            )
        if cells.dtype.kind == "f":
            cells = cells + cells.dtype.type(0)  # -0 becomes 0
            cells[np.isnan(cells)] = np.nan  # a NaN has many bit patterns
    if 0 in cells.shape:
        return np.zeros(len(cells), dtype=np.int64)
    cells = np.ascontiguousarray(cells)
    # A row's bytes as one item, so that whole rows are compared at once.
    whole = cells.view(np.dtype((np.void, cells.dtype.itemsize * cells.shape[1]))).ravel()
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)
