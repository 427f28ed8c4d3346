"""The plan of built-in networks: perceptrons and autoencoders, all members in one product."""

from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from dvgs_core.errors import InputError
from dvgs_core.gradients.cuda import fits
from dvgs_core.gradients.factored import Checkpoint, Scorer, Similarities
from dvgs_core.gradients.precision import settled_precision
from dvgs_core.methods.dvgs import DVGSSettings
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import loss_for
from dvgs_core.models.network import Network, autoencoder, mlp
from dvgs_core.models.training import SOURCE_STREAM, TARGET_STREAM, batch_gradient
from dvgs_core.models.workspace import Workspace
from dvgs_core.samples import Samples
from dvgs_core.trajectory.plan import Batch, Plan, schedule


@dataclass(frozen=True, kw_only=True)
class NetworkPlan(Plan):
    """The plan of one of the built-in networks.

    Attributes:
        network: shape of every member.
    """

    network: Network

    @property
    def parameters(self) -> int:
        """How many numbers of one member are trained."""
        return self.network.parameters

    @property
    def trains_apart(self) -> bool:
        """Whether one thread may train while another scores: all is in tensors of each step."""
        return True

    def initial(self, device: torch.device) -> Tensor:
        """(members, parameters) float32, where training begins."""
        return self.network.initial(self.settings.restarts, self.seed, device)

    def dropout(self, stream: int, step: int, workspace: Workspace | None = None) -> Dropout:
        """The masks of one step."""
        members = self.settings.restarts
        return Dropout(self.network.dropout, self.seed, stream, step, members, workspace)

    def target_gradient(
        self, parameters: Tensor, batch: Batch, step: int, workspace: Workspace
    ) -> tuple[Tensor, Tensor]:
        """As `Plan` has it."""
        dropout = self.dropout(TARGET_STREAM, step, workspace)
        rows = (batch.X, batch.y, batch.ids, batch.weights)
        loss = loss_for(self.task)
        return batch_gradient(self.network, parameters, loss, *rows, dropout, workspace)

    def scorer(self, source: Samples, device: torch.device) -> "_Rows":
        """What scores these rows."""
        return _Rows(self, source, device)

    def facts(self) -> dict[str, Any]:
        """Everything that tells this plan from another, as JSON takes it."""
        return asdict(self) | {"settings": self.settings.model_dump()}

    @classmethod
    def from_facts(cls, facts: dict[str, Any], settings: DVGSSettings) -> "NetworkPlan":
        """The plan that gave these facts."""
        shape = facts["network"]
        network = Network(
            **shape | {"widths": tuple(shape["widths"]), "activated": tuple(shape["activated"])}
        )
        return cls(**facts | {"settings": settings, "network": network})


class _Rows:
    """The rows that a plan's networks score."""

    def __init__(self, plan: NetworkPlan, source: Samples, device: torch.device) -> None:
        self.plan = plan
        # rows that leave a GPU no room to compute stay in the host's memory
        held = device if fits(device, source.X.size) else torch.device("cpu")
        X = torch.from_numpy(source.X).to(held)
        self.scorer = Scorer(
            plan.network,
            loss_for(plan.task),
            X,
            X if plan.task == "reconstruction" else plan.answers(source, held),
            torch.from_numpy(source.ids).to(held),
            device=device,
            kind=plan.settings.similarity,
            by_label=plan.suggests,
            precision=settled_precision(plan.settings.precision, plan.network, device),
        )

    def __enter__(self) -> "_Rows":
        return self

    def __exit__(self, *exception: object) -> None:
        self.scorer.__exit__(*exception)

    def each(
        self, checkpoints: Iterable[Checkpoint], *, ahead: bool
    ) -> Generator[tuple[Checkpoint, Similarities], None, None]:
        """As `RowScorer` has it."""
        with_masks = ((c, self.plan.dropout(SOURCE_STREAM, c.step)) for c in checkpoints)
        return self.scorer.each(with_masks, ahead=ahead)


def network_plan(
    settings: DVGSSettings, target: Samples, *, classes: int | None, seed: int
) -> NetworkPlan:
    """Settle what the settings leave open.

    Raises:
        InputError: the network does not fit the task, or the target has one class only.
    """
    facts = schedule(settings, target, classes=classes, seed=seed)
    task, kind, outputs = facts["task"], settings.network, facts.get("classes", 1)
    normalise = settings.normalise
    if normalise is None:
        normalise = task == "reconstruction" or outputs > 3
    shape: dict[str, Any] = dict(
        activation=settings.activation, dropout=settings.dropout, normalise=normalise
    )
    if kind == "auto":
        kind = "autoencoder" if task == "reconstruction" else "mlp"
    if (kind == "autoencoder") != (task == "reconstruction"):
        raise InputError(
            f"An autoencoder goes with data without a label, the other networks with a label; "
            f"the task is {task} and the network {kind}. Choose network=auto."
        )
    features = facts["features"]
    if kind == "autoencoder":
        network = autoencoder(
            features, layers=settings.layers, width=settings.width, latent=settings.latent, **shape
        )
    else:
        layers = 0 if kind == "logistic" else settings.layers
        network = mlp(features, outputs, layers=layers, width=settings.width, **shape)
    return NetworkPlan(**facts, network=network)
