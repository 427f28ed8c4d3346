"""DVGS: the same values whichever way they are asked for, and values that mean something."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from dvgs_core.errors import InputError
from dvgs_core.evaluation import detection
from dvgs_core.methods.dvgs import DVGS, DVGSSettings
from dvgs_core.samples import Samples
from dvgs_core.trajectory import Replay, Trajectory
from dvgs_core.trajectory.networks import network_plan

SMALL = dict(restarts=2, epochs=6, target_batch=20, every=2, width=8)


def blobs(n=60, seed=0, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4)) + 2 * y[:, None]
    if task == "reconstruction":
        return Samples(X)
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3, 4])


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
def test_steps_value_and_a_trajectory_give_the_same_values(task):
    source, target = blobs(50, 1, task), blobs(45, 2, task)
    method = DVGS(seed=3, **SMALL)
    valuation = method.value(source, target)
    steps = list(method.steps(source, target))
    scored = method.fit(target).score(source)
    assert len(steps) == steps[0].total == 9  # 3 batches x 6 epochs, every other step
    np.testing.assert_array_equal(steps[-1].values, valuation.values)
    np.testing.assert_array_equal(scored.values, valuation.values)
    np.testing.assert_array_equal(scored.standard_error, valuation.standard_error)
    np.testing.assert_allclose(valuation.trace.mean(axis=0), valuation.values, atol=1e-6)
    assert (valuation.standard_error > 0).all()


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    source, target = blobs(50, 1), blobs(45, 2)
    first = DVGS(seed=3, **SMALL).value(source, target).values
    np.testing.assert_array_equal(first, DVGS(seed=3, **SMALL).value(source, target).values)
    assert not np.array_equal(first, DVGS(seed=4, **SMALL).value(source, target).values)


def test_late_rows_and_another_order_keep_their_values():
    source, target = blobs(50, 1), blobs(45, 2)
    trajectory = DVGS(**SMALL).fit(target)
    whole = trajectory.score(source).values
    picked = np.array([40, 3, 17])
    np.testing.assert_allclose(
        trajectory.score(source.rows(picked)).values, whole[picked], atol=1e-6
    )


def test_a_saved_trajectory_scores_as_before(tmp_path):
    source, target = blobs(50, 1), blobs(45, 2)
    trajectory = DVGS(**SMALL).fit(target)
    trajectory.save(tmp_path / "run.1")
    loaded = Trajectory.load(tmp_path / "run.1")
    assert loaded.plan == trajectory.plan
    np.testing.assert_array_equal(loaded.score(source).values, trajectory.score(source).values)
    with pytest.raises(InputError, match="not there"):
        Trajectory.load(tmp_path / "other")


@pytest.mark.parametrize("task", ["classification", "reconstruction"])
def test_a_replayed_trajectory_gives_the_same_bits_and_keeps_the_target_alone(task, tmp_path):
    source, target = blobs(50, 1, task), blobs(45, 2, task)
    kept = DVGS(**SMALL).fit(target, keep="checkpoints").score(source)
    replayed = DVGS(**SMALL).fit(target, keep="replay")
    replayed.save(tmp_path / "replayed")
    loaded = Trajectory.load(tmp_path / "replayed")
    for trajectory in (replayed, loaded):
        assert isinstance(trajectory.checkpoints, Replay)
        np.testing.assert_array_equal(trajectory.score(source).values, kept.values)
        np.testing.assert_array_equal(trajectory.score(source).trace, kept.trace)
    assert set(load_file(tmp_path / "replayed.safetensors")) <= {"X", "y", "ids"}


def test_what_would_be_too_large_is_replayed(monkeypatch):
    target = blobs(45, 2)
    kept = DVGS(**SMALL).fit(target)
    assert isinstance(kept.checkpoints, list)
    size = sum(4 * (c.parameters.numel() + c.gradient.numel()) for c in kept.checkpoints)
    assert kept.plan.stored_bytes == size
    monkeypatch.setattr("dvgs_core.trajectory.kept.MOST_STORED_BYTES", size - 1)
    assert isinstance(DVGS(**SMALL).fit(target).checkpoints, Replay)


def test_bfloat16_halves_a_saved_trajectory_and_keeps_the_ranking(tmp_path):
    source, target = blobs(200, 1), blobs(45, 2)
    trajectory = DVGS(**SMALL | dict(width=100)).fit(target)
    for precision in ("float32", "bfloat16"):
        trajectory.save(tmp_path / precision, precision=precision)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("bfloat16", "float32")]
    assert sizes[0] < 0.51 * sizes[1]
    rounded = Trajectory.load(tmp_path / "bfloat16").score(source).values
    assert spearmanr(rounded, trajectory.score(source).values).statistic > 0.999


def test_value_of_a_row_is_its_value_under_its_own_label():
    source, target = blobs(50, 1), blobs(45, 2)
    valuation = DVGS(**SMALL).value(source, target)
    own = np.take_along_axis(valuation.label_values, source.y[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(own, valuation.values, atol=1e-6)


def test_too_many_classes_are_valued_without_suggestions():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(140, 3)), np.arange(140) % 70
    valuation = DVGS(restarts=1, epochs=1).value(Samples(X, y), Samples(X, y))
    assert valuation.label_values is None and valuation.suggested is None


def test_wrong_labels_of_the_digits_have_low_values_and_are_put_right():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.1
    noisy = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    samples = Samples((X - X.mean()) / X.std(), noisy)
    order = rng.permutation(len(y))
    target, source = order[:540], order[540:]
    valuation = DVGS(restarts=2).value(samples.rows(source), samples.rows(target))
    assert detection(wrong[source], valuation.values).auroc > 0.985
    assert (valuation.suggested == y[source])[wrong[source]].mean() > 0.9


def test_wrong_numbers_are_found_by_a_target_that_has_as_many():
    X, y = load_diabetes(return_X_y=True)
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(y), len(y) // 5, replace=False)
        noisy = y.copy()
        noisy[chosen] = rng.permutation(y)[chosen]
        samples = Samples(X / X.std(), noisy)
        order = rng.permutation(len(y))
        target, source = order[:150], order[150:]
        valuation = DVGS(suggest=False).value(samples.rows(source), samples.rows(target))
        found.append(detection((noisy != y)[source], valuation.values).auroc)
    # with normalised rows it is below chance, 0.38 to 0.44
    assert min(found) > 0.5 and np.mean(found) > 0.55


@pytest.mark.parametrize("seed", [0, 1])
def test_wrong_labels_of_two_classes_are_found_by_a_target_that_has_as_many(seed):
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < 0.3
    samples = Samples(X, np.where(wrong, 1 - y, y))
    order = rng.permutation(len(y))
    target, source = order[:170], order[170:]
    valuation = DVGS(suggest=False).value(samples.rows(source), samples.rows(target))
    assert detection(wrong[source], valuation.values).auroc > 0.8  # normalised: 0.53, 0.67


@pytest.mark.parametrize(
    ("y", "by_itself"),
    [
        (None, True),
        (np.arange(6) % 2, False),
        (np.arange(6) % 3, False),
        (np.arange(8) % 4, True),
        (np.arange(6.0), False),
    ],
)
def test_rows_are_normalised_by_itself_where_there_are_several_classes_or_no_label(y, by_itself):
    target = Samples(np.eye(6 if y is None else len(y)), y)
    for asked, is_so in ((None, by_itself), (True, True), (False, False)):
        plan = network_plan(DVGSSettings(normalise=asked), target, classes=None, seed=0)
        assert plan.network.normalise is is_so


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(target=Samples(np.ones((4, 4)), np.zeros(4, int))), "at least 2 classes"),
        (dict(source=Samples(np.ones((4, 3)), np.zeros(4, int))), "same features"),
        (dict(source=Samples(np.ones((4, 4)))), "classification, the source for reconstruction"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(change, message):
    rows = dict(source=blobs(10, 1), target=blobs(10, 2)) | change
    with pytest.raises(InputError, match=message) as caught:
        DVGS(**SMALL).value(**rows)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(restarts=0), "restarts: Input should be greater than or equal to 1; got 0"),
        (dict(restart=3), "There is no setting 'restart'. Known settings: restarts, epochs"),
        (dict(similarity="angle"), "similarity: Input should be 'cosine', 'dot'"),
    ],
)
def test_a_wrong_setting_is_said_in_one_line(settings, message):
    with pytest.raises(InputError, match=message):
        DVGS(**settings)


def test_an_unknown_experiment_lists_the_known_ones():
    with pytest.raises(InputError, match="adult-labels, adult-noise, blog-labels"):
        DVGS.paper("mnist")


def test_training_that_explodes_is_said_and_not_hidden():
    target = Samples(np.random.default_rng(0).normal(size=(20, 3)) * 1e18, np.ones(20) * 1.0)
    with pytest.raises(InputError, match=r"out of bounds|not finite"):
        DVGS(restarts=1, normalise=False, learning_rate=1.0).value(target, target)


def test_samples_name_the_rows_that_are_not_finite():
    X = np.ones((3, 2))
    X[1, 0] = np.nan
    with pytest.raises(InputError, match=r"row ids 11\)"):
        Samples(X, ids=np.array([10, 11, 12]))


def test_bfloat16_is_a_choice_that_moves_values_a_little():
    source, target = blobs(50, 1), blobs(45, 2)
    wide = {**SMALL, "width": 160}
    plain = DVGS(**wide).value(source, target).values
    rough = DVGS(precision="bfloat16", **wide).value(source, target).values
    assert not np.array_equal(plain, rough)
    assert np.corrcoef(plain, rough)[0, 1] > 0.999


@pytest.mark.parametrize("has_it", [True, False])
def test_auto_takes_bfloat16_where_the_device_multiplies_it(has_it, monkeypatch):
    monkeypatch.setattr("dvgs_core.gradients.precision.multiplies_bfloat16", lambda _: has_it)
    source, target = blobs(50, 1), blobs(45, 2)
    wide = {**SMALL, "width": 160, "device": "cpu"}
    taken = DVGS(precision="bfloat16" if has_it else "float32", **wide).value(source, target)
    auto = DVGS(precision="auto", **wide).value(source, target)
    np.testing.assert_array_equal(auto.values, taken.values)
