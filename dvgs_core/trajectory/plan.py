"""What follows from the settings and the target, whatever the network."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dvgs_core.errors import InputError
from dvgs_core.gradients.factored import Checkpoint, Similarities
from dvgs_core.methods.dvgs import DVGSSettings
from dvgs_core.models.workspace import Workspace
from dvgs_core.samples import Samples

# Above this many classes a value under every label would cost more than the valuation itself.
MOST_CLASSES_TO_SUGGEST = 64
_MOST_CHECKPOINTS = 100


class RowScorer(Protocol):
    """Scores the same rows at checkpoint after checkpoint; a context manager."""

    def __enter__(self) -> "RowScorer": ...

    def __exit__(self, *exception: object) -> None: ...

    def each(
        self, checkpoints: Iterable[Checkpoint], *, ahead: bool
    ) -> Generator[tuple[Checkpoint, Similarities], None, None]:
        """Every checkpoint, in order, with the similarities of all rows there.

        Args:
            checkpoints: what the scorer draws from.
            ahead: whether it may draw the next ones, on threads of its own, while the last ones
                are scored.
        """
        ...


@dataclass(frozen=True, eq=False)
class Batch:
    """The target rows of one optimiser step.

    Attributes:
        X, y, ids: (members, rows, ...).
        weights: (members, rows) float32, summing to 1 for each member.
    """

    X: Tensor
    y: Tensor
    ids: Tensor
    weights: Tensor


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What training and scoring need to know; each kind of network completes it.

    Attributes:
        settings: the method's settings.
        task: "classification", "regression" or "reconstruction".
        seed: root of every draw.
        every: optimiser steps between checkpoints.
        optimiser_steps: how many there are in all.
        features: how many a row has.
        classes: how many labels can be told apart; 0 where there are no classes.
        centre, spread: what a regression label is standardised by, (y - centre) / spread.
    """

    settings: DVGSSettings
    task: str
    seed: int
    every: int
    optimiser_steps: int
    features: int
    classes: int = 0
    centre: float = 0.0
    spread: float = 1.0

    @property
    def checkpoints(self) -> int:
        """How many checkpoints each member leaves."""
        return -(-self.optimiser_steps // self.every)

    @property
    def parameters(self) -> int:
        """How many numbers of one member are trained."""
        raise NotImplementedError

    @property
    def trains_apart(self) -> bool:
        """Whether one thread may train while another scores: nothing is shared by both."""
        return False

    @property
    def stored_bytes(self) -> int:
        """What keeping every checkpoint takes: parameters and gradients in float32."""
        return 8 * self.checkpoints * self.settings.restarts * self.parameters

    @property
    def suggests(self) -> bool:
        """Whether rows are valued under every label too."""
        return (
            self.settings.suggest
            and self.task == "classification"
            and self.classes <= MOST_CLASSES_TO_SUGGEST
        )

    def answers(self, samples: Samples, device: torch.device) -> Tensor:
        """(rows,) int64 classes, or (rows, outputs) float32, what the network is to give."""
        if samples.y is None:
            return torch.from_numpy(samples.X).to(device)
        y = torch.from_numpy(samples.y).to(device)
        return y if self.task == "classification" else ((y - self.centre) / self.spread)[:, None]

    def initial(self, device: torch.device) -> Tensor:
        """(members, parameters) float32, where training begins."""
        raise NotImplementedError

    def target_gradient(
        self, parameters: Tensor, batch: Batch, step: int, workspace: Workspace
    ) -> tuple[Tensor, Tensor]:
        """Gradient of the weighted loss of one step's batch, for every member.

        Args:
            parameters: (members, parameters) float32.
            batch: the rows.
            step: which optimiser step.
            workspace: buffers to use again at the next step; no result is one of them.

        Returns:
            (members, parameters) gradient and (members,) loss.
        """
        raise NotImplementedError

    def scorer(self, source: Samples, device: torch.device) -> RowScorer:
        """What scores these rows."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """Everything that tells this plan from another, as JSON takes it."""
        raise NotImplementedError


def schedule(
    settings: DVGSSettings, target: Samples, *, classes: int | None, seed: int
) -> dict[str, Any]:
    """The fields of `Plan` that do not depend on the network.

    Raises:
        InputError: the target has one class only.
    """
    facts: dict[str, Any] = dict(settings=settings, task=target.task, seed=seed)
    if target.y is not None and target.task == "classification":
        present = np.unique(target.y)
        if len(present) < 2:
            raise InputError(
                "The target must hold rows of at least 2 classes; it holds one only. "
                "Choose more or other target rows."
            )
        facts["classes"] = classes or int(target.y.max()) + 1
    elif target.y is not None:
        facts["centre"] = float(target.y.mean())
        facts["spread"] = float(target.y.std()) or 1.0
    batch = min(settings.target_batch or len(target), len(target))
    steps = settings.epochs * -(-len(target) // batch)
    if settings.max_steps is not None:
        steps = min(steps, settings.max_steps)
    every = settings.every or -(-steps // _MOST_CHECKPOINTS)
    return facts | dict(every=every, optimiser_steps=steps, features=target.X.shape[1])
