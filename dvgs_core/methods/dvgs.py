"""DVGS: a row's value is how well its gradient agrees with the target's while a network trains.

The declaration and the public calls; training and scoring are in `dvgs_core.trajectory`, imported
when they are called, so that drawing a form from `DVGSSettings` does not load torch.

Source: Evans et al. 2024 (arXiv 2405.08217), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.registry import Preset, register
from dvgs_core.models.settings import NetworkSettings
from dvgs_core.samples import Samples, Step, Valuation, collect
from dvgs_core.settings import Settings, shared, validated
from dvgs_core.stopping import Rule, rules

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dvgs_core.trajectory import Trajectory

ModelFactory = Callable[[], "nn.Module"]
RowLoss = Callable[[Any, "Tensor"], "Tensor"]


class DVGSSettings(Settings):
    """Every choice of the method, the paper's names and defaults where it has them."""

    restarts: int = shared(NetworkSettings, "restarts")
    epochs: int = shared(
        NetworkSettings, "epochs", description="Passes over the target rows while training."
    )
    max_steps: int | None = shared(
        NetworkSettings,
        "max_steps",
        default=100,
        description="Training ends after so many optimiser steps even if epochs are left. After "
        "many more, the values of a large target depend on the start. Empty: no limit.",
    )
    target_batch: int | None = Field(
        default=500,
        ge=1,
        title="Target batch",
        description="Target rows an optimiser step. Empty, or more than there are: all of them.",
        json_schema_extra={"unit": "rows"},
    )
    every: int | None = Field(
        default=None,
        ge=1,
        title="Checkpoint every",
        description="Optimiser steps between checkpoints, the paper's T. Empty: so that each "
        "restart has at most 100 checkpoints.",
        json_schema_extra={"unit": "steps"},
    )
    learning_rate: float = shared(NetworkSettings, "learning_rate")
    network: Literal["auto", "logistic", "mlp", "autoencoder", "convolutional"] = Field(
        default="auto",
        title="Network",
        description="auto takes a perceptron where there is a label and an autoencoder where not; "
        "convolutional is an autoencoder of small square pictures, of a fixed shape.",
    )
    layers: int = shared(NetworkSettings, "layers")
    width: int = shared(NetworkSettings, "width")
    latent: int = shared(NetworkSettings, "latent")
    activation: Literal["mish", "relu", "gelu", "silu", "tanh"] = shared(
        NetworkSettings, "activation"
    )
    dropout: float = shared(NetworkSettings, "dropout")
    # docs/noisy-target.md: where each is better
    normalise: bool | None = shared(
        NetworkSettings,
        "normalise",
        default=None,
        description="Bring each row's hidden features to mean 0 and variance 1. Empty: where "
        "there are more than three classes, or no label. With two or three, or a number, values "
        "would hang on the start rather than on the rows as soon as target rows are wrong too.",
    )
    balanced: bool = shared(
        NetworkSettings,
        "balanced",
        description="Each class carries the same weight in the target's loss. Classification only.",
    )
    similarity: Literal["cosine", "dot", "projection", "euclidean"] = Field(
        default="cosine",
        title="Similarity",
        description="How a row's gradient is compared with the target's.",
    )
    precision: Literal["float32", "tf32", "bfloat16", "auto"] = Field(
        default="float32",
        title="Precision",
        description="Of the matrix products while scoring. bfloat16, in layers at least 128 wide, "
        "moves the ranking very little; it is faster where the processor or GPU has instructions "
        "for it, which is where auto takes it, and many times slower elsewhere; tf32 is a GPU's "
        "shorter float32.",
    )
    suggest: bool = Field(
        default=True,
        title="Suggest labels",
        description="Also value every row under every other label; the best one is suggested. "
        "Classification with at most 64 classes.",
    )
    # docs/checkpoints.md: costs at most some 1 % of the AUROC; 0.995 ends hardly any run, so that
    # 50,000 rows take twice as long
    stop_when_settled: float | None = Field(
        default=0.99,
        ge=0,
        le=1,
        title="Stop when settled",
        description="Ends early once the values' rank correlation with those at half as many "
        "checkpoints is this high and the lowest 5 % are mostly the same rows. Empty: never.",
        json_schema_extra={"unit": "Spearman correlation"},
    )
    time_budget: float | None = Field(
        default=None,
        gt=0,
        title="Time budget",
        description="Ends early after so long; the values then depend on how fast the machine is. "
        "Empty: no limit.",
        json_schema_extra={"unit": "seconds"},
    )


