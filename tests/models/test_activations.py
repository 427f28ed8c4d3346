"""Activations and derivatives from shared terms, against torch's own."""

import pytest
import torch

from dvgs_core.gradients.reference import _ACTIVATIONS
from dvgs_core.models.activations import activate
from dvgs_core.models.network import ACTIVATIONS


@pytest.mark.parametrize("dtype, precision", [(torch.float64, 1e-13), (torch.float32, 4e-7)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_slope_are_torchs_from_deep_saturation_to_zero(name, dtype, precision):
    z = torch.cat((torch.linspace(-200, 200, 4001), torch.linspace(-3, 3, 601))).to(torch.float64)
    leaf = z.clone().requires_grad_()
    value = _ACTIVATIONS[name](leaf)
    value.sum().backward()
    given = z.to(dtype)
    h, slope, *spare = (torch.empty_like(given) for _ in range(4))
    activate(name, given, h, slope, (spare[0], spare[1]))
    scale = 1 + z.abs()
    assert float(((h - value.detach()).abs() / scale).max()) < precision
    assert float(((slope - leaf.grad).abs() / scale).max()) < precision


def test_an_unknown_activation_is_refused():
    z = torch.zeros(1)
    with pytest.raises(ValueError, match="'step'"):
        activate("step", z, z, z, (z, z))
