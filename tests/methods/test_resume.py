"""A run that goes on after any of its steps ends in the same bits."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dvgs_core import methods
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
    assert (one.index, one.stopped_because) == (other.index, other.stopped_because)
    np.testing.assert_equal((one.settled, one.target_loss), (other.settled, other.target_loss))


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


#: Settings small enough for tests, under which a method has several steps.
OTHERS = {
    "loo": dict(network="logistic", epochs=2, repeats=4, metric="loss"),
    # ends early in other places than its numbers say, so that walks wait for one another
    "tmc-shapley": dict(permutations=12, together=5, truncation=0.5, patience=2, epochs=2),
    "dvrl": dict(outer_steps=12, selections=3, outer_batch=30, window=4, max_steps=2),
    "in-run": dict(restarts=2, epochs=3, batch=10, width=8, dropout=0.2),
}


def other(name, seed=5, **settings):
    return methods.create(name, seed=seed, device="cpu", **OTHERS[name] | settings)


def runs_of(name, task):
    more = {"network": "auto"} if task == "reconstruction" and name != "in-run" else {}
    return other(name, **more), rows(40, 1, task), rows(45, 2, task)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
def test_the_other_long_methods_go_on_with_the_same_bits(name, task, tmp_path):
    method, source, target = runs_of(name, task)
    whole, kept = [], []
    for step in method.steps(source, target):
        whole.append(step)
        kept.append(step.state())
    assert len(whole) > 3 and np.ptp(whole[-1].values) > 0
    for at in {0, len(whole) // 2, len(whole) - 2}:
        save_file(kept[at], tmp_path / "state")
        rest = list(method.steps(source, target, resume=load_file(tmp_path / "state")))
        assert [step.index for step in rest] == list(range(at + 1, len(whole)))
        for one, that in zip(rest, whole[at + 1 :], strict=True):
            same(one, that)


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_methods_refuse_a_state_of_another_run_or_of_its_end(name):
    method, source, target = runs_of(name, "classification")
    kept = [step.state() for step in method.steps(source, target)]
    with pytest.raises(InputError, match="other settings, another seed"):
        next(other(name, seed=6).steps(source, target, resume=kept[0]))
    with pytest.raises(InputError, match="other settings, another seed"):
        next(other(name, learning_rate=0.011).steps(source, target, resume=kept[0]))
    with pytest.raises(InputError, match="other rows"):
        next(method.steps(source.rows(np.arange(30)), target, resume=kept[0]))
    with pytest.raises(InputError, match="complete"):
        next(method.steps(source, target, resume=kept[-1]))


def test_all_of_them_can_be_paused():
    assert {name for name in methods.names() if methods.entry(name).resumes} == {"dvgs", *OTHERS}