@dataclass(frozen=True)
class OwnModel:
    """A network of the user's own.

    Attributes:
        model: builds a new torch.nn.Module at every call.
        loss: (output, y) -> (rows,) losses, or their mean or sum; None is the task's own.
        parameters: names or patterns of the parameters to compare gradients on; None is all that
            are trained.
    """

    model: ModelFactory
    loss: RowLoss | None = None
    parameters: str | tuple[str, ...] | None = None


#: Settings that shape a built-in network, and mean nothing for another.
_SHAPE = ("network", "layers", "width", "latent", "activation", "dropout", "normalise")

_SUPERVISED: dict[str, Any] = dict(
    epochs=100, max_steps=None, target_batch=500, every=1, normalise=True
)
_PAPER: dict[str, dict[str, Any]] = {
    "adult-labels": dict(restarts=3, **_SUPERVISED),
    "blog-labels": dict(restarts=3, **_SUPERVISED),
    "cifar10-labels": dict(restarts=1, balanced=False, **_SUPERVISED),
    "adult-noise": dict(restarts=10, **_SUPERVISED),
    "blog-noise": dict(restarts=10, **_SUPERVISED),
    "cifar10-noise": dict(restarts=1, balanced=False, **_SUPERVISED),
    "cifar10-unsupervised": dict(
        restarts=1,
        epochs=1000,
        max_steps=None,
        target_batch=1000,
        every=1,
        network="convolutional",
        normalise=True,
    ),
    "lincs-noise": dict(
        restarts=3,
        epochs=500,
        max_steps=None,
        target_batch=2500,
        every=1,
        network="autoencoder",
        width=250,
        latent=32,
        dropout=0.0,
        normalise=False,
    ),
    "lincs": dict(
        restarts=1,
        epochs=500,
        max_steps=None,
        target_batch=5000,
        every=1,
        network="autoencoder",
        width=256,
        latent=64,
        dropout=0.0,
        normalise=False,
    ),
}


_NEVER_EARLY = {"stop_when_settled": None}
_BY_LABEL = ("classification", "regression")
PRESETS = [
    Preset("quick", {"restarts": 1, "epochs": 50, "max_steps": 50}, "One network: a first look."),
    Preset(
        "thorough",
        {"restarts": 10, "epochs": 200, "max_steps": 200} | _NEVER_EARLY,
        "Ten networks, trained for longer: a last look.",
    ),
    Preset(
        "paper",
        _PAPER["adult-labels"] | _NEVER_EARLY,
        "As in the paper's experiments 1 and 2.",
        _BY_LABEL,
    ),
    Preset(
        "paper",
        _PAPER["lincs-noise"] | _NEVER_EARLY,
        "As in the paper's experiment 8.",
        ("reconstruction",),
    ),
]


