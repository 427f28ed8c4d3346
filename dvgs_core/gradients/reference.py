"""The slow, obviously right versions: one backward pass a row, gradients built in full.

Nothing here shares code with the fast path beyond the parameters' layout and the dropout masks;
autograd does the differentiation. Shipped so that anyone can check a value they doubt.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dvgs_core.gradients.similarity import similarity
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.network import NORMALISATION_EPSILON, Network

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mish": nn.functional.mish,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
    "tanh": torch.tanh,
}


def network_output(
    network: Network, parameters: Tensor, x: Tensor, row_id: int, dropout: Dropout, member: int
) -> Tensor:
    """One member's output for one row, differentiable in `parameters`.

    Args:
        parameters: (parameters,) of that member.
        x: (features,).

    Returns:
        (outputs,).
    """
    start, h = 0, x
    for index, (rows, columns) in enumerate(network.shapes):
        matrix = parameters[start : start + rows * columns].reshape(rows, columns)
        start += rows * columns
        h = h @ matrix[:-1] + matrix[-1]
        if network.activated[index]:
            if network.dropout > 0:
                h = h * dropout.scale(torch.tensor([row_id]), index, columns)[member, 0].to(h.dtype)
            h = _ACTIVATIONS[network.activation](h)
            if network.normalise:
                h = nn.functional.layer_norm(h, (columns,), eps=NORMALISATION_EPSILON)
    return h


def row_loss(output: Tensor, y: Tensor) -> Tensor:
    """Loss of one row: cross entropy for an integer y, mean squared error otherwise."""
    if not y.is_floating_point():
        return nn.functional.cross_entropy(output, y)
    return (output - y).square().mean()


def row_gradients(
    network: Network, parameters: Tensor, X: Tensor, y: Tensor, ids: Tensor, dropout: Dropout
) -> Tensor:
    """Every row's whole gradient, by one backward pass a row and member.

    Args:
        parameters: (members, parameters).
        X: (rows, features); y: (rows,) int64 or (rows, outputs); ids: (rows,) int64.

    Returns:
        (members, rows, parameters): large. For a few rows of a small network only.
    """
    members = []
    for m, member in enumerate(parameters):
        leaf = member.detach().clone().requires_grad_()
        rows = []
        for x, label, row_id in zip(X, y, ids.tolist(), strict=True):
            output = network_output(network, leaf, x, row_id, dropout, m)
            rows.append(torch.autograd.grad(row_loss(output, label), leaf)[0])
        members.append(torch.stack(rows))
    return torch.stack(members)


def row_similarities(
    network: Network,
    parameters: Tensor,
    gradient: Tensor,
    X: Tensor,
    y: Tensor,
    ids: Tensor,
    dropout: Dropout,
    *,
    kind: str = "cosine",
) -> Tensor:
    """(members, rows) similarity of every row's gradient to `gradient` (members, parameters)."""
    by_row = row_gradients(network, parameters, X, y, ids, dropout)
    dot = torch.einsum("mrp,mp->mr", by_row, gradient)
    return similarity(
        dot,
        torch.linalg.vector_norm(by_row, dim=2),
        torch.linalg.vector_norm(gradient, dim=1),
        kind=kind,
    )
