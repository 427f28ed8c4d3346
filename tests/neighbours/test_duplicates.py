"""Groups of equal rows, and pairs of nearly equal ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from dvgs_core.neighbours import duplicate_groups, near_duplicates, nearest_neighbours


def as_lists(groups):
    return [group.tolist() for group in groups]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_groups_are_those_of_comparing_every_row(rows):
    expected = {}
    for position, row in enumerate(rows):
        expected.setdefault(row, []).append(position)
    expected = [group for group in expected.values() if len(group) > 1]
    assert as_lists(duplicate_groups(np.array(rows))) == expected
    assert as_lists(duplicate_groups(pd.DataFrame(rows).astype({1: str}))) == expected


def test_missing_equals_missing_and_zero_equals_minus_zero():
    assert as_lists(duplicate_groups(np.array([[0.0, np.nan], [1, 1], [-0.0, -np.nan]]))) == [
        [0, 2]
    ]
    frame = pd.DataFrame({"a": ["x", None, "x", None], "b": [0.0, np.nan, -0.0, np.nan]})
    assert as_lists(duplicate_groups(frame)) == [[0, 2], [1, 3]]


def test_frames_of_mixed_kinds_are_compared_cell_by_cell():
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-02"]),
            "image": [b"ab", b"ab", b"ab"],
            "kind": pd.Categorical(["u", "u", "u"]),
        }
    )
    assert as_lists(duplicate_groups(frame)) == [[0, 1]]


def test_cells_that_are_lists_are_refused_by_column():
    with pytest.raises(InputError, match="'tags'"):
        duplicate_groups(pd.DataFrame({"tags": [[1], [1]]}))


def test_an_array_of_one_dimension_is_refused():
    with pytest.raises(InputError, match="two-dimensional"):
        duplicate_groups(np.zeros(4))


def test_without_duplicates_or_rows_there_are_no_groups():
    assert duplicate_groups(np.arange(6).reshape(3, 2)) == []
    assert duplicate_groups(pd.DataFrame({"a": []})) == []


def test_near_pairs_come_once_nearest_first():
    points = np.array([[0.0], [10.0], [0.5], [10.0], [30.0]])
    pairs, distances = near_duplicates(nearest_neighbours(points, 3), threshold=0.5)
    np.testing.assert_array_equal(pairs, [[1, 3], [0, 2]])
    np.testing.assert_array_equal(distances, np.array([0, 0.5], dtype=np.float32))
    assert pairs.dtype == np.int64


def test_no_near_pairs_give_empty_arrays():
    pairs, distances = near_duplicates(nearest_neighbours([[0.0], [1.0]], 1), threshold=0.5)
    assert pairs.shape == (0, 2)
    assert distances.shape == (0,)


@pytest.mark.parametrize("threshold", [-1.0, float("nan")])
def test_a_threshold_that_is_no_distance_is_refused(threshold):
    with pytest.raises(InputError, match="threshold"):
        near_duplicates(nearest_neighbours([[0.0], [1.0]], 1), threshold)
