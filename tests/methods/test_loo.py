"""Leave one out: its definition, symmetry, and steps that show what is known so far."""

import numpy as np
import pytest
from scipy.stats import rankdata

from dvgs_core.errors import InputError
from dvgs_core.evaluation.utility import Utility
from dvgs_core.methods import create
from dvgs_core.methods.loo import LOO, PAPER
from dvgs_core.models.stack import Member, Stack
from dvgs_core.samples import Samples

SMALL = dict(width=6, layers=1, epochs=5, learning_rate=0.05)


def blobs(n, seed, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3)) + y[:, None]
    if task == "reconstruction":
        return Samples(X)
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3])


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("metric", ["auto", "loss"])
def test_values_are_the_utility_lost_with_the_row(task, metric):
    source, target = blobs(12, 1, task), blobs(40, 2, task)
    method = LOO(seed=5, batch=8, dropout=0.2, metric=metric, **SMALL)
    values = method.value(source, target).values
    seed = int(np.random.SeedSequence(5).generate_state(1)[0])
    classes = 2 if task == "classification" else 0
    everything, expected = np.arange(12), np.empty(12)
    with Utility(method.settings, source, target, classes=classes) as utility:
        for row in everything:
            weights = (everything != row).astype(np.float32)
            whole, without = Member(everything, seed), Member(everything, seed, weights)
            expected[row] = utility.of([whole])[0] - utility.of([without])[0]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert np.unique(values.round(5)).size > 1


def test_in_full_batches_a_missing_row_is_a_removed_row():
    source, target = blobs(10, 1), blobs(40, 2)
    method = LOO(seed=3, metric="loss", dropout=0.3, **SMALL)
    values = method.value(source, target).values
    seed = int(np.random.SeedSequence(3).generate_state(1)[0])
    with Utility(method.settings, source, target, classes=2) as utility:
        whole = utility.of([Member(np.arange(10), seed)])[0]
        removed = utility.of([Member(np.delete(np.arange(10), i), seed) for i in range(10)])
    np.testing.assert_allclose(values, whole - removed, atol=1e-5)


def test_equal_rows_have_equal_values_and_order_does_not_matter():
    source, target = blobs(11, 1), blobs(40, 2)
    twins = np.r_[np.arange(11), 4]
    method = LOO(seed=3, metric="loss", dropout=0.0, **SMALL)
    values = method.value(Samples(source.X[twins], source.y[twins]), target).values
    assert values[11] == pytest.approx(values[4], abs=1e-5)
    turned = twins[::-1]
    again = method.value(Samples(source.X[turned], source.y[turned]), target).values
    np.testing.assert_allclose(again[::-1], values, atol=1e-4)


def test_steps_show_the_rows_reached_and_never_another_number(monkeypatch):
    monkeypatch.setattr(Stack, "together", lambda stack, rows: 1)
    source, target = blobs(9, 1), blobs(30, 2)
    method = LOO(seed=0, repeats=2, **SMALL)
    steps = list(method.steps(source, target))
    assert len(steps) == steps[0].total == 18
    for number, step in enumerate(steps, start=1):
        reached = min(number, 9)
        assert np.isfinite(step.values).sum() == reached
        assert np.isfinite(step.similarity).sum() == 1
        assert np.isfinite(step.standard_error).sum() == max(0, number - 9)
        assert step.index == number - 1
    trace = np.stack([step.similarity for step in steps])
    np.testing.assert_allclose(np.nanmean(trace, axis=0), steps[-1].values, atol=1e-6)
    by_repeat = np.stack([np.nanmean(trace[:9], axis=0), np.nanmean(trace[9:], axis=0)])
    np.testing.assert_allclose(
        by_repeat.std(axis=0, ddof=1) / np.sqrt(2), steps[-1].standard_error, atol=1e-6
    )
    assert [s.stopped_because for s in steps] == [None] * 17 + ["all checkpoints"]


def test_many_rows_do_not_make_many_steps_and_a_seed_repeats(monkeypatch):
    monkeypatch.setattr(Stack, "together", lambda stack, rows: 1)
    source, target = blobs(230, 1), blobs(30, 2)
    method = create("loo", seed=1, network="logistic", epochs=6, metric="loss")
    valuation = method.value(source, target)
    assert len(valuation.trace) == 77 and np.isfinite(valuation.values).all()
    assert np.isnan(valuation.standard_error).all()
    np.testing.assert_array_equal(method.value(source, target).values, valuation.values)
    other = create("loo", seed=2, network="logistic", epochs=6, metric="loss")
    again = other.value(source, target).values
    assert not np.array_equal(rankdata(again), rankdata(valuation.values))


def test_what_cannot_be_valued_is_said():
    with pytest.raises(InputError, match="at least 2 source rows"):
        LOO(**SMALL).value(blobs(1, 0), blobs(10, 1))
    one_class = Samples(np.random.default_rng(0).normal(size=(9, 3)), np.zeros(9, int))
    with pytest.raises(InputError, match="both classes"):
        LOO(**SMALL).value(blobs(9, 0), one_class)
    with pytest.raises(InputError, match="metric r2 is not for classification with 2 classes"):
        LOO(metric="r2", **SMALL).value(blobs(9, 0), blobs(10, 1))


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_settings_are_settings(name):
    assert LOO(**PAPER[name]).settings.max_steps is None
