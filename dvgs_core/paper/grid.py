"""Table 4's grid in one pass a network shape: 18 trainings side by side, four similarities each.

Settings that share a network's shape train as members of one stack: balanced or not, and three
learning rates. A gradient's inner product and norm give all four similarities. So 2,304 settings
are 576 trainings in 96 stacks. Every member has the same initial parameters, batches and dropout
masks as `DVGS(restarts=1, seed=seed, ...)` has, so each number is the one that DVGS would give.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvgs_core.gradients.block import Block, PreparedLayer, Workspace, prepare
from dvgs_core.gradients.similarity import Similarity, similarity
from dvgs_core.models.dropout import Dropout, row_hashes
from dvgs_core.models.losses import CrossEntropy
from dvgs_core.models.network import Network, mlp
from dvgs_core.models.training import (
    SOURCE_STREAM,
    TARGET_STREAM,
    Adam,
    batch_gradient,
    batches,
    row_weights,
)
from dvgs_core.samples import Samples

SIMILARITIES: tuple[str, ...] = get_args(Similarity)
BALANCED = (True, False)
LEARNING_RATES = (1e-2, 1e-3, 1e-4)
TARGET_BATCHES = (100, 200, 400)
#: What makes a network's shape, by setting.
SHAPES = {
    "dropout": (0.0, 0.25, 0.5, 0.75),
    "normalise": (True, False),
    "layers": (1, 2),
    "activation": ("mish", "relu"),
}


def shapes() -> Iterator[dict[str, Any]]:
    """The 32 network shapes, as settings."""
    for levels in product(*SHAPES.values()):
        yield dict(zip(SHAPES, levels, strict=True))


@dataclass(frozen=True)
class Valued:
    """One setting of the grid and its values.

    Attributes:
        settings: target_batch, balanced, learning_rate, similarity.
        values: (n_source,) float64.
    """

    settings: dict[str, Any]
    values: NDArray[np.float64]


def grid_values(
    source: Samples,
    target: Samples,
    shape: dict[str, Any],
    *,
    classes: int,
    epochs: int = 100,
    seed: int = 0,
) -> list[Valued]:
    """Values under all 72 settings that share a network's shape.

    The three batch sizes run in threads of their own, each on one core.

    Args:
        source, target: classification rows.
        shape: one of `shapes`.
        classes: how many.
        epochs: passes over the target.
        seed: as for DVGS.
    """
    network = mlp(source.X.shape[1], classes, **shape)

    def stack(batch: int) -> list[Valued]:
        return list(_stack(network, source, target, batch, epochs, seed))

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # the smallest batch takes most steps, so it begins first
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return [one for stacked in pool.map(stack, TARGET_BATCHES) for one in stacked]
    finally:
        torch.set_num_threads(threads)


def _stack(
    network: Network, source: Samples, target: Samples, batch: int, epochs: int, seed: int
) -> Iterator[Valued]:
    """Train the six members of one batch size, score every step, give 24 settings."""
    members = list(product(LEARNING_RATES, BALANCED))
    parameters = network.initial(1, seed).repeat(len(members), 1)
    # views: members of one learning rate stand together
    by_rate = parameters.split(len(BALANCED))
    adams = [Adam(some, rate) for some, rate in zip(by_rate, LEARNING_RATES, strict=True)]
    X, y = torch.from_numpy(target.X), torch.from_numpy(target.y)
    ids = torch.from_numpy(target.ids)
    scorer = _Scorer(network, source)
    sums = torch.zeros(len(SIMILARITIES), len(members), len(source), dtype=torch.float64)
    steps = 0
    for steps, order in enumerate(batches(len(X), batch, 1, epochs, seed), start=1):
        rows = torch.from_numpy(order).expand(len(members), -1)
        weights = torch.cat([row_weights(y[rows[:1]], balanced=balanced) for balanced in BALANCED])
        gradient, _ = batch_gradient(
            network,
            parameters,
            CrossEntropy(),
            X[rows],
            y[rows],
            ids[rows],
            weights.repeat(len(LEARNING_RATES), 1),
            _alike(network.dropout, seed, TARGET_STREAM, steps - 1, len(members)),
        )
        dot, norm = scorer.score(parameters, gradient, seed, steps - 1)
        target_norm = torch.linalg.vector_norm(gradient, dim=1)
        for total, kind in zip(sums, SIMILARITIES, strict=True):
            total += similarity(dot, norm, target_norm, kind=kind)
        for adam, some, pull in zip(adams, by_rate, gradient.split(len(BALANCED)), strict=True):
            adam.update(some, pull)
    for (rate, balanced), of_member in zip(members, sums.transpose(0, 1), strict=True):
        for kind, total in zip(SIMILARITIES, of_member, strict=True):
            chosen = dict(target_batch=batch, balanced=balanced, learning_rate=rate)
            yield Valued(chosen | {"similarity": kind}, total.numpy() / steps)


def _alike(rate: float, seed: int, stream: int, step: int, members: int) -> Dropout:
    """The same masks for all members."""
    dropout = Dropout(rate, seed, stream, step, 1)
    dropout.member_keys = dropout.member_keys * members
    return dropout


class _Scorer:
    """Inner products and norms of all source rows, one member at a time."""

    def __init__(self, network: Network, source: Samples) -> None:
        self.network = network
        self.X, self.y = torch.from_numpy(source.X), torch.from_numpy(source.y)
        self.hashes = row_hashes(torch.from_numpy(source.ids))
        self.lengths = torch.linalg.vector_norm(self.X, dim=1, keepdim=True).square_()
        self.workspace = Workspace(self.X)

    def score(
        self, parameters: Tensor, gradient: Tensor, seed: int, step: int
    ) -> tuple[Tensor, Tensor]:
        """Two (members, rows) tensors."""
        dropout = Dropout(self.network.dropout, seed, SOURCE_STREAM, step, 1)
        layers = prepare(self.network, parameters, gradient, dropout, "float32")
        dots, norms = [], []
        for m in range(len(parameters)):
            one = slice(m, m + 1)
            those = [PreparedLayer(e.joined[one], e.bias[one], e.back[one]) for e in layers]
            block = Block(self.network, CrossEntropy(), those, slice(0, 1), dropout, self.workspace)
            dot, norm = block.score(self.X, self.y, self.hashes, self.lengths, by_label=False)
            dots.append(dot[0, :, 0])
            norms.append(norm[0, :, 0])
        return torch.stack(dots), torch.stack(norms)
