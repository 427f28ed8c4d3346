"""In-Run Data Shapley, first order: what each row did for the target while a network trained on it.

A step of gradient descent moves the network against the mean gradient of a batch of source rows.
To first order the target's loss falls by the learning rate times the inner product of the target's
gradient with each row's, weighted as in the mean; within a step that is the exact Shapley value of
the row for the (linearised) fall of the loss. A row's value is the sum over the steps whose batch
it was in. The products come from the factors that gradient similarity uses: no row's gradient is
ever built.

Source: Wang, Mittal, Song and Jia 2024, "Data Shapley in one training run" (arXiv 2406.11011).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.methods.dvgs import DVGSSettings
from dvgs_core.methods.registry import Preset, register
from dvgs_core.methods.resume import check_state
from dvgs_core.models.settings import NetworkSettings
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings, shared

if TYPE_CHECKING:
    from torch import Tensor

_MOST_STEPS = 100


class InRunSettings(Settings):
    """The network and how it is trained on the source."""

    restarts: int = shared(NetworkSettings, "restarts")
    epochs: int = shared(
        NetworkSettings,
        "epochs",
        default=20,
        description="Passes over the source rows while training.",
    )
    batch: int | None = Field(
        default=100,
        ge=1,
        title="Batch",
        description="Source rows a step. Empty, or more than there are: all of them.",
        json_schema_extra={"unit": "rows"},
    )
    learning_rate: float = Field(
        default=0.01,
        gt=0,
        le=10,
        title="Learning rate",
        description="Step size of plain gradient descent. The smaller, the closer the values are "
        "to what each row did.",
    )
    layers: int = shared(NetworkSettings, "layers")
    width: int = shared(NetworkSettings, "width")
    latent: int = shared(NetworkSettings, "latent")
    dropout: float = shared(NetworkSettings, "dropout", default=0.0)
    normalise: bool | None = shared(DVGSSettings, "normalise")
    balanced: bool = shared(
        NetworkSettings,
        "balanced",
        description="Each class carries the same weight in source batches and target.",
    )


PRESETS = [
    Preset("quick", {"restarts": 1}, "One network: a first look."),
    Preset("thorough", {"restarts": 10}, "Ten networks instead of three."),
]


@register(
    "in-run",
    InRunSettings,
    title="In-run Shapley",
    help="How far a row's own training steps lowered the loss on the trusted rows.",
    presets=PRESETS,
)
class InRun(Base[InRunSettings]):
    """First-order In-Run Data Shapley, in units of the target's loss, the mean over restarts.

    Values of all rows add up to the fall of the target's loss over the training, the closer the
    smaller the learning rate. Label values tell what a row's steps would have done had it come
    with another label, all else as it was.
    """

    declared = InRunSettings

    def steps(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        resume: Mapping[str, NDArray] | None = None,
    ) -> Iterator[Step]:
        """At most 100 steps while the networks train; values are sums over the training so far.

        Args:
            source, target, classes: as for `value`.
            resume: what `Step.state` gave in a run with the same settings, seed and rows; goes on
                with the step after it.
        """
        import torch

        from dvgs_core.gradients.block import Block, Workspace, prepare
        from dvgs_core.models.dropout import row_hashes
        from dvgs_core.models.losses import loss_for
        from dvgs_core.models.threads import operation_threads
        from dvgs_core.models.training import (
            SOURCE_STREAM,
            TARGET_STREAM,
            batch_gradient,
            batches,
            row_weights,
        )
        from dvgs_core.trajectory.device import resolve_device
        from dvgs_core.trajectory.networks import network_plan

        classes = agreed("in-run", source, target, classes)
        device = resolve_device(self.device)
        plan = network_plan(self._network(), target, classes=classes or None, seed=self.seed)
        network, loss = plan.network, loss_for(plan.task)
        X, ids = (torch.from_numpy(part).to(device) for part in (source.X, source.ids))
        X_target, ids_target = (torch.from_numpy(p).to(device) for p in (target.X, target.ids))
        y, y_target = plan.answers(source, device), plan.answers(target, device)
        hashes, lengths = row_hashes(ids), X.square().sum(dim=1, keepdim=True)
        balanced = self.settings.balanced and classes > 0
        target_weights = row_weights(y_target[None], balanced=balanced)
        rate, members = self.settings.learning_rate, self.settings.restarts
        parameters = plan.initial(device)
        labels = classes if plan.suggests else 1
        sums = torch.zeros(members, len(X), labels, dtype=torch.float64, device=device)
        before = np.zeros(len(X))
        passes = 3 * members  # forward, backward and the products, of every parameter

        n, batch = len(X), min(self.settings.batch or len(X), len(X))
        optimiser_steps = self.settings.epochs * -(-n // batch)
        every = -(-optimiser_steps // _MOST_STEPS)
        total = -(-optimiser_steps // every)
        workspace = Workspace(X)
        run, done = self.run_of(source, target, classes), 0
        if resume is not None:
            done = int(resume["done"])
            check_state(resume, run, done=done, total=optimiser_steps)
            parameters = torch.from_numpy(resume["parameters"].copy()).to(device)
            sums = torch.from_numpy(resume["sums"].copy()).to(device)
            before = resume["before"]

        def state(done: int) -> dict[str, NDArray]:
            return {
                "parameters": parameters.cpu().numpy().copy(),
                "sums": sums.cpu().numpy().copy(),
                "before": before,
                "done": np.array(done),
                "fingerprint": run,
            }

        order = batches(n, batch, 1, self.settings.epochs, self.seed)
        for step, positions in enumerate(islice(order, done, None), start=done):
            rows = torch.from_numpy(positions[0]).to(device)
            with operation_threads(passes * (len(rows) + len(X_target)) * plan.parameters):
                pull, target_loss = batch_gradient(
                    network,
                    parameters,
                    loss,
                    X_target[None],
                    y_target[None],
                    ids_target,
                    target_weights,
                    plan.dropout(TARGET_STREAM, step),
                )
                dropout = plan.dropout(SOURCE_STREAM, step)
                layers = prepare(network, parameters, pull, dropout, "float32")
                block = Block(network, loss, layers, slice(0, members), dropout, workspace)
                dot, _ = block.score(
                    X[rows], y[rows], hashes[rows], lengths[rows], by_label=plan.suggests
                )
                _check_finite(dot, source.ids[positions[0]], step, rate)
                weights = row_weights(y[rows][None], balanced=balanced)
                sums[:, rows] += rate * weights[0, :, None] * dot
                gradient, _ = batch_gradient(
                    network,
                    parameters,
                    loss,
                    X[rows][None],
                    y[rows][None],
                    ids[rows],
                    weights,
                    dropout,
                )
                parameters.add_(gradient, alpha=-rate)
            if not bool(torch.isfinite(target_loss).all()):
                raise InputError(
                    f"Training on the source went out of bounds at step {step} (the target's loss "
                    f"is not finite). Lower the learning rate; it is {rate:g}."
                )
            if (step + 1) % every and step + 1 < optimiser_steps:
                continue
            each = sums
            if plan.suggests:
                each = sums.gather(2, y.expand(members, -1).unsqueeze(2))
            each = each.squeeze(2)
            values = each.mean(dim=0).cpu().numpy()
            error = None
            if members > 1:
                error = (each.std(dim=0) / members**0.5).cpu().numpy()
            similarity, before = values - before, values
            yield replace(
                only_step(
                    values,
                    label_values=sums.mean(dim=0).cpu().numpy() if plan.suggests else None,
                    standard_error=error,
                    index=step // every,
                    total=total,
                    similarity=similarity,
                ),
                target_loss=float(target_loss.mean()),
                state=partial(state, step + 1),
            )

    def _network(self) -> DVGSSettings:
        """The settings of the same network as gradient similarity's."""
        chosen = self.settings
        return DVGSSettings(
            restarts=chosen.restarts,
            layers=chosen.layers,
            width=chosen.width,
            latent=chosen.latent,
            dropout=chosen.dropout,
            normalise=chosen.normalise,
            max_steps=None,
        )


def _check_finite(dot: Tensor, ids: NDArray[np.int64], step: int, rate: float) -> None:
    """Refuse rows whose product with the target's gradient is no number.

    Args:
        dot: (members, rows, labels) products.
        ids: (rows,) of these rows.
        step: of the training.
        rate: the learning rate.
    """
    bad = ids[(~dot.isfinite()).any(dim=2).any(dim=0).cpu().numpy()]
    if len(bad):
        raise InputError(
            f"The gradients of some rows are not finite at step {step} (row ids "
            f"{', '.join(map(str, bad[:5]))}). Look for extreme numbers in them, or lower the "
            f"learning rate; it is {rate:g}."
        )
