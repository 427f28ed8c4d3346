"""Masks that are kept are those that would be drawn."""

import numpy as np
import pytest
import torch

from dvgs_core.models import masks
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.masks import KeptMasks, MemberDropout
from dvgs_core.models.network import mlp
from dvgs_core.models.training import TARGET_STREAM

NETWORK = mlp(3, 2, layers=2, width=21, dropout=0.3)
IDS = torch.arange(5, 45)


@pytest.mark.parametrize("layer", [0, 1])
def test_kept_masks_are_the_rows_own(layer):
    positions = np.random.default_rng(0).integers(0, 40, (3, 17))
    kept = KeptMasks(NETWORK, IDS, 4)
    dropout = MemberDropout(0.3, [9], 2, None, kept.of(9, 2), positions)
    ids = IDS[torch.from_numpy(positions)]
    expected = torch.cat(
        [Dropout(0.3, 9, TARGET_STREAM, 2, 1).scale(some, layer, 21) for some in ids]
    )
    assert torch.equal(dropout.scale(ids, layer, 21), expected)
    drawn = MemberDropout(0.3, [9], 2)
    assert torch.equal(drawn.scale(ids, layer, 21), expected)


def test_masks_are_kept_while_there_is_room(monkeypatch):
    monkeypatch.setattr(masks, "_MOST_BYTES", 2 * 4 * 40 * 6)
    kept = KeptMasks(NETWORK, IDS, 4)
    assert kept.of(1, 0) is kept.of(1, 0) is not None
    assert kept.of(2, 3) is not None
    assert kept.of(3, 0) is None
    assert kept.of(1, 1) is not None


def test_without_dropout_there_is_nothing_to_keep():
    assert KeptMasks(mlp(3, 2, layers=1, width=8), IDS, 4).of(0, 0) is None
