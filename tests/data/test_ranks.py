"""Normal scores: ranks counted by hand, ties in their middle, the rows between, beyond and many."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

from dvgs_core.data import Column, Encoder, Schema
from dvgs_core.data.ranks import NormalScores


def shares(fitted: NormalScores, *numbers: float) -> list[float]:
    """Where numbers stand, 0 to 1, of the first column."""
    return norm.cdf(fitted.transform(np.array(numbers)[:, None])[:, 0]).tolist()


def test_ranks_counted_by_hand():
    # zeros have ranks 1, 2 and 3; the fives 4 and 5; 7 has rank 6; -1/2 over 6 rows
    fitted = NormalScores().fit(np.array([[5.0], [0], [7], [0], [5], [0]]))
    assert shares(fitted, 0, 5, 7) == pytest.approx([1.5 / 6, 4 / 6, 5.5 / 6])


def test_between_known_numbers_in_proportion_and_beyond_them_at_the_first_and_last_rank():
    fitted = NormalScores().fit(np.array([[0.0], [0], [4], [8], [8]]))
    # the upper zero stands at 1.5/5, the 4 at 2.5/5, the lower 8 at 3.5/5
    assert shares(fitted, 1, 3, 4, 6) == pytest.approx([1.75 / 5, 2.25 / 5, 2.5 / 5, 3 / 5])
    assert shares(fitted, -9, 0) == pytest.approx([0.5 / 5, 1 / 5])
    assert shares(fitted, 8, 1e300) == pytest.approx([4 / 5, 4.5 / 5])


def test_mostly_zeros_lie_near_the_middle_and_the_others_far_out():
    column = np.zeros(1000)
    column[:20] = np.arange(1, 21)
    scores = NormalScores().fit_transform(column[:, None])[:, 0]
    assert scores[20:] == pytest.approx(norm.ppf(0.49))
    assert scores[:20] == pytest.approx(norm.ppf((980 + np.arange(20) + 0.5) / 1000))


@pytest.mark.parametrize("n", [1, 2, 7, 999, 1000])
def test_as_many_landmarks_as_rows_give_every_rank(n):
    rng = np.random.default_rng(n)
    X = np.stack([rng.integers(0, 5, n), rng.normal(size=n), rng.poisson(0.1, n)], axis=1)
    scores = NormalScores().fit_transform(X.astype(float))
    expected = norm.ppf((rankdata(X, axis=0) - 0.5) / n)
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_fewer_landmarks_than_rows_keep_the_ranks_of_ties_and_of_the_ends():
    rng = np.random.default_rng(0)
    X = np.stack([rng.poisson(0.05, 5000), rng.normal(size=5000) ** 3], axis=1).astype(float)
    scores = NormalScores(landmarks=200).fit_transform(X)
    expected = norm.ppf((rankdata(X, axis=0) - 0.5) / 5000)
    np.testing.assert_allclose(scores[:, 0], expected[:, 0], atol=1e-12)
    far = np.abs(norm.cdf(scores[:, 1]) - norm.cdf(expected[:, 1]))
    assert far.max() < 1 / 199
    ends = [X[:, 1].argmin(), X[:, 1].argmax()]
    np.testing.assert_allclose(scores[ends, 1], expected[ends, 1], atol=1e-12)


def test_more_rows_than_the_sample_are_represented():
    X = np.random.default_rng(1).permutation(20_000)[:, None].astype(np.float32)
    fitted = NormalScores(sample=4000, seed=3).fit(X)
    assert np.abs(np.array(shares(fitted, 5000, 10_000)) - [0.25, 0.5]).max() < 0.03
    again = NormalScores(sample=4000, seed=3).fit(X)
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_the_encoder_saves_them_and_encodes_rows_that_come_later(tmp_path):
    schema = Schema(columns=(Column(name="clicks", kind="numeric"),))
    Encoder.fit(pd.DataFrame({"clicks": [0, 0, 0, 2, 6]}), schema).save(tmp_path / "encoder")
    later = pd.DataFrame({"clicks": [0, 1, 4, 60]})
    X = Encoder.load(tmp_path / "encoder").transform(later)
    # the zeros' last stands at 2.5/5, the 2 at 3.5/5, the 6 at 4.5/5
    assert norm.cdf(X[:, 0]).tolist() == pytest.approx([1.5 / 5, 3 / 5, 4 / 5, 4.5 / 5])
