"""From prepared rows to their values, step by step, over all rotations.

The page's worker, the command line and `value_frame` all run this, so that they give the same
numbers. Importing this module loads neither torch nor scikit-learn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core import methods
from dvgs_core.engine.prepare import Prepared
from dvgs_core.samples import Step
from dvgs_core.stopping import ASKED_TO_STOP

State = dict[str, NDArray]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Values so far, averaged over the rotations in which a row was source.

    Attributes:
        index, total: steps done before this one, and in all, over all rotations.
        ids: (n,) int64, every row that is source in some rotation, ascending.
        values: (n,) float64; NaN for rows no rotation has scored yet.
        standard_error: (n,) float64.
        label_values: (n, classes) float64, or None.
        similarity: (n,) float32, this step's; NaN for rows that are not source in this rotation.
        target_loss: this step's.
        rotation: which one is going on, from 0.
        scored: checkpoints scored so far, over all rotations.
        done: how far the whole is, of `total`; a rotation that ended early counts in full.
        settled: how settled this rotation's ranking is; NaN while too early.
        stopped_because: on the last step of a rotation, why there are no more; else None. On the
            one that `finish` returns, why the whole ended.
        notes: what a person should know of the values, a sentence each, over all rotations.
        reports: what the method has to say of its values, one a finished rotation; most say
            nothing.
        state: gives what `valuate` needs to go on after this step, as arrays by name; None where
            the method cannot. To be called before the next outcome is asked for.
    """

    index: int
    total: int
    ids: NDArray[np.int64]
    values: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    label_values: NDArray[np.float64] | None
    similarity: NDArray[np.float32]
    target_loss: float
    rotation: int
    scored: int
    done: int
    settled: float
    stopped_because: str | None
    notes: tuple[str, ...] = ()
    reports: tuple[Mapping[str, Any], ...] = ()
    state: Callable[[], State] | None = None


class _Rotations:
    """Sums over finished rotations, so that a running one can be added on top."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self.ids = ids
        self.count = np.zeros(len(ids))
        self.values = np.zeros(len(ids))
        self.variance = np.zeros(len(ids))
        self.label_values: NDArray[np.float64] | None = None

    def with_step(self, at: NDArray[np.int64], step: Step) -> _Rotations:
        total = _Rotations(self.ids)
        total.count, total.values = self.count.copy(), self.values.copy()
        total.variance = self.variance.copy()
        total.count[at] += 1
        total.values[at] += step.values
        total.variance[at] += step.standard_error**2
        if step.label_values is not None:
            before = self.label_values
            shape = (len(self.ids), step.label_values.shape[1])
            total.label_values = np.zeros(shape) if before is None else before.copy()
            total.label_values[at] += step.label_values
        return total

    def mean(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return sums / (self.count if sums.ndim == 1 else self.count[:, None])

    def arrays(self) -> State:
        labels = {} if self.label_values is None else {"done.label_values": self.label_values}
        return labels | {
            "done.count": self.count,
            "done.values": self.values,
            "done.variance": self.variance,
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        self.count, self.values = state["done.count"], state["done.values"]
        self.variance, self.label_values = state["done.variance"], state.get("done.label_values")


def valuate(prepared: Prepared, kept: Mapping[str, NDArray] | None = None) -> Iterator[Outcome]:
    """Run the job's method on every rotation; one outcome a step.

    Each rotation ends early on its own; what it leaves of a time budget goes to those after it.

    Args:
        prepared: the rows.
        kept: what `Outcome.state` gave; goes on with the step after it.
    """
    job = prepared.job
    ids = prepared.source
    classes = len(prepared.labels.classes) if job.columns.task == "classification" else None
    done, first, scored, spent = _Rotations(ids), 0, 0, 0.0
    inside: State = {}
    notes: tuple[str, ...] = ()
    reports: tuple[Mapping[str, Any], ...] = ()
    if kept is not None:
        done.restore(kept)
        first, scored, spent = int(kept["rotation"]), int(kept["scored"]), float(kept["spent"])
        start = len(_INSIDE)
        inside = {name[start:]: kept[name] for name in kept if name.startswith(_INSIDE)}
    rotations = len(prepared.splits)
    for rotation in range(first, rotations):
        split = prepared.splits[rotation]
        at = np.searchsorted(ids, split.source)
        source, target = prepared.samples(split.source), prepared.samples(split.target)
        settings = _within_budget(job.settings, spent, rotations - rotation)
        method = methods.create(job.method, seed=job.seed, device=job.device, **settings)
        steps: Callable[..., Iterator[Step]] = method.steps
        more: dict[str, Any] = {"resume": inside} if inside else {}
        if methods.entry(job.method).names_features:
            more["feature_columns"] = prepared.encoded.encoder.source_columns
        begun = time.monotonic() - float(inside.get("seconds", 0.0))
        inside, running = {}, done
        for step in steps(source, target, classes=classes, **more):
            running = done.with_step(at, step)
            noted = tuple(dict.fromkeys((*notes, *step.notes)))
            similarity = np.full(len(ids), np.nan, dtype=np.float32)
            similarity[at] = step.similarity
            scored += 1
            over = step.stopped_because is not None
            if over and step.report is not None:
                reports = (*reports, step.report)
            now = spent + time.monotonic() - begun
            state = None
            if over:
                state = partial(_between, running, rotation + 1, scored, now)
            elif step.state is not None:
                state = partial(_during, step.state, done, rotation, scored, spent)
            yield Outcome(
                index=rotation * step.total + step.index,
                total=rotations * step.total,
                ids=ids,
                values=running.mean(running.values),
                standard_error=running.mean(np.sqrt(running.variance)),
                label_values=None
                if running.label_values is None
                else running.mean(running.label_values),
                similarity=similarity,
                target_loss=step.target_loss,
                rotation=rotation,
                scored=scored,
                done=rotation * step.total + (step.total if over else step.index + 1),
                settled=step.settled,
                stopped_because=step.stopped_because,
                notes=noted,
                reports=reports,
                state=state,
            )
        done, notes = running, noted
        spent += time.monotonic() - begun


_INSIDE = "inside."


def _between(done: _Rotations, rotation: int, scored: int, spent: float) -> State:
    """What is to be kept where a rotation is about to begin."""
    numbers = {"rotation": rotation, "scored": scored, "spent": spent}
    return done.arrays() | {name: np.array(number) for name, number in numbers.items()}


def _during(
    method: Callable[[], State], done: _Rotations, rotation: int, scored: int, spent: float
) -> State:
    """What is to be kept inside a rotation."""
    inside = {_INSIDE + name: array for name, array in method().items()}
    return _between(done, rotation, scored, spent) | inside


def _within_budget(settings: dict[str, Any], spent: float, rotations: int) -> dict[str, Any]:
    """The settings of the next rotation: its share of the time that is left."""
    budget = settings.get("time_budget")
    if budget is None:
        return settings
    # a rotation that has no time left still scores one checkpoint
    return settings | {"time_budget": max((budget - spent) / rotations, 1e-9)}


def finish(outcomes: Iterator[Outcome], on_step: Callable[[Outcome], bool]) -> Outcome:
    """Run outcomes to their end, or until `on_step` returns False; the last one."""
    outcome = None
    for outcome in outcomes:
        if not on_step(outcome):
            break
    assert outcome is not None, "a method yields at least one step"
    if outcome.done < outcome.total:
        return replace(outcome, stopped_because=ASKED_TO_STOP)
    return outcome
