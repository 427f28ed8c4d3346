"""Few columns are multiplied by their transposes, to the same result."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.models.narrow import product, softmax


@given(
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 30), st.integers(1, 20),
    st.booleans(), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_a_product_is_the_plain_one_into_any_strides(
    members, rows, inner, columns, biased, shared, seed
):
    g = torch.Generator().manual_seed(seed)
    whole = torch.randn(members, inner + 1, columns, generator=g, dtype=torch.float64)
    left = torch.randn(1 if shared else members, rows, inner, generator=g, dtype=torch.float64)
    left = left.expand(members, -1, -1)
    right, bias = whole[:, :-1], whole[:, -1:] if biased else None
    held = torch.full((members, rows + 1, columns), 7.0, dtype=torch.float64)
    product(left, right, held[:, :-1], bias)
    expected = left @ right + (0 if bias is None else bias)
    torch.testing.assert_close(held[:, :-1], expected, rtol=1e-12, atol=1e-12)
    assert (held[:, -1] == 7).all()


@pytest.mark.parametrize("columns", [1, 2, 7, 8, 30])
def test_softmax_is_torchs_even_far_from_zero(columns):
    output = torch.randn(2, 50, columns, generator=torch.Generator().manual_seed(0)) * 300
    found = softmax(output)
    assert found.is_contiguous()
    torch.testing.assert_close(found, torch.softmax(output, dim=2), rtol=1e-6, atol=1e-30)
