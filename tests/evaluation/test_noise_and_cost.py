"""Noise correlation against scipy; cost of calls whose cost is known."""

import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from dvgs_core.errors import InputError
from dvgs_core.evaluation.cost import cost
from dvgs_core.evaluation.noise import noise_correlation


def test_it_is_the_rank_correlation_of_rate_and_minus_value():
    rng = np.random.default_rng(0)
    rate = rng.uniform(0, 3, 200)
    values = np.round(-rate + rng.normal(size=200), 1)  # with ties
    found = noise_correlation(rate, values)
    assert found.spearman == pytest.approx(spearmanr(rate, -values).statistic)
    assert found.rows == 200 and "the lower its value" in found.conclusion
    assert noise_correlation(rate, -values).spearman == pytest.approx(-found.spearman)
    assert "keep the noise" in noise_correlation(rate, -values).conclusion
    assert noise_correlation([0, 1, 2], [9.0, 4, 1]).spearman == pytest.approx(1)


def test_its_standard_error_is_its_spread_over_draws():
    rng = np.random.default_rng(1)
    found = [noise_correlation(rng.normal(size=100), rng.normal(size=100)) for _ in range(400)]
    spread = np.std([one.spearman for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.1)
    said = [one.conclusion.endswith("do not tell noisy rows from others.") for one in found]
    assert np.mean(said) > 0.9


def test_rows_without_a_value_do_not_count_and_rates_must_be_known():
    assert noise_correlation([0, 1, 2, 3], [3.0, 2, 1, np.nan]).rows == 3
    for rate, values in (
        ([0, 1], [1, 2]),
        ([1, 1, 1], [1, 2, 3]),
        ([0, 1, 2], [1, 1, 1]),
        ([0, 1, np.nan], [1, 2, 3]),
        ([0, 1, 2], [1, 2]),
    ):
        with pytest.raises(InputError):
            noise_correlation(rate, values)


def test_the_cost_of_a_call_and_what_it_returns():
    def call(megabytes: int, *, wait: float) -> int:
        block = np.ones(megabytes * 2**17)
        time.sleep(wait)
        return int(block.sum())

    returned, found = cost(call, 200, wait=0.05)
    assert returned == 200 * 2**17
    assert found.seconds >= 0.05
    if found.memory is not None:
        assert 190 * 2**20 < found.memory < 300 * 2**20
        _, small = cost(call, 1, wait=0.05)
        assert small.memory < 100 * 2**20
    assert found.conclusion.startswith("It took ")


def test_an_error_of_the_call_comes_through():
    with pytest.raises(ZeroDivisionError):
        cost(lambda: 1 / 0)
