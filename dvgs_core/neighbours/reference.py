"""Nearest neighbours by measuring every pair: slow, obviously right, what `exact` must equal."""

import numpy as np
from numpy.typing import NDArray

from dvgs_core.neighbours.exact import Neighbours


def measured_neighbours(
    queries: NDArray[np.floating],
    references: NDArray[np.floating],
    k: int,
    *,
    exclude_self: bool = False,
) -> Neighbours:
    """The k nearest references of every query, by sorting all measured distances.

    Args:
        queries: (n, d) finite float.
        references: (m, d) finite float.
        k: neighbours of a row; k ≤ m, or k < m with `exclude_self`.
        exclude_self: query i is reference i, and not its own neighbour.

    Returns:
        Neighbours of n rows. Costs n × m × d operations and three times n × m × 8 bytes.
    """
    total = np.zeros((len(queries), len(references)))
    for a, b in zip(queries.T, references.T, strict=True):
        total += np.square(a[:, None].astype(np.float64) - b[None, :])
    if exclude_self:
        np.fill_diagonal(total, np.inf)
    # A stable sort keeps equal distances in the order of their index.
    indices = np.argsort(total, axis=1, kind="stable")[:, :k]
    distances = np.sqrt(np.take_along_axis(total, indices, axis=1))
    return Neighbours(indices, distances.astype(np.float32))
