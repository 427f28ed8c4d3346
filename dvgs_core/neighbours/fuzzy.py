"""The graph that UMAP lays out: how much each row and its neighbours belong together.

The same numbers as umap-learn's `fuzzy_simplicial_set`, up to rounding, in a few passes over
arrays; umap-learn compiles its own for several seconds in every process.

Source: McInnes et al. 2018 (arXiv 1802.03426), section 3.1.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dvgs_core.neighbours.exact import Neighbours

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

#: How exactly the memberships of a row's neighbours add up, and how often that is tried.
TOLERANCE = 1e-5
_TRIES = 64
#: Least width of a row's kernel, as a share of the mean distance to its neighbours.
_LEAST_WIDTH = 1e-3


def fuzzy_graph(graph: Neighbours) -> "coo_matrix":
    """Memberships of pairs of rows, of either row's view.

    Args:
        graph: the k nearest other rows of every row, k ≥ 1.

    Returns:
        (n, n) symmetric, float32 in (0, 1].
    """
    from scipy.sparse import csr_matrix

    n, k = graph.indices.shape
    beyond, widths = _kernels(graph.distances.astype(np.float64))
    membership = np.exp(-beyond / widths[:, None]).astype(np.float32)
    starts = np.arange(0, n * k + 1, k)
    seen = csr_matrix((membership.ravel(), graph.indices.ravel(), starts), shape=(n, n))
    both = seen.multiply(seen.T)
    return (seen + seen.T - both).tocoo()


def _kernels(distances: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each neighbour is beyond the nearest that is no copy, and the row's kernel width.

    The width is such that the memberships of a row's neighbours add up to the logarithm of how
    many there are, the row itself counted as one.

    Args:
        distances: (n, k), ascending.

    Returns:
        (n, k) and (n,).
    """
    n, k = distances.shape
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    nearest[~np.isfinite(nearest)] = 0.0
    beyond = np.maximum(distances - nearest[:, None], 0.0)
    wanted = np.log2(k + 1)
    low, high, width = np.zeros(n), np.full(n, np.inf), np.ones(n)
    open_rows = np.arange(n)
    for _ in range(_TRIES):
        total = np.exp(-beyond[open_rows] / width[open_rows, None]).sum(axis=1)
        left = np.abs(total - wanted) >= TOLERANCE
        open_rows, total = open_rows[left], total[left]
        if not len(open_rows):
            break
        wide = total > wanted
        high[open_rows[wide]] = width[open_rows[wide]]
        low[open_rows[~wide]] = width[open_rows[~wide]]
        bounded = np.isfinite(high[open_rows])
        middle = (low[open_rows] + high[open_rows]) / 2
        width[open_rows] = np.where(bounded, middle, 2 * width[open_rows])
    # the row itself, at distance 0, is one of those that its mean is taken over
    own = distances.sum(axis=1) / (k + 1)
    least = np.where(nearest > 0, own, own.mean())
    return beyond, np.maximum(np.maximum(width, _LEAST_WIDTH * least), np.finfo(float).tiny)
