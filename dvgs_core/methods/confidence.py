"""Confidence: how probable a row's label is to a learner trained on the target alone.

The plainest rival of gradient similarity: the same network, trained the same way, asked only for
its answer once it has learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.base import Base, agreed, only_step, own
from dvgs_core.methods.dvgs import DVGSSettings
from dvgs_core.methods.learners import chosen_strength, dealt, predictions
from dvgs_core.methods.registry import Preset, register
from dvgs_core.models.settings import NetworkSettings
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings, shared

_STEPS = 20
_FOLDS = 5
_BLOCK_ROWS = 4096
_LEAST = 1e-12


class ConfidenceSettings(Settings):
    """The learner, and what is made of its probability."""

    learner: Literal["network", "logistic"] = Field(
        default="network",
        title="Learner",
        description="network: the one that gradient similarity trains. logistic: logistic "
        "regression, or ridge regression where the label is a number.",
    )
    score: Literal["probability", "log probability"] = Field(
        default="probability",
        title="Score",
        description="Of the row's own label. Where there are no classes: negative squared error.",
    )
    restarts: int = shared(NetworkSettings, "restarts")
    epochs: int = shared(
        NetworkSettings, "epochs", description="Passes of the network over the target rows."
    )
    learning_rate: float = shared(NetworkSettings, "learning_rate")
    layers: int = shared(NetworkSettings, "layers")
    width: int = shared(NetworkSettings, "width")
    dropout: float = shared(NetworkSettings, "dropout")
    balanced: bool = shared(
        NetworkSettings,
        "balanced",
        description="Each class carries the same weight while a learner trains.",
    )
    strength: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        title="Penalty",
        description="Of the weights of a logistic or ridge regression. Empty: that of 10, 100 and "
        "1000 which predicts withheld target rows best.",
    )


PRESETS = [
    Preset("quick", {"restarts": 1, "epochs": 30}, "One learner, trained shortly: a first look."),
    Preset("thorough", {"restarts": 10}, "Ten learners instead of three."),
]


@register(
    "confidence",
    ConfidenceSettings,
    title="Confidence",
    help="How probable a row's label is to a learner trained on the trusted rows alone.",
    presets=PRESETS,
)
class Confidence(Base[ConfidenceSettings]):
    """Probability of each source row's own label; without classes, the negative squared error.

    A number's error is in units of the label squared, a reconstruction's in units of the encoded
    features squared (mean over features).
    """

    declared = ConfidenceSettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """Some 20 steps while the network trains; the values are those of the network by then."""
        classes = agreed("confidence", source, target, classes)
        if classes and len(np.unique(target.y)) < 2:  # type: ignore[arg-type]
            raise InputError(
                "The target must hold rows of at least 2 classes; it holds one only. "
                "Choose more or other target rows."
            )
        if self.settings.learner == "logistic":
            yield self._regressed(source, target, classes)
            return
        chosen = self.settings
        settings = DVGSSettings(
            restarts=chosen.restarts,
            epochs=chosen.epochs,
            learning_rate=chosen.learning_rate,
            layers=chosen.layers,
            width=chosen.width,
            dropout=chosen.dropout,
            normalise=True,
            balanced=chosen.balanced,
            max_steps=None,
        )
        found = trained_outputs(
            settings, source, target, classes=classes or None, seed=self.seed, device=self.device
        )
        for index, (total, output) in enumerate(found):
            if classes:
                by_member = _log_softmax(output.astype(np.float64))
                if chosen.score == "probability":
                    by_member = np.exp(by_member)
                label_values = by_member.mean(axis=0)
                assert source.y is not None
                each = np.stack([own(one, source.y) for one in by_member])
                values = own(label_values, source.y)
            else:
                label_values = None
                answers = source.X if source.y is None else source.y[:, None]
                values = -np.square(output.mean(axis=0) - answers).mean(axis=1, dtype=np.float64)
                each = -np.square(output - answers).mean(axis=2, dtype=np.float64)
            error = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else None
            yield only_step(
                values,
                label_values=label_values,
                standard_error=error,
                index=index,
                total=total,
            )

    def _regressed(self, source: Samples, target: Samples, classes: int) -> Step:
        if source.y is None or target.y is None:
            raise InputError(
                "Without a label there is nothing to regress on; choose learner=network."
            )
        # the seed is of forests; a regression draws nothing
        learned = partial(
            predictions, "logistic", classes=classes, seed=0, balanced=self.settings.balanced
        )
        strength = self.settings.strength
        if strength is None:
            fold = dealt(
                target.y,
                min(_FOLDS, len(target)),
                np.random.default_rng(self.seed),
                by_class=classes > 0,
            )
            strength, _ = chosen_strength(learned, target.X, target.y, fold)
        found = learned(target.X, target.y, source.X, strength=strength)
        if not classes:
            return only_step(-np.square(found - source.y))
        if self.settings.score == "log probability":
            found = np.log(np.maximum(found, _LEAST))
        return only_step(own(found, source.y), label_values=found)


def trained_outputs(
    settings: DVGSSettings,
    source: Samples,
    target: Samples,
    *,
    classes: int | None = None,
    seed: int,
    device: str,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """What networks say of the source while they train on the target, dropout off.

    Args:
        settings: of the networks and their training; with `every` empty there are about 20 looks.
        source, target, classes, seed, device: as for `DVGS.steps`.

    Yields:
        How many looks there are in all, and the (members, n_source, outputs) of this one: logits,
        labels in their own unit, or reconstructed features. The last one is of the end.
    """
    import torch

    from dvgs_core.models.passes import forward
    from dvgs_core.models.threads import operation_threads
    from dvgs_core.trajectory.device import resolve_device
    from dvgs_core.trajectory.networks import network_plan
    from dvgs_core.trajectory.training import Training

    where = resolve_device(device)
    plan = network_plan(settings, target, classes=classes, seed=seed)
    if settings.every is None:
        plan = replace(plan, every=max(1, plan.optimiser_steps // _STEPS))
    asked = replace(plan.network, dropout=0.0)
    X, ids = torch.from_numpy(source.X), torch.from_numpy(source.ids)

    def output(parameters: torch.Tensor) -> NDArray[np.float32]:
        layers, parts = asked.layers(parameters), []
        for start in range(0, len(X), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            with operation_threads(len(X[rows]) * parameters.numel()):
                passed = forward(
                    asked, layers, X[None, rows].to(where), ids[rows].to(where), plan.dropout(0, 0)
                )
            parts.append(passed.output.cpu())
        return (torch.cat(parts, dim=1) * plan.spread + plan.centre).numpy()

    training = Training(plan, target, where)
    for checkpoint in training:
        if checkpoint.step > 0:  # before the first step it has learned nothing
            yield plan.checkpoints, output(checkpoint.parameters)
    yield plan.checkpoints, output(training.parameters)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
