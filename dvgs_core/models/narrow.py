"""Products and softmaxes of few columns, by way of their transposes.

A classifier's last layer has as many columns as there are classes. Where these are fewer than a
processor's vector takes, the libraries are up to six times slower than with the long side last
(benchmarks/README.md), so that the smallest layer costs as much as a middle one.
"""

import torch
from torch import Tensor

_NARROW_PRODUCT = 16
_NARROW_SOFTMAX = 8


def product(left: Tensor, right: Tensor, out: Tensor, bias: Tensor | None = None) -> None:
    """Write left @ right, plus a bias if there is one, into `out`.

    Args:
        left: (members, rows, inner); right: (members, inner, columns).
        out: (members, rows, columns), of any strides.
        bias: (members, 1, columns).
    """
    if out.shape[2] < _NARROW_PRODUCT:
        turned = (right.mT, left.mT)
        found = torch.bmm(*turned) if bias is None else torch.baddbmm(bias.mT, *turned)
        out.copy_(found.mT)
    elif bias is None:
        torch.bmm(left, right, out=out)
    else:
        torch.baddbmm(bias, left, right, out=out)


def softmax(output: Tensor) -> Tensor:
    """Softmax over the last of three dimensions."""
    if output.shape[2] >= _NARROW_SOFTMAX:
        return torch.softmax(output, dim=2)
    return torch.softmax(output.mT, dim=1).mT.contiguous()
