"""The neighbours of one row are those that measuring every pair finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from dvgs_core.neighbours.one_row import RowSearch
from dvgs_core.neighbours.reference import measured_neighbours


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 60),
    d=st.integers(1, 8),
    k=st.integers(1, 9),
    far=st.sampled_from([0.0, 1e3]),
    whole=st.booleans(),
)
def test_the_nearest_are_those_of_the_slow_search_ties_and_duplicates_included(
    seed, n, d, k, far, whole
):
    rng = np.random.default_rng(seed)
    X = rng.integers(-2, 3, (n, d)) if whole else rng.normal(size=(n, d))
    X = (X + far).astype(np.float32)
    k = min(k, n - 1)
    expected = measured_neighbours(X, X, k, exclude_self=True)
    search = RowSearch.of(X)
    for row in range(n):
        places, distances = search.nearest(row, k)
        np.testing.assert_array_equal(places, expected.indices[row])
        np.testing.assert_allclose(distances, expected.distances[row], rtol=1e-5)


def test_only_allowed_rows_are_found_and_fewer_where_there_are_fewer():
    X = np.arange(6, dtype=np.float32)[:, None]
    among = np.array([True, False, True, False, False, True])
    places, distances = RowSearch.of(X).nearest(2, 9, among)
    assert places.tolist() == [0, 5] and distances.tolist() == [2, 3]
    assert RowSearch.of(X).nearest(2, 9, np.zeros(6, bool))[0].tolist() == []


def test_within_lists_duplicates_first_and_nothing_farther():
    X = np.array([[0, 0], [3, 4], [0, 0], [0, 5], [0, 5.001]], dtype=np.float32)
    places, distances = RowSearch.of(X).within(0, 5.0)
    assert places.tolist() == [2, 1, 3] and distances.tolist() == [0, 5, 5]
    assert RowSearch.of(X).within(0, 5.0, most=1)[0].tolist() == [2]
    assert RowSearch.of(X).within(0, 0.0)[0].tolist() == [2]


def test_what_is_usual_leaves_copies_out():
    X = np.array([[0], [0], [1], [2], [3]], dtype=np.float32)
    assert RowSearch.of(X).usual_nearest() == pytest.approx(1)
    assert RowSearch.of(np.zeros((4, 2), np.float32)).usual_nearest() == 0
    np.testing.assert_allclose(RowSearch.of(X).distances(4, np.array([0, 3])), [3, 1])


@pytest.mark.parametrize("X", [np.zeros(3), np.zeros((0, 2)), [[1.0], [np.nan]]])
def test_points_that_cannot_be_searched_are_refused(X):
    with pytest.raises(InputError, match="Points must be"):
        RowSearch.of(np.asarray(X, dtype=np.float32))


def test_what_is_usual_does_not_depend_on_how_many_rows_are_compared_at_once(monkeypatch):
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    apart = measured_neighbours(X, X, 1, exclude_self=True).distances[:, 0]
    monkeypatch.setattr("dvgs_core.neighbours.one_row._ROWS_AT_ONCE", 7)
    assert RowSearch.of(X).usual_nearest(50) == pytest.approx(np.median(apart), rel=1e-4)


def test_rows_can_be_asked_about_in_any_order():
    X = np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)
    search = RowSearch.of(X)
    for row in (3, 3, 7, 3):
        assert search.nearest(row, 2)[0].tolist() == RowSearch.of(X).nearest(row, 2)[0].tolist()
        assert search.within(row, 1.0)[0].tolist() == RowSearch.of(X).within(row, 1.0)[0].tolist()
