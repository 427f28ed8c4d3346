"""Generated profiles have the moments that their description promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.paper.profiles import average_correlation, generate_profiles


@pytest.fixture(scope="module")
def profiles():
    return generate_profiles(80, doses=6, replicates=4, genes=3000, seed=5)


def test_correlation_of_replicates_is_strength_over_strength_and_noise(profiles):
    # four replicates of 3,000 genes: a standard error of at most 1 / √(6 · 3,000) = 0.0075
    error = profiles.apc - profiles.expected_apc
    assert np.abs(error).max() < 5 * 0.0075
    assert abs(error.mean()) < 5 * 0.0075 / np.sqrt(len(error))


def test_a_profile_has_the_variance_of_its_signal_and_a_replicates_share_of_its_noise(profiles):
    expected = profiles.strength**2 + profiles.noise**2 / 4
    assert profiles.X.var(axis=1) == pytest.approx(expected, rel=0.35)
    assert np.mean(profiles.X.var(axis=1) / expected) == pytest.approx(1, abs=0.02)


def test_technical_noise_has_the_same_variance_and_lies_along_few_directions(profiles):
    shape = dict(doses=6, replicates=4, genes=3000, seed=5)
    made = generate_profiles(80, shared=0.5, factors=3, **shape)
    assert (made.strength == profiles.strength).all() and (made.noise == profiles.noise).all()
    expected = made.strength**2 + made.noise**2 / 4
    assert np.mean(made.X.var(axis=1) / expected) == pytest.approx(1, abs=0.05)
    # of two replicates' correlation; the technical part of one pair has a spread of 1 / √3
    assert (made.apc - made.expected_apc).mean() == pytest.approx(0, abs=0.03)
    # where no noise is a row's own, 40 programmes, their mean over genes and 3 factors span all
    whole = generate_profiles(80, shared=1.0, factors=3, **shape)
    for rows, least in ((whole, 0.99999), (profiles, 0)):
        squares = np.linalg.svd(rows.X.astype(float), compute_uv=False) ** 2
        assert least <= squares[:44].sum() / squares.sum() <= (1.00001 if least else 0.9)


def test_a_perturbation_is_stronger_at_a_higher_dose(profiles):
    by_dose = profiles.strength.reshape(80, 6)
    assert (np.diff(by_dose, axis=1) > 0).all()
    assert (np.diff(profiles.dose.reshape(80, 6), axis=1) > 0).all()


def test_doses_of_a_perturbation_point_the_same_way_and_those_of_two_do_not(profiles):
    strong = profiles.X.reshape(80, 6, -1)[:, -2:]
    z = (strong - strong.mean(axis=2, keepdims=True)) / strong.std(axis=2, keepdims=True)
    clear = profiles.expected_apc.reshape(80, 6)[:, -2:].min(axis=1) > 0.5
    assert clear.sum() > 5
    own = (z[clear, 0] * z[clear, 1]).mean(axis=1)
    other = (z[clear, 0] * np.roll(z[clear, 1], 1, axis=0)).mean(axis=1)
    assert own.min() > 0.7 > 0.5 > np.abs(other).max()


def test_the_same_seed_gives_the_same_profiles_and_another_does_not(profiles):
    again = generate_profiles(80, doses=6, replicates=4, genes=3000, seed=5)
    assert (again.X == profiles.X).all() and (again.apc == profiles.apc).all()
    other = generate_profiles(80, doses=6, replicates=4, genes=3000, seed=6)
    assert not np.isclose(other.X, profiles.X).any(axis=1).all()


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(3, 40), st.integers(0, 2**32 - 1))
def test_average_correlation_is_the_mean_over_pairs(replicates, genes, seed):
    rows = np.random.default_rng(seed).normal(size=(3, replicates, genes))
    pairs = [np.corrcoef(row)[np.triu_indices(replicates, 1)].mean() for row in rows]
    assert average_correlation(rows) == pytest.approx(pairs, abs=1e-9)
