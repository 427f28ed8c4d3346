"""Forward and backward through a stack of networks, keeping each layer's two factors.

A linear layer's gradient for one row is the outer product of what the layer was given and the
loss's gradient at what it gave; both passes hand these factors out and never form the product.
Written by hand rather than with autograd because the factors are all we want, one forward serves
every label, and small networks would spend most of their time in autograd's bookkeeping. Tests
hold it to autograd.

Given a workspace, both passes write into its buffers: what they return then holds until the next
pass with the same workspace.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dvgs_core.models.activations import activate
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.narrow import product
from dvgs_core.models.network import NORMALISATION_EPSILON, Network
from dvgs_core.models.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Forward:
    """What a forward pass leaves for the backward pass.

    Attributes:
        inputs: per layer (members or 1, rows, width_in), what the layer was given.
        slopes: per activated layer (members, rows, width_out), dropout times the activation's
            derivative; None elsewhere.
        deviations: per activated layer (members, rows, 1), 1 / standard deviation of the row
            before normalisation; None elsewhere.
        products: per layer (members, rows, extra), what the columns of the layer beyond its own
            width gave; of width 0 where there are none.
        output: (members, rows, outputs).
    """

    inputs: list[Tensor]
    slopes: list[Tensor | None]
    deviations: list[Tensor | None]
    products: list[Tensor]
    output: Tensor


def forward(
    network: Network,
    layers: list[Tensor],
    X: Tensor,
    ids: Tensor,
    dropout: Dropout,
    workspace: Workspace | None = None,
) -> Forward:
    """Run rows through all members.

    Args:
        layers: per layer (members, width_in + 1, width_out [+ extra]), the bias as last row. Extra
            columns are multiplied by the same inputs but go no further: that is how the target's
            gradient rides along in the same product.
        X: (members or 1, rows, features) float.
        ids: (rows,) or (members, rows) int64 row ids, for dropout.
        workspace: buffers of the calling thread.
    """
    take = (workspace or Workspace(X)).take
    inputs: list[Tensor] = []
    slopes: list[Tensor | None] = []
    deviations: list[Tensor | None] = []
    products: list[Tensor] = []
    a = X
    for index, layer in enumerate(layers):
        members, width = layer.shape[0], network.widths[index + 1]
        gave = take(("product", index), members, a.shape[1], layer.shape[2])
        product(a.expand(members, -1, -1), layer[:, :-1], gave, bias=layer[:, -1:])
        z = gave[..., :width]
        inputs.append(a)
        products.append(gave[..., width:])
        if not network.activated[index]:
            a = z
            slopes.append(None)
            deviations.append(None)
            continue
        if network.dropout > 0:
            scale = dropout.scale(ids, index, width)
            z.mul_(scale)
        shape = tuple(z.shape)
        h, slope = take(("h", index), *shape), take(("slope", index), *shape)
        activate(network.activation, z, h, slope, (take("first", *shape), take("second", *shape)))
        slopes.append(slope.mul_(scale) if network.dropout > 0 else slope)
        deviations.append(_normalise(h) if network.normalise else None)
        a = h
    return Forward(inputs, slopes, deviations, products, a)


def _normalise(h: Tensor) -> Tensor:
    """Bring each row to mean 0 and variance 1, in place; 1 / its standard deviation before."""
    h.sub_(h.mean(dim=2, keepdim=True))
    squares = torch.linalg.vector_norm(h, dim=2, keepdim=True).square_()
    deviation = squares.div_(h.shape[2]).add_(NORMALISATION_EPSILON).rsqrt_()
    h.mul_(deviation)
    return deviation


def backward(
    network: Network,
    layers: list[Tensor],
    passed: Forward,
    output_gradient: Tensor,
    workspace: Workspace | None = None,
) -> list[Tensor]:
    """The loss's gradient at every linear layer's output.

    Args:
        layers: as given to `forward`.
        output_gradient: (members, rows, labels, outputs); the third axis holds several gradients
            for the same row (one a label), or one.
        workspace: buffers of the calling thread.

    Returns:
        Per layer (members, rows, labels, width_out).
    """
    take = (workspace or Workspace(output_gradient)).take
    gradients = [output_gradient]
    d = output_gradient
    for index in range(len(layers) - 1, 0, -1):
        weight = layers[index][:, :-1, : network.widths[index + 1]]
        members, rows, labels, _ = d.shape
        below = take(("d", index), members, rows * labels, weight.shape[1])
        torch.bmm(d.flatten(1, 2), weight.transpose(1, 2), out=below)
        d = below.view(members, rows, labels, weight.shape[1])
        slope, deviation = passed.slopes[index - 1], passed.deviations[index - 1]
        if deviation is not None:
            y = passed.inputs[index].unsqueeze(2)
            along = torch.mul(d, y, out=take("along", *d.shape)).mean(dim=-1, keepdim=True)
            d.sub_(d.mean(dim=-1, keepdim=True)).addcmul_(y, along, value=-1)
            d.mul_(deviation.unsqueeze(2))
        if slope is not None:
            d.mul_(slope.unsqueeze(2))
        gradients.append(d)
    return gradients[::-1]
