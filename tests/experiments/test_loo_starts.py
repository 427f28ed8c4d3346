"""What starts of their own would do to leave-one-out: noise that hides what rows add."""

import numpy as np
import pytest

from dvgs_core import Samples
from dvgs_core.methods.loo import LOOSettings
from dvgs_core.paper.experiments import Problem
from experiments.loo_starts import spread_over_starts, with_own_starts

SMALL = LOOSettings(width=6, layers=1, epochs=3, learning_rate=0.05, metric="loss")


def problem():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    rows = Samples(rng.normal(size=(60, 3)) + y[:, None], y)
    source, target = rows.rows(np.arange(40)), rows.rows(np.arange(40, 60))
    return Problem(source, target, target, 2, np.arange(40) < 8, None, source)


def test_networks_from_other_starts_score_otherwise():
    assert spread_over_starts(problem(), SMALL, 6) > 0


def test_noise_as_large_as_the_values_takes_the_auroc_to_a_half():
    wrong = np.arange(200) < 40
    values = np.where(wrong, -1.0, 0.0)
    assert with_own_starts(wrong, values, 0.0) == (1.0, 0.0)
    mean, deviation = with_own_starts(wrong, values, 1.0)
    # of two normal numbers 1 apart, each with a deviation of 1
    assert mean == pytest.approx(0.760, abs=0.01) and 0 < deviation < 0.1
    assert with_own_starts(wrong, values, 1000.0)[0] == pytest.approx(0.5, abs=0.02)
