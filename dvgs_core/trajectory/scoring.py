"""Scoring rows at the checkpoints of a trajectory, one step a checkpoint."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.gradients.factored import Checkpoint
from dvgs_core.methods.dvgs import DVGSSettings, OwnModel
from dvgs_core.methods.resume import check_state, fingerprint
from dvgs_core.samples import Samples, Step
from dvgs_core.stopping import ALL_CHECKPOINTS, Halfway, Progress, Rule
from dvgs_core.trajectory.choice import plan_for
from dvgs_core.trajectory.device import resolve_device
from dvgs_core.trajectory.plan import Plan
from dvgs_core.trajectory.running import RunningMean
from dvgs_core.trajectory.training import Trained, Training


def score_steps(
    plan: Plan,
    checkpoints: Iterable[Checkpoint],
    source: Samples,
    device: torch.device,
    *,
    stop: Rule | None = None,
    resume: Mapping[str, NDArray] | None = None,
) -> Iterator[Step]:
    """Score all source rows at each checkpoint as it comes.

    Args:
        plan: what the checkpoints are of.
        checkpoints: in order; those of a `Training` make every step's `state` available.
        source: the rows.
        device: where.
        stop: when to end before the last checkpoint.
        resume: what a step's `state` gave; `checkpoints` must begin with the one after it.

    Raises:
        InputError: the source does not fit the plan, the state is of another run or of its end, or
            a gradient is not finite.
    """
    _check_source(plan, source)
    mean, halfway, started = RunningMean(plan, len(source)), Halfway(), time.monotonic()
    if resume is not None:
        mean.restore(resume)
        halfway = Halfway.restored(resume)
        started -= float(resume["seconds"])

    training = checkpoints if isinstance(checkpoints, Training) else None

    def state() -> dict[str, NDArray]:
        assert training is not None and isinstance(checkpoint, Trained)
        return {
            **checkpoint.state(),
            **mean.state(),
            **halfway.state(),
            "seconds": np.array(time.monotonic() - started),
            "fingerprint": fingerprint(plan.facts(), source, training.target),
        }

    ahead = plan.trains_apart if training is None else training.ahead
    with (
        plan.scorer(source, device) as scorer,
        closing(scorer.each(checkpoints, ahead=ahead)) as scored,
        nullcontext() if training is None else training,
    ):
        for index, (checkpoint, scores) in enumerate(scored, start=mean.count):
            similarity = mean.add(scores.own, scores.by_label)
            if not np.isfinite(similarity).all():
                bad = ", ".join(str(i) for i in source.ids[~np.isfinite(similarity)][:5])
                raise InputError(
                    f"The gradients of some rows are not finite at step {checkpoint.step} (row "
                    f"ids {bad}). Look for extreme numbers in them, or lower the learning rate."
                )
            values = mean.values
            halfway.look(mean.count, values)
            reason = ALL_CHECKPOINTS if mean.count == plan.checkpoints else None
            if reason is None and stop is not None:
                seconds = time.monotonic() - started
                reason = stop.reason(
                    Progress(mean.count, seconds, halfway.settled, halfway.overlap)
                )
            yield Step(
                index=index,
                total=plan.checkpoints,
                similarity=similarity,
                values=values,
                standard_error=mean.standard_error,
                target_loss=float(checkpoint.target_loss.mean()),
                label_values=mean.label_values,
                settled=halfway.settled,
                stopped_because=reason,
                state=None if training is None else state,
            )
            if reason is not None:
                return


def _check_source(plan: Plan, source: Samples) -> None:
    if source.X.shape[1] != plan.features:
        raise InputError(
            f"Source and target must have the same features; the target has {plan.features}, "
            f"the source {source.X.shape[1]}."
        )
    if source.task != plan.task:
        raise InputError(f"The target is for {plan.task}, the source for {source.task}.")
    if plan.task == "classification":
        assert source.y is not None
        if source.y.max() >= plan.classes:
            raise InputError(
                f"The network knows {plan.classes} classes; the source holds class code "
                f"{source.y.max()}. Fit with classes={source.y.max() + 1}."
            )


def _classes(source: Samples, target: Samples, classes: int | None) -> int | None:
    if target.y is None or source.y is None or target.task != "classification":
        return None
    return classes or int(max(source.y.max(), target.y.max())) + 1


def fit_and_score(
    settings: DVGSSettings,
    source: Samples,
    target: Samples,
    *,
    classes: int | None = None,
    seed: int = 0,
    device: str = "auto",
    stop: Rule | None = None,
    resume: Mapping[str, NDArray] | None = None,
    own: OwnModel | None = None,
) -> Iterator[Step]:
    """Train and score at once, one `Step` a checkpoint, no checkpoint kept."""
    where = resolve_device(device)
    known = _classes(source, target, classes)
    settled = plan_for(settings, target, classes=known, seed=seed, device=where, own=own)
    if resume is not None:
        run = fingerprint(settled.facts(), source, target)
        check_state(resume, run, done=int(resume["mean.count"]), total=settled.checkpoints)
    training = Training(settled, target, where, resume, go_ahead=True)
    return score_steps(settled, training, source, where, stop=stop, resume=resume)
