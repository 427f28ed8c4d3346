"""The grid of table 4: every number is the one that DVGS gives, and all settings are there."""

from itertools import product

import numpy as np
import pytest

from dvgs_core import DVGS, Samples
from dvgs_core.paper.grid import SHAPES, grid_values, shapes
from dvgs_core.paper.published import TABLE_4_BEST


def rows(n, seed, first):
    rng = np.random.default_rng(seed)
    X = rng.random((n, 9)).astype(np.float32)
    return Samples(X, (X[:, 0] + X[:, 1] > 1).astype(int), first + np.arange(n))


SOURCE, TARGET = rows(30, 1, 0), rows(230, 2, 1000)


@pytest.mark.parametrize(
    "shape",
    [
        dict(dropout=0.5, normalise=True, layers=2, activation="mish"),
        dict(dropout=0.0, normalise=False, layers=1, activation="relu"),
    ],
    ids=["dropout and norm", "neither"],
)
def test_all_72_settings_of_a_shape_have_the_values_that_dvgs_gives_one_by_one(shape):
    found = grid_values(SOURCE, TARGET, shape, classes=2, epochs=2, seed=3)
    assert len(found) == 72
    for one in found[::7]:
        alone = DVGS(
            **dict(seed=3, restarts=1, epochs=2, max_steps=None, every=1, suggest=False),
            **dict(stop_when_settled=None, device="cpu"),
            **shape,
            **one.settings,
        ).value(SOURCE, TARGET, classes=2)
        # sums of float32 similarities in another order
        assert one.values == pytest.approx(alone.values, rel=1e-4, abs=1e-6), one.settings


def test_the_grid_has_2304_settings_and_the_papers_best_among_them():
    every = list(shapes())
    assert len(every) == 32 and len({str(s) for s in every}) == 32
    found = grid_values(SOURCE, TARGET, every[0], classes=2, epochs=1, seed=0)
    settings = [shape | one.settings for shape, one in product(every, found)]
    assert len(settings) == 2304 and len({str(sorted(s.items())) for s in settings}) == 2304
    assert TABLE_4_BEST in settings and set(settings[0]) == set(TABLE_4_BEST)
    assert set(SHAPES) < set(TABLE_4_BEST)
