"""Training goes ahead while rows are scored: nothing else changes, and nothing is left behind."""

import threading

import numpy as np
import pytest
import torch

from dvgs_core.errors import InputError
from dvgs_core.gradients.factored import Scorer
from dvgs_core.methods.dvgs import DVGS
from dvgs_core.samples import Samples
from dvgs_core.stopping import CheckpointCount
from dvgs_core.trajectory import training
from dvgs_core.trajectory.choice import plan_for
from dvgs_core.trajectory.networks import NetworkPlan
from dvgs_core.trajectory.scoring import score_steps
from dvgs_core.trajectory.training import Training

CPU = torch.device("cpu")
SMALL = dict(restarts=2, epochs=8, target_batch=20, every=2, width=8, stop_when_settled=None)


def left_behind():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("single")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = torch.get_num_threads()
    yield
    assert left_behind() == []
    torch.set_num_threads(before)


def go_ahead(does):
    """As on a machine with several cores or one, wherever the tests run."""
    torch.set_num_threads(2 if does else 1)


@pytest.fixture
def going_ahead():
    go_ahead(True)


def rows(n, seed, features=4):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return Samples(rng.normal(size=(n, features)) + 2 * y[:, None], y)


def plan(settings, target):
    method = DVGS(**settings)
    return plan_for(method.settings, target, classes=3, seed=0, device=CPU, own=method.own)


