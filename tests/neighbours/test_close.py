"""Close rows found group by group are those found by comparing all with all."""

import numpy as np
import pytest

from dvgs_core.neighbours import close, close_pairs, near_duplicates, nearest_neighbours


def points(seed, n=300, d=7):
    """Rows in clumps, with near copies, exact copies and columns that say the same."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 4 * rng.normal(size=(6, d))[rng.integers(0, 6, n)]
    X[:40] = X[40:80] + rng.normal(scale=0.05, size=(40, d))
    X[100:115] = X[100]
    X[:, -1] = X[:, 0]
    return X.astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0.0, 0.1, 1.0, 3.0])
@pytest.mark.parametrize(("k", "group"), [(8, 16), (3, 50), (8, 1000)])
def test_the_pairs_are_those_of_comparing_all_rows(monkeypatch, seed, threshold, k, group):
    monkeypatch.setattr(close, "GROUP", group)
    X = points(seed)
    pairs, distances = close_pairs(X, threshold, k)
    expected, apart = near_duplicates(nearest_neighbours(X, k), threshold)
    np.testing.assert_array_equal(pairs, expected)
    np.testing.assert_array_equal(distances, apart)
    assert len(pairs) >= 14


def test_only_groups_that_come_near_each_other_are_compared(monkeypatch):
    compared = 0
    search = close.nearest_among

    def counted(queries, references, k):
        nonlocal compared
        compared += len(queries) * len(references)
        return search(queries, references, k)

    monkeypatch.setattr(close, "GROUP", 16)
    monkeypatch.setattr(close, "nearest_among", counted)
    X = points(0, n=1000, d=3)
    close_pairs(X, 0.05, 8)
    assert 0 < compared < 0.1 * len(X) ** 2


def test_rows_of_one_value_and_a_large_offset_lose_no_pair(monkeypatch):
    monkeypatch.setattr(close, "GROUP", 4)
    X = np.zeros((20, 2), dtype=np.float32)
    assert len(close_pairs(X, 0.0, 3)[0]) == len(near_duplicates(nearest_neighbours(X, 3), 0.0)[0])
    X = points(1) + np.float32(1e4)
    pairs, _ = close_pairs(X, 0.5, 8)
    np.testing.assert_array_equal(pairs, near_duplicates(nearest_neighbours(X, 8), 0.5)[0])
