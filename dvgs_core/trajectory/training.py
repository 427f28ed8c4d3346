"""Training all members on the target: the checkpoints, and how to go on after one."""

import threading
from collections.abc import Generator, Iterator, Mapping
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
from dvgs_core.trajectory.ahead import ahead
from dvgs_core.trajectory.plan import Batch, Plan

# Training ahead keeps up to six tensors of all members' parameters more; 16 MB each at most.
_MOST_NUMBERS_AHEAD = 4_000_000

_Trained = tuple[Checkpoint, dict[str, Tensor]]


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
        go_ahead: whether to train the next checkpoint while the last one is used, where that pays
            and the network allows it; it changes no bit.
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
        self.step = -1
        if resume is not None:
            self.step = self.adam.step = int(resume["training.step"])
            for name, tensor in self._tensors().items():
                tensor.copy_(torch.from_numpy(np.array(resume[name])))
        self.ahead = go_ahead and self._ahead_pays()
        self.over = threading.Event()

    def _ahead_pays(self) -> bool:
        """Whether a step leaves a core of the processor idle, and keeping one more is cheap."""
        plan, numbers = self.plan, self.parameters.numel()
        rows = min(plan.settings.target_batch or len(self.target), len(self.target))
        return (
            plan.trains_apart
            and self.device.type == "cpu"
            and torch.get_num_threads() > 1
            and rows * numbers < WORTH_SPLITTING
            and numbers <= _MOST_NUMBERS_AHEAD
        )

    def state(self) -> dict[str, NDArray]:
        """What is needed to go on after the latest checkpoint that was handed out; copies."""
        arrays = {name: tensor.cpu().numpy().copy() for name, tensor in self.latest.items()}
        return arrays | {"training.step": np.array(self.step)}

    def _tensors(self) -> dict[str, Tensor]:
        return {
            "training.parameters": self.parameters,
            "training.gradient": self.gradient,
            "training.first": self.adam.first,
            "training.second": self.adam.second,
        }

    def __iter__(self) -> Iterator[Checkpoint]:
        trained = self._checkpoints(self.step + 1)
        taken = ahead(trained) if self.ahead else trained
        try:
            for checkpoint, self.latest in taken:
                self.step = checkpoint.step
                yield checkpoint
        finally:
            self.over.set()
            taken.close()

    def _checkpoints(self, first: int) -> Generator[_Trained, None, None]:
        """From a step on: checkpoints, each with the tensors from which training can go on.

        In a thread of its own if training goes ahead; so it shares nothing with `__iter__` but
        `over`, which ends it within a step.
        """
        plan, settings, device = self.plan, self.plan.settings, self.device
        X = torch.from_numpy(self.target.X).to(device)
        y = plan.answers(self.target, device)
        ids = torch.from_numpy(self.target.ids).to(device)
        size = settings.target_batch or len(X)
        order = batches(len(X), size, settings.restarts, settings.epochs, plan.seed)
        workspace, latest = Workspace(X), None
        if first:
            self._update()
        for step, positions in islice(enumerate(order), first, plan.optimiser_steps):
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
                with operation_threads(0):
                    kept = self._kept()
                parameters, gradient = kept["training.parameters"], kept["training.gradient"]
                yield Checkpoint(step, parameters, gradient, value), kept
            self._update()

    def _kept(self) -> dict[str, Tensor]:
        """What training can go on from, safe from its next update as far as that is needed."""
        kept = self._tensors()
        copied = ["training.parameters"]
        if self.ahead:  # if not, training stands still until the caller has done with them
            copied += ["training.first", "training.second"]
        return kept | {name: kept[name].clone() for name in copied}

    def _batch(self, positions: NDArray[np.int64], X: Tensor, y: Tensor, ids: Tensor) -> Batch:
        balanced = self.plan.settings.balanced and self.plan.task == "classification"
        rows = torch.from_numpy(positions).to(self.device)
        return Batch(X[rows], y[rows], ids[rows], row_weights(y[rows], balanced=balanced))

    def _update(self) -> None:
        with operation_threads(0):
            self.adam.update(self.parameters, self.gradient)
