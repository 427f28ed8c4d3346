"""Fit once, score any row: the two halves of DVGS.

Training on the target leaves a *trajectory* of checkpoints; scoring needs the trajectory and the
row, nothing else. `steps` does both at once, checkpoint after checkpoint, and keeps none.

Source: Evans et al. 2024, algorithm 1.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from dvgs_core.errors import InputError
from dvgs_core.gradients.factored import Checkpoint, Scorer
from dvgs_core.methods.dvgs import DVGSSettings
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import loss_for
from dvgs_core.models.network import Network, autoencoder, mlp
from dvgs_core.models.threads import operation_threads
from dvgs_core.models.training import (
    SOURCE_STREAM,
    TARGET_STREAM,
    Adam,
    batch_gradient,
    batches,
    row_weights,
)
from dvgs_core.samples import Samples, Step, Valuation, collect
from dvgs_core.settings import validated
from dvgs_core.stopping import ALL_CHECKPOINTS, Halfway, Progress, Rule

# Above this many classes a value under every label would cost more than the valuation itself.
MOST_CLASSES_TO_SUGGEST = 64
_MOST_CHECKPOINTS = 100
_BATCH_MEANS = 5
_FORMAT = 2  # 1 drew other dropout masks
# Above this a trajectory keeps the target's rows and trains again instead.
MOST_STORED_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Plan:
    """Everything that follows from the settings and the target's shape.

    Attributes:
        settings: the method's settings.
        task: "classification", "regression" or "reconstruction".
        network: shape of every member.
        seed: root of every draw.
        every: optimiser steps between checkpoints.
        optimiser_steps: how many there are in all.
        centre, spread: what a regression label is standardised by, (y - centre) / spread.
    """

    settings: DVGSSettings
    task: str
    network: Network
    seed: int
    every: int
    optimiser_steps: int
    centre: float = 0.0
    spread: float = 1.0

    @property
    def checkpoints(self) -> int:
        """How many checkpoints each member leaves."""
        return -(-self.optimiser_steps // self.every)

    @property
    def stored_bytes(self) -> int:
        """What keeping every checkpoint takes: parameters and gradients in float32."""
        return 8 * self.checkpoints * self.settings.restarts * self.network.parameters

    @property
    def suggests(self) -> bool:
        """Whether rows are valued under every label too."""
        return (
            self.settings.suggest
            and self.task == "classification"
            and self.network.widths[-1] <= MOST_CLASSES_TO_SUGGEST
        )

    def dropout(self, stream: int, step: int) -> Dropout:
        """The masks of one step."""
        return Dropout(self.network.dropout, self.seed, stream, step, self.settings.restarts)

    def answers(self, samples: Samples, device: torch.device) -> Tensor:
        """(rows,) int64 classes, or (rows, outputs) float32, what the network is to give."""
        if samples.y is None:
            return torch.from_numpy(samples.X).to(device)
        y = torch.from_numpy(samples.y).to(device)
        return y if self.task == "classification" else ((y - self.centre) / self.spread)[:, None]


def plan(settings: DVGSSettings, target: Samples, *, classes: int | None, seed: int) -> Plan:
    """Settle what the settings leave open.

    Raises:
        InputError: the network does not fit the task, or the target has one class only.
    """
    task, features = target.task, target.X.shape[1]
    centre, spread = 0.0, 1.0
    if target.y is None:
        outputs = features
    elif task == "classification":
        present = np.unique(target.y)
        if len(present) < 2:
            raise InputError(
                "The target must hold rows of at least 2 classes; it holds one only. "
                "Choose more or other target rows."
            )
        outputs = classes or int(target.y.max()) + 1
    else:
        outputs, centre = 1, float(target.y.mean())
        spread = float(target.y.std()) or 1.0
    shape: dict[str, Any] = dict(
        activation=settings.activation, dropout=settings.dropout, normalise=settings.normalise
    )
    kind = settings.network
    if kind == "auto":
        kind = "autoencoder" if task == "reconstruction" else "mlp"
    if (kind == "autoencoder") != (task == "reconstruction"):
        raise InputError(
            f"An autoencoder goes with data without a label, the other networks with a label; "
            f"the task is {task} and the network {kind}. Choose network=auto."
        )
    if kind == "autoencoder":
        network = autoencoder(
            features, layers=settings.layers, width=settings.width, latent=settings.latent, **shape
        )
    else:
        layers = 0 if kind == "logistic" else settings.layers
        network = mlp(features, outputs, layers=layers, width=settings.width, **shape)
    batch = min(settings.target_batch or len(target), len(target))
    steps = settings.epochs * -(-len(target) // batch)
    if settings.max_steps is not None:
        steps = min(steps, settings.max_steps)
    every = settings.every or -(-steps // _MOST_CHECKPOINTS)
    return Plan(settings, task, network, seed, every, steps, centre, spread)


class Training:
    """Trains all members on the target, handing out a checkpoint every `plan.every` steps.

    Iterate over it once. A checkpoint is taken before its step's update, so the first is the
    initial network. Its tensors are copies: keeping them is safe.

    Args:
        plan: what to train.
        target: on which rows.
        device: where.
        resume: what `state` gave; training goes on with the step after that checkpoint. Batches
            are replayed up to there, which costs their shuffles only.
    """

    def __init__(
        self,
        plan: Plan,
        target: Samples,
        device: torch.device,
        resume: Mapping[str, NDArray] | None = None,
    ) -> None:
        self.plan, self.target, self.device = plan, target, device
        self.parameters = plan.network.initial(plan.settings.restarts, plan.seed, device)
        self.gradient = torch.zeros_like(self.parameters)
        self.adam = Adam(self.parameters, plan.settings.learning_rate)
        self.step = -1
        if resume is not None:
            self.step = self.adam.step = int(resume["training.step"])
            for name, tensor in self._tensors().items():
                tensor.copy_(torch.from_numpy(np.array(resume[name])))

    def state(self) -> dict[str, NDArray]:
        """What is needed to go on after the latest checkpoint; copies."""
        arrays = {name: tensor.cpu().numpy().copy() for name, tensor in self._tensors().items()}
        return arrays | {"training.step": np.array(self.step)}

    def _tensors(self) -> dict[str, Tensor]:
        return {
            "training.parameters": self.parameters,
            "training.gradient": self.gradient,
            "training.first": self.adam.first,
            "training.second": self.adam.second,
        }

    def __iter__(self) -> Iterator[Checkpoint]:
        plan, settings, device = self.plan, self.plan.settings, self.device
        loss = loss_for(plan.task)
        X = torch.from_numpy(self.target.X).to(device)
        y = plan.answers(self.target, device)
        ids = torch.from_numpy(self.target.ids).to(device)
        balanced = settings.balanced and plan.task == "classification"
        batch = settings.target_batch or len(X)
        order = batches(len(X), batch, settings.restarts, settings.epochs, plan.seed)
        first = self.step + 1
        if first:
            self._update()
        for step, positions in islice(enumerate(order), first, plan.optimiser_steps):
            rows = torch.from_numpy(positions).to(device)
            with operation_threads(rows.numel() * plan.network.parameters):
                self.gradient, value = batch_gradient(
                    plan.network,
                    self.parameters,
                    loss,
                    X[rows],
                    y[rows],
                    ids[rows],
                    row_weights(y[rows], balanced=balanced),
                    plan.dropout(TARGET_STREAM, step),
                )
            if not bool(torch.isfinite(value).all()):
                raise InputError(
                    f"Training on the target went out of bounds at step {step} (the loss is not "
                    f"finite). Lower the learning rate; it is {settings.learning_rate:g}."
                )
            if step % plan.every == 0:
                self.step = step
                yield Checkpoint(step, self.parameters.clone(), self.gradient, value)
            self._update()

    def _update(self) -> None:
        with operation_threads(0):
            self.adam.update(self.parameters, self.gradient)


class _Mean:
    """Mean similarity of every row over checkpoints and members, and how sure it is."""

    def __init__(self, plan: Plan, rows: int) -> None:
        members, classes = plan.settings.restarts, plan.network.widths[-1]
        self.plan, self.count = plan, 0
        self.sums = np.zeros(rows)
        self.label_sums = np.zeros((rows, classes)) if plan.suggests else None
        self.batches = min(_BATCH_MEANS, plan.checkpoints)
        self.batch_sums = np.zeros((members, self.batches, rows), dtype=np.float32)
        self.batch_counts = np.zeros(self.batches, dtype=int)

    def add(self, own: Tensor, by_label: Tensor | None) -> np.ndarray:
        """Take in one checkpoint; returns (rows,) float32, its mean over members."""
        batch = self.count * self.batches // self.plan.checkpoints
        similarity = own.mean(dim=0).cpu().numpy()
        self.batch_sums[:, batch] += own.cpu().numpy()
        self.batch_counts[batch] += 1
        self.sums += similarity
        if self.label_sums is not None and by_label is not None:
            self.label_sums += by_label.mean(dim=0).cpu().numpy()
        self.count += 1
        return similarity

    @property
    def values(self) -> np.ndarray:
        """(rows,) float64."""
        return self.sums / self.count

    @property
    def label_values(self) -> np.ndarray | None:
        """(rows, classes) float64, or None."""
        return None if self.label_sums is None else self.label_sums / self.count

    @property
    def standard_error(self) -> np.ndarray:
        """(rows,) float64, by batch means.

        Neighbouring checkpoints are alike, so each member's checkpoints are cut into up to 5
        stretches and the stretches' means are taken as independent draws. Cautious: a drift that
        all rows share during training counts as uncertainty.
        """
        used = self.batch_counts > 0
        means = self.batch_sums[:, used] / self.batch_counts[used][None, :, None]
        draws = means.reshape(-1, means.shape[2])
        if len(draws) < 2:
            return np.full(draws.shape[1], np.nan)
        return draws.std(axis=0, ddof=1, dtype=np.float64) / np.sqrt(len(draws))

    def state(self) -> dict[str, NDArray]:
        """All sums, copied."""
        labels = {} if self.label_sums is None else {"mean.label_sums": self.label_sums.copy()}
        return labels | {
            "mean.count": np.array(self.count),
            "mean.sums": self.sums.copy(),
            "mean.batch_sums": self.batch_sums.copy(),
            "mean.batch_counts": self.batch_counts.copy(),
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """As it was when `state` was called."""
        self.count = int(state["mean.count"])
        self.sums = state["mean.sums"].copy()
        self.batch_sums = state["mean.batch_sums"].copy()
        self.batch_counts = state["mean.batch_counts"].copy()
        if self.label_sums is not None:
            self.label_sums = state["mean.label_sums"].copy()


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
        checkpoints: in order; a `Training` makes every step's `state` available.
        source: the rows.
        device: where.
        stop: when to end before the last checkpoint.
        resume: what a step's `state` gave; `checkpoints` must begin with the one after it.

    Raises:
        InputError: the source does not fit the plan, the state is of another run or of its end, or
            a gradient is not finite.
    """
    _check_source(plan, source)
    mean, halfway, started = _Mean(plan, len(source)), Halfway(), time.monotonic()
    if resume is not None:
        mean.restore(resume)
        halfway = Halfway.restored(resume)
        started -= float(resume["seconds"])

    def state() -> dict[str, NDArray]:
        assert isinstance(checkpoints, Training)
        return {
            **checkpoints.state(),
            **mean.state(),
            **halfway.state(),
            "seconds": np.array(time.monotonic() - started),
            "fingerprint": fingerprint(plan, source, checkpoints.target),
        }

    with Scorer(
        plan.network,
        loss_for(plan.task),
        torch.from_numpy(source.X).to(device),
        plan.answers(source, device),
        torch.from_numpy(source.ids).to(device),
        kind=plan.settings.similarity,
        by_label=plan.suggests,
        precision=_precision(plan.settings.precision, device),
    ) as scorer:
        for index, checkpoint in enumerate(checkpoints, start=mean.count):
            scores = scorer.score(checkpoint, plan.dropout(SOURCE_STREAM, checkpoint.step))
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
                state=state if isinstance(checkpoints, Training) else None,
            )
            if reason is not None:
                return


