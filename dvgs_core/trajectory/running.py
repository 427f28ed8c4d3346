"""Values so far, and how sure they are, as similarities come in."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dvgs_core.trajectory.plan import Plan

_BATCH_MEANS = 5


class RunningMean:
    """Mean similarity of every row over checkpoints and members, and how sure it is.

    Args:
        plan: says how many members, checkpoints and classes there are.
        rows: how many are scored.
    """

    def __init__(self, plan: Plan, rows: int) -> None:
        members, classes = plan.settings.restarts, plan.classes
        self.plan, self.count = plan, 0
        self.sums = np.zeros(rows)
        self.label_sums = np.zeros((rows, classes)) if plan.suggests else None
        self.batches = min(_BATCH_MEANS, plan.checkpoints)
        self.batch_sums = np.zeros((members, self.batches, rows), dtype=np.float32)
        self.batch_counts = np.zeros(self.batches, dtype=int)

    def add(self, own: Tensor, by_label: Tensor | None) -> NDArray[np.float32]:
        """Take in one checkpoint; returns (rows,) float32, its mean over members."""
        batch = self.count * self.batches // self.plan.checkpoints
        similarity = own.mean(dim=0).cpu().numpy()
        self.batch_sums[:, batch] += own.cpu().numpy()
        self.batch_counts[batch] += 1
        self.sums += similarity
        if self.label_sums is not None and by_label is not None:
            self.label_sums += by_label.mean(dim=0).cpu().numpy()
        self.count += 1
        return similarity

    @property
    def values(self) -> NDArray[np.float64]:
        """(rows,) float64."""
        return self.sums / self.count

    @property
    def label_values(self) -> NDArray[np.float64] | None:
        """(rows, classes) float64, or None."""
        return None if self.label_sums is None else self.label_sums / self.count

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """(rows,) float64, by batch means.

        Neighbouring checkpoints are alike, so each member's checkpoints are cut into up to 5
        stretches and the stretches' means are taken as independent draws. Cautious: a drift that
        all rows share during training counts as uncertainty.
        """
        used = self.batch_counts > 0
        means = self.batch_sums[:, used] / self.batch_counts[used][None, :, None]
        draws = means.reshape(-1, means.shape[2])
        if len(draws) < 2:
            return np.full(draws.shape[1], np.nan)
        return draws.std(axis=0, ddof=1, dtype=np.float64) / np.sqrt(len(draws))

    def state(self) -> dict[str, NDArray]:
        """All sums, copied."""
        labels = {} if self.label_sums is None else {"mean.label_sums": self.label_sums.copy()}
        return labels | {
            "mean.count": np.array(self.count),
            "mean.sums": self.sums.copy(),
            "mean.batch_sums": self.batch_sums.copy(),
            "mean.batch_counts": self.batch_counts.copy(),
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """As it was when `state` was called."""
        self.count = int(state["mean.count"])
        self.sums = state["mean.sums"].copy()
        self.batch_sums = state["mean.batch_sums"].copy()
        self.batch_counts = state["mean.batch_counts"].copy()
        if self.label_sums is not None:
            self.label_sums = state["mean.label_sums"].copy()
