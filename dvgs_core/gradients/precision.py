"""Which precision the products take where the choice is left to the device.

bfloat16 pays where the processor multiplies it in hardware and a layer is wide enough for its
products to outweigh converting what goes in and comes out: 1.4 to 2.4 times as fast on two cores
with AVX-512 BF16 wherever a layer is at least 128 wide on both sides (benchmarks/README.md).
Without the instructions torch converts back and forth and is slower.
"""

import torch

from dvgs_core.models.network import Network

# Narrower layers gain nothing from bfloat16, and what is near the output needs the digits.
WIDE = 128


def settled_precision(wanted: str, network: Network, device: torch.device) -> str:
    """ "auto" settled for this network on this device; any other choice stands."""
    if wanted != "auto":
        return wanted
    wide = any(min(given - 1, gives) >= WIDE for given, gives in network.shapes)
    return "bfloat16" if wide and multiplies_bfloat16(device) else "float32"


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bfloat16."""
    if device.type == "cuda":
        # 8.0 is the first generation with them; older ones emulate
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # torch asks the processor, under names of its own that may go away
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)