@pytest.mark.parametrize("batch", [20, None])
def test_going_ahead_changes_no_bit_of_any_step_or_state(batch):
    source, target, runs = rows(40, 1), rows(45, 2), []
    for does in (False, True):
        go_ahead(does)
        runs.append([])
        for step in DVGS(seed=5, **SMALL | dict(target_batch=batch)).steps(source, target):
            assert bool(left_behind()) == does
            runs[-1].append((step, step.state()))
    assert len(runs[0]) == len(runs[1]) == (12 if batch else 4)
    for (one, state), (other, its_state) in zip(*runs, strict=True):
        for name in ("similarity", "values", "standard_error", "label_values"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.target_loss == other.target_loss
        assert state.keys() == its_state.keys()
        for name in state.keys() - {"seconds"}:
            np.testing.assert_array_equal(state[name], its_state[name])


def test_a_state_is_of_its_step_however_far_training_has_gone(going_ahead, monkeypatch):
    source, target = rows(40, 1), rows(45, 2)
    whole = list(DVGS(**SMALL).steps(source, target))
    trained, train = [threading.Event() for _ in range(24)], NetworkPlan.target_gradient

    def noted(self, parameters, batch, step, workspace):
        found = train(self, parameters, batch, step, workspace)
        trained[step].set()
        return found

    monkeypatch.setattr(NetworkPlan, "target_gradient", noted)
    for step in DVGS(**SMALL).steps(source, target):
        assert all(event.wait(10) for event in trained[: 2 * step.index + 3])
        if step.index == 4:
            state = step.state()
            break
    rest = list(DVGS(**SMALL).steps(source, target, resume=state))
    assert [step.index for step in rest] == list(range(5, 12))
    np.testing.assert_array_equal(rest[-1].values, whole[-1].values)
    np.testing.assert_array_equal(rest[0].similarity, whole[5].similarity)


def test_a_replayed_trajectory_goes_ahead_and_keeps_its_bits(going_ahead):
    source, target = rows(40, 1), rows(45, 2)
    kept, replayed = (DVGS(**SMALL).fit(target, keep=keep) for keep in ("checkpoints", "replay"))
    np.testing.assert_array_equal(kept.score(source).values, replayed.score(source).values)


def test_rows_of_several_blocks_go_ahead_to_the_same_bits(going_ahead, monkeypatch):
    monkeypatch.setattr("dvgs_core.gradients.factored._FEW_FLOATS", 0)
    source, target = rows(900, 1), rows(45, 2)
    blocks, run_block = [], Scorer._run

    def noted(self, block, rows=None):
        blocks.append(block)
        run_block(self, block, rows)

    monkeypatch.setattr(Scorer, "_run", noted)
    run = DVGS(**SMALL).value(source, target)
    assert len(blocks) == 12 * 2 * 2  # checkpoints, members, halves of the rows
    kept = DVGS(**SMALL).fit(target)
    np.testing.assert_array_equal(kept.score(source).values, run.values)
    go_ahead(False)
    alone = DVGS(**SMALL).value(source, target)
    np.testing.assert_allclose(alone.values, run.values, atol=1e-6, rtol=0)


def test_a_run_that_ends_early_or_is_closed_leaves_no_thread(going_ahead):
    source, target = rows(40, 1), rows(45, 2)
    whole = list(DVGS(**SMALL).steps(source, target))
    early = DVGS(**SMALL).value(source, target, stop=CheckpointCount(3))
    np.testing.assert_array_equal(early.values, whole[2].values)
    assert left_behind() == []
    steps = DVGS(**SMALL).steps(source, target)
    next(steps)
    assert left_behind() != []
    steps.close()
    assert left_behind() == []


def test_closing_waits_for_one_optimiser_step_not_for_a_checkpoint(going_ahead, monkeypatch):
    source, target = rows(40, 1), rows(45, 2)
    made = plan(SMALL | dict(every=20), target)
    training = Training(made, target, CPU, go_ahead=True)
    trained, train = [], NetworkPlan.target_gradient

    def until_over(self, parameters, batch, step, workspace):
        trained.append(step)
        if step == 1:
            assert training.over.wait(10)
        return train(self, parameters, batch, step, workspace)

    monkeypatch.setattr(NetworkPlan, "target_gradient", until_over)
    steps = score_steps(made, training, source, CPU)
    assert next(steps).index == 0
    steps.close()
    assert trained in ([0], [0, 1])


def test_a_training_that_explodes_is_said_after_the_steps_before_it(going_ahead, monkeypatch):
    source, target, seen = rows(40, 1), rows(45, 2), []
    train = NetworkPlan.target_gradient

    def explodes(self, parameters, batch, step, workspace):
        gradient, loss = train(self, parameters, batch, step, workspace)
        return gradient, loss * (float("inf") if step == 5 else 1)

    monkeypatch.setattr(NetworkPlan, "target_gradient", explodes)
    with pytest.raises(InputError, match="Training on the target went out of bounds at step 5"):
        for step in DVGS(**SMALL).steps(source, target):
            seen.append(step.index)
    assert seen == [0, 1, 2] and left_behind() == []


def test_an_error_of_scoring_ends_training_too(going_ahead, monkeypatch):
    def fails(self, block, rows=None):
        assert left_behind() != []
        raise MemoryError("no room")

    monkeypatch.setattr(Scorer, "_run", fails)
    with pytest.raises(MemoryError, match="no room") as raised:
        DVGS(**SMALL).value(rows(40, 1), rows(45, 2))
    assert left_behind() == [] and raised.value.__context__ is None


def test_only_small_networks_of_our_own_on_several_cores_go_ahead(monkeypatch):
    target, own = rows(45, 2), dict(model=lambda: torch.nn.Linear(4, 3))
    for cores, settings, expected in [
        (2, SMALL, True),
        (1, SMALL, False),
        (2, SMALL | dict(width=4000), False),  # a step is worth splitting over the cores
        (2, dict(restarts=2, epochs=8) | own, False),
    ]:
        made = plan(settings, target)
        monkeypatch.setattr(training.torch, "get_num_threads", lambda cores=cores: cores)
        assert Training(made, target, CPU, go_ahead=True).ahead == expected
        assert not Training(made, target, CPU).ahead
    made = plan(SMALL, target)
    monkeypatch.setattr(training, "_MOST_NUMBERS_AHEAD", 4 * made.parameters - 1)
    assert not Training(made, target, CPU, go_ahead=True).ahead
