"""Exact Shapley values of a nearest-neighbours learner, in closed form.

The game: a coalition of source rows predicts each target row by its k nearest members, and is worth
how well it does. For this learner the Shapley value of a row needs no coalition: sort the source
rows by distance to the target row, then one pass from the farthest to the nearest. n rows and m
target rows cost m sorts of n numbers.

Source: Jia et al. 2019, "Efficient task-specific data valuation for nearest neighbor algorithms"
(arXiv 1908.08619), theorems 1 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.methods.registry import register
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

# distances and orders of one block of target rows: 8 bytes each, some ten arrays at once
_BLOCK_NUMBERS = 4_000_000
_FEWEST_STEPS = 20


class KnnShapleySettings(Settings):
    """Which neighbours count."""

    k: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="Neighbours",
        description="Source rows that predict a target row, the nearest ones.",
        json_schema_extra={"unit": "rows"},
    )


@register(
    "knn-shapley",
    KnnShapleySettings,
    title="Shapley value of neighbours",
    help="How much a row helps its neighbourhood to predict the trusted rows; exact.",
    tasks=("classification", "regression"),
)
class KnnShapley(Base[KnnShapleySettings]):
    """Exact Shapley values of k nearest neighbours, the mean over target rows.

    A coalition predicts a target row by its k nearest members (Euclidean distance of the encoded
    features; ties by row id). Classification: it is worth the share of k that have the target row's
    class, so a coalition of fewer than k rows is worth at most its size / k. Regression: it is
    worth the negative squared error, where the prediction is the sum of the nearest labels over k;
    labels are first standardised by the target's mean and spread, so an empty coalition predicts
    the target's mean. Values sum to the worth of all source rows less that of none.
    """

    declared = KnnShapleySettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step a block of target rows; values are means over the target rows so far."""
        import torch

        from dvgs_core.models.threads import operation_threads
        from dvgs_core.trajectory.device import resolve_device

        classes = agreed("knn-shapley", source, target, classes)
        assert source.y is not None and target.y is not None
        device = resolve_device(self.device)
        n, m, k = len(source), len(target), self.settings.k
        by_id = np.argsort(source.ids, kind="stable")  # sorting is stable, so ties go by row id
        source_y, target_y = source.y[by_id], target.y
        if not classes:
            centre, spread = float(target_y.mean()), float(target_y.std()) or 1.0
            source_y, target_y = (source_y - centre) / spread, (target_y - centre) / spread
        kind = torch.int64 if classes else torch.float64
        X = torch.from_numpy(source.X[by_id]).to(device, torch.float64)
        y = torch.from_numpy(source_y).to(device, kind)
        lengths = X.square().sum(dim=1)
        weight = torch.arange(1, n + 1, device=device, dtype=torch.float64)
        weight = weight.clamp(max=k) / (k * weight)

        sums = torch.zeros(n, dtype=torch.float64, device=device)
        squares = torch.zeros_like(sums)
        pulls = torch.zeros(n, classes, dtype=torch.float64, device=device)
        block = max(1, min(_BLOCK_NUMBERS // n, -(-m // _FEWEST_STEPS)))
        starts = range(0, m, block)
        for index, start in enumerate(starts):
            rows = slice(start, start + block)
            T = torch.from_numpy(target.X[rows]).to(device, torch.float64)
            y_target = torch.from_numpy(target_y[rows]).to(device, kind)
            with operation_threads(T.numel() * n):
                # half the squared distance, less what all source rows of a target row share
                distance = torch.addmm(lengths[None] / 2, T, X.T, alpha=-1)
                order = torch.argsort(distance, dim=1, stable=True)
                if classes:
                    shares = _classification((y[order] == y_target[:, None]).double(), weight)
                    # what a row of the target row's class gains over one of another
                    pull = torch.empty_like(shares)
                    pull.scatter_(1, order, weight.expand(len(T), -1))
                    pulls.index_add_(1, y_target, pull.T.contiguous())
                else:
                    shares = _regression(y[order], y_target, k, weight)
                by_row = torch.empty_like(shares).scatter_(1, order, shares)
                sums += by_row.sum(dim=0)
                squares += by_row.square().sum(dim=0)
            done = start + len(T)
            label_values = None
            if classes:
                other = (sums[:, None] + pulls - pulls.gather(1, y[:, None])) / done
                label_values = _back(other, by_id)
            yield only_step(
                _back(sums / done, by_id),
                label_values=label_values,
                standard_error=_back(_standard_error(sums, squares, done), by_id),
                index=index,
                total=len(starts),
                similarity=_back(by_row.mean(dim=0), by_id),
            )


def _classification(matches: Tensor, weight: Tensor) -> Tensor:
    """Shapley values of the rows of each line, nearest first.

    Args:
        matches: (target rows, n) float64, 1 where the row has the target row's class.
        weight: (n,) min(k, i) / (k i) for i = 1..n.

    Returns:
        (target rows, n): s_n = match_n weight_n, s_i = s_(i+1) + (match_i - match_(i+1)) weight_i.
    """
    shares = matches * weight
    shares[:, :-1] -= matches[:, 1:] * weight[:-1]
    return shares.flip(1).cumsum(dim=1).flip(1)


def _regression(y: Tensor, y_target: Tensor, k: int, weight: Tensor) -> Tensor:
    """Shapley values of the rows of each line, nearest first, for the negative squared error.

    Neighbours i and i + 1 differ by (y_(i+1) - y_i) weight_i (c_i / k - 2 y_target), where c_i adds
    up the labels that share the k places with them: each as often as a coalition holds it there.
    The level follows from the sum, which is the worth of all rows less that of none.

    Args:
        y: (target rows, n) float64 labels, nearest first.
        y_target: (target rows,).
        weight: (n,) min(k, i) / (k i) for i = 1..n.
    """
    import torch

    n = y.shape[1]
    position = torch.arange(1, n + 1, dtype=torch.float64, device=y.device)
    everyone = y[:, :k].sum(dim=1) / k
    total = y_target.square() - (everyone - y_target).square()
    if n == 1:
        return total[:, None]
    i = position[:-1]
    # nearer rows than i: each among the first k - 1 of a coalition
    nearer = torch.zeros_like(y)
    nearer[:, 1:] = y[:, :-1].cumsum(dim=1)
    nearer = nearer[:, :-1] * ((i - 1).clamp(max=k - 1) / (i - 1).clamp(min=1))
    # rows beyond i + 1: less often, the more lie in between
    place = position[2:]
    often = (place - 1).clamp(max=k) * (place - 2).clamp(max=k - 1) / ((place - 1) * (place - 2))
    beyond = torch.zeros_like(y[:, :-1])
    beyond[:, :-1] = (y[:, 2:] * often).flip(1).cumsum(dim=1).flip(1)
    beyond = beyond * (i / i.clamp(max=k))
    shared = nearer + y[:, :-1] + y[:, 1:] + beyond
    drop = (y[:, 1:] - y[:, :-1]) * weight[:-1] * (shared / k - 2 * y_target[:, None])
    shares = torch.zeros_like(y)
    shares[:, :-1] = drop.flip(1).cumsum(dim=1).flip(1)
    return shares + ((total - shares.sum(dim=1)) / n)[:, None]


def _standard_error(sums: Tensor, squares: Tensor, count: int) -> Tensor:
    """(n,) of the mean over target rows, were those a draw; NaN after one."""
    if count < 2:
        return sums * float("nan")
    variance = (squares - sums.square() / count).clamp(min=0) / (count - 1)
    return (variance / count).sqrt()


def _back(by_id: Tensor, positions: np.ndarray) -> np.ndarray:
    """Rows in the source's order, of rows in the order of their ids."""
    found = np.empty(by_id.shape)
    found[positions] = by_id.cpu().numpy()
    return found
