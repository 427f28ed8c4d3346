"""Splits: disjoint, complete, repeatable, in proportion."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.data import (
    Column,
    Schema,
    SplitSettings,
    draw_splits,
    read_labels,
    role_of_rows,
)
from dvgs_core.errors import InputError
from dvgs_core.settings import validated


def task_of(values, task="classification"):
    values = list(values)
    frame = pd.DataFrame({"x": range(len(values)), "y": values})
    kind = "numeric" if task == "regression" else "category"
    columns = (Column(name="x"), Column(name="y", role="label", kind=kind))
    schema = Schema(columns=columns, task=task)
    return frame, read_labels(frame, schema), schema


def drawn(values, task="classification", **chosen):
    frame, labels, schema = task_of(values, task)
    return draw_splits(frame, labels, schema, SplitSettings(**chosen))


@settings(max_examples=150)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    unlabelled=st.integers(0, 5),
    rotations=st.integers(1, 4),
    target=st.none() | st.integers(2, 20) | st.floats(0.05, 0.5),
    source=st.none() | st.integers(2, 10),
    holdout=st.sampled_from([0, 0.1, 3]),
    stratify=st.booleans(),
    seed=st.integers(0, 1000),
    task=st.sampled_from(["classification", "regression", "reconstruction"]),
)
def test_splits_keep_their_promises(
    sizes, unlabelled, rotations, target, source, holdout, stratify, seed, task
):
    codes = np.repeat(np.arange(len(sizes)), sizes).astype(float)
    values = np.concatenate([codes, np.full(unlabelled, np.nan)])
    np.random.default_rng(seed).shuffle(values)
    frame, labels, schema = task_of(values, task)
    choice = SplitSettings(
        target_size=target,
        source_size=source,
        holdout_size=holdout,
        rotations=rotations,
        stratify=stratify,
        seed=seed,
    )
    try:
        splits = draw_splits(frame, labels, schema, choice)
    except InputError as error:
        assert "\n" not in str(error)
        return
    again = draw_splits(frame, labels, schema, choice)
    assert len(splits) == rotations
    targets = np.concatenate([split.target for split in splits])
    assert len(set(targets)) == len(targets), "targets of rotations are disjoint"
    assert len({len(split.target) for split in splits}) == 1
    if isinstance(target, int):
        assert len(splits[0].target) == target
    for split, same in zip(splits, again, strict=True):
        parts = (split.source, split.target, split.holdout)
        for part, other in zip(parts, (same.source, same.target, same.holdout), strict=True):
            assert part.dtype == np.int64 and (np.diff(part) > 0).all()
            np.testing.assert_array_equal(part, other)
        together = np.concatenate(parts)
        assert len(set(together)) == len(together), "the three are disjoint"
        assert not labels.missing[together].any()
        np.testing.assert_array_equal(split.holdout, splits[0].holdout)
        if source is None:
            assert len(together) == (~labels.missing).sum(), "what is left is source"
        else:
            assert len(split.source) == source
    roles = role_of_rows(splits, len(frame))
    assert set(roles) <= {"source", "target", "both", "unused"}
    assert (roles[splits[0].holdout] == "unused").all()
    assert (roles[labels.missing] == "unused").all()
    if rotations > 1 and source is None:
        assert (roles[targets] == "both").all(), "every row is valued in some rotation"
    if stratify and task == "classification":
        free = np.setdiff1d(np.flatnonzero(~labels.missing), splits[0].holdout)
        numbers = np.bincount(labels.y[free])
        for split in splits:
            have = np.bincount(labels.y[split.target], minlength=len(numbers))
            assert (have[numbers >= rotations] > 0).all()


def test_the_default_is_three_tenths_of_every_class():
    (split,) = drawn(["a"] * 100 + ["b"] * 50)
    assert len(split.target) == 45
    assert (split.target < 100).sum() == 30
    assert len(split.source) == 105 and len(split.holdout) == 0


def test_rotations_without_a_size_use_every_row_they_can():
    splits = drawn(list("ab") * 20, rotations=5)
    assert [len(s.target) for s in splits] == [8] * 5
    assert (role_of_rows(splits, 40) == "both").all()
    splits = drawn(list("ab") * 20, rotations=4, target_query="x >= 0")
    assert [len(s.target) for s in splits] == [10] * 4


def test_a_query_without_a_size_takes_every_matching_row():
    (split,) = drawn(list("ab") * 20, target_query="x < 10", source_query="x >= 30")
    assert split.target.tolist() == list(range(10))
    assert split.source.tolist() == list(range(30, 40))


def test_sizes_are_shares_up_to_one_and_numbers_above():
    (split,) = drawn(list("ab") * 50, target_size=0.2, source_size=0.5, holdout_size=30)
    assert [len(split.target), len(split.source), len(split.holdout)] == [14, 28, 30]


def test_a_holdout_query_without_a_size_takes_every_matching_row():
    (split,) = drawn(list("ab") * 20, holdout_query="x >= 30", target_size=4)
    assert split.holdout.tolist() == list(range(30, 40))
    assert len(split.source) == 26


def test_chosen_rows_are_the_target_and_never_holdout():
    values = list("ab") * 20
    (split,) = drawn(values, target_rows=(7, 0, 3), holdout_size=30, target_size=9)
    assert split.target.tolist() == [0, 3, 7] and len(split.holdout) == 30
    frame, labels, schema = task_of(values)
    mask = frame["x"].to_numpy() < 4
    for rows in (mask, [3, 2, 1, 0, 0]):
        (split,) = draw_splits(frame, labels, schema, SplitSettings(), target_file_rows=rows)
        assert split.target.tolist() == [0, 1, 2, 3]


def test_balanced_targets_have_equal_numbers_as_far_as_they_go():
    values = ["a"] * 80 + ["b"] * 15 + ["c"] * 5
    splits = drawn(values, balance_by="y", target_size=15, rotations=2)
    for split in splits:
        numbers = [(split.target < 80).sum(), ((split.target >= 80) & (split.target < 95)).sum()]
        assert sorted([*numbers, (split.target >= 95).sum()]) == [2, 6, 7]
    assert not set(splits[0].target) & set(splits[1].target)


def test_balanced_rows_that_match_a_query_are_a_share_of_them_unless_a_size_is_given():
    values = ["a"] * 60 + ["b"] * 40 + ["a"] * 20 + ["b"] * 20
    choice = {"balance_by": "y", "target_query": "x < 100"}
    (split,) = drawn(values, **choice)
    assert len(split.target) == 30 and split.target.max() < 100
    assert [(split.target < 60).sum(), (split.target >= 60).sum()] == [15, 15]
    (split,) = drawn(values, **choice, target_size=0.5)
    assert [(split.target < 60).sum(), (split.target >= 60).sum()] == [25, 25]


def test_a_regression_target_has_every_tenth():
    y = np.random.default_rng(0).normal(size=1000)
    (split,) = drawn(y, "regression", target_size=100)
    tenths = np.searchsorted(np.quantile(y, np.linspace(0, 1, 11)[1:-1]), y[split.target])
    assert np.bincount(tenths, minlength=10).tolist() == [10] * 10


def test_rotations_share_the_source_they_can():
    splits = drawn(list("ab") * 50, rotations=3, target_size=10, source_size=40)
    shared = set(splits[0].source) & set(splits[1].source) & set(splits[2].source)
    assert len(shared) >= 20


def test_another_seed_gives_another_target():
    assert (
        drawn(list("ab") * 50)[0].target.tolist()
        != drawn(list("ab") * 50, seed=1)[0].target.tolist()
    )


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"target_query": "x > 99"}, ["target is empty", "'x > 99'", "none of the 40 rows"]),
        ({"target_query": "z > 99"}, ["'z'"]),
        ({"target_query": "y.isnull()"}, ["4 rows of 40 rows match", "no label"]),
        ({"target_query": "y == 'a'"}, ["all of the class 'a'"]),
        ({"target_size": 37}, ["37 rows", "largest that fits is 36"]),
        ({"target_size": 36}, ["source is empty"]),
        ({"target_size": 0.5, "rotations": 3}, ["in each of 3 rotations", "12"]),
        ({"target_size": 2.5}, ["whole number"]),
        ({"target_size": 1.0}, ["source is empty"]),
        ({"source_query": "x > 99"}, ["source is empty", "'x > 99'"]),
        ({"source_size": 500}, ["500 rows"]),
        ({"holdout_size": 500}, ["500 rows"]),
        ({"holdout_query": "x > 99"}, ["holdout is empty"]),
        ({"target_rows": (3, 40)}, ["row 40", "0 to 39"]),
        ({"target_rows": (-1,)}, ["row -1"]),
        ({"target_rows": (36, 37)}, ["none of the chosen rows has a label"]),
        ({"target_rows": (0, 1), "rotations": 2}, ["rotations"]),
        ({"balance_by": "z"}, ["'z'"]),
        ({"target_size": 1.0, "rotations": 2}, ["largest"]),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(chosen, words):
    with pytest.raises(InputError) as caught:
        drawn([*(list("ab") * 18), *[None] * 4], **chosen)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line


def test_settings_outside_their_bounds_are_refused():
    for values in ({"rotations": 0}, {"rotations": 21}, {"target_size": 0}, {"seed": -1}):
        with pytest.raises(InputError):
            validated(SplitSettings, values)
