"""Rows closer to each other than a distance, without comparing every row with every other.

The principal components of two rows differ by no more than the rows do. So the rows are cut into
small groups that lie together in the first few components, and a group is compared only with rows
whose components come near enough to it. What is compared is measured exactly, by
`nearest_among`, and the result is that of comparing all with all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.neighbours.duplicates import near_duplicates
from dvgs_core.neighbours.exact import Neighbours, nearest_among
from dvgs_core.neighbours.layout import principal_components
from dvgs_core.neighbours.points import checked_points

#: Components by which groups are cut and told to be far apart.
COMPONENTS = 12
#: Rows of a group; fewer are cut no further.
GROUP = 512
#: Part of a distance by which rounding may move a component.
_ROUNDING = 1e-4


def close_pairs(
    X: Any, threshold: float, k: int, between: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of rows that are at most `threshold` apart, exact duplicates among them.

    Args:
        X: (n, d) finite numbers.
        threshold: largest distance, ≥ 0, in the unit of the columns.
        k: pairs are looked for among the k nearest rows of each, 1 ≤ k < n.
        between: called at first, and before each group of rows is compared.

    Returns:
        What `near_duplicates(nearest_neighbours(X, k), threshold)` gives.
    """
    between()
    points = checked_points(X)
    n = len(points)
    components = principal_components(points, min(COMPONENTS, points.shape[1]))
    reach = threshold + _ROUNDING * (threshold + float(np.abs(components).max(initial=0.0)))
    indices = np.zeros((n, k), dtype=np.int64)
    distances = np.full((n, k), np.inf, dtype=np.float32)
    for group in _groups(components):
        between()
        low, high = components[group].min(axis=0), components[group].max(axis=0)
        outside = np.maximum(np.maximum(low - components, components - high), 0)
        beside = np.flatnonzero(np.einsum("nc,nc->n", outside, outside) <= reach**2)
        if len(beside) == 1:
            continue
        found = nearest_among(points[group], points[beside], min(k + 1, len(beside)))
        near = beside[found.indices]
        # each row is its own neighbour, if not behind so many copies of it
        others = near != group[:, None]
        others[others.all(axis=1), -1] = False
        width = near.shape[1] - 1
        indices[group, :width] = near[others].reshape(-1, width)
        distances[group, :width] = found.distances[others].reshape(-1, width)
    return near_duplicates(Neighbours(indices, distances), threshold)


def _groups(components: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Row positions, ascending in each group, cut in halves where they spread most."""
    ready, uncut = [], [np.arange(len(components))]
    while uncut:
        rows = uncut.pop()
        if len(rows) <= GROUP:
            ready.append(rows)
            continue
        here = components[rows]
        along = here[:, np.ptp(here, axis=0).argmax()]
        order = np.argsort(along, kind="stable")
        uncut += [np.sort(half) for half in np.array_split(rows[order], 2)]
    return ready
