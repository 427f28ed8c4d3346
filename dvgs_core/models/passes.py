"""Forward and backward through a stack of networks, keeping each layer's two factors.

A linear layer's gradient for one row is the outer product of what the layer was given and the
loss's gradient at what it gave; both passes hand these factors out and never form the product.
Written by hand rather than with autograd because the factors are all we want, one forward serves
every label, and small networks would spend most of their time in autograd's bookkeeping. Tests
hold it to autograd.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dvgs_core.models.activations import activate
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.network import NORMALISATION_EPSILON, Network


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
    network: Network, layers: list[Tensor], X: Tensor, ids: Tensor, dropout: Dropout
) -> Forward:
    """Run rows through all members.

    Args:
        layers: per layer (members, width_in + 1, width_out [+ extra]), the bias as last row. Extra
            columns are multiplied by the same inputs but go no further: that is how the target's
            gradient rides along in the same product.
        X: (members or 1, rows, features) float.
        ids: (rows,) or (members, rows) int64 row ids, for dropout.
    """
    inputs: list[Tensor] = []
    slopes: list[Tensor | None] = []
    deviations: list[Tensor | None] = []
    products: list[Tensor] = []
    a = X
    for index, layer in enumerate(layers):
        members, width = layer.shape[0], network.widths[index + 1]
        product = torch.baddbmm(layer[:, -1:], a.expand(members, -1, -1), layer[:, :-1])
        z = product[..., :width]
        inputs.append(a)
        products.append(product[..., width:])
        if not network.activated[index]:
            a = z
            slopes.append(None)
            deviations.append(None)
            continue
        if network.dropout > 0:
            scale = dropout.scale(ids, index, width)
            z = z * scale
        h, slope = torch.empty_like(z), torch.empty_like(z)
        activate(network.activation, z, h, slope, (torch.empty_like(z), torch.empty_like(z)))
        slopes.append(slope.mul_(scale) if network.dropout > 0 else slope)
        if network.normalise:
            a, _, deviation = torch.native_layer_norm(h, [width], None, None, NORMALISATION_EPSILON)
            deviations.append(deviation)
        else:
            a = h
            deviations.append(None)
    return Forward(inputs, slopes, deviations, products, a)


def backward(
    network: Network, layers: list[Tensor], passed: Forward, output_gradient: Tensor
) -> list[Tensor]:
    """The loss's gradient at every linear layer's output.

    Args:
        layers: as given to `forward`.
        output_gradient: (members, rows, labels, outputs); the third axis holds several gradients
            for the same row (one a label), or one.

    Returns:
        Per layer (members, rows, labels, width_out).
    """
    gradients = [output_gradient]
    d = output_gradient
    for index in range(len(layers) - 1, 0, -1):
        weight = layers[index][:, :-1, : network.widths[index + 1]]
        d = torch.bmm(d.flatten(1, 2), weight.transpose(1, 2)).unflatten(1, d.shape[1:3])
        slope, deviation = passed.slopes[index - 1], passed.deviations[index - 1]
        if deviation is not None:
            y = passed.inputs[index].unsqueeze(2)
            along = (d * y).mean(dim=-1, keepdim=True)
            d = (d - d.mean(dim=-1, keepdim=True)).sub_(y * along).mul_(deviation.unsqueeze(2))
        if slope is not None:
            d = d * slope.unsqueeze(2)
        gradients.append(d)
    return gradients[::-1]
