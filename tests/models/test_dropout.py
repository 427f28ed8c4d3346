"""Dropout masks are functions of the row, not of where or when it is computed."""

import numpy as np
import torch

from dvgs_core.models.dropout import Dropout


def test_share_dropped_and_scale_are_as_asked():
    scale = Dropout(0.25, 3, 1, 0, 2).scale(torch.arange(2000), 0, 64)
    assert scale.shape == (2, 2000, 64)
    assert abs(float((scale == 0).float().mean()) - 0.25) < 0.005
    np.testing.assert_allclose(scale[scale > 0].numpy(), 1 / 0.75, rtol=1e-6)


def test_expectation_is_kept_at_rates_between_the_grid_of_masks():
    dropout = Dropout(0.1, 3, 1, 0, 1)
    assert abs(dropout.rate - 0.1) < 2**-17
    assert abs(dropout.factor * (1 - dropout.rate) - 1) < 1e-7
    assert Dropout(1 - 1e-9, 3, 1, 0, 1).scale(torch.arange(4), 0, 4).isfinite().all()


def test_features_of_one_word_are_drawn_apart():
    kept = (Dropout(0.25, 0, 1, 0, 1).scale(torch.arange(100_000), 0, 8)[0] > 0).double()
    assert float((kept.mean(dim=0) - 0.75).abs().max()) < 0.006
    correlations = torch.corrcoef(kept.T) - torch.eye(8)
    assert float(correlations.abs().max()) < 0.015


def test_rows_features_steps_members_and_layers_are_drawn_apart():
    ids = torch.arange(4000)
    base = (Dropout(0.5, 0, 1, 0, 2).scale(ids, 0, 32) > 0).float() - 0.5
    others = {
        "step": (Dropout(0.5, 0, 1, 1, 2).scale(ids, 0, 32) > 0).float() - 0.5,
        "seed": (Dropout(0.5, 1, 1, 0, 2).scale(ids, 0, 32) > 0).float() - 0.5,
        "stream": (Dropout(0.5, 0, 0, 0, 2).scale(ids, 0, 32) > 0).float() - 0.5,
        "layer": (Dropout(0.5, 0, 1, 0, 2).scale(ids, 1, 32) > 0).float() - 0.5,
        "member": base.flip(0),
        "row": base.roll(1, 1),
        "feature": base.roll(1, 2),
    }
    for name, other in others.items():
        correlation = float((base * other).mean() * 4)
        # 256,000 independent signs: a standard deviation of 0.002
        assert abs(correlation) < 0.01, name


def test_a_row_keeps_its_mask_wherever_it_stands():
    dropout = Dropout(0.5, 0, 1, 5, 3)
    whole = dropout.scale(torch.tensor([7, 8, 2**40 + 1]), 1, 10)
    alone = dropout.scale(torch.tensor([2**40 + 1]), 1, 10)
    assert torch.equal(whole[:, 2:], alone)


def test_more_members_do_not_change_the_first():
    ids = torch.arange(5)
    few, many = Dropout(0.5, 0, 1, 5, 1), Dropout(0.5, 0, 1, 5, 4)
    assert torch.equal(few.scale(ids, 0, 8)[0], many.scale(ids, 0, 8)[0])
