"""Utility: what rows are worth together, as the score of a network trained on them alone.

Leave-one-out, Shapley values, DVRL and filtering curves all ask for it, of many coalitions of rows;
`Utility` answers for all of them together, in lock step. Importing this module loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.evaluation.scores import MetricChoice, metric_for, scores, uninformed
from dvgs_core.models.settings import NetworkSettings
from dvgs_core.samples import Samples
from dvgs_core.settings import Settings, shared

if TYPE_CHECKING:
    from torch import Tensor

    from dvgs_core.models.network import Network
    from dvgs_core.models.stack import Member, Recipe

# Numbers that a prediction may hold a layer, besides its outcome.
_PREDICTED_FLOATS = 4_000_000


class UtilitySettings(Settings):
    """The network whose score is the utility of the rows it is trained on."""

    network: Literal["auto", "logistic", "mlp", "autoencoder"] = Field(
        default="auto",
        title="Network",
        description="auto takes a perceptron where there is a label and an autoencoder where not; "
        "logistic has no hidden layer (without a label, a linear autoencoder).",
    )
    layers: int = shared(NetworkSettings, "layers")
    width: int = shared(NetworkSettings, "width")
    latent: int = shared(NetworkSettings, "latent")
    activation: Literal["mish", "relu", "gelu", "silu", "tanh"] = shared(
        NetworkSettings, "activation"
    )
    dropout: float = shared(NetworkSettings, "dropout")
    normalise: bool = shared(NetworkSettings, "normalise")
    epochs: int = shared(NetworkSettings, "epochs")
    max_steps: int | None = shared(NetworkSettings, "max_steps")
    batch: int | None = Field(
        default=None,
        ge=1,
        title="Batch",
        description="Rows an optimiser step. Empty, or more than there are: all of them.",
        json_schema_extra={"unit": "rows"},
    )
    learning_rate: float = shared(NetworkSettings, "learning_rate")
    balanced: bool = shared(NetworkSettings, "balanced", default=False)
    metric: MetricChoice = Field(
        default="auto",
        title="Score",
        description="What a network is scored by. auto takes AUROC for two classes, accuracy for "
        "more, R² for numbers and for data without a label.",
    )


class Utility:
    """The score, on some rows, of networks trained on coalitions of others.

    A context manager, which ends its threads.

    Args:
        settings: the network, its training and the score.
        rows: what coalitions are made of.
        judge: the rows that networks are scored on.
        classes: how many there are; 0 where the task has none.
        device: "auto", "cpu", "cuda" or "cuda:1".

    Raises:
        InputError: the network or the metric does not fit the task.
    """

    def __init__(
        self,
        settings: UtilitySettings,
        rows: Samples,
        judge: Samples,
        *,
        classes: int,
        device: str = "auto",
    ) -> None:
        import torch

        from dvgs_core.models.stack import Rows, Stack
        from dvgs_core.trajectory.device import resolve_device

        self.metric = metric_for(rows.task, classes, settings.metric)
        self.network = network_for(settings, rows.task, rows.X.shape[1], classes)
        self.device = resolve_device(device)
        self.centre, self.spread = 0.0, 1.0
        if rows.task == "regression":
            assert rows.y is not None
            self.centre, self.spread = float(rows.y.mean()), float(rows.y.std()) or 1.0
        self.X = torch.from_numpy(judge.X).to(self.device)
        self.y = self.answers(judge, self.X)
        X = torch.from_numpy(rows.X).to(self.device)
        ids = torch.from_numpy(rows.ids).to(self.device)
        self.stack = Stack(
            recipe_for(settings, self.network, rows.task), Rows(X, self.answers(rows, X), ids)
        )
        self.empty = uninformed(self.metric, self.y.cpu().numpy())
        self.score(self.network.initial(1, 0, self.device))  # says now if the judge cannot judge

    def __enter__(self) -> Utility:
        self.stack.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stack.__exit__(*exception)

    def blocks(
        self, members: Sequence[Member]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Positions among `members` and their scores, as blocks of them finish."""
        return self.stack.train(members, lambda parameters, _: self.score(parameters))

    def of(self, members: Sequence[Member]) -> NDArray[np.float64]:
        """(members,) the score of each."""
        found = np.empty(len(members))
        for which, block in self.blocks(members):
            found[which] = block
        return found

    def score(self, parameters: Tensor) -> NDArray[np.float64]:
        """(members,) the scores of trained networks."""
        return scores(self.metric, self.predicted(parameters, self.X), self.y)

    def predicted(self, parameters: Tensor, X: Tensor) -> Tensor:
        """(members, rows, outputs) of trained networks, a stretch of rows at a time."""
        import torch

        from dvgs_core.models.stack import outputs

        stretch = max(1, _PREDICTED_FLOATS // (len(parameters) * max(self.network.widths)))
        return torch.cat(
            [outputs(self.network, parameters, part) for part in X.split(stretch)], dim=1
        )

    def answers(self, samples: Samples, X: Tensor) -> Tensor:
        """What networks are to say of samples whose features are X: (n,) classes, or (n, outputs).

        Numbers are standardised by the mean and spread of the rows that coalitions are made of.
        """
        import torch

        if samples.y is None:
            return X
        y = torch.from_numpy(samples.y).to(self.device)
        if samples.task == "classification":
            return y
        return ((y - self.centre) / self.spread)[:, None]


def network_for(settings: UtilitySettings, task: str, features: int, classes: int) -> Network:
    """The shape that the settings describe.

    Raises:
        InputError: an autoencoder for data with a label, or another network for data without.
    """
    from dvgs_core.models.network import autoencoder, mlp

    kind = settings.network
    if kind == "auto":
        kind = "autoencoder" if task == "reconstruction" else "mlp"
    bare = kind == "logistic"
    if bare and task == "reconstruction":
        kind = "autoencoder"
    if (kind == "autoencoder") != (task == "reconstruction"):
        raise InputError(
            f"An autoencoder goes with data without a label, the other networks with a label; "
            f"the task is {task} and the network {kind}. Choose network=auto."
        )
    shape: dict[str, Any] = dict(
        width=settings.width,
        activation=settings.activation,
        dropout=settings.dropout,
        normalise=settings.normalise,
    )
    layers = 0 if bare else settings.layers
    if kind == "autoencoder":
        return autoencoder(features, layers=layers, latent=settings.latent, **shape)
    return mlp(features, classes or 1, layers=layers, **shape)


def recipe_for(settings: UtilitySettings, network: Network, task: str) -> Recipe:
    """How the settings train a network of this shape."""
    from dvgs_core.models.stack import Recipe

    return Recipe(
        network,
        task,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        batch=settings.batch,
        most_steps=settings.max_steps,
        balanced=settings.balanced,
    )
