"""Training all members on the target: the checkpoints, and how to go on after one."""

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvgs_core.errors import InputError
from dvgs_core.gradients.cuda import fixed_arithmetic
from dvgs_core.gradients.factored import Checkpoint
from dvgs_core.models.threads import operation_threads
from dvgs_core.models.training import Adam, batches, row_weights
from dvgs_core.models.workspace import Workspace
from dvgs_core.samples import Samples
from dvgs_core.trajectory.plan import Batch, Plan


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
        self.parameters = plan.initial(device)
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
        X = torch.from_numpy(self.target.X).to(device)
        y = plan.answers(self.target, device)
        ids = torch.from_numpy(self.target.ids).to(device)
        size = settings.target_batch or len(X)
        order = batches(len(X), size, settings.restarts, settings.epochs, plan.seed)
        workspace, latest = Workspace(X), None
        first = self.step + 1
        if first:
            self._update()
        for step, positions in islice(enumerate(order), first, plan.optimiser_steps):
            if positions is not latest:  # batches of all rows are the same at every step
                latest, batch = positions, self._batch(positions, X, y, ids)
            work = batch.weights.numel() * plan.parameters
            with operation_threads(work), fixed_arithmetic(device):
                self.gradient, value = plan.target_gradient(self.parameters, batch, step, workspace)
                parameters = self.parameters.clone() if step % plan.every == 0 else None
            if not bool(torch.isfinite(value).all()):
                raise InputError(
                    f"Training on the target went out of bounds at step {step} (the loss is not "
                    f"finite). Lower the learning rate; it is {settings.learning_rate:g}."
                )
            if parameters is not None:
                self.step = step
                yield Checkpoint(step, parameters, self.gradient, value)
            self._update()

    def _batch(self, positions: NDArray[np.int64], X: Tensor, y: Tensor, ids: Tensor) -> Batch:
        balanced = self.plan.settings.balanced and self.plan.task == "classification"
        rows = torch.from_numpy(positions).to(self.device)
        return Batch(X[rows], y[rows], ids[rows], row_weights(y[rows], balanced=balanced))

    def _update(self) -> None:
        with operation_threads(0):
            self.adam.update(self.parameters, self.gradient)
