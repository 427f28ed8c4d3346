"""Exact Euclidean nearest neighbours, by matrix products that are then proved right.

The squared distance |a|² + |b|² - 2 a·b costs one matrix product for all pairs, but it cancels:
close pairs lose their digits. So the product only nominates. It gives a lower bound of each
distance (its rounding error, bounded by a multiple of |a|² + |b|², is subtracted), the few rows
with the lowest bounds are measured in float64 by their differences, and when the best bound of
all others is above the k-th measured distance, nothing was missed. Rows where that proof fails
(ties, near duplicates) are searched again among all rows whose float64 bound allows it.

The result is that of measuring every pair (`reference.py`), bit for bit: it depends neither on
the block size nor on the device, and rows at the same distance come in the order of their index.

Cost: n² d multiply-adds. On two idle cores 50,000 rows of 50 columns take 7 s, 48,842 rows of
one-hot categories full of ties 10 s, 60,021 raw rows of 280 columns 34 s. Memory: the points in
float64, turned by column and as the products need them, and one block of products (64 MB).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.neighbours.duplicates import row_codes
from dvgs_core.neighbours.points import checked_points

if TYPE_CHECKING:
    import torch

#: Bytes that one block of products may take.
BLOCK_BYTES = 64 * 2**20
#: Queries that are turned to float64 at once, where they are not the references themselves.
QUERIES_AT_ONCE = 16_384
#: Candidates measured beyond k; more make the proof succeed more often and cost measuring.
MARGIN = 8
#: Squared differences below this underflow when measured, so it is added to what is measured.
UNDERFLOW = 1e-300
#: Pairs that are measured at once where a row has many candidates.
PAIRS_AT_ONCE = 2**20


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of each row, nearest first.

    Attributes:
        indices: (n, k) int64, positions in the rows searched; ties by lower position.
        distances: (n, k) float32, Euclidean, in the unit of the columns, ascending.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]


def nearest_neighbours(
    X: Any, k: int, *, device: str = "cpu", block_rows: int | None = None
) -> Neighbours:
    """The k nearest other rows of every row.

    A row is never its own neighbour, but its exact duplicates are, at distance 0.

    Args:
        X: (n, d) finite numbers.
        k: neighbours of a row, 1 ≤ k < n.
        device: torch device of the matrix products; the result does not depend on it.
        block_rows: rows compared with all others at once; None finds it from 64 MB. The result
            does not depend on it.

    Returns:
        Neighbours of n rows.

    Raises:
        InputError: k outside 1..n-1, or X with values that are not finite (the rows are named).
    """
    points = checked_points(X)
    n = len(points)
    if not 1 <= k < n:
        raise InputError(
            f"k must be from 1 to {n - 1} (one less than the {n} rows); got {k}. "
            "Ask for fewer neighbours or give more rows."
        )
    return _Search(points, points, k, exclude_self=True, device=device).run(block_rows)


def nearest_among(
    queries: Any,
    references: Any,
    k: int,
    *,
    device: str = "cpu",
    block_rows: int | None = None,
) -> Neighbours:
    """The k nearest reference rows of every query row.

    Args:
        queries: (n, d) finite numbers.
        references: (m, d) finite numbers; a query that is among them finds itself at distance 0.
        k: neighbours of a row, 1 ≤ k ≤ m.
        device, block_rows: as in `nearest_neighbours`.

    Returns:
        Neighbours of n rows; indices are positions in `references`.

    Raises:
        InputError: different numbers of columns, k outside 1..m, or values that are not finite.
    """
    queries = checked_points(queries, "queries")
    references = checked_points(references, "references")
    if queries.shape[1] != references.shape[1]:
        raise InputError(
            f"queries and references must have the same columns; got {queries.shape[1]} and "
            f"{references.shape[1]}. Encode both with the same encoder."
        )
    if not 1 <= k <= len(references):
        raise InputError(
            f"k must be from 1 to {len(references)} (the number of references); got {k}."
        )
    parts = [
        _Search(part, references, k, exclude_self=False, device=device).run(block_rows)
        for part in np.split(queries, range(QUERIES_AT_ONCE, len(queries), QUERIES_AT_ONCE))
    ]
    return Neighbours(
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.distances for part in parts]),
    )


def pair_distances(
    first: NDArray[np.floating], second: NDArray[np.floating], rows: Any, columns: Any
) -> NDArray[np.float64]:
    """Squared distances of chosen pairs, by differences, in float64.

    Features are added one after the other, so that a pair's distance has the same bits whatever
    it is measured together with.

    Args:
        first: (d, n) float, *transposed* points.
        second: (d, m) float, transposed points.
        rows: integers into `first`'s n points, of any shape.
        columns: integers into `second`'s m points, broadcasting with `rows`.

    Returns:
        Float64 of the broadcast shape.
    """
    total = np.zeros(np.broadcast_shapes(np.shape(rows), np.shape(columns)))
    for a, b in zip(first, second, strict=True):
        difference = a[rows].astype(np.float64) - b[columns]
        difference *= difference
        total += difference
    return total


class _Search:
    """One search: what is computed once for all blocks, and the two passes over them."""

    def __init__(
        self,
        queries: NDArray[np.floating],
        references: NDArray[np.floating],
        k: int,
        *,
        exclude_self: bool,
        device: str,
    ) -> None:
        import torch

        self.k = k
        self.device = torch.device(device)
        # Of a group of duplicates only the first k (and the row itself) can be among the k nearest:
        # the others are as far and come later. Thousands of empty rows would otherwise all tie.
        self.kept = _first_copies(references, k + exclude_self)
        references = references[self.kept] if len(self.kept) < len(references) else references
        n, d = queries.shape
        # Where each query stands among the kept references, or -1.
        self.own = np.full(n, -1)
        if exclude_self:
            self.own[self.kept] = np.arange(len(self.kept))

        alone = exclude_self and len(references) == n  # both sides are the same: hold them once
        shift = references.mean(axis=0, dtype=np.float64)
        self.references = references - shift
        self.queries = self.references if alone else queries - shift
        largest = max(np.abs(self.queries).max(), np.abs(self.references).max())
        # A power of two, so that scaling is exact; float32 would overflow beyond 1e19.
        self.scale = 2.0 ** min(-int(np.frexp(largest)[1]), 400)
        self.references *= self.scale
        if not alone:
            self.queries *= self.scale
        self.query_norms = np.einsum("nd,nd->n", self.queries, self.queries)
        self.reference_norms = np.einsum("nd,nd->n", self.references, self.references)
        self.references_by_column = np.ascontiguousarray(references.T)
        self.queries_by_column = (
            self.references_by_column if alone else np.ascontiguousarray(queries.T)
        )
        # How far a computed bound may be above the true one, in units of |a|² + |b|²: rounding of
        # the d products and their sum (d), of the norms, the casting and the last addition (< 16).
        # In float64 the rounding of the norms and of what is measured counts as well (3 d + 16).
        # The second number covers underflow.
        self.error = {
            dtype: (units * torch.finfo(dtype).eps / 2, 4 * d * torch.finfo(dtype).tiny)
            for dtype, units in ((torch.float32, d + 17), (torch.float64, 4 * d + 32))
        }
        self.on_device: dict[torch.dtype, tuple[torch.Tensor, torch.Tensor]] = {}
        self.places: dict[torch.dtype, torch.Tensor] = {}

    def run(self, block_rows: int | None) -> Neighbours:
        import torch

        n = len(self.queries)
        indices = np.empty((n, self.k), dtype=np.int64)
        distances = np.empty((n, self.k), dtype=np.float64)
        # Reduced products (TF32, bfloat16) would break the bound on the rounding error.
        single = torch.get_float32_matmul_precision() == "highest"
        dtype = torch.float32 if single else torch.float64
        start = 0
        while start < n:
            stop = min(start + self._rows(block_rows, dtype.itemsize), n)
            block = np.arange(start, stop)
            indices[block], distances[block], proved = self._nominate(block, dtype)
            doubtful = block[~proved]
            rows = self._rows(block_rows, 6 * 8)
            for part in range(0, len(doubtful), rows):
                some = doubtful[part : part + rows]
                found = self._search_all(some, distances[some, -1])
                indices[some], distances[some] = found
            # Data of few dimensions or tight clusters: float32 settles nothing, so stop trying.
            if len(doubtful) * 4 > len(block) and self.device.type != "mps":
                dtype = torch.float64
            start = stop
        return Neighbours(self.kept[indices], np.sqrt(distances).astype(np.float32))

    def _nominate(
        self, block: NDArray[np.int64], dtype: "torch.dtype"
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
        """Measure the rows with the lowest bounds; say where they are proved the nearest.

        Returns:
            indices (rows, k) int64 among the kept references, squared distances (rows, k)
            float64, and proved (rows,) bool.
        """
        others = len(self.references) - (self.own[block] >= 0)
        candidates = int(min(self.k + MARGIN, others.min()))
        bounds, nominated = self._bounds(block, dtype).topk(
            candidates, dim=1, largest=False, sorted=False
        )
        best_of_others = bounds.amax(1).double().cpu().numpy() + self._own_bounds(block, dtype)
        best_of_others /= self.scale**2
        columns = nominated.cpu().numpy()
        measured = pair_distances(
            self.queries_by_column, self.references_by_column, block[:, None], columns
        )
        order = np.lexsort((columns, measured), axis=1)[:, : self.k]
        columns = np.take_along_axis(columns, order, axis=1)
        measured = np.take_along_axis(measured, order, axis=1)
        proved = (best_of_others > measured[:, -1] + UNDERFLOW) | (candidates == others)
        return columns, measured, proved

    def _search_all(
        self, block: NDArray[np.int64], within: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Measure every reference that may be as near as `within`, a bound of the k-th distance.

        Args:
            block: (rows,) positions of queries.
            within: (rows,) float64, squared; at least k references are that near.

        Returns:
            indices (rows, k) int64 among the kept references; squared distances (rows, k) float64.
        """
        import torch

        bounds = self._bounds(block, torch.float64)
        limit = (within + UNDERFLOW) * self.scale**2 - self._own_bounds(block, torch.float64)
        near_enough = bounds <= torch.as_tensor(limit, device=bounds.device)[:, None]
        found = torch.nonzero(near_enough).cpu().numpy()
        rows, columns = found[:, 0], found[:, 1]
        measured = np.empty(len(rows))
        for start in range(0, len(rows), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            measured[part] = pair_distances(
                self.queries_by_column,
                self.references_by_column,
                block[rows[part]],
                columns[part],
            )
        order = np.lexsort((columns, measured, rows))
        first = np.searchsorted(rows, np.arange(len(block)))
        chosen = order[first[:, None] + np.arange(self.k)]
        return columns[chosen], measured[chosen]

    def _bounds(self, block: NDArray[np.int64], dtype: "torch.dtype") -> "torch.Tensor":
        """(rows, m) lower bounds of the scaled squared distances, less `_own_bounds`.

        Infinite for the row itself. What is the same for a whole row is left out, because adding
        it would cost a pass over the block and does not change the order. The next call writes
        over them.
        """
        import torch

        device = self.device
        if device.type == "mps" and dtype is torch.float64:
            device = torch.device("cpu")  # that kind of device knows no float64
        relative, absolute = self.error[dtype]
        if dtype not in self.on_device:
            self.on_device[dtype] = (
                torch.as_tensor(self.references, dtype=dtype, device=device),
                torch.as_tensor(
                    self.reference_norms * (1 - relative) - absolute, dtype=dtype, device=device
                ),
            )
        references, norms = self.on_device[dtype]
        queries = torch.as_tensor(self.queries[block], dtype=dtype, device=device)
        # one place for all blocks: memory new to the process takes as long as the products
        place = self.places.get(dtype)
        if place is None or len(place) < len(block):
            place = torch.empty((len(block), len(references)), dtype=dtype, device=device)
            self.places[dtype] = place
        bounds = torch.addmm(norms, queries, references.T, alpha=-2, out=place[: len(block)])
        inside = np.flatnonzero(self.own[block] >= 0)
        bounds[inside, self.own[block][inside]] = torch.inf
        return bounds

    def _own_bounds(self, block: NDArray[np.int64], dtype: "torch.dtype") -> NDArray[np.float64]:
        """(rows,) float64, the part of the lower bounds that is the same for a whole row."""
        return self.query_norms[block] * (1 - self.error[dtype][0])

    def _rows(self, block_rows: int | None, bytes_each: int) -> int:
        if block_rows is not None:
            return max(1, block_rows)
        return int(np.clip(BLOCK_BYTES // (bytes_each * len(self.references)), 1, 4096))


def _first_copies(points: NDArray[np.floating], most: int) -> NDArray[np.int64]:
    """Positions of the first `most` copies of every distinct row, ascending."""
    codes = row_codes(points)
    by_code = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[by_code], codes[by_code])
    copies = np.arange(len(codes)) - starts
    return np.sort(by_code[copies < most])
