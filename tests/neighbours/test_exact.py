"""The proved search against measuring every pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from dvgs_core.neighbours import exact, nearest_among, nearest_neighbours
from dvgs_core.neighbours.reference import measured_neighbours


@st.composite
def clouds(draw):
    """Points with ties, duplicates, far offsets and wide scales, of either float type."""
    n, d = draw(st.integers(2, 60)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    points = {
        "normal": lambda: rng.normal(size=(n, d)),
        "lattice": lambda: rng.integers(0, 3, size=(n, d)).astype(float),
        "tight": lambda: 1e6 + 1e-6 * rng.normal(size=(n, d)),
        "one outlier": lambda: (
            rng.normal(size=(n, d)) * np.where(np.arange(n) == 0, 1e9, 1)[:, None]
        ),
        "huge": lambda: 1e29 * rng.normal(size=(n, d)).clip(-9, 9),
        "tiny": lambda: 1e-170 * rng.normal(size=(n, d)),
        "constant": lambda: np.full((n, d), 0.1),
    }[
        draw(
            st.sampled_from(
                ["normal", "lattice", "tight", "one outlier", "huge", "tiny", "constant"]
            )
        )
    ]()
    if draw(st.booleans()):
        points = points[rng.integers(0, n, size=n)]
    return points.astype(draw(st.sampled_from([np.float32, np.float64])))


def same(found, expected):
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)


@given(clouds(), st.data())
def test_equals_measuring_every_pair_whatever_the_block(points, data):
    k = data.draw(st.integers(1, len(points) - 1))
    block_rows = data.draw(st.sampled_from([None, 1, 7]))
    found = nearest_neighbours(points, k, block_rows=block_rows)
    same(found, measured_neighbours(points, points, k, exclude_self=True))
    assert found.indices.dtype == np.int64
    assert found.distances.dtype == np.float32


@given(clouds(), st.data())
def test_among_equals_measuring_every_pair(points, data):
    cut = data.draw(st.integers(1, len(points) - 1))
    queries, references = points[:cut], points[data.draw(st.integers(0, cut)) :]
    k = data.draw(st.integers(1, len(references)))
    same(
        nearest_among(queries, references, k, block_rows=data.draw(st.sampled_from([None, 3]))),
        measured_neighbours(queries, references, k),
    )


@pytest.mark.parametrize("at_once", [1, 7, 40])
def test_among_does_not_depend_on_how_many_queries_are_taken_at_once(monkeypatch, at_once):
    rng = np.random.default_rng(0)
    queries, references = rng.normal(size=(40, 5)) * 10, rng.integers(0, 3, size=(30, 5))
    monkeypatch.setattr(exact, "QUERIES_AT_ONCE", at_once)
    same(nearest_among(queries, references, 4), measured_neighbours(queries, references, 4))


@pytest.mark.parametrize("columns", [1, 3, 40])
def test_equals_measuring_every_pair_where_float32_nominates_among_many(columns):
    rng = np.random.default_rng(columns)
    clusters = rng.normal(size=(6, columns)) * 50
    points = (
        clusters[rng.integers(6, size=1500)] + rng.normal(size=(1500, columns)) * 0.01
    ).astype(np.float32)
    points[700:720] = points[0]
    same(
        nearest_neighbours(points, 15, block_rows=400),
        measured_neighbours(points, points, 15, exclude_self=True),
    )


def test_neighbours_on_a_line():
    found = nearest_neighbours(np.array([[0.0], [1.0], [3.0], [7.0]]), 2)
    np.testing.assert_array_equal(found.indices, [[1, 2], [0, 2], [1, 0], [2, 1]])
    np.testing.assert_array_equal(found.distances, [[1, 3], [1, 2], [2, 3], [4, 6]])


def test_duplicates_are_each_others_neighbours_at_exactly_zero():
    points = 1e7 + np.array([[0.1, 0.2], [9.0, 9.0], [0.1, 0.2], [0.1, 0.2]])
    found = nearest_neighbours(points, 2)
    np.testing.assert_array_equal(found.indices[[0, 2, 3]], [[2, 3], [0, 3], [0, 2]])
    assert (found.distances[[0, 2, 3]] == 0).all()


def test_ties_come_in_the_order_of_their_index_also_at_the_cut():
    corners = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]], dtype=np.float32)
    np.testing.assert_array_equal(nearest_neighbours(corners, 2).indices[0], [1, 2])
    np.testing.assert_array_equal(nearest_among(corners[:1], corners[1:], 3).indices, [[0, 1, 2]])


def test_thousands_of_equal_rows_cost_no_more_than_distinct_ones():
    points = np.zeros((20_000, 3), dtype=np.float32)
    points[-1] = 1
    found = nearest_neighbours(points, 4)
    np.testing.assert_array_equal(found.indices[0], [1, 2, 3, 4])
    np.testing.assert_array_equal(found.indices[2], [0, 1, 3, 4])
    np.testing.assert_array_equal(found.indices[-2:], [[0, 1, 2, 3], [0, 1, 2, 3]])
    np.testing.assert_allclose(found.distances[-1], np.sqrt(3), rtol=1e-6)


def test_moving_all_points_changes_no_neighbour():
    points = np.random.default_rng(0).integers(0, 50, size=(200, 4)).astype(float)
    same(nearest_neighbours(points + 2.0**30, 9), nearest_neighbours(points, 9))


def test_reduced_precision_products_change_nothing():
    import torch

    points = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    expected = nearest_neighbours(points, 5)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        same(nearest_neighbours(points, 5), expected)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.gpu
def test_the_device_changes_nothing():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    points = np.random.default_rng(0).normal(size=(3000, 20)).astype(np.float32)
    same(nearest_neighbours(points, 15, device="cuda"), nearest_neighbours(points, 15))


@pytest.mark.parametrize("k", [0, 3, 4])
def test_more_neighbours_than_other_rows_are_refused(k):
    with pytest.raises(InputError, match="from 1 to 2"):
        nearest_neighbours(np.zeros((3, 2)), k)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e31])
def test_rows_that_are_not_finite_are_named(bad):
    points = np.zeros((20, 2))
    points[[4, 17], 1] = bad
    with pytest.raises(InputError, match="rows 4, 17 do not"):
        nearest_neighbours(points, 1)
    with pytest.raises(InputError, match="references must hold finite numbers"):
        nearest_among(np.zeros((1, 2)), points, 1)


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (np.zeros(5), "shape"),
        (np.zeros((5, 0)), "shape"),
        (np.array([["a"], ["b"]]), "numbers"),
        (np.zeros((2, 1), dtype=complex), "numbers"),
    ],
)
def test_what_is_not_a_table_of_numbers_is_refused(X, expected):
    with pytest.raises(InputError, match=expected):
        nearest_neighbours(X, 1)


def test_queries_and_references_of_different_columns_are_refused():
    with pytest.raises(InputError, match="same columns; got 2 and 3"):
        nearest_among(np.zeros((1, 2)), np.zeros((4, 3)), 1)
    with pytest.raises(InputError, match="from 1 to 4"):
        nearest_among(np.zeros((1, 3)), np.zeros((4, 3)), 5)
