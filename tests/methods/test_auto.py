"""auto: trials on known damage, the choice they lead to, and what values mean after it."""

import json
import warnings

import numpy as np
import pytest

from dvgs_core import methods
from dvgs_core.data import CorruptionSettings, add_feature_noise, corrupt_labels, corrupt_samples
from dvgs_core.errors import InputError
from dvgs_core.evaluation import detection
from dvgs_core.evaluation.calibration import Calibration
from dvgs_core.evaluation.noise import noise_correlation
from dvgs_core.methods.candidates import CANDIDATES, Candidate, candidates, damage_kinds
from dvgs_core.methods.trials import DAMAGED, MISTAKEN, NOISE, REPLACED, UNIFORM, trials
from dvgs_core.methods.verdict import Heard, Verdict
from dvgs_core.samples import Samples

#: Quick ones, of which the last two do not look at labels.
QUICK = "confidence learner=logistic strength=10, knn-shapley, outlier, random"


def rows(n: int, seed: int = 0, classes: int = 2, apart: float = 1.6) -> Samples:
    """Classes around corners of a cube, so that some rows are hard to tell apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = apart * np.array([[0, 0, 0], [1, 1, 0], [0, 1, 3], [1, 0, 3]], dtype=float)
    return Samples(rng.normal(size=(n, 3)) + centres[y], y)


def auto(source, target, **settings):
    made = methods.create("auto", seed=1, device="cpu", **settings)
    valuation = made.value(source, target)
    return valuation, Calibration.of(valuation.report)


@pytest.fixture(scope="module")
def labels():
    """Source with one label of five replaced, target, and what auto says."""
    sound, target = rows(500, seed=10), rows(240, seed=11)
    y, wrong = corrupt_labels(sound.y, 0.2, 3)
    valuation, calibration = auto(Samples(sound.X, y), target, candidates=QUICK)
    return wrong, valuation, calibration, Samples(sound.X, y), target


def test_wrong_labels_are_found_by_what_looks_at_labels(labels):
    wrong, valuation, calibration, *_ = labels
    table = calibration.candidates.set_index("candidate")
    assert table["note"]["random"] == table["note"]["outlier"] == "given up after 2 of 5 trials"
    assert table["weight"]["random"] == table["weight"]["outlier"] == 0
    alone = table["auroc"].drop(["random", "outlier"])
    assert (alone > 0.8).all() and calibration.auroc >= alone.max() - 0.01
    found = detection(wrong, valuation.values).auroc
    assert found > 0.85 and found == pytest.approx(calibration.auroc, abs=0.05)


def test_a_value_is_the_probability_that_a_row_is_sound(labels):
    wrong, valuation, calibration, *_ = labels
    chance = 1 - valuation.values
    assert chance.min() >= 0 and chance.max() <= 1 and len(np.unique(chance)) > 400
    assert calibration.rate == pytest.approx(wrong.mean(), abs=0.06)
    assert chance.mean() == pytest.approx(calibration.rate, abs=0.02)
    assert calibration.cut == (chance > 0.5).sum()
    found = detection(wrong, valuation.values)
    assert calibration.precision == pytest.approx(found.precision_at(calibration.cut), abs=0.1)
    low, high = calibration.precision_range
    assert low <= calibration.precision <= high and 0.02 < high - low < 0.5
    assert low <= found.precision_at(calibration.cut) <= high
    for low, high in ((0, 0.2), (0.2, 0.6), (0.6, 1)):
        some = (chance >= low) & (chance <= high)
        assert wrong[some].mean() == pytest.approx(chance[some].mean(), abs=0.15)


def test_the_report_is_json_and_is_said_in_notes(labels):
    _, valuation, calibration, *_ = labels
    json.dumps(valuation.report, allow_nan=False)
    assert set(calibration.conclusion) <= set(valuation.notes)
    assert "Expected AUROC: " in valuation.notes[0] and "Recommended cut" in valuation.notes[1]
    assert calibration.trial_rows == 240
    assert calibration.trial_damaged == pytest.approx(DAMAGED * 240, abs=5)
    assert list(calibration.kinds) == [UNIFORM] and calibration.chosen.keys() == {"labels"}


def test_the_label_that_is_suggested_is_the_most_probable_one(labels):
    wrong, valuation, _, source, _ = labels
    under = valuation.label_values
    assert under.shape == (500, 2)
    np.testing.assert_array_equal(under[np.arange(500), source.y], valuation.values)
    certain = valuation.values < 0.2
    assert (valuation.suggested[certain] != source.y[certain]).all() and wrong[certain].mean() > 0.7
    assert (valuation.suggested[~wrong] == source.y[~wrong]).mean() > 0.8


def test_one_step_a_candidate_and_trial_then_one_a_candidate_that_is_used(labels):
    *_, source, target = labels
    made = methods.create("auto", seed=1, device="cpu", candidates=QUICK)
    steps = list(made.steps(source, target))
    index = [step.index for step in steps]
    assert index == sorted(set(index)) and index[-1] == steps[0].total - 1
    # 4 candidates until 20 damaged rows were tried, then 2, then those used on the whole source
    table = Calibration.of(steps[-1].report).candidates
    used = ((table["weight"] > 0) & (table["candidate"] != "stack")).sum()
    assert len(steps) == 4 * 2 + 2 * 3 + used and {step.total for step in steps} == {4 * 6}
    assert [step.stopped_because is None for step in steps] == [True] * (len(steps) - 1) + [False]
    assert all(np.isfinite(step.values).all() for step in steps)
    again = methods.create("auto", seed=1, device="cpu", candidates=QUICK).value(source, target)
    np.testing.assert_array_equal(steps[-1].values, again.values)


def test_a_large_source_is_represented_by_a_sample_until_all_is_valued(labels):
    wrong, _, _, source, target = labels
    made = methods.create("auto", seed=1, device="cpu", candidates=QUICK, most_rows=120)
    steps = list(made.steps(source, target))
    assert np.isfinite(steps[0].values).sum() == 120
    assert np.isfinite(steps[-1].values).all()
    assert detection(wrong, steps[-1].values).auroc > 0.85


def test_a_rate_that_is_known_is_taken(labels):
    *_, source, target = labels
    valuation, calibration = auto(
        source, target, candidates="knn-shapley", rate=0.4, use="best", folds=2
    )
    assert calibration.rate == pytest.approx(0.4)
    assert calibration.chosen == {"labels": "knn-shapley"}
    other, _ = auto(source, target, candidates="knn-shapley", rate=0.05, use="best", folds=2)
    assert (valuation.rank == other.rank).all(), "a rate moves probabilities, not the order"
    assert (other.values > valuation.values).all()


def test_noise_on_features_is_found_by_outlier_scores():
    sound, target = rows(400, classes=2), rows(200, seed=1)
    X, rate = add_feature_noise(sound.X, 6.0, 2)
    noisy = Samples(X, sound.y)
    valuation, calibration = auto(
        noisy, target, fear="features", candidates=f"{QUICK}, outlier score=length"
    )
    best = calibration.candidates.iloc[0]
    assert "outlier" in best["candidate"] or best["candidate"] == "stack"
    used = calibration.candidates.query("weight > 0")["candidate"]
    assert all("outlier" in name or name == "stack" for name in used)
    assert best["spearman"] > 0.3
    assert noise_correlation(rate, valuation.values).spearman > 0.7
    assert calibration.kinds.keys() == {NOISE}


def test_labels_and_features_are_looked_for_by_different_methods():
    sound, target = rows(500, apart=3), rows(240, seed=1, apart=3)
    y, wrong = corrupt_labels(sound.y, 0.15, 3)
    far = np.arange(500) % 7 == 0
    X = sound.X + 8 * far[:, None] * np.random.default_rng(0).choice([-1, 1], size=(500, 3))
    valuation, calibration = auto(
        Samples(X, y), target, fear="labels and features", candidates=QUICK
    )
    assert calibration.chosen.keys() == {"labels", "features"}
    table = calibration.candidates.set_index(["looks_for", "candidate"])
    assert table["weight"]["features", "outlier"] > 0.5 > table["weight"]["labels", "outlier"]
    assert calibration.kinds.keys() == {UNIFORM, NOISE}
    found = detection(wrong | far, valuation.values).auroc
    assert found > 0.85
    alone, _ = auto(Samples(X, y), target, candidates=QUICK)
    assert found > detection(wrong | far, alone.values).auroc + 0.02
    assert any("fear=features" in note for note in alone.notes)


def test_kinds_of_wrong_labels_are_estimated_where_there_are_more_classes():
    sound, target = rows(1000, classes=4), rows(500, seed=1, classes=4)
    found = {}
    for kind in ("uniform", "confusable"):
        settings = CorruptionSettings(label_rate=0.25, label_kind=kind)
        source, truth = corrupt_samples(sound, settings, 5)
        _, found[kind] = auto(source, target, candidates="knn-shapley")
        assert found[kind].rate == pytest.approx(truth["corrupted"].mean(), abs=0.12)
    assert found["uniform"].kinds[UNIFORM] > found["confusable"].kinds[UNIFORM]


def test_numbers_and_rows_without_a_label():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X @ [1.0, 2, 3] + rng.normal(size=300)
    wrong = np.arange(300) % 5 == 0
    y[wrong] = rng.permutation(y[wrong]) + 3
    source, target = (
        Samples(X[:200], y[:200]),
        Samples(X[200:][~wrong[200:]], y[200:][~wrong[200:]]),
    )
    valuation, calibration = auto(
        source, target, candidates="confident-learning set_aside=0, random"
    )
    assert list(calibration.kinds) == [REPLACED]
    assert calibration.chosen == {"labels": "confident-learning set_aside=0"}
    assert valuation.label_values is None and detection(wrong[:200], valuation.values).auroc > 0.7
    noisy, rate = add_feature_noise(X[:200], 6.0, 1)
    valuation, calibration = auto(
        Samples(noisy), Samples(X[200:]), candidates="outlier, outlier score=length"
    )
    assert noise_correlation(rate, valuation.values).spearman > 0.7


@pytest.mark.parametrize("kinds", [(UNIFORM,), (UNIFORM, MISTAKEN), (UNIFORM, NOISE), (NOISE,)])
def test_each_trusted_row_is_in_one_trial_and_damage_is_where_it_is_told(kinds):
    source, trusted = rows(50, classes=4), rows(200, seed=1, classes=4)
    before = trusted.X.copy(), trusted.y.copy(), source.X.copy()
    plan = trials(
        *(source, trusted, kinds),
        classes=4,
        folds=4,
        noise=3.0,
        seed=np.random.SeedSequence(0),
    )
    assert np.sort(np.concatenate([t.rows for t in plan])).tolist() == list(range(200))
    for trial in plan:
        X, y = trial.source.X[50:], trial.source.y[50:]
        assert (trial.source.X[:50] == source.X).all() and (trial.source.y[:50] == source.y).all()
        assert len(np.unique(trial.source.ids)) == len(trial.source)
        assert set(trial.target.ids) == set(np.delete(trusted.ids, trial.rows))
        relabelled = y != trusted.y[trial.rows]
        moved = (trusted.X[trial.rows] != X).any(axis=1)
        told = np.array(["", *kinds])[trial.kind]
        assert (relabelled == np.isin(told, (UNIFORM, MISTAKEN))).all()
        assert (moved == (told == NOISE)).all() and ((trial.noise > 0) == moved).all()
        assert trial.noise.max() <= 3 * trusted.X.std(axis=0).max()
        drawn = np.bincount(trial.kind)[1:]
        assert (drawn == round(DAMAGED * 50 / len(kinds))).all() and len(drawn) == len(kinds)
    for now, then in zip((trusted.X, trusted.y, source.X), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_rows_that_are_hard_to_tell_apart_are_mistaken_more_often_and_for_their_neighbours():
    # classes 0 and 1 overlap, 2 and 3 lie far off, apart from each other
    rng = np.random.default_rng(0)
    y = np.arange(2000) % 4
    X = rng.normal(size=(2000, 2)) + np.array([[0, 0], [1.5, 0], [30, 0], [0, 30]])[y]
    trusted = Samples(X, y)
    plan = trials(
        *(trusted.rows(np.arange(10)), trusted, (MISTAKEN,)),
        classes=4,
        folds=2,
        noise=1.0,
        seed=np.random.SeedSequence(1),
    )
    was = np.concatenate([trusted.y[t.rows][t.kind > 0] for t in plan])
    now = np.concatenate([t.source.y[10:][t.kind > 0] for t in plan])
    assert np.isin(was, [0, 1]).mean() > 0.95
    assert (now[was == 0] == 1).mean() > 0.95 and (now[was == 1] == 0).mean() > 0.95


def test_the_usual_candidates_are_known_and_serve_their_task():
    for task, named in CANDIDATES.items():
        kinds = (NOISE,) if task == "reconstruction" else (UNIFORM,)
        found = candidates(None, task, kinds)
        assert len(found) >= len(named) and all(c.method in methods.names(task) for c in found)
    features = candidates(None, "classification", (NOISE,))
    assert [c.method for c in features].count("outlier") == 3
    both = candidates(None, "classification", (UNIFORM, NOISE))
    assert {c.label for c in features} <= {c.label for c in both}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dvgs, nonsense", "no method 'nonsense'"),
        ("dvgs restarts", "NAME=VALUE.*'restarts'"),
        ("dvgs restart=3", "no setting 'restart'"),
        ("random, random", "named twice"),
        ("auto", "its own candidate"),
        (" , ", "needs candidates"),
    ],
)
def test_candidates_that_cannot_be_tried_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        candidates(text, "regression", (REPLACED,))


def test_what_is_feared_must_suit_the_task():
    assert damage_kinds("auto", "classification", 2) == (UNIFORM,)
    assert damage_kinds("auto", "classification", 3) == (UNIFORM, MISTAKEN)
    assert damage_kinds("auto", "reconstruction", 0) == (NOISE,)
    assert damage_kinds("labels and features", "regression", 0) == (REPLACED, NOISE)
    assert damage_kinds("confusable labels", "classification", 2) == (MISTAKEN,)
    with pytest.raises(InputError, match="is for classes"):
        damage_kinds("uniform labels", "regression", 0)
    with pytest.raises(InputError, match="Without a label"):
        damage_kinds("labels", "reconstruction", 0)


def test_too_few_target_rows_and_candidates_that_fail_are_said():
    source, target = rows(40), rows(240, seed=1)
    with pytest.raises(InputError, match="at least 4 target rows"):
        auto(source, target.rows(np.arange(3)), candidates="knn-shapley")
    columnless = "knn-shapley, column column=grade"
    _, calibration = auto(source, target, candidates=columnless, folds=2)
    notes = calibration.candidates.set_index("candidate")["note"]
    assert notes["column column=grade"].startswith("not tried: ")
    assert any(
        said.startswith("A column of yours (column: grade) was not tried: The rows carry no column")
        for said in calibration.conclusion
    )
    with pytest.raises(InputError, match="No candidate could be tried"):
        auto(source, target, candidates="column column=grade", folds=2)


def test_runs_count_alike_and_their_mean_has_the_spread_of_one():
    rng = np.random.default_rng(0)
    kind, n, trials_run = np.arange(60) % 2, 400, 5
    truth = rng.normal(size=n)
    # two candidates of one worth, whose runs differ by as much as they have in common
    runs = truth + rng.normal(size=(trials_run + 1, 2, n))
    scores = -kind + 0.1 * rng.normal(size=(2, 60))
    found = [Candidate(name, "random", {}) for name in ("a", "b")]
    heard = Heard(scores, kind, np.zeros(60), np.arange(60), runs[1:], np.ones(2), ["", ""])
    verdict = Verdict(found, heard, (UNIFORM,), "stack")
    mean, weights = verdict.combined(runs[0])
    np.testing.assert_allclose(mean, runs.mean(axis=0))
    single = [np.square(verdict.weights @ run).mean() for run in runs]
    assert np.square(weights @ mean).mean() == pytest.approx(np.mean(single))
    assert weights / weights.sum() == pytest.approx(verdict.weights)
    # trials that had a sample of the source only say nothing of the whole
    other, same = verdict.combined(runs[0][:, :100])
    np.testing.assert_array_equal(other, runs[0][:, :100])
    np.testing.assert_array_equal(same, verdict.weights)


def test_a_column_that_tells_source_from_target_refuses_the_rate(labels):
    wrong, _, _, source, target = labels

    def with_file(rows, file):
        return Samples(np.c_[rows.X, np.full(len(rows), file)], rows.y)

    columns = ("age", "age", "weight", "file")
    made = methods.create("auto", seed=1, device="cpu", candidates=QUICK)
    *_, last = made.steps(with_file(source, 0), with_file(target, 1), feature_columns=columns)
    found = Calibration.of(last.report)
    assert (found.rate, found.kinds, found.cut, found.precision) == (None, {}, 0, None)
    assert found.precision_range is None
    assert found.candidates["precision"].isna().all() and found.candidates["auroc"].notna().any()
    assert found.warning == (
        "The column 'file' tells source rows from target rows (AUROC 1.00). So how many rows are "
        "damaged cannot be estimated from the target's: give 'file' the role ignore and value "
        "again, or give the share of damaged rows (rate). Until then values order the rows; as "
        f"probabilities they assume {100 * found.trial_damaged / 240:.0f} % damaged."
    )
    assert last.notes[0] == found.warning
    assert not any("estimated" in note for note in last.notes[1:])
    json.dumps(last.report, allow_nan=False)
    assert detection(wrong, last.values).auroc > 0.85
    # a share that is given is taken, and the warning stays
    told = methods.create("auto", seed=1, device="cpu", candidates=QUICK, rate=0.2)
    *_, last = told.steps(with_file(source, 0), with_file(target, 1), feature_columns=columns)
    found = Calibration.of(last.report)
    assert found.rate == pytest.approx(0.2) and found.cut > 0
    assert found.warning.startswith("The column 'file' tells") and "may not hold" in found.warning


def test_features_that_are_all_alike_leave_values_that_are_numbers():
    rng = np.random.default_rng(0)
    y, same = rng.normal(size=60), np.ones((60, 2))
    for few in (Samples(same), Samples(same, y)):
        source, target = few.rows(np.arange(30)), few.rows(np.arange(30, 60))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found, _ = auto(source, target, candidates="outlier", fear="features", folds=2)
        assert np.isfinite(found.values).all()


def test_a_replaced_number_is_another_number():
    counts = rows(80, 3)
    y = np.where(np.arange(80) % 5 == 0, 7.0, 0.0)
    trusted = Samples(counts.X, y)
    (one, other) = trials(
        *(trusted, trusted, (REPLACED,)),
        **dict(classes=0, folds=2, noise=1.0, seed=np.random.SeedSequence(1)),
    )
    for trial in (one, other):
        now = trial.source.y[80:]
        assert ((now != y[trial.rows]) == (trial.kind > 0)).all() and (trial.kind > 0).any()
    flat = Samples(counts.X, np.ones(80))
    with pytest.raises(InputError, match="labels that are all alike"):
        auto(flat, flat, candidates="outlier", fear="labels")
