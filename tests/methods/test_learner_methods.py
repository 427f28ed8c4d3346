"""Methods that ask learners: out of bag, confidence, confident learning."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from dvgs_core import methods
from dvgs_core.errors import InputError
from dvgs_core.evaluation import detection
from dvgs_core.methods.confident_learning import confident_joint, corrected, margins
from dvgs_core.methods.learners import dealt, predictions, withheld
from dvgs_core.samples import Samples

QUICK = {
    "data-oob": dict(trees=40, leaf=2),
    "confidence": dict(restarts=2, epochs=100, width=24),
    "confident-learning": dict(strength=10.0),
}


def blobs(n, seed=0, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4))
    X[np.arange(n), y] += 4
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3, 4])


def damaged(source, seed=0):
    """The source with every tenth label wrong, which ones, and the right ones."""
    rng = np.random.default_rng(seed)
    wrong = np.arange(len(source)) % 10 == 0
    if source.task == "classification":
        y = np.where(wrong, (source.y + rng.integers(1, 3, len(source))) % 3, source.y)
    else:
        y = np.where(wrong, source.y + 40, source.y)
    return Samples(source.X, y, source.ids), wrong


@pytest.mark.parametrize("name", list(QUICK))
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_wrong_labels_are_found_named_and_the_same_for_a_seed(name, task):
    (source, wrong), target = damaged(blobs(150, 1, task)), blobs(120, 2, task)
    valuation = methods.create(name, seed=1, **QUICK[name]).value(source, target)
    assert detection(wrong, valuation.values).auroc > 0.95
    again = methods.create(name, seed=1, **QUICK[name]).value(source, target)
    np.testing.assert_array_equal(again.values, valuation.values)
    if task == "regression":
        assert valuation.label_values is None and (valuation.values <= 0).all()
        return
    right = blobs(150, 1).y
    assert (valuation.suggested == right)[wrong].mean() > 0.8
    own = np.take_along_axis(valuation.label_values, source.y[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(own, valuation.values, atol=1e-12)
    np.testing.assert_allclose(valuation.label_values.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", list(QUICK))
def test_steps_end_with_the_values_and_say_why(name):
    source, target = blobs(60, 1), blobs(50, 2)
    method = methods.create(name, **QUICK[name])
    steps = list(method.steps(source, target))
    assert [step.index for step in steps] == list(range(steps[0].total))
    assert [step.stopped_because for step in steps[:-1]] == [None] * (len(steps) - 1)
    assert steps[-1].stopped_because == "all checkpoints"
    np.testing.assert_array_equal(steps[-1].values, method.value(source, target).values)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_out_of_bag_values_are_those_of_scikit_learn(task):
    """One step of 25 trees is one forest, whose own out-of-bag estimate must be ours."""
    source, target = blobs(80, 1, task), blobs(70, 2, task)
    found = methods.create("data-oob", trees=25, rows="source", leaf=2).value(source, target)
    seed = int(np.random.SeedSequence(0).generate_state(1)[0])
    kind = RandomForestClassifier if task == "classification" else RandomForestRegressor
    more = {} if task == "classification" else {"max_features": 1 / 3}
    forest = kind(25, min_samples_leaf=2, oob_score=True, random_state=seed, **more)
    forest.fit(source.X, source.y)
    if task == "classification":
        np.testing.assert_allclose(found.label_values, forest.oob_decision_function_, atol=1e-12)
    else:
        expected = -np.square(forest.oob_prediction_ - source.y)
        np.testing.assert_allclose(found.values, expected, rtol=1e-5)


def test_out_of_bag_steps_are_running_means():
    source, target = blobs(60, 1), blobs(50, 2)
    steps = list(methods.create("data-oob", trees=110, score="trees").steps(source, target))
    assert len(steps) == 5
    np.testing.assert_allclose(
        np.average([s.similarity for s in steps], axis=0, weights=[25, 25, 25, 25, 10]),
        steps[-1].values,
        atol=1e-5,
    )
    assert ((steps[-1].values >= 0) & (steps[-1].values <= 1)).all()
    assert steps[-1].standard_error.mean() < 0.7 * np.nanmean(steps[0].standard_error)


def test_a_row_that_every_tree_saw_has_no_value_and_that_is_said():
    source = blobs(400, 1)
    valuation = methods.create("data-oob", trees=10, rows="source").value(source, blobs(9, 2))
    without = np.isnan(valuation.values)
    assert 0 < without.sum() < 20  # each is missed by 10 trees with probability 1 - 0.632^10
    assert valuation.notes == (
        f"{without.sum()} rows have no value: every tree was grown on them. Grow more trees.",
    )


def test_confidence_of_a_logistic_learner_is_scikit_learns():
    source, target = blobs(60, 1), blobs(50, 2)
    found = methods.create("confidence", learner="logistic", strength=5, balanced=False).value(
        source, target
    )
    model = LogisticRegression(C=0.2, max_iter=500).fit(target.X, target.y)
    np.testing.assert_allclose(found.label_values, model.predict_proba(source.X), atol=1e-6)
    numbers, trusted = blobs(60, 1, "regression"), blobs(50, 2, "regression")
    found = methods.create("confidence", learner="logistic", strength=5).value(numbers, trusted)
    model = Ridge(alpha=5).fit(trusted.X, trusted.y)
    np.testing.assert_allclose(found.values, -np.square(model.predict(numbers.X) - numbers.y))


@pytest.mark.parametrize("signal", [0.1, 0.6])
def test_the_penalty_is_the_one_that_predicts_withheld_rows_best(signal):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    X = rng.normal(size=(120, 100)) + signal * y[:, None]
    target, source = Samples(X[:60], y[:60]), Samples(X[60:], y[60:])
    fold = dealt(target.y, 5, np.random.default_rng(0), by_class=True)

    def misfit(strength):
        losses = []
        for f in range(5):
            fit, judged = target.rows(fold != f), target.rows(fold == f)
            model = LogisticRegression(C=1 / strength, max_iter=500, class_weight="balanced")
            found = model.fit(fit.X, fit.y).predict_proba(judged.X)
            losses += list(-np.log(found[np.arange(len(judged)), judged.y]))
        return np.mean(losses)

    best = min((10, 100, 1000), key=misfit)
    assert best == {0.1: 100, 0.6: 10}[signal]
    chosen, named = (
        methods.create("confidence", learner="logistic", **given).value(source, target)
        for given in ({}, {"strength": best})
    )
    np.testing.assert_array_equal(chosen.values, named.values)


def test_network_confidence_is_the_mean_probability_of_its_members():
    source, target = blobs(40, 1), blobs(50, 2)
    plain = methods.create("confidence", **QUICK["confidence"])
    logs = methods.create(
        "confidence", score="log probability", **QUICK["confidence"] | {"restarts": 1}
    )
    one = methods.create("confidence", **QUICK["confidence"] | {"restarts": 1})
    np.testing.assert_allclose(
        np.exp(logs.value(source, target).values), one.value(source, target).values, atol=1e-9
    )
    assert (plain.value(source, target).standard_error > 0).all()
    assert np.isnan(one.value(source, target).standard_error).all()


def test_rows_that_a_network_reconstructs_badly_have_low_confidence():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 12))
    X[:100:10] = rng.normal(size=(10, 12)) * 3
    odd = np.arange(100) % 10 == 0
    valuation = methods.create("confidence", epochs=200, dropout=0).value(
        Samples(X[:100]), Samples(X[100:])
    )
    assert detection(odd, valuation.values).auroc > 0.98
    with pytest.raises(InputError, match="learner=network"):
        methods.create("confidence", learner="logistic").value(Samples(X), Samples(X))


def test_folds_are_dealt_evenly_and_by_class():
    y = np.repeat([0, 1, 2], [50, 30, 7])
    fold = dealt(y, 5, np.random.default_rng(0), by_class=True)
    counts = np.array([[((fold == f) & (y == c)).sum() for f in range(5)] for c in range(3)])
    assert (np.ptp(counts, axis=1) <= 1).all() and np.ptp(counts.sum(axis=0)) <= 1


def test_no_learner_sees_the_row_it_judges():
    X, y = np.arange(30.0)[:, None].astype(np.float32), np.arange(30.0)
    seen = []

    def learned(X_fit, y_fit, X_new):
        assert not set(X_fit[:, 0]) & set(X_new[:, 0])
        seen.extend(X_new[:, 0])
        return X_new[:, 0].astype(float)

    fold = dealt(y, 4, np.random.default_rng(0), by_class=False)
    found = withheld(learned, X, y, fold, np.ones(30, dtype=bool))
    assert sorted(seen) == list(range(30))
    np.testing.assert_array_equal(found, y)


def test_rows_set_aside_are_the_least_trusted_and_teach_no_one(monkeypatch):
    (source, wrong), target = damaged(blobs(100, 1)), blobs(60, 2)
    sizes = []

    def learned(kind, X, y, X_new, **facts):
        sizes.append(len(X))
        return predictions(kind, X, y, X_new, **facts)

    monkeypatch.setattr("dvgs_core.methods.confident_learning.predictions", learned)
    method = methods.create("confident-learning", set_aside=0.25, strength=10.0)
    first, last = method.steps(source, target)
    assert sum(sizes[:5]) == 4 * 160 and sum(sizes[5:]) == 4 * (160 - 25)
    assert detection(wrong, last.values).auroc >= detection(wrong, first.values).auroc - 1e-9
    plain = methods.create("confident-learning", set_aside=0, strength=10.0).value(source, target)
    np.testing.assert_array_equal(plain.values, first.values)


def test_the_confident_joint_of_a_case_worked_by_hand():
    # thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.7 + 0.9) / 2 = 0.8
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.1, 0.9]])
    y = np.array([0, 0, 0, 1, 1])
    # row 3 reaches no threshold; label 0 counts (2, 1), label 1 counts (0, 1)
    expected = np.array([[2 / 3 * 3 / 5, 1 / 3 * 3 / 5], [0, 2 / 5]])
    np.testing.assert_allclose(confident_joint(p, y), expected)
    # of class 0 all are labelled 0; of class 1 (0.2 of 0.6) are labelled 0
    given_0 = np.array([0.1 * 1, 0.9 * 1 / 3])
    np.testing.assert_allclose(corrected(p, y)[2], given_0 / given_0.sum())
    np.testing.assert_allclose(corrected(p, y)[4], [0, 1])


def test_margins_of_a_case_worked_by_hand():
    p = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
    np.testing.assert_allclose(margins(p), [[0.2, -0.2, -0.3], [-0.4, -0.4, 0.4]])


@pytest.mark.parametrize("score", ["normalised margin", "confident joint"])
def test_every_score_finds_wrong_labels_and_refuses_numbers(score):
    (source, wrong), target = damaged(blobs(150, 1)), blobs(120, 2)
    method = methods.create("confident-learning", score=score, **QUICK["confident-learning"])
    assert detection(wrong, method.value(source, target).values).auroc > 0.95
    with pytest.raises(InputError, match="needs classes"):
        method.value(blobs(20, 1, "regression"), blobs(20, 2, "regression"))


def test_repeats_are_averaged():
    source, target = blobs(60, 1), blobs(40, 2)
    settings = dict(set_aside=0, strength=10.0)
    steps = list(methods.create("confident-learning", repeats=3, **settings).steps(source, target))
    np.testing.assert_allclose(
        np.mean([s.similarity for s in steps], axis=0), steps[-1].values, atol=1e-6
    )
    assert np.isnan(steps[0].standard_error).all() and (steps[2].standard_error > 0).all()


def test_a_class_that_the_fitted_rows_lack_has_probability_0():
    X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    for kind in ("logistic", "neighbours", "forest"):
        found = predictions(kind, X, np.array([0, 0, 0, 2, 2, 2]), X, classes=4, seed=0)
        assert found.shape == (6, 4) and (found[:, [1, 3]] == 0).all()
        alone = predictions(kind, X, np.full(6, 2), X, classes=3, seed=0)
        np.testing.assert_array_equal(alone, np.tile([0, 0, 1], (6, 1)))
