"""Source and target told apart: by one column, by several, or not at all."""

import numpy as np
import pytest

from dvgs_core.methods.told_apart import TOLD_APART, telling
from dvgs_core.samples import Samples


def two_sides(n=300, m=120, features=6, seed=0):
    """Features of source and target, of one whole."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, features)), rng.normal(size=(m, features))


def test_rows_of_one_whole_are_not_told_apart():
    for seed in range(5):
        source, target = two_sides(seed=seed)
        assert telling(Samples(source), Samples(target), seed=seed) is None


def test_a_shift_that_leaves_most_rows_alike_is_none():
    source, target = two_sides()
    assert telling(Samples(source), Samples(target + 0.5), seed=0) is None


def test_the_column_that_tells_is_named_whatever_its_form():
    source, target = two_sides()
    columns = ["a", "b", "c", "d", "e", "f"]
    # a category of three, of which the target has one
    of = np.eye(3)[np.arange(300) % 2], np.tile(np.eye(3)[2], (120, 1))
    names = [*columns, "file", "file", "file"]
    found = telling(Samples(np.c_[source, of[0]]), Samples(np.c_[target, of[1]]), names, seed=0)
    assert found.alone and found.columns == ("file",) and found.auroc == pytest.approx(1)
    assert found.sentence == ("The column 'file' tells source rows from target rows (AUROC 1.00).")
    assert found.remedy == "give 'file' the role ignore"
    unnamed = telling(Samples(np.c_[source, of[0]]), Samples(np.c_[target, of[1]]), seed=0)
    assert unnamed.columns[0] in ("feature 7", "feature 8", "feature 9")


@pytest.mark.parametrize("width", [5, 800])
def test_a_range_that_the_target_was_chosen_by_tells_among_many_columns(width):
    every = np.random.default_rng(0).normal(size=(2000, width))
    inside = np.abs(every[:, 2]) < 0.5  # no line tells it from what lies on both sides
    columns = [f"column {number}" for number in range(width)]
    found = telling(Samples(every[~inside]), Samples(every[inside]), columns, seed=0)
    assert found.alone and found.columns == ("column 2",) and found.auroc >= TOLD_APART


def test_columns_that_tell_only_together_are_listed():
    source, target = two_sides(600, 400)
    columns = ["a", "b", "c", "d", "e", "f"]
    found = telling(Samples(source), Samples(target + 1.7), columns, seed=0)
    assert not found.alone and len(found.columns) == 3 and set(found.columns) <= set(columns)
    assert found.sentence.startswith("The columns (")


def test_a_handful_of_target_rows_tells_nothing():
    source, target = two_sides(m=9)
    assert telling(Samples(source), Samples(target + 100), seed=0) is None


def test_a_seed_repeats_it_and_large_tables_are_sampled():
    source, target = two_sides(1500, 1100)
    pair = Samples(source), Samples(target + 1.7)
    assert telling(*pair, seed=3) == telling(*pair, seed=3) is not None
