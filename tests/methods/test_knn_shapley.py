"""Nearest-neighbour Shapley values against the sum over all coalitions."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dvgs_core import methods
from dvgs_core.evaluation import detection
from dvgs_core.samples import Samples


def enumerated(source, target, k, worth):
    """Shapley values by definition, over all coalitions; `worth` of the nearest rows' labels."""
    n = len(source)
    values = np.zeros(n)
    for x, y in zip(target.X.astype(float), target.y, strict=True):
        distance = np.square(source.X.astype(float) - x).sum(axis=1)
        nearest_first = np.lexsort((source.ids, distance))

        def of(coalition, y=y, order=nearest_first):
            return worth([source.y[i] for i in order if i in coalition][:k], y, k)

        for i in range(n):
            others = [j for j in range(n) if j != i]
            for size in range(n):
                for coalition in map(set, combinations(others, size)):
                    gain = of(coalition | {i}) - of(coalition)
                    values[i] += gain / (n * comb(n - 1, size)) / len(target)
    return values


def share_of_k(labels, y, k):
    return sum(label == y for label in labels) / k


def negative_squared_error(labels, y, k):
    return -((sum(labels) / k - y) ** 2)


def drawn(seed, n, m, task):
    rng = np.random.default_rng(seed)
    # whole numbers, so that distances tie
    X = rng.integers(0, 4, (n + m, 2))
    y = rng.integers(0, 3, n + m) if task == "classification" else rng.normal(size=n + m)
    ids = rng.permutation(n + m)
    every = Samples(X, y, ids)
    return every.rows(np.arange(n)), every.rows(np.arange(n, n + m))


@settings(max_examples=30)
@example(seed=0, n=8, m=3, k=3)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), m=st.integers(1, 4), k=st.integers(1, 9))
def test_shares_of_the_class_are_shapley_values(seed, n, m, k):
    source, target = drawn(seed, n, m, "classification")
    found = methods.create("knn-shapley", k=k).value(source, target)
    np.testing.assert_allclose(found.values, enumerated(source, target, k, share_of_k), atol=1e-12)


@settings(max_examples=30)
@example(seed=0, n=8, m=3, k=3)
@example(seed=314149, n=3, m=2, k=9)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), m=st.integers(1, 4), k=st.integers(1, 9))
def test_squared_errors_are_shapley_values(seed, n, m, k):
    source, target = drawn(seed, n, m, "regression")
    found = methods.create("knn-shapley", k=k).value(source, target)
    centre, spread = target.y.mean(), target.y.std() or 1.0
    scaled = [Samples(s.X, (s.y - centre) / spread, s.ids) for s in (source, target)]
    expected = enumerated(*scaled, k, negative_squared_error)
    # labels are float32 in what is valued, and a target of nearly equal ones makes them large
    largest = max(1.0, *(float(np.square(s.y).max()) for s in scaled))
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-6 * largest)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 4))
def test_a_value_under_another_label_is_the_value_with_that_label(seed, k):
    source, target = drawn(seed, 6, 5, "classification")
    method = methods.create("knn-shapley", k=k)
    label_values = method.value(source, target, classes=3).label_values
    for row in range(len(source)):
        for label in range(3):
            y = source.y.copy()
            y[row] = label
            relabelled = method.value(Samples(source.X, y, source.ids), target, classes=3)
            assert label_values[row, label] == pytest.approx(relabelled.values[row], abs=1e-12)


def test_values_add_up_to_what_all_rows_are_worth():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(260, 5)), rng.integers(0, 3, 260)
    every = Samples(X, y)
    source, target = every.rows(np.arange(200)), every.rows(np.arange(200, 260))
    found = methods.create("knn-shapley", k=7).value(source, target)
    distance = np.square(source.X[None] - target.X[:, None]).sum(axis=2)
    nearest = np.argsort(distance, axis=1)[:, :7]
    worth = (source.y[nearest] == target.y[:, None]).mean()
    assert found.values.sum() == pytest.approx(worth, abs=1e-12)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_values_stay_with_their_rows_in_any_order_and_any_blocks(task, monkeypatch):
    source, target = drawn(3, 60, 40, task)
    method = methods.create("knn-shapley", k=4)
    whole = method.value(source, target)
    order = np.random.default_rng(1).permutation(60)
    np.testing.assert_array_equal(
        method.value(source.rows(order), target).values, whole.values[order]
    )
    monkeypatch.setattr("dvgs_core.methods.knn_shapley._BLOCK_NUMBERS", 60)
    steps = list(method.steps(source, target))
    assert len(steps) == steps[0].total == 40 and steps[-1].stopped_because == "all checkpoints"
    np.testing.assert_allclose(steps[-1].values, whole.values, atol=1e-12)
    np.testing.assert_allclose(
        np.mean([s.similarity for s in steps], axis=0), whole.values, atol=1e-6
    )


def test_wrong_labels_are_worth_less():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    X = rng.normal(size=(300, 4)) + 3 * y[:, None]
    wrong = np.arange(200) % 10 == 0
    source = Samples(X[:200], np.where(wrong, (y[:200] + 1) % 3, y[:200]))
    valuation = methods.create("knn-shapley", k=5).value(source, Samples(X[200:], y[200:]))
    assert detection(wrong, valuation.values).auroc > 0.98
    assert (valuation.suggested == y[:200])[wrong].mean() > 0.9