def fingerprint(plan: Plan, source: Samples, target: Samples) -> NDArray[np.uint8]:
    """(32,) bytes that tell whether a kept state is of this plan and these row ids and labels.

    When the run is to end early does not count, so that one can go on under another time budget.
    """
    facts = _facts(plan)
    for name in ("stop_when_settled", "time_budget"):
        del facts["settings"][name]
    found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for samples in (source, target):
        found.update(samples.ids.tobytes())
        found.update(b"" if samples.y is None else samples.y.tobytes())
    return np.frombuffer(found.digest(), dtype=np.uint8)


def _facts(plan: Plan) -> dict[str, Any]:
    return asdict(plan) | {"settings": plan.settings.model_dump()}


def _check_state(
    plan: Plan, source: Samples, target: Samples, state: Mapping[str, NDArray]
) -> None:
    if not np.array_equal(state["fingerprint"], fingerprint(plan, source, target)):
        raise InputError(
            "The kept state is of a run with other settings, another seed or other rows; resume "
            "it with what it was begun with, or begin anew."
        )
    if int(state["mean.count"]) == plan.checkpoints:
        raise InputError("The kept state is of a run that is complete; there is nothing to resume.")


def _precision(wanted: str, device: torch.device) -> str:
    """ "auto" settled: bfloat16 where every device of the kind is faster with it."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if device.type == "cuda" else "float32"


def _check_source(plan: Plan, source: Samples) -> None:
    features = plan.network.widths[0]
    if source.X.shape[1] != features:
        raise InputError(
            f"Source and target must have the same features; the target has {features}, "
            f"the source {source.X.shape[1]}."
        )
    if source.task != plan.task:
        raise InputError(f"The target is for {plan.task}, the source for {source.task}.")
    if plan.task == "classification":
        assert source.y is not None
        classes = plan.network.widths[-1]
        if source.y.max() >= classes:
            raise InputError(
                f"The network knows {classes} classes; the source holds class code "
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
) -> Iterator[Step]:
    """Train and score at once, one `Step` a checkpoint, no checkpoint kept."""
    where = resolve_device(device)
    settled = plan(settings, target, classes=_classes(source, target, classes), seed=seed)
    if resume is not None:
        _check_state(settled, source, target, resume)
    training = Training(settled, target, where, resume)
    return score_steps(settled, training, source, where, stop=stop, resume=resume)


def resolve_device(device: str) -> torch.device:
    """A device from its name; "auto" takes a GPU where there is one.

    Raises:
        InputError: the device is unknown or not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"There is no device {device!r}; use auto, cpu or cuda.") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise InputError("No CUDA device was found here. Use device auto or cpu.")
    return found


