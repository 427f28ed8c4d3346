"""Training all members on the target together: batches, weights, Adam."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import Loss
from dvgs_core.models.narrow import product
from dvgs_core.models.network import Network
from dvgs_core.models.passes import backward, forward
from dvgs_core.models.workspace import Workspace

TARGET_STREAM, SOURCE_STREAM = 0, 1


def batches(rows: int, batch: int, members: int, epochs: int, seed: int) -> Iterator[np.ndarray]:
    """Positions of each optimiser step's target rows, a fresh shuffle each epoch and member.

    Yields:
        (members, rows of the batch) int64; the last batch of an epoch may be shorter. A batch that
        holds every row comes in order and is the same for all members.
    """
    if batch >= rows:
        everything = np.tile(np.arange(rows), (members, 1))
        for _ in range(epochs):
            yield everything
        return
    sequences = np.random.SeedSequence([seed, 1]).spawn(members)
    generators = [np.random.default_rng(sequence) for sequence in sequences]
    for _ in range(epochs):
        shuffled = np.stack([rng.permutation(rows) for rng in generators])
        for start in range(0, rows, batch):
            yield shuffled[:, start : start + batch]


def row_weights(y: Tensor, *, balanced: bool) -> Tensor:
    """Weights of the rows of a batch, summing to 1 for each member.

    Args:
        y: (members, rows) int64 classes, or any shape (members, rows, ...) if not balanced.
        balanced: every class present in the batch carries the same total weight.

    Returns:
        (members, rows) float32.
    """
    members, rows = y.shape[:2]
    if not balanced:
        return torch.full((members, rows), 1 / rows, device=y.device)
    counts = torch.zeros(members, int(y.max()) + 1, device=y.device)
    counts.scatter_add_(1, y, torch.ones(y.shape, device=y.device))
    present = (counts > 0).sum(dim=1, keepdim=True)
    return 1 / (counts.gather(1, y) * present)


def batch_gradient(
    network: Network,
    parameters: Tensor,
    loss: Loss,
    X: Tensor,
    y: Tensor,
    ids: Tensor,
    weights: Tensor,
    dropout: Dropout,
    workspace: Workspace | None = None,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradient of the weighted loss of a batch, for every member.

    Args:
        parameters: (members, parameters) float32.
        X: (members, rows, features); y: (members, rows[, outputs]); ids, weights: (members, rows).
        workspace: buffers to use again at the next step; no result is one of them.
        out: (members, parameters) to write the gradient into; None makes one.

    Returns:
        (members, parameters) gradient and (members,) loss.
    """
    layers = network.layers(parameters)
    passed = forward(network, layers, X, ids, dropout, workspace)
    value = (loss.rows(passed.output, y) * weights).sum(dim=1)
    d = loss.gradient(passed.output, y) * weights.unsqueeze(2)
    gradient = torch.empty_like(parameters) if out is None else out
    for view, a, d_layer in zip(
        network.layers(gradient),
        passed.inputs,
        backward(network, layers, passed, d.unsqueeze(2), workspace),
        strict=True,
    ):
        d_layer = d_layer.squeeze(2)
        given = a.expand(len(d_layer), -1, -1).transpose(1, 2)
        product(given, d_layer, view[:, :-1])
        torch.sum(d_layer, dim=1, out=view[:, -1])
    return gradient, value


class Adam:
    """Adam (Kingma and Ba 2015) on one flat matrix of parameters, in place; torch's defaults."""

    def __init__(self, parameters: Tensor, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.first = torch.zeros_like(parameters)
        self.second = torch.zeros_like(parameters)
        self.step = 0

    def update(self, parameters: Tensor, gradient: Tensor) -> None:
        """One step downhill."""
        self.step += 1
        # what torch.optim.Adam(fused=True) calls: one pass over memory instead of seven
        torch._fused_adam_(
            *([parameters], [gradient], [self.first], [self.second], []),
            [torch.tensor(float(self.step), device=parameters.device)],
            lr=self.learning_rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