@register(
    "dvgs",
    DVGSSettings,
    title="Gradient similarity (DVGS)",
    help="Whether a row pulls a network that trains on the trusted rows the way they pull it.",
    presets=PRESETS,
    apart=True,
)
class DVGS:
    """Data valuation with gradient similarity.

    Args:
        seed: root of every random draw; the same seed gives the same values on one device.
        device: "auto", "cpu", "cuda" or "cuda:1"; auto takes a GPU where there is one.
        model: a function that builds a torch.nn.Module, called once for each restart with torch's
            generator at a seed of its own, so that restarts differ and the same seed gives the
            same start. The module takes (rows, features) float32, in the mode it is built in:
            dropout in training mode draws its masks from the row ids, batch normalisation must be
            in evaluation mode. None: the network that the settings describe.
        loss: (output, y) -> (rows,) losses, or their mean or sum; y is (rows,) int64 classes,
            (rows,) float32, or X for reconstruction. None: cross entropy, or the mean squared
            error, of a regression label brought to mean 0 and variance 1.
        parameters: names or patterns ("head.*") of the model's parameters whose gradients are
            compared; all are trained. None: all.
        **settings: fields of `DVGSSettings`.

    Raises:
        InputError: a setting is unknown or out of bounds, or shapes a built-in network although
            there is a model.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "auto",
        model: ModelFactory | None = None,
        loss: RowLoss | None = None,
        parameters: str | Iterable[str] | None = None,
        **settings: Any,
    ) -> None:
        self.settings = validated(DVGSSettings, settings)
        self.seed, self.device = seed, device
        self.own = _own_model(model, loss, parameters, settings)

    @classmethod
    def paper(cls, name: str, *, seed: int = 0, device: str = "auto") -> DVGS:
        """The paper's settings for one of its experiments; such a run never ends early.

        Raises:
            InputError: no such experiment; the message lists them.

        Source: Evans et al. 2024, section 3, and the published configuration files.
        """
        if name not in _PAPER:
            raise InputError(
                f"There is no experiment {name!r}; known: {', '.join(sorted(_PAPER))}."
            )
        return cls(seed=seed, device=device, **_PAPER[name], stop_when_settled=None)

    def fit(
        self,
        target: Samples,
        *,
        classes: int | None = None,
        keep: Literal["auto", "checkpoints", "replay"] = "auto",
    ) -> Trajectory:
        """Train on the target and keep every checkpoint.

        Args:
            target: the trusted rows.
            classes: how many classes there are, where the target lacks the last of them.
            keep: "checkpoints"; or "replay", which keeps the target's rows alone and trains again
                when rows are scored, to the same values; "auto" replays what would take more than
                2 GB.

        Returns:
            A trajectory that scores any rows, without another fit.
        """
        from dvgs_core.trajectory import Trajectory

        return Trajectory.fit(
            self.settings,
            target,
            classes=classes,
            seed=self.seed,
            device=self.device,
            keep=keep,
            own=self.own,
        )

    def steps(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        stop: Rule | None = None,
        resume: Mapping[str, NDArray] | None = None,
    ) -> Iterator[Step]:
        """Train on the target and score the source at every checkpoint, one `Step` each.

        Args:
            source, target: the rows to value and the trusted rows.
            classes: how many classes there are, where the rows lack the last of them.
            stop: a rule of `dvgs_core.stopping` besides those of the settings.
            resume: what `Step.state` gave in a run with the same settings, seed and rows; goes on
                with the step after it, to bit-identical values on the same kind of device.

        Raises:
            InputError: source and target do not fit, or the state is of another run.
        """
        from dvgs_core.trajectory import fit_and_score

        named = rules(self.settings.stop_when_settled, self.settings.time_budget)
        return fit_and_score(
            self.settings,
            source,
            target,
            classes=classes,
            seed=self.seed,
            device=self.device,
            stop=named if stop is None else stop if named is None else named | stop,
            resume=resume,
            own=self.own,
        )

    def value(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        stop: Rule | None = None,
    ) -> Valuation:
        """The value of every source row: the mean similarity over checkpoints and restarts."""
        return collect(self.steps(source, target, classes=classes, stop=stop), source.ids)


def _own_model(
    model: ModelFactory | None,
    loss: RowLoss | None,
    parameters: str | Iterable[str] | None,
    settings: Mapping[str, Any],
) -> OwnModel | None:
    if model is None:
        if loss is not None or parameters is not None:
            raise InputError("loss and parameters go with a model of your own; give model= too.")
        return None
    shaping = [name for name in _SHAPE if name in settings]
    if shaping:
        raise InputError(
            f"{', '.join(shaping)} shape a built-in network; with a model of your own leave them "
            "out and build the model so."
        )
    chosen = parameters if parameters is None or isinstance(parameters, str) else tuple(parameters)
    return OwnModel(model, loss, chosen)
