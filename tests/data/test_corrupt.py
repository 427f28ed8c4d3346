"""Damage: exactly as much as said, where the mask says, and never in place."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data import Column, Schema, add_feature_noise, corrupt_labels, corrupt_table
from dvgs_core.errors import InputError


@given(
    y=st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(lambda y: len(set(y)) > 1),
    rate=st.floats(0, 1),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["int64", "int8", "float64", "str", "object"]),
)
def test_exactly_the_share_gets_another_class(y, rate, seed, dtype):
    y = np.array(y).astype(dtype)
    before = y.copy()
    new, mask = corrupt_labels(y, rate, seed)
    np.testing.assert_array_equal(y, before)
    assert mask.sum() == round(rate * len(y)) and new.dtype == y.dtype
    np.testing.assert_array_equal(new != y, mask)
    assert set(new.tolist()) <= set(y.tolist())
    again, _ = corrupt_labels(y, rate, seed)
    np.testing.assert_array_equal(new, again)


def test_other_classes_are_equally_likely():
    new, mask = corrupt_labels(np.zeros(30_000, int), 1.0, classes=[0, 1, 2, 3])
    assert mask.all() and np.abs(np.bincount(new)[1:] / 30_000 - 1 / 3).max() < 0.01


def test_missing_labels_are_not_touched():
    for y in (
        np.array([-1, 0, 1, 2] * 5),
        np.array([np.nan, 0, 1, 2] * 5),
        np.array([None, "a", "b", "c"] * 5, dtype=object),
    ):
        new, mask = corrupt_labels(y, 1.0)
        assert mask.tolist() == [False, True, True, True] * 5
        np.testing.assert_array_equal(new[~mask].astype(str), y[~mask].astype(str))
    new, mask = corrupt_labels(np.array([-1, 1] * 5), 1.0)
    assert new.tolist() == [1, -1] * 5, "minus one opposite one other class is a class"


def test_longer_names_fit():
    new, _ = corrupt_labels(np.array(["a", "b"]), 1.0, classes=["longer"])
    assert new.tolist() == ["longer", "longer"]


def test_what_cannot_be_corrupted_is_refused():
    for y, rate in (([1, 1], 0.5), ([0, 1], 1.5), ([0, 1], -1), ([[0], [1]], 0.5)):
        with pytest.raises(InputError):
            corrupt_labels(np.array(y), rate)
    with pytest.raises(InputError):
        add_feature_noise(np.zeros((2, 2)), -1)


def test_noise_has_the_spread_that_is_told():
    X = np.full((200, 5000), 7.0, dtype="float32")
    new, rate = add_feature_noise(X, maximum=5, seed=1)
    assert new.dtype == np.float32 and rate.shape == (200,) and (X == 7).all()
    assert rate.min() >= 0 and rate.max() <= 5 and abs(rate.mean() - 2.5) < 0.3
    np.testing.assert_allclose((new - 7).std(axis=1), rate, rtol=0.05)
    np.testing.assert_array_equal(add_feature_noise(X, 5, 1)[0], new)
    assert add_feature_noise(np.zeros((3, 2), int))[0].dtype == np.float64


N = 300
FRAME = pd.DataFrame(
    {
        "real": np.random.default_rng(0).normal(0, 50, N).astype("float32"),
        "whole": pd.array([None if i % 10 == 0 else i for i in range(N)], dtype="Int64"),
        "constant": 1.0,
        "word": ["a", "b", "c"] * 100,
        "key": range(N),
        "label": pd.array(["x", "y", None] * 100, dtype="str"),
    }
)
SCHEMA = Schema(
    columns=[
        Column(name="real"),
        Column(name="whole"),
        Column(name="constant"),
        Column(name="word", kind="category"),
        Column(name="key", role="id"),
        Column(name="label", role="label", kind="category"),
    ],
    task="classification",
)


def test_a_table_is_damaged_only_where_the_truth_says():
    before = FRAME.copy(deep=True)
    new, truth = corrupt_table(FRAME, SCHEMA, 0.2, 3.0, seed=4, rows=np.arange(100, 300))
    pd.testing.assert_frame_equal(FRAME, before)
    assert list(truth) == ["row", "corrupted", "original_label", "noise_rate"]
    changed = (new["label"] != FRAME["label"]) & FRAME["label"].notna()
    assert changed.tolist() == truth["corrupted"].tolist()
    labelled = FRAME["label"].iloc[100:].notna().sum()
    assert truth["corrupted"].sum() == round(0.2 * labelled)
    assert not truth["corrupted"][:100].any() and (truth["noise_rate"][:100] == 0).all()
    pd.testing.assert_frame_equal(
        new[["constant", "word", "key"]], FRAME[["constant", "word", "key"]]
    )
    assert new["real"].dtype == "float32" and new["label"].dtype == FRAME["label"].dtype
    assert new["whole"].isna().tolist() == FRAME["whole"].isna().tolist()
    assert (new["real"][:100] == FRAME["real"][:100]).all()
    moved = (new["real"] - FRAME["real"])[100:] / FRAME["real"].std() / truth["noise_rate"][100:]
    assert abs(moved.std() - 1) < 0.2
    again, _ = corrupt_table(FRAME, SCHEMA, 0.2, 3.0, seed=4, rows=np.arange(N) >= 100)
    pd.testing.assert_frame_equal(new, again)


def test_nothing_asked_is_nothing_done():
    new, truth = corrupt_table(FRAME, SCHEMA)
    pd.testing.assert_frame_equal(new, FRAME)
    assert not truth["corrupted"].any()
    with pytest.raises(InputError, match="classification"):
        corrupt_table(FRAME, SCHEMA.with_label(None), 0.1)
    with pytest.raises(InputError, match=r"0 \.\. 299"):
        corrupt_table(FRAME, SCHEMA, 0.1, rows=[300])
