"""Dropout of networks that train in lock step, each with a seed of its own.

A mask is a function of seed, step and row, and drawing it costs half as much as all else that
training does with a row of a small network. Leave-one-out, Shapley coalitions and DVRL train
thousands of networks from one seed on the same rows, so the masks of all rows are drawn once and
kept, a bit a feature.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvgs_core.models.dropout import Dropout
from dvgs_core.models.network import Network
from dvgs_core.models.training import TARGET_STREAM
from dvgs_core.models.workspace import Workspace

_MOST_BYTES = 64_000_000

#: Per layer that has dropout (n, width / 8 rounded up), 1 where a feature is kept.
Masks = dict[int, NDArray[np.uint8]]


class MemberDropout(Dropout):
    """Masks of one step of members that have seeds of their own.

    Args:
        rate: share of features set to 0, in [0, 1).
        seeds: one a member, or one for all.
        step: optimiser step.
        workspace: buffers for `scale`.
        kept: masks of this seed and step, if they are kept; it needs `positions`.
        positions: (members or 1, rows) int64, which of the kept masks the rows have.
    """

    def __init__(
        self,
        rate: float,
        seeds: list[int],
        step: int,
        workspace: Workspace | None = None,
        kept: Masks | None = None,
        positions: NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__(rate, 0, TARGET_STREAM, step, 0, workspace)
        self.packed, self.positions = kept, positions
        if rate > 0 and kept is None:
            self.member_keys = [
                Dropout(rate, seed, TARGET_STREAM, step, 1).member_keys[0] for seed in seeds
            ]

    def scale(self, ids: Tensor, layer: int, width: int) -> Tensor:
        """As `Dropout` has it, from the kept masks where there are any."""
        if self.packed is None or self.positions is None:
            return super().scale(ids, layer, width)
        bits = np.unpackbits(self.packed[layer][self.positions], axis=-1, count=width)
        scale = (self.workspace or Workspace(torch.empty(0))).take(("scale", layer), *bits.shape)
        return scale.copy_(torch.from_numpy(bits)).mul_(self.factor)


class KeptMasks:
    """Masks of all rows of a stack, drawn when they are first asked for.

    Args:
        network: whose hidden layers are masked.
        ids: (n,) int64 row ids, in memory that the processor reads.
        steps: optimiser steps of a member that has all rows.
    """

    def __init__(self, network: Network, ids: Tensor, steps: int) -> None:
        self.network, self.ids = network, ids
        self.widths = {
            layer: network.widths[layer + 1]
            for layer, activated in enumerate(network.activated)
            if activated and network.dropout > 0
        }
        self.bytes = steps * len(ids) * sum(-(-width // 8) for width in self.widths.values())
        self.room = _MOST_BYTES
        self.kept: dict[int, dict[int, Masks]] = {}

    def of(self, seed: int, step: int) -> Masks | None:
        """Those of a seed and step, or None if there is no room for the seed."""
        if not self.widths:
            return None
        if seed not in self.kept:
            if self.bytes > self.room:
                return None
            self.room -= self.bytes
            self.kept[seed] = {}
        steps = self.kept[seed]
        if step not in steps:
            drawn = MemberDropout(self.network.dropout, [seed], step, Workspace(self.ids))
            steps[step] = {
                layer: np.packbits(drawn.scale(self.ids, layer, width)[0].numpy() > 0, axis=-1)
                for layer, width in self.widths.items()
            }
        return steps[step]
