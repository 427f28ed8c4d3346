"""Dropout that belongs to the row: a mask that is a function, not a stream.

Each kept or dropped feature is a hash of (seed, member, step, layer, row id, feature). So a row's
mask is drawn anew for each row and step, as the paper has it, yet does not depend on the block it
is computed in, on the order of the rows, on the number of threads or on the device. A generator's
stream depends on all four (the published code shares a mask on the CPU and not on the GPU).
"""

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_MASK64 = (1 << 64) - 1


def _mix64(x: int) -> int:
    """SplitMix64's finaliser (Steele et al. 2014) on one Python integer."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 31)


def _signed32(x: int) -> int:
    x &= 0xFFFFFFFF
    return x - (1 << 32) if x >= 1 << 31 else x


def _mix32_(x: Tensor) -> Tensor:
    """A well-mixing 32-bit hash (Wellons's "lowbias32"), in place on an int32 tensor."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, None)):
        # torch shifts int32 with its sign; masking makes it the logical shift the hash needs
        x.bitwise_xor_((x >> shift).bitwise_and_((1 << (32 - shift)) - 1))
        if factor is not None:
            x.mul_(_signed32(factor))
    return x


class Dropout:
    """Masks for one step of all members.

    Args:
        rate: share of features set to 0, in [0, 1).
        seed: root seed of the run.
        stream: tells apart draws that must not coincide: 0 for target rows, 1 for source rows.
        step: optimiser step.
        members: how many networks.
    """

    def __init__(self, rate: float, seed: int, stream: int, step: int, members: int) -> None:
        self.rate = rate
        # int32 hashes are uniform over [-2³¹, 2³¹): keep those at or above this one
        self.threshold = round(rate * 2**32) - 2**31
        root = _mix64((seed & _MASK64) + _GOLDEN)
        for part in (stream, step):
            root = _mix64(root ^ _mix64(part + _GOLDEN))
        self.member_keys = [_mix64(root + _GOLDEN * (m + 1)) for m in range(members)]

    def scale(self, ids: Tensor, layer: int, width: int) -> Tensor:
        """What each feature is multiplied by: 0 or 1 / (1 - rate).

        Args:
            ids: (rows,) or (members, rows) int64 row ids.
            layer: which layer's features.
            width: how many features.

        Returns:
            (members, rows, width) float32.
        """
        ids = ids if ids.ndim == 2 else ids.unsqueeze(0)
        low = (ids ^ (ids >> 32)).to(torch.int32)
        keys = [_signed32(_mix64(key + layer + 1)) for key in self.member_keys]
        key = torch.tensor(keys, dtype=torch.int32, device=ids.device).unsqueeze(1)
        row = _mix32_(_mix32_(low.clone()) ^ key)
        feature = torch.arange(1, width + 1, dtype=torch.int32, device=ids.device)
        column = _mix32_(feature.mul_(_signed32(0x9E3779B9)))
        bits = _mix32_(row.unsqueeze(2) + column)
        return (bits >= self.threshold).to(torch.float32).mul_(1 / (1 - self.rate))
