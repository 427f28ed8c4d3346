"""In-Run Data Shapley: its sum is the fall of the loss, its products those of whole gradients."""

import numpy as np
import pytest
import torch

from dvgs_core import methods
from dvgs_core.errors import InputError
from dvgs_core.evaluation import detection
from dvgs_core.gradients.reference import row_gradients
from dvgs_core.methods.dvgs import DVGSSettings
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.training import SOURCE_STREAM, TARGET_STREAM, batches
from dvgs_core.samples import Samples
from dvgs_core.trajectory.networks import network_plan

SMALL = dict(restarts=2, width=6, layers=1)


def blobs(n=40, seed=0, task="classification", apart=2):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4))
    X[np.arange(n), y] += apart
    if task == "reconstruction":
        return Samples(X)
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3, 4])


def trained_by_hand(source, target, *, rate, batch, epochs, dropout, seed):
    """The same sum with every gradient built in full; no weights by class."""
    settings = DVGSSettings(**SMALL, latent=3, dropout=dropout, max_steps=None)
    plan = network_plan(settings, target, classes=None, seed=seed)
    cpu = torch.device("cpu")
    parameters = plan.initial(cpu).double()
    parts = [
        (torch.from_numpy(s.X).double(), plan.answers(s, cpu), torch.from_numpy(s.ids))
        for s in (source, target)
    ]
    (X, y, ids), (X_target, y_target, ids_target) = [
        (X, y.double() if y.is_floating_point() else y, ids) for X, y, ids in parts
    ]
    values = torch.zeros(2, len(X), dtype=torch.float64)
    for step, (rows, *_) in enumerate(batches(len(X), batch, 1, epochs, seed)):
        rows = torch.from_numpy(rows)
        masks = [Dropout(dropout, seed, s, step, 2) for s in (SOURCE_STREAM, TARGET_STREAM)]
        those = row_gradients(plan.network, parameters, X[rows], y[rows], ids[rows], masks[0])
        pull = row_gradients(plan.network, parameters, X_target, y_target, ids_target, masks[1])
        pull = pull.mean(dim=1)
        values[:, rows] += rate / len(rows) * torch.einsum("mrp,mp->mr", those, pull)
        parameters = parameters - rate * those.mean(dim=1)
    return values.mean(dim=0).numpy()


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_products_are_those_of_whole_gradients(task, dropout):
    source, target = blobs(23, 1, task), blobs(15, 2, task)
    facts = dict(batch=10, epochs=2, dropout=dropout)
    method = methods.create(
        "in-run",
        seed=4,
        device="cpu",
        learning_rate=0.1,
        balanced=False,
        latent=3,
        **SMALL,
        **facts,
    )
    expected = trained_by_hand(source, target, rate=0.1, seed=4, **facts)
    np.testing.assert_allclose(method.value(source, target).values, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
def test_values_add_up_to_the_fall_of_the_targets_loss(task):
    source, target = blobs(40, 1, task), blobs(30, 2, task)
    method = methods.create(
        "in-run", learning_rate=1e-3, epochs=30, batch=None, balanced=False, device="cpu", **SMALL
    )
    steps = list(method.steps(source, target))
    fall = steps[0].target_loss - steps[-1].target_loss
    # the last step's values include its update, the loss is of before it
    assert steps[-2].values.sum() == pytest.approx(fall, rel=0.02) and fall > 0


def test_steps_add_up_and_the_same_seed_gives_the_same():
    source, target = blobs(40, 1), blobs(30, 2)
    method = methods.create("in-run", batch=8, epochs=24, seed=2, device="cpu", **SMALL)
    steps = list(method.steps(source, target))
    assert len(steps) == steps[0].total == 60  # 120 optimiser steps, two a step
    np.testing.assert_allclose(
        np.sum([s.similarity for s in steps], axis=0), steps[-1].values, atol=1e-5
    )
    np.testing.assert_array_equal(method.value(source, target).values, steps[-1].values)
    own = np.take_along_axis(steps[-1].label_values, source.y[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(own, steps[-1].values, atol=1e-12)


def test_wrong_labels_hurt_the_target():
    clean = blobs(200, 1, apart=4)
    wrong = np.arange(200) % 10 == 0
    source = Samples(clean.X, np.where(wrong, (clean.y + 1) % 3, clean.y))
    valuation = methods.create("in-run", device="cpu", width=20).value(
        source, blobs(100, 2, apart=4)
    )
    assert valuation.values[wrong].mean() < 0 < valuation.values[~wrong].mean()
    assert detection(wrong, valuation.values).auroc > 0.95


@pytest.mark.parametrize("scale", [1e6, 3e5])
def test_rows_whose_gradients_are_no_numbers_are_named(scale):
    rng = np.random.default_rng(0)
    X, T = (Samples((rng.normal(size=(n, 4)) * scale).astype("f4")) for n in (200, 100))
    with pytest.raises(InputError, match=r"not finite .*(lower|Lower) the learning rate"):
        methods.create("in-run").value(X, T)