@dataclass(frozen=True, eq=False)
class Replay:
    """Checkpoints that are not kept: iterating trains again, to the same bits on one device.

    Attributes:
        plan: what to train.
        target: on which rows.
        device: where.
    """

    plan: Plan
    target: Samples = field(repr=False)
    device: torch.device

    def __iter__(self) -> Iterator[Checkpoint]:
        # a Training's own state means nothing to who only scores, so it is not shown
        yield from Training(self.plan, self.target, self.device)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """All checkpoints of all members, in order, and what is needed to score with them.

    Attributes:
        plan: settings, network and seed.
        checkpoints: in step order; kept, or trained again whenever rows are scored.
        device: where they are.
    """

    plan: Plan
    checkpoints: list[Checkpoint] | Replay = field(repr=False)
    device: torch.device

    @classmethod
    def fit(
        cls,
        settings: DVGSSettings,
        target: Samples,
        *,
        classes: int | None = None,
        seed: int = 0,
        device: str = "auto",
        keep: Literal["auto", "checkpoints", "replay"] = "auto",
    ) -> "Trajectory":
        """Train on the target and keep every checkpoint.

        Args:
            settings, target, classes, seed, device: as for `DVGS.fit`.
            keep: "checkpoints"; or "replay", which keeps the target's rows alone and trains again
                when rows are scored, to the same values; "auto" replays what would take more than
                2 GB.
        """
        settled, where = plan(settings, target, classes=classes, seed=seed), resolve_device(device)
        if keep == "auto":
            keep = "replay" if settled.stored_bytes > MOST_STORED_BYTES else "checkpoints"
        if keep == "replay":
            return cls(settled, Replay(settled, target, where), where)
        return cls(settled, list(Training(settled, target, where)), where)

    def score(self, source: Samples, *, stop: Rule | None = None) -> Valuation:
        """The value of any rows, without retraining; the same as `DVGS.value` would give.

        Every checkpoint is used, so that a row's value does not depend on the rows it comes with.
        To put late rows beside a run that ended early, stop where it did:
        `stop=CheckpointCount(len(valuation.trace))`.

        Args:
            source: the rows.
            stop: a rule of `dvgs_core.stopping`; None: every checkpoint.
        """
        steps = score_steps(self.plan, self.checkpoints, source, self.device, stop=stop)
        return collect(steps, source.ids)

    def save(
        self, path: str | Path, *, precision: Literal["float32", "bfloat16"] = "float32"
    ) -> None:
        """Write `path`.safetensors (checkpoints, or the target's rows) and `path`.json (the rest).

        Args:
            path: without a suffix.
            precision: bfloat16 halves the file and rounds parameters and gradients to 3 digits;
                a replayed trajectory has neither.
        """
        if isinstance(self.checkpoints, Replay):
            target = self.checkpoints.target
            tensors = {"X": torch.from_numpy(target.X), "ids": torch.from_numpy(target.ids)}
            if target.y is not None:
                tensors["y"] = torch.from_numpy(target.y)
        else:
            kept, dtype = self.checkpoints, getattr(torch, precision)
            tensors = {
                "step": torch.tensor([c.step for c in kept]),
                "parameters": torch.stack([c.parameters.cpu().to(dtype) for c in kept]),
                "gradient": torch.stack([c.gradient.cpu().to(dtype) for c in kept]),
                "target_loss": torch.stack([c.target_loss.cpu() for c in kept]),
            }
        save_file(tensors, _beside(path, ".safetensors"))
        document = {"format": _FORMAT, "plan": _facts(self.plan)}
        text = json.dumps(document, indent=1, sort_keys=True)
        _beside(path, ".json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> "Trajectory":
        """Read what `save` wrote.

        Raises:
            InputError: a file is missing or of another format.
        """
        try:
            facts = json.loads(_beside(path, ".json").read_text(encoding="utf-8"))
            where = resolve_device(device)
            tensors = load_file(_beside(path, ".safetensors"), device=str(where))
        except FileNotFoundError as error:
            raise InputError(
                f"A trajectory is two files, {_beside(path, '.json').name} and "
                f"{_beside(path, '.safetensors').name}; {error.filename} is not there."
            ) from error
        if facts.get("format") != _FORMAT:
            raise InputError(
                f"{_beside(path, '.json')} is of format {facts.get('format')}; this version reads "
                f"format {_FORMAT}. Fit again."
            )
        parts = facts["plan"]
        shape = parts["network"]
        shape["widths"], shape["activated"] = tuple(shape["widths"]), tuple(shape["activated"])
        parts["network"] = Network(**shape)
        parts["settings"] = validated(DVGSSettings, parts["settings"])
        settled = Plan(**parts)
        if "X" in tensors:
            rows = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
            return cls(settled, Replay(settled, Samples(**rows), where), where)
        checkpoints = [
            Checkpoint(int(step), parameters.float(), gradient.float(), loss)
            for step, parameters, gradient, loss in zip(
                tensors["step"].tolist(),
                tensors["parameters"],
                tensors["gradient"],
                tensors["target_loss"],
                strict=True,
            )
        ]
        return cls(settled, checkpoints, where)


def _beside(path: str | Path, suffix: str) -> Path:
    return Path(path).with_name(Path(path).name + suffix)
