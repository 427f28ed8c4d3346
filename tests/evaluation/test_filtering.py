"""Scores by hand and against scikit-learn; filtering curves against one training a point."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from dvgs_core import filtering_curve
from dvgs_core.errors import InputError
from dvgs_core.evaluation.cut import recommended_cut
from dvgs_core.evaluation.filtering import (
    COLUMNS,
    FilteringSettings,
    conclusion,
    curve_bands,
    filtering_points,
    random_removal,
    removals,
)
from dvgs_core.evaluation.scores import metric_for, scores, uninformed
from dvgs_core.evaluation.utility import Utility, UtilitySettings, network_for
from dvgs_core.models import stack
from dvgs_core.models.stack import Member
from dvgs_core.samples import Samples

SMALL = dict(points=4, replicates=2, network="logistic", epochs=4, learning_rate=0.05)


def blobs(n, seed, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3)) + y[:, None]
    if task == "reconstruction":
        return Samples(X)
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3])


@given(st.integers(2, 40), st.integers(0, 999), st.integers(1, 5))
def test_auroc_of_many_members_counts_ties_as_scikit_learn_does(rows, seed, levels):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, rows - 2)]
    output = rng.integers(0, levels, (3, rows, 2)).astype(np.float32)
    found = scores("auroc", torch.from_numpy(output), torch.from_numpy(y))
    expected = [roc_auc_score(y, logits[:, 1] - logits[:, 0]) for logits in output]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_auroc_by_hand():
    y = torch.tensor([1, 0, 1, 0, 1, 0])
    given = torch.tensor([3.0, 1, 2, 2, 2, 0])  # one pair in nine... two ties of nine pairs
    output = torch.stack([torch.zeros(6), given], dim=1).unsqueeze(0)
    assert scores("auroc", output, y)[0] == 8 / 9
    assert scores("auroc", -output, y)[0] == pytest.approx(1 / 9, abs=1e-15)
    assert scores("auroc", torch.zeros(1, 6, 2), y)[0] == 0.5


def test_accuracy_r2_and_loss_are_those_of_scikit_learn_and_torch():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 50)
    logits = torch.from_numpy(rng.normal(size=(3, 50, 4)).astype(np.float32))
    accuracy = [accuracy_score(y, member.argmax(1)) for member in logits]
    np.testing.assert_allclose(scores("accuracy", logits, torch.from_numpy(y)), accuracy)
    losses = [-float(torch.nn.functional.cross_entropy(m, torch.from_numpy(y))) for m in logits]
    np.testing.assert_allclose(scores("loss", logits, torch.from_numpy(y)), losses, rtol=1e-5)
    # one column, as in regression; over several, all numbers count alike
    number = torch.from_numpy(rng.normal(size=(50, 1)).astype(np.float32))
    said = number + 0.5 * torch.randn(3, 50, 1, generator=torch.Generator().manual_seed(0))
    expected = [r2_score(number, member) for member in said]
    np.testing.assert_allclose(scores("r2", said, number), expected, rtol=1e-5)
    table = torch.from_numpy(rng.normal(size=(50, 4)).astype(np.float32))
    expected = [r2_score(table, member, multioutput="variance_weighted") for member in logits]
    np.testing.assert_allclose(scores("r2", logits, table), expected, rtol=1e-5)


def test_who_knows_nothing_scores_as_the_best_constant_answer():
    y = np.array([0, 0, 0, 1, 2])
    assert uninformed("auroc", y) == 0.5 and uninformed("r2", y) == 0.0
    assert uninformed("accuracy", y) == 0.6
    shares = torch.tensor([0.6, 0.2, 0.2]).log().expand(1, 5, 3)
    expected = scores("loss", shares, torch.from_numpy(y))[0]
    assert uninformed("loss", y) == pytest.approx(expected, rel=1e-6)
    number = np.array([[1.0, 0], [3, 4]], dtype=np.float32)
    mean = torch.from_numpy(number.mean(0)).expand(1, 2, 2)
    assert uninformed("loss", number) == scores("loss", mean, torch.from_numpy(number))[0] == -2.5


def test_a_metric_must_fit_the_task():
    assert metric_for("classification", 2) == "auroc"
    assert metric_for("classification", 3) == "accuracy"
    assert metric_for("classification", 2, "accuracy") == "accuracy"
    assert metric_for("regression", 0) == metric_for("reconstruction", 0) == "r2"
    with pytest.raises(InputError, match="use accuracy or loss"):
        metric_for("classification", 3, "auroc")


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("add_target", [False, True])
def test_every_point_is_a_network_trained_on_what_is_left(task, add_target):
    source, target, holdout = (blobs(n, s, task) for n, s in ((40, 1), (15, 2), (60, 3)))
    values = np.random.default_rng(0).normal(size=40)
    truth = np.random.default_rng(1).random(40) < 0.25
    shape = SMALL | dict(network="auto", width=5, layers=1, batch=10, add_target=add_target)
    shape |= dict(learning_rate=0.01)
    frame = filtering_curve(source, target, holdout, values, truth=truth, seed=6, **shape)
    assert list(frame.columns) == list(COLUMNS) and len(frame) == 4 * 4 * 2
    assert frame["rows"].tolist() == [n for _ in range(4) for n in (40, 40, 28, 28, 16, 16, 4, 4)]
    assert frame["removed"].unique().tolist() == [0.0, 0.3, 0.6, 0.9]
    rows = source
    if add_target:
        y = None if source.y is None else np.concatenate([source.y, target.y])
        X = np.concatenate([source.X, target.X])
        rows = Samples(X, y, np.concatenate([source.ids, target.ids]))
    seeds = np.random.SeedSequence(6).generate_state(2)
    classes = 2 if task == "classification" else 0
    always = np.arange(40, len(rows))
    with Utility(FilteringSettings(**shape), rows, holdout, classes=classes) as utility:
        for which, sign in (("lowest", 1), ("highest", -1)):
            for removed, left in ((0.0, 40), (0.3, 28), (0.9, 4)):
                kept = np.r_[np.sort(np.argsort(sign * values)[40 - left :]), always]
                expected = utility.of([Member(kept, seed) for seed in seeds.tolist()])
                found = frame[(frame["which"] == which) & (frame["removed"] == removed)]["score"]
                np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_curve_that_is_left_out_changes_no_other():
    source, holdout = blobs(30, 1), blobs(40, 2)
    rng = np.random.default_rng(0)
    given = (source, None, holdout, rng.normal(size=30))
    whole = filtering_curve(*given, truth=np.arange(30) < 6, seed=3, **SMALL)
    part = filtering_curve(
        *given, truth=np.arange(30) < 6, seed=3, without=("random", "oracle"), **SMALL
    )
    kept = whole[whole["which"].isin(["lowest", "highest"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        part.assign(which=part["which"].astype(str)),
        kept.assign(which=kept["which"].astype(str)),
        atol=1e-5,
    )
    said = conclusion(part, 0.4)
    assert said.startswith("Removing the lowest") and "random" not in said
    with pytest.raises(InputError, match="Curves that can be left out"):
        filtering_curve(*given, without=("lowest",), **SMALL)


def test_the_lowest_are_removed_in_finer_steps_where_a_cut_is_looked_for():
    usual = FilteringSettings()
    coarse = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    fine = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2]
    assert removals(1000, "lowest", usual) == {s: round(1000 * s) for s in [*fine, *coarse[3:]]}
    for which in ("highest", "random", "oracle"):
        assert list(removals(1000, which, usual)) == coarse
    assert list(removals(1000, "lowest", FilteringSettings(most=0.13))) == [*fine[:7], 0.13]
    assert list(removals(1000, "random", FilteringSettings(most=0.13))) == [0, 0.1, 0.13]
    # as the paper has it, all alike, where someone says how many
    even = FilteringSettings(points=10)
    assert all(list(removals(1000, which, even)) == coarse for which in ("lowest", "random"))
    # two per cent of 30 rows are one, four are one too
    assert list(removals(30, "lowest", usual).items())[:3] == [(0, 0), (0.02, 1), (0.06, 2)]


def test_the_usual_curve_has_what_its_recommended_cut_needs():
    source, holdout, values = blobs(100, 1), blobs(60, 2), np.arange(100.0)
    shape = SMALL | {"points": None}
    frame = filtering_curve(source, None, holdout, values, **shape)
    assert len(frame) == 2 * (18 + 10 + 10)
    lowest = frame[frame["which"] == "lowest"].groupby("removed")["rows"].first()
    assert lowest[0.06] == 94 and lowest[0.3] == 70
    assert np.isfinite(frame["score"]).all()
    assert recommended_cut(frame).removed in lowest.index


def test_the_oracle_removes_what_is_damaged_and_good_values_do_as_well():
    rng = np.random.default_rng(0)
    source, holdout = blobs(300, 1), blobs(400, 2)
    wrong = rng.random(300) < 0.4
    noisy = Samples(source.X, np.where(wrong, 1 - source.y, source.y))
    shape = dict(network="logistic", epochs=30, learning_rate=0.05, points=3, most=0.8)
    frame = filtering_curve(
        *(noisy, None, holdout), -wrong.astype(float), truth=wrong, replicates=4, **shape
    )
    bands = curve_bands(frame).set_index(["which", "removed"])["score"]
    assert bands["oracle", 0.4] > bands["oracle", 0.0]
    assert bands["lowest", 0.4] > bands["random", 0.4] > bands["highest", 0.4]
    assert bands["lowest", 0.4] == pytest.approx(bands["oracle", 0.4], abs=0.01)
    assert len({bands[which, 0.0] for which in ("lowest", "highest", "random", "oracle")}) == 1
    assert conclusion(frame, 0.4).startswith("Removing the lowest 40 % raises AUROC from ")


def test_networks_are_those_of_the_settings():
    shape = UtilitySettings(network="logistic", latent=3)
    assert network_for(shape, "classification", 9, 4).widths == (9, 4)
    assert network_for(shape, "reconstruction", 9, 0).widths == (9, 3, 9)
    deep = UtilitySettings(layers=1, width=7, latent=3)
    assert network_for(deep, "regression", 9, 0).widths == (9, 7, 1)
    assert network_for(deep, "reconstruction", 9, 0).widths == (9, 7, 3, 7, 9)
    for network, task in (("mlp", "reconstruction"), ("autoencoder", "classification")):
        with pytest.raises(InputError, match="Choose network=auto"):
            network_for(UtilitySettings(network=network), task, 9, 2)


def test_points_come_as_they_are_known_and_a_seed_repeats_them(monkeypatch):
    monkeypatch.setattr(stack, "_BLOCK_FLOATS", 2_000)  # several blocks, on a single core too
    source, holdout, values = blobs(30, 1), blobs(40, 2), np.arange(30.0)
    seen = list(filtering_points(source, None, holdout, values, seed=1, **SMALL))
    assert seen[-1].done == seen[-1].total == 2 * (4 + 3 + 3)
    assert [s.done for s in seen] == sorted({s.done for s in seen}) and len(seen) > 1
    whole = filtering_curve(source, None, holdout, values, seed=1, **SMALL)
    pd.testing.assert_frame_equal(seen[-1].frame, whole)
    for some in seen:
        known = some.frame.merge(whole, on=list(COLUMNS))
        assert len(known) == len(some.frame)
    other = filtering_curve(source, None, holdout, values, seed=2, **SMALL)
    assert not np.array_equal(other["score"], whole["score"])


def test_ties_are_removed_by_row_id():
    source, holdout = blobs(20, 1), blobs(40, 2)
    back = Samples(source.X[::-1], source.y[::-1], source.ids[::-1])
    one = filtering_curve(source, None, holdout, np.zeros(20), **SMALL)
    other = filtering_curve(back, None, holdout, np.zeros(20), **SMALL)
    low = [f[f["which"].isin(["lowest", "highest"])]["score"] for f in (one, other)]
    np.testing.assert_allclose(*low, atol=1e-5)


def frame_of(lowest, random, metric="accuracy"):
    lines = [
        (which, removed, replicate, 100, score, metric)
        for which, curve in (("lowest", lowest), ("random", random))
        for removed, replicates in curve.items()
        for replicate, score in enumerate(replicates)
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def test_the_conclusion_says_what_the_frame_says():
    frame = frame_of(
        {0.0: [0.80, 0.82], 0.2: [0.83, 0.85], 0.4: [0.7, 0.72]},
        {0.0: [0.80, 0.82], 0.2: [0.82, 0.80], 0.4: [0.7, 0.72]},
    )
    assert conclusion(frame, 0.21) == (
        "Removing the lowest 20 % raises accuracy from 0.810 to 0.840. "
        "Random removal of as many leaves it at 0.810."
    )
    assert conclusion(frame, 0.41) == (
        "Removing the lowest 40 % lowers accuracy from 0.810 to 0.710. "
        "Random removal of as many lowers it to 0.710."
    )
    flat = frame_of({0.0: [0.5], 0.1: [0.5004]}, {0.0: [0.5], 0.1: [0.6]}, "auroc")
    assert conclusion(flat, 0.1) == (
        "Removing the lowest 10 % leaves AUROC at 0.500 (before 0.500). "
        "Random removal of as many raises it to 0.600."
    )


def test_chance_is_compared_at_the_same_share():
    frame = frame_of(
        {0.0: [0.80, 0.82], 0.14: [0.83, 0.85], 0.2: [0.84, 0.86]},
        {0.0: [0.80, 0.82], 0.1: [0.7, 0.72], 0.2: [0.82, 0.80]},
    )
    # on the straight lines from .70 to .82 and from .72 to .80: .748 and .752
    assert random_removal(frame, 0.14) == "Random removal of as many lowers it to about 0.750."
    assert conclusion(frame, 0.14) == (
        "Removing the lowest 14 % raises accuracy from 0.810 to 0.840. "
        "Random removal of as many lowers it to about 0.750."
    )
    assert random_removal(frame, 0.2) == "Random removal of as many leaves it at 0.810."
    assert random_removal(frame[frame["which"] == "lowest"], 0.2) == ""


def test_bands_are_mean_and_standard_deviation():
    bands = curve_bands(frame_of({0.0: [1.0, 3.0]}, {0.0: [5.0]}))
    lowest, random = bands.to_dict("records")
    assert (lowest["score"], lowest["low"], lowest["high"]) == pytest.approx(
        (2.0, 2 - np.sqrt(2), 2 + np.sqrt(2))
    )
    assert (random["score"], random["low"], random["high"]) == (5.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(values=np.r_[np.nan, np.zeros(19)]), "1 of 20 values are missing"),
        (dict(values=np.zeros(3)), "one value a source row"),
        (dict(truth=np.zeros(3, bool)), "truth must have one entry"),
        (dict(add_target=True), "there must be one"),
        (dict(most=0.99), "leaves none"),
        (dict(most=0.02), "2 % of 20 rows are none to remove"),
        (dict(points=1), "points: Input should be greater than or equal to 2"),
        (dict(holdout=blobs(9, 1, "reconstruction")), "the holdout for reconstruction"),
        (dict(holdout=Samples(np.ones((4, 2)), [0, 1, 0, 1])), "same features"),
        (dict(metric="r2"), "use auroc or accuracy or loss"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(change, message):
    given = dict(source=blobs(20, 1), target=None, holdout=blobs(20, 2), values=np.zeros(20))
    with pytest.raises(InputError, match=message) as caught:
        filtering_curve(**{**given, **SMALL, **change})
    assert "\n" not in str(caught.value)
