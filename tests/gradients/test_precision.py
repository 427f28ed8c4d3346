"""What "auto" takes, on devices that are here and devices that are not."""

import pytest
import torch

from dvgs_core.gradients.precision import multiplies_bfloat16, settled_precision
from dvgs_core.models.network import autoencoder, mlp

WIDE, NARROW = autoencoder(300, width=128, latent=16), mlp(2000, 10, width=127)
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("network", "instructions", "expected"),
    [(WIDE, True, "bfloat16"), (WIDE, False, "float32"), (NARROW, True, "float32")],
)
def test_auto_needs_wide_layers_and_instructions(network, instructions, expected, monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: instructions, raising=False)
    assert settled_precision("auto", network, CPU) == expected
    for wanted in ("float32", "bfloat16"):
        assert settled_precision(wanted, network, CPU) == wanted


@pytest.mark.parametrize("capability, expected", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_a_gpu_is_asked_for_its_generation(capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert multiplies_bfloat16(CUDA) is expected


def test_a_torch_that_cannot_tell_counts_as_without(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert multiplies_bfloat16(CPU) is False
