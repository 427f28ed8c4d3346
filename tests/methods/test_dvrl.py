"""DVRL: its gradient against autograd's, and that it learns what it is rewarded for."""

import numpy as np
import pytest
import torch

from dvgs_core.evaluation import detection
from dvgs_core.methods.dvrl import (
    DVRL,
    PAPER,
    DVRLSettings,
    Estimator,
    EstimatorInputs,
    reinforce,
)
from dvgs_core.samples import Samples

QUICK = dict(epochs=3, outer_steps=4, estimator_width=8, width=6, layers=1, network="auto")


def blobs(n, seed, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3)) + 2 * y[:, None]
    if task == "reconstruction":
        return Samples(X)
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3])


@pytest.mark.parametrize("shift", [-9.0, 0.0, 9.0])
def test_the_loss_is_reinforces_and_a_push_into_the_bounds(shift):
    generator = torch.Generator().manual_seed(0)
    selected = torch.bernoulli(torch.full((4, 20), 0.5), generator=generator)
    advantages = torch.randn(4, generator=generator)
    logits = (torch.randn(20, generator=generator) + shift).requires_grad_()
    loss = reinforce(logits, selected, advantages, 0.1, 0.9)
    loss.backward()
    loss = loss.detach()
    p = torch.sigmoid(logits.detach())
    policy = torch.distributions.Bernoulli(p)
    expected = -(advantages * policy.log_prob(selected).sum(dim=1)).mean()
    outside = torch.relu(p.mean() - 0.9) + torch.relu(0.1 - p.mean())
    assert float(loss) == pytest.approx(float(expected + 1000 * outside), rel=1e-4)
    assert (float(outside) > 0) == (shift != 0)
    # by hand: d log π / d logit = selected - p
    by_hand = -(advantages[:, None] * (selected - p)).mean(dim=0)
    by_hand += 1000 * np.sign(shift) * p * (1 - p) / 20
    torch.testing.assert_close(logits.grad, by_hand.float(), rtol=1e-4, atol=1e-5)


def test_the_estimator_learns_to_select_what_is_rewarded_within_its_bounds():
    rng = np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(size=(200, 4)).astype(np.float32))
    good = inputs[:, 0].numpy() > 0
    shown = EstimatorInputs(inputs, torch.zeros(200, 1))
    estimator = Estimator(DVRLSettings(estimator_width=20), shown, 1)
    rows = np.arange(200)
    for _ in range(250):
        chances = estimator.probabilities(rows)
        selected = rng.random((8, 200)) < chances
        scores = (selected * np.where(good, 1.0, -1.0)).mean(axis=1)
        estimator.learn(rows, selected, scores - scores.mean())
    chances = estimator.probabilities(rows)
    assert chances[good].mean() > 0.8 and chances[~good].mean() < 0.2
    always = np.ones((1, 200), dtype=bool)
    for _ in range(250):  # rewarded for selecting everything
        estimator.learn(rows, always, np.array([1.0]))
    assert estimator.probabilities(rows).mean() < 0.97


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("more", [dict(), dict(outer_batch=20, selections=1, baseline="fixed")])
def test_values_are_probabilities_and_the_same_for_a_seed(task, more):
    source, target = blobs(50, 1, task), blobs(30, 2, task)
    steps = list(DVRL(seed=3, **QUICK, **more).steps(source, target))
    assert len(steps) == steps[0].total == 4
    assert steps[-1].stopped_because == "all checkpoints"
    values = steps[-1].values
    assert values.shape == (50,) and (values > 0).all() and (values < 1).all()
    again = DVRL(seed=3, **QUICK, **more).value(source, target)
    np.testing.assert_array_equal(again.values, values)
    assert not np.array_equal(DVRL(seed=4, **QUICK, **more).value(source, target).values, values)
    assert not np.array_equal(steps[0].values, values)


def test_many_outer_steps_make_a_hundred_steps_at_most_and_time_ends_them():
    source, target = blobs(20, 1), blobs(20, 2)
    many = QUICK | dict(outer_steps=150, max_steps=1, selections=1)
    steps = list(DVRL(**many).steps(source, target))
    assert len(steps) == steps[0].total == 75
    assert [step.index for step in steps] == list(range(75))
    hurried = DVRL(**many, time_budget=1e-9).value(source, target)
    assert (len(hurried.trace), hurried.stopped_because) == (1, "time budget")


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
def test_the_default_network_serves_every_task(task):
    source, target = blobs(20, 1, task), blobs(20, 2, task)
    assert DVRL(outer_steps=2, selections=2).value(source, target).values.shape == (20,)


def test_wrong_labels_are_selected_less():
    source, target = blobs(150, 10), blobs(80, 20)
    wrong = np.random.default_rng(0).random(150) < 0.3
    noisy = Samples(source.X, np.where(wrong, 1 - source.y, source.y))
    method = DVRL(
        seed=0,
        network="logistic",
        epochs=20,
        learning_rate=0.05,
        outer_steps=200,
        selections=8,
        metric="loss",
    )
    assert detection(wrong, method.value(noisy, target).values).auroc > 0.85


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_settings_are_settings(name):
    wanted = DVRL(**PAPER[name]).settings
    assert (wanted.outer_steps, wanted.max_steps, wanted.selections) == (2000, 100, 1)


def test_outputs_of_the_body_that_are_the_same_for_all_rows_do_not_count():
    inputs = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))
    shown = EstimatorInputs(inputs, torch.zeros(50, 1))
    estimator = Estimator(DVRLSettings(), shown, 0)
    alive = estimator.varying()
    assert 0 < alive <= 10
    last = estimator.body[-2]
    with torch.no_grad():
        last.bias[:] = -1e6  # no unit is above zero for any row
    assert estimator.varying() == 0
