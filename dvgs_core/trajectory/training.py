"""Training all members on the target: the checkpoints, and how to go on after one."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvgs_core.errors import InputError
from dvgs_core.gradients.cuda import fixed_arithmetic
from dvgs_core.gradients.factored import Checkpoint
from dvgs_core.models.threads import WORTH_SPLITTING, operation_threads
from dvgs_core.models.training import Adam, batches, row_weights
from dvgs_core.models.workspace import Workspace
from dvgs_core.samples import Samples
from dvgs_core.trajectory.plan import Batch, Plan

# Training ahead keeps some four tensors of all members' parameters more for each thread that
# scores; 32 MB of each tensor at most, all threads together.
_MOST_NUMBERS_AHEAD = 8_000_000


@dataclass(frozen=True, eq=False)
class Trained(Checkpoint):
    """A checkpoint from which training can go on.

    Attributes:
        first, second: (members, parameters) float32, Adam's moments before the step's update.
    """

    first: Tensor
    second: Tensor

    def state(self) -> dict[str, NDArray]:
        """What a `Training` needs to go on with the step after this one; copies."""
        tensors = {name: getattr(self, name) for name in _RESUMED}
        arrays = {f"training.{name}": t.cpu().numpy().copy() for name, t in tensors.items()}
        return arrays | {"training.step": np.array(self.step)}


_RESUMED = ("parameters", "gradient", "first", "second")


class Training:
    """Trains all members on the target, handing out a checkpoint every `plan.every` steps.

    Iterate over it once. A checkpoint is taken before its step's update, so the first is the
    initial network. Its tensors are copies: keeping them is safe, but for Adam's moments, which
    hold until the next checkpoint is drawn unless training goes ahead.

    Args:
        plan: what to train.
        target: on which rows.
        device: where.
        resume: what a checkpoint's `state` gave; training goes on with the step after it. Batches
            are replayed up to there, which costs their shuffles only.
        go_ahead: whether the next checkpoints may be drawn while the last ones are used, where
            that pays and the network allows it; it changes no bit.

    A context manager: leaving it ends training within a step, whichever thread it is in.

    Attributes:
        ahead: whether the next checkpoints may be drawn.
    """

    def __init__(
        self,
        plan: Plan,
        target: Samples,
        device: torch.device,
        resume: Mapping[str, NDArray] | None = None,
        *,
        go_ahead: bool = False,
    ) -> None:
        self.plan, self.target, self.device = plan, target, device
        self.parameters = plan.initial(device)
        self.gradient = torch.zeros_like(self.parameters)
        self.adam = Adam(self.parameters, plan.settings.learning_rate)
        self.begin = 0
        if resume is not None:
            self.adam.step = int(resume["training.step"])
            self.begin = self.adam.step + 1
            for name, tensor in self._tensors().items():
                tensor.copy_(torch.from_numpy(np.array(resume[f"training.{name}"])))
        self.ahead = go_ahead and self._ahead_pays()
        self.over = threading.Event()

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()

    def _ahead_pays(self) -> bool:
        """Whether a step leaves a core of the processor idle, and keeping one more is cheap."""
        plan, numbers = self.plan, self.parameters.numel()
        rows = min(plan.settings.target_batch or len(self.target), len(self.target))
        return (
            plan.trains_apart
            and self.device.type == "cpu"
            and torch.get_num_threads() > 1
            and rows * numbers < WORTH_SPLITTING
            and numbers * torch.get_num_threads() <= _MOST_NUMBERS_AHEAD
        )

    def _tensors(self) -> dict[str, Tensor]:
        tensors = (self.parameters, self.gradient, self.adam.first, self.adam.second)
        return dict(zip(_RESUMED, tensors, strict=True))

    def __iter__(self) -> Iterator[Trained]:
        plan, settings, device = self.plan, self.plan.settings, self.device
        X = torch.from_numpy(self.target.X).to(device)
        y = plan.answers(self.target, device)
        ids = torch.from_numpy(self.target.ids).to(device)
        size = settings.target_batch or len(X)
        order = batches(len(X), size, settings.restarts, settings.epochs, plan.seed)
        workspace, latest = Workspace(X), None
        if self.begin:
            self._update()
        for step, positions in islice(enumerate(order), self.begin, plan.optimiser_steps):
            if self.over.is_set():
                return
            if positions is not latest:  # batches of all rows are the same at every step
                latest, batch = positions, self._batch(positions, X, y, ids)
            work = batch.weights.numel() * plan.parameters
            with operation_threads(work), fixed_arithmetic(device):
                self.gradient, value = plan.target_gradient(self.parameters, batch, step, workspace)
            if not bool(torch.isfinite(value).all()):
                raise InputError(
                    f"Training on the target went out of bounds at step {step} (the loss is not "
                    f"finite). Lower the learning rate; it is {settings.learning_rate:g}."
                )
            if step % plan.every == 0:
                yield self._kept(step, value)
            self._update()

    def _kept(self, step: int, value: Tensor) -> Trained:
        """The checkpoint of this step, safe from its update as far as that is needed."""
        tensors = self._tensors()
        copied = ["parameters"]
        if self.ahead:  # if not, training stands still until the caller has done with them
            copied += ["first", "second"]
        with operation_threads(0):
            tensors |= {name: tensors[name].clone() for name in copied}
        return Trained(step, target_loss=value, **tensors)

    def _batch(self, positions: NDArray[np.int64], X: Tensor, y: Tensor, ids: Tensor) -> Batch:
        balanced = self.plan.settings.balanced and self.plan.task == "classification"
        rows = torch.from_numpy(positions).to(self.device)
        return Batch(X[rows], y[rows], ids[rows], row_weights(y[rows], balanced=balanced))

    def _update(self) -> None:
        with operation_threads(0):
            self.adam.update(self.parameters, self.gradient)
