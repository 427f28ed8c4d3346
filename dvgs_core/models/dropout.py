"""Dropout that belongs to the row: a mask that is a function, not a stream.

Each kept or dropped feature is a hash of (seed, member, step, layer, row id, feature). So a row's
mask is drawn anew for each row and step, as the paper has it, yet does not depend on the block it
is computed in, on the order of the rows, on the number of threads or on the device. A generator's
stream depends on all four (the published code shares a mask on the CPU and not on the GPU).
"""

import numpy as np
import torch
from torch import Tensor

from dvgs_core.models.workspace import Workspace

_GOLDEN = 0x9E3779B97F4A7C15
_MASK64 = (1 << 64) - 1


def _mix64(x: int) -> int:
    """SplitMix64's finaliser (Steele et al. 2014) on one Python integer."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 31)


def _signed64(x: int) -> int:
    x &= _MASK64
    return x - (1 << 64) if x >= 1 << 63 else x


def _mix64_(x: Tensor, spare: Tensor) -> Tensor:
    """`_mix64` in place on an int64 tensor, with a second one of its shape to work in."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, None)):
        # torch shifts int64 with its sign; masking makes it the logical shift the hash needs
        torch.bitwise_right_shift(x, shift, out=spare).bitwise_and_((1 << (64 - shift)) - 1)
        x.bitwise_xor_(spare)
        if factor is not None:
            x.mul_(_signed64(factor))
    return x


def row_hashes(ids: Tensor) -> Tensor:
    """What masks need of int64 row ids: a well-mixed int64 for each, of the same shape."""
    return _mix64_(ids + 1, torch.empty_like(ids))


class Dropout:
    """Masks for one step of all members.

    Args:
        rate: share of features set to 0, in [0, 1); taken to the nearest multiple of 2⁻¹⁶, so
            that one 64-bit hash decides on four features.
        seed: root seed of the run.
        stream: tells apart draws that must not coincide: 0 for target rows, 1 for source rows.
        step: optimiser step.
        members: how many networks.
        workspace: buffers for `scale`, whose results then hold until its next call for the layer.
    """

    def __init__(
        self,
        rate: float,
        seed: int,
        stream: int,
        step: int,
        members: int,
        workspace: Workspace | None = None,
    ) -> None:
        self.workspace = workspace
        # a rate just below 1 must leave something to keep
        cut = min(round(rate * 2**16), 2**16 - 1)
        self.rate = cut / 2**16
        # what kept features are multiplied by, as float32 has it, so that every path has the same
        self.factor = float(np.float32(1 / (1 - self.rate)))
        # 16 bits of a hash are uniform over [-2¹⁵, 2¹⁵): keep those at or above this one
        self.threshold = cut - 2**15
        root = _mix64((seed & _MASK64) + _GOLDEN)
        for part in (stream, step):
            root = _mix64(root ^ _mix64(part + _GOLDEN))
        self.member_keys = [_mix64(root + _GOLDEN * (m + 1)) for m in range(members)]

    def scale(self, ids: Tensor, layer: int, width: int) -> Tensor:
        """What each feature is multiplied by: 0 or 1 / (1 - rate).

        Args:
            ids: (rows,) or (members, rows) int64 row ids; several members' ids may go with the
                masks of one.
            layer: which layer's features.
            width: how many features.

        Returns:
            (members, rows, width) float32.
        """
        hashes = row_hashes(ids if ids.ndim == 2 else ids.unsqueeze(0))
        members = slice(0, len(self.member_keys))
        shape = (max(len(self.member_keys), len(hashes)), hashes.shape[1], -(-width // 4))
        take = (self.workspace or Workspace(torch.empty(0, device=ids.device))).take
        bits, spare = (take(name, *shape, dtype=torch.int64) for name in ("bits", "spare bits"))
        kept = self.kept(hashes, layer, width, members, bits, spare)
        scale = take(("scale", layer), *shape[:2], width, dtype=torch.float32)
        return scale.copy_(kept).mul_(self.factor)

    def counters(
        self, layer: int, width: int, members: slice, device: torch.device | str
    ) -> Tensor:
        """(members, 1, width / 4 rounded up) int64 that tells the features' masks apart."""
        # every four features count on from the row's hash and the layer's key, as SplitMix64 does
        starts = [_mix64(key + layer + 1) for key in self.member_keys[members]]
        steps = np.arange(1, -(-width // 4) + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
        counters = np.array(starts, dtype=np.uint64)[:, None, None] + steps
        return torch.from_numpy(counters.view(np.int64)).to(device)

    def kept(
        self,
        hashes: Tensor,
        layer: int,
        width: int,
        members: slice,
        bits: Tensor,
        spare: Tensor,
        counters: Tensor | None = None,
    ) -> Tensor:
        """1 where a feature is kept, 0 where it is dropped.

        Args:
            hashes: (members or 1, rows) int64, `row_hashes` of the row ids.
            layer, width: which layer's features, and how many.
            members: which members' masks.
            bits, spare: (members, rows, width / 4 rounded up) int64 to work in.
            counters: what `counters` gives for these, where it is known already.

        Returns:
            (members, rows, width) int16, a view of `bits`.
        """
        if counters is None:
            counters = self.counters(layer, width, members, hashes.device)
        torch.add(hashes.unsqueeze(2), counters, out=bits)
        lanes = _mix64_(bits, spare).view(torch.int16)
        return lanes.ge_(self.threshold)[..., :width]
