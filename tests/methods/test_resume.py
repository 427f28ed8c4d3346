"""A run that goes on after any of its steps ends in the same bits."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dvgs_core.errors import InputError
from dvgs_core.methods.dvgs import DVGS
from dvgs_core.samples import Samples
from dvgs_core.stopping import CheckpointCount

# 3 batches an epoch, a checkpoint every other step: 15 checkpoints between whole epochs
SMALL = dict(restarts=2, epochs=10, target_batch=20, every=2, width=8, stop_when_settled=None)


def rows(n, seed, task):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4)) + 2 * y[:, None]
    return Samples(X, {"classification": y, "regression": X.sum(axis=1)}.get(task))


def same(one, other):
    for name in ("similarity", "values", "standard_error", "label_values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.index, one.target_loss, one.stopped_because) == (
        other.index, other.target_loss, other.stopped_because,
    )  # fmt: skip
    np.testing.assert_equal(one.settled, other.settled)


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("batch", [20, None])
def test_a_run_goes_on_after_any_step_with_the_same_bits(task, batch, tmp_path):
    source, target = rows(40, 1, task), rows(45, 2, task)
    settings = SMALL | dict(target_batch=batch, epochs=10 if batch else 36)
    method = DVGS(seed=5, **settings)
    whole, kept = [], []
    for step in method.steps(source, target):
        whole.append(step)
        kept.append(step.state())
    for at in (0, 1, 8, len(whole) - 2):
        save_file(kept[at], tmp_path / "state")
        rest = list(method.steps(source, target, resume=load_file(tmp_path / "state")))
        assert [step.index for step in rest] == list(range(at + 1, len(whole)))
        for one, other in zip(rest, whole[at + 1 :], strict=True):
            same(one, other)


def test_a_resumed_run_can_be_stopped_and_resumed_again():
    source, target = rows(40, 1, "classification"), rows(45, 2, "classification")
    method = DVGS(**SMALL)
    whole = list(method.steps(source, target))
    state, found = None, []
    while not found or found[-1].stopped_because == "checkpoint count":
        stop = CheckpointCount(len(found) + 4)
        for step in method.steps(source, target, stop=stop, resume=state):
            found.append(step)
            state = step.state()
    for one, other in zip(found[:-1], whole[:-1], strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    same(found[-1], whole[-1])


def test_resuming_settles_where_the_whole_run_does():
    source, target = rows(40, 1, "classification"), rows(45, 2, "classification")
    method = DVGS(**SMALL | dict(stop_when_settled=0.0, epochs=60))
    whole, kept = [], []
    for step in method.steps(source, target):
        whole.append(step)
        kept.append(step.state())
    assert whole[-1].stopped_because == "ranking settled"
    for at in (3, 12):
        same(list(method.steps(source, target, resume=kept[at]))[-1], whole[-1])


def test_a_state_of_another_run_or_of_its_end_is_refused():
    source, target = rows(40, 1, "classification"), rows(45, 2, "classification")
    states = [step.state() for step in DVGS(**SMALL).steps(source, target)]
    for other in (DVGS(seed=1, **SMALL), DVGS(**SMALL | dict(width=9))):
        with pytest.raises(InputError, match="other settings, another seed"):
            list(other.steps(source, target, resume=states[3]))
    with pytest.raises(InputError, match="other rows"):
        list(DVGS(**SMALL).steps(source.rows(np.arange(30)), target, resume=states[3]))
    with pytest.raises(InputError, match="complete"):
        list(DVGS(**SMALL).steps(source, target, resume=states[-1]))
    # a longer time is no other run
    longer = DVGS(time_budget=1000.0, **SMALL)
    assert len(list(longer.steps(source, target, resume=states[3]))) == len(states) - 4
