"""Buffers that are used again: memory fresh from the system costs more than small sums on it."""

from math import prod

import torch
from torch import Tensor


class Workspace:
    """Buffers by name and shape, made on first use and used again for every block or step.

    Args:
        like: gives the buffers' device and, where none is asked for, their type.
    """

    def __init__(self, like: Tensor) -> None:
        self.like = like
        self.held: dict[object, Tensor] = {}

    def take(self, name: object, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """A buffer with whatever was left in it."""
        key = (name, shape)
        if key not in self.held:
            self.held[key] = self.like.new_empty(prod(shape), dtype=dtype).view(shape)
        return self.held[key]
