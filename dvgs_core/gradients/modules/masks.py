"""Dropout inside any module, drawn from the row's id instead of torch's generator.

torch draws a module's masks in the order in which rows happen to be computed, so a row's gradient
would depend on the rows beside it. Here `torch.nn.functional.dropout`, which torch.nn.Dropout and
most modules call, is answered with the row's own mask (`dvgs_core.models.dropout`): the same
wherever the row stands, in every way of computing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from dvgs_core.errors import InputError
from dvgs_core.models.dropout import Dropout, row_hashes

# Functions whose mask has one entry a number, and those whose mask has one a channel.
_BY_NUMBER, _BY_CHANNEL = {F.dropout}, {F.dropout1d, F.dropout2d, F.dropout3d}


@dataclass(frozen=True)
class RowMasks:
    """The masks of one member at one step.

    Attributes:
        seed, stream, step, member: as `Dropout` has them.
    """

    seed: int
    stream: int
    step: int
    member: int

    def scale(self, ids: Tensor, call: int, rate: float, shape: torch.Size) -> Tensor:
        """What each number is multiplied by: 0 or 1 / (1 - rate).

        Args:
            ids: (rows,) int64 row ids.
            call: how many dropouts came before this one in the same forward pass.
            rate: share of numbers set to 0, in [0, 1].
            shape: of one row.

        Returns:
            (rows, *shape) float32.
        """
        if rate >= 1:
            return torch.zeros((len(ids), *shape), device=ids.device)
        dropout = Dropout(rate, self.seed, self.stream, self.step, self.member + 1)
        width, own = prod(shape), slice(self.member, self.member + 1)
        bits = torch.empty(1, len(ids), -(-width // 4), dtype=torch.int64, device=ids.device)
        hashes = row_hashes(ids).unsqueeze(0)
        kept = dropout.kept(hashes, call, width, own, bits, torch.empty_like(bits))
        return kept[0].to(torch.float32).mul_(dropout.factor).view(len(ids), *shape)


# (call, rate, shape of one row) -> (rows, *shape)
Scale = Callable[[int, float, torch.Size], Tensor]


class RowDropout(TorchFunctionMode):
    """While active, every dropout in training mode takes its mask from `scale`.

    Args:
        rows: how many rows the module is given.
        scale: gives the masks; also told each call, so that it can take notes.
    """

    def __init__(self, rows: int, scale: Scale) -> None:
        super().__init__()
        self.rows, self.scale, self.calls = rows, scale, 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _BY_NUMBER or func in _BY_CHANNEL:
            return self._dropout(func in _BY_CHANNEL, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(
        self,
        by_channel: bool,
        input: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        call, self.calls = self.calls, self.calls + 1
        if not training or p == 0:
            return input
        if not input.ndim or len(input) != self.rows:
            raise InputError(
                f"Expected dropout on something with the {self.rows} rows first, so that each row "
                f"has its own mask; its shape is {tuple(input.shape)}. Move it, or put the module "
                "in evaluation mode."
            )
        shape = input.shape[1:2] if by_channel else input.shape[1:]
        scale = self.scale(call, p, shape).to(input.dtype)
        if by_channel:
            scale = scale[(..., *[None] * (input.ndim - 2))]
        return input.mul_(scale) if inplace else input * scale
