"""DVRL: an estimator learns, by trial and reward, which rows to train on.

At every outer step the estimator gives each source row a probability, rows are selected by it, a
fresh network is trained on the selected rows for the inner steps, and the network's score on the
target, against a baseline, tells the estimator whether to select such rows more often (REINFORCE).
A row's value is its probability in the end.

Several selections are drawn at each outer step and their networks trained in lock step, from one
start on the same batches; the estimator's gradient is their mean. With one selection it is the
published algorithm, with more the same gradient estimate, less noisy.

Source: Yoon, Arik and Pfister 2020, "Data Valuation using Reinforcement Learning"
(arXiv 1909.11671), algorithm 1; the input |y - prediction| and the exploration bounds as in their
code, the baselines as in Evans et al. 2024.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.evaluation.scores import MetricChoice
from dvgs_core.evaluation.utility import Utility, UtilitySettings
from dvgs_core.methods.base import Base, agreed
from dvgs_core.methods.registry import Preset, register
from dvgs_core.methods.resume import check_state
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import shared
from dvgs_core.stopping import ALL_CHECKPOINTS, TIME_BUDGET

if TYPE_CHECKING:
    from torch import Tensor

_MOST_STEPS = 100
# What a mean probability outside the bounds costs, as in the authors' code.
_PENALTY = 1000.0
# Features of the estimator's last hidden layers, as there.
_NARROW = 10


class DVRLSettings(UtilitySettings):
    """The estimator, and the networks it is rewarded by; their inner steps are `max_steps`."""

    outer_steps: int = Field(
        default=300,
        ge=1,
        le=1_000_000,
        title="Outer steps",
        description="Updates of the estimator.",
        json_schema_extra={"unit": "steps"},
    )
    selections: int = Field(
        default=8,
        ge=1,
        le=256,
        title="Selections",
        description="Selections of rows drawn and rewarded at each outer step; 1 is the published "
        "algorithm.",
        json_schema_extra={"unit": "selections"},
    )
    outer_batch: int | None = Field(
        default=2000,
        ge=1,
        title="Outer batch",
        description="Source rows drawn at each outer step to select from. Empty, or more than "
        "there are: all of them.",
        json_schema_extra={"unit": "rows"},
    )
    baseline: Literal["fixed", "moving"] = Field(
        default="moving",
        title="Baseline",
        description="What a score is compared with. fixed: that of a network trained on the whole "
        "source; moving: the mean of the latest outer steps'.",
    )
    window: int = Field(
        default=20,
        ge=1,
        le=100_000,
        title="Window",
        description="Outer steps that a moving baseline is the mean of.",
        json_schema_extra={"unit": "steps"},
    )
    lowest: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        title="Least mean probability",
        description="The estimator is pushed back when it selects fewer rows than this share.",
    )
    highest: float = Field(
        default=0.9,
        ge=0.5,
        le=1,
        title="Most mean probability",
        description="The estimator is pushed back when it selects more rows than this share.",
    )
    estimator_layers: int = Field(
        default=5,
        ge=2,
        le=16,
        title="Estimator's layers",
        description="Hidden layers of the estimator; the last two have 10 features and take in how "
        "far the label is from what the trusted rows say.",
        json_schema_extra={"unit": "layers"},
    )
    estimator_width: int = Field(
        default=100,
        ge=1,
        le=8192,
        title="Estimator's width",
        description="Features of each of the estimator's other hidden layers.",
        json_schema_extra={"unit": "features"},
    )
    estimator_learning_rate: float = Field(
        default=3e-3,
        gt=0,
        le=1,
        title="Estimator's learning rate",
        description="Step size of Adam for the estimator.",
    )
    time_budget: float | None = Field(
        default=None,
        gt=0,
        title="Time budget",
        description="Ends after the outer step that is due then; the values then depend on how "
        "fast the machine is. Empty: no limit.",
        json_schema_extra={"unit": "seconds"},
    )
    # the loss tells selections apart that AUROC and accuracy call equal; a bare network is quick
    network: Literal["auto", "logistic", "mlp", "autoencoder"] = shared(
        UtilitySettings, "network", default="logistic"
    )
    max_steps: int | None = shared(UtilitySettings, "max_steps", default=30)
    learning_rate: float = shared(UtilitySettings, "learning_rate", default=0.03)
    metric: MetricChoice = shared(UtilitySettings, "metric", default="loss")


_PAPER: dict[str, Any] = dict(
    outer_steps=2000,
    selections=1,
    network="mlp",
    epochs=100,
    max_steps=100,
    batch=256,
    learning_rate=1e-3,
    metric="auto",
    estimator_layers=5,
    estimator_width=100,
    estimator_learning_rate=1e-2,
    lowest=0.1,
    highest=0.9,
)
#: The settings of the paper's comparison, by experiment.
PAPER: dict[str, dict[str, Any]] = {
    "adult-labels": _PAPER | {"baseline": "fixed"},
    "blog-labels": _PAPER | {"baseline": "fixed"},
    "adult-noise": _PAPER | {"baseline": "fixed"},
    "blog-noise": _PAPER | {"baseline": "fixed"},
    "cifar10-labels": _PAPER | {"baseline": "moving", "window": 20},
    "cifar10-noise": _PAPER | {"baseline": "moving", "window": 20},
}


PRESETS = [
    Preset("quick", {"outer_steps": 100}, "100 updates of the estimator: a first look."),
    Preset("thorough", {"outer_steps": 1000}, "1,000 updates of the estimator."),
    Preset(
        "paper",
        PAPER["adult-labels"],
        "As in the paper's comparison on ADULT.",
        ("classification",),
    ),
]


@register(
    "dvrl",
    DVRLSettings,
    title="Reinforcement learning (DVRL)",
    help="How likely an estimator, rewarded by the trusted rows, is to select the row.",
    presets=PRESETS,
)
class DVRL(Base[DVRLSettings]):
    """Selection probabilities of an estimator trained by REINFORCE, in [0, 1].

    A selection without any row is worth what `scores.uninformed` says.
    """

    declared = DVRLSettings

    def steps(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        resume: Mapping[str, NDArray] | None = None,
    ) -> Iterator[Step]:
        """About 100 steps, one every few updates of the estimator; values are its latest.

        Args:
            source, target, classes: as for `value`.
            resume: what `Step.state` gave in a run with the same settings, seed and rows; goes on
                with the update after it.
        """
        from dvgs_core.models.stack import Member

        wanted = self.settings
        classes = agreed("dvrl", source, target, classes)
        started = time.monotonic()
        rng = np.random.default_rng([self.seed, 3])
        every = -(-wanted.outer_steps // _MOST_STEPS)
        total = -(-wanted.outer_steps // every)
        batch = min(wanted.outer_batch or len(source), len(source))
        everything = np.arange(len(source))
        run, done = self.run_of(source, target, classes), 0
        if resume is not None:
            done = int(resume["outer"])
            check_state(resume, run, done=done, total=wanted.outer_steps)
            started -= float(resume["seconds"])
            rng.bit_generator.state = json.loads(resume["rng"].tobytes())
        with Utility(wanted, source, target, classes=classes, device=self.device) as utility:
            shown = self.estimator_inputs(source, target, classes)
            estimator = Estimator(wanted, shown, self.seed)
            latest: deque[float] = deque(maxlen=wanted.window)
            fixed = 0.0
            if resume is not None:
                estimator.restore(resume)
                latest.extend(resume["latest"].tolist())
                fixed = float(resume["fixed"])
            elif wanted.baseline == "fixed":
                fixed = float(utility.of([Member(everything, self.seed)])[0])

            def state(outer: int) -> dict[str, NDArray]:
                drawn = json.dumps(rng.bit_generator.state).encode()
                return {
                    **estimator.state(),
                    "rng": np.frombuffer(drawn, dtype=np.uint8),
                    "latest": np.array(latest),
                    "fixed": np.array(fixed),
                    "outer": np.array(outer),
                    "seconds": np.array(time.monotonic() - started),
                    "fingerprint": run,
                }

            for outer in range(done + 1, wanted.outer_steps + 1):
                rows = everything
                if batch < len(source):
                    rows = np.sort(rng.choice(len(source), batch, replace=False))
                chances = estimator.probabilities(rows)
                selected = rng.random((wanted.selections, batch)) < chances
                scores = np.full(wanted.selections, utility.empty)
                some = np.flatnonzero(selected.any(axis=1))
                if len(some):
                    members = [Member(rows[selected[i]], self.seed) for i in some]
                    scores[some] = utility.of(members)
                # before there is a latest outer step this one's own mean stands in
                moving = float(np.mean(latest)) if latest else float(scores.mean())
                latest.append(float(scores.mean()))
                baseline = fixed if wanted.baseline == "fixed" else moving
                estimator.learn(rows, selected, scores - baseline)
                late = (
                    wanted.time_budget is not None
                    and time.monotonic() - started >= wanted.time_budget
                )
                last = outer == wanted.outer_steps
                if outer % every and not late and not last:
                    continue
                values = estimator.probabilities(everything)
                yield Step(
                    index=-(-outer // every) - 1,
                    total=total,
                    similarity=values.astype(np.float32),
                    values=values,
                    standard_error=np.full(len(source), np.nan),
                    target_loss=float("nan"),
                    stopped_because=ALL_CHECKPOINTS if last else TIME_BUDGET if late else None,
                    state=partial(state, outer),
                )
                if late:
                    return

    def estimator_inputs(self, source: Samples, target: Samples, classes: int) -> EstimatorInputs:
        """What the estimator sees of each source row.

        Args:
            source, target: rows.
            classes: how many; 0 where the task is no classification.
        """
        import torch
        from torch.nn import functional

        from dvgs_core.models.stack import Member

        with Utility(self.settings, target, target, classes=classes, device=self.device) as utility:
            trained = [Member(np.arange(len(target)), self.seed)]
            X = torch.from_numpy(source.X).to(utility.device)
            (predicted,) = (
                said[0]
                for _, said in utility.stack.train(
                    trained, lambda parameters, _: utility.predicted(parameters, X)
                )
            )
            y = utility.answers(source, X)
        if source.task == "reconstruction":
            return EstimatorInputs(X, (X - predicted).abs().mean(dim=1, keepdim=True))
        if source.task == "classification":
            y = functional.one_hot(y, classes).to(X.dtype)
            predicted = torch.softmax(predicted, dim=1)
        return EstimatorInputs(torch.cat([X, y], dim=1), (y - predicted).abs())


class EstimatorInputs(NamedTuple):
    """What DVRL's estimator sees of each source row.

    Attributes:
        rows: (n, features) X, and y beside it where there is a label.
        distance: (n, outputs) of y from what a network predicts that is trained on the target as
            the others are on selected rows.
    """

    rows: Tensor
    distance: Tensor


class Estimator:
    """The network that says how likely each row is to be selected.

    Its last hidden layers are narrow, and only there |y - prediction| comes in: it tells more than
    all other inputs, and would be lost among them.

    Args:
        settings: its shape and learning rate.
        shown: what it sees of each source row.
        seed: of its start.
    """

    def __init__(self, settings: DVRLSettings, shown: EstimatorInputs, seed: int) -> None:
        import torch
        from torch import nn

        inputs, distance = shown
        self.settings, self.inputs, self.distance = settings, inputs, distance
        widths = [inputs.shape[1], *[settings.estimator_width] * (settings.estimator_layers - 2)]
        body: list[nn.Module] = []
        for given, gives in itertools.pairwise([*widths, _NARROW]):
            body += [nn.Linear(given, gives), nn.ReLU()]
        head = [nn.Linear(_NARROW + distance.shape[1], _NARROW), nn.ReLU(), nn.Linear(_NARROW, 1)]
        self.body, self.head = nn.Sequential(*body), nn.Sequential(*head)
        self.network = nn.ModuleList([self.body, self.head])
        rng = np.random.default_rng([seed, 4])
        for layer in self.network.modules():
            if isinstance(layer, nn.Linear):  # as torch starts them, from a seed of our own
                bound = layer.in_features**-0.5
                for parameter in (layer.weight, layer.bias):
                    drawn = rng.uniform(-bound, bound, parameter.shape).astype(np.float32)
                    parameter.data = torch.from_numpy(drawn)
        self.network.to(inputs.device)
        self.adam = torch.optim.Adam(self.network.parameters(), settings.estimator_learning_rate)
        self.work = sum(p.numel() for p in self.network.parameters())

    def state(self) -> dict[str, NDArray]:
        """Its parameters and those of its optimiser, as arrays by name."""
        kept = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for number, facts in self.adam.state_dict()["state"].items():
            kept |= {f"adam.{number}.{name}": value for name, value in facts.items()}
        return {name: value.detach().cpu().numpy().copy() for name, value in kept.items()}

    def restore(self, kept: Mapping[str, NDArray]) -> None:
        """Go on from what `state` gave."""
        import torch

        found = {name: torch.from_numpy(np.array(array)) for name, array in kept.items()}
        self.network.load_state_dict(
            {name: found[f"network.{name}"] for name in self.network.state_dict()}
        )
        whole = self.adam.state_dict()
        whole["state"] = {
            number: {
                name: found[f"adam.{number}.{name}"] for name in ("step", "exp_avg", "exp_avg_sq")
            }
            for number in range(len(list(self.network.parameters())))
        }
        self.adam.load_state_dict(whole)

    def varying(self) -> int:
        """How many of the body's outputs differ between rows; with none, only distances count."""
        import torch

        with torch.no_grad():
            return int((self.body(self.inputs).std(dim=0) > 0).sum())

    def logits(self, rows: NDArray[np.int64]) -> Tensor:
        """(rows,)"""
        import torch

        at = torch.from_numpy(rows).to(self.inputs.device)
        inner = self.body(self.inputs[at])
        return self.head(torch.cat([inner, self.distance[at]], dim=1))[:, 0]

    def probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(rows,) float64."""
        import torch

        from dvgs_core.models.threads import operation_threads

        with torch.no_grad(), operation_threads(len(rows) * self.work):
            return torch.sigmoid(self.logits(rows).double()).cpu().numpy()

    def learn(
        self,
        rows: NDArray[np.int64],
        selected: NDArray[np.bool_],
        advantages: NDArray[np.float64],
    ) -> None:
        """One update: selections with an advantage become likelier.

        Args:
            rows: (rows,) positions.
            selected: (selections, rows) whether a row was selected.
            advantages: (selections,) score less the baseline.
        """
        import torch

        from dvgs_core.models.threads import operation_threads

        device = self.inputs.device
        given = torch.from_numpy(selected.astype(np.float32)).to(device)
        gains = torch.from_numpy(advantages.astype(np.float32)).to(device)
        with operation_threads(3 * len(rows) * self.work):
            loss = reinforce(
                self.logits(rows), given, gains, self.settings.lowest, self.settings.highest
            )
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
        if not bool(torch.isfinite(loss.detach())):
            raise InputError(
                "The estimator's training went out of bounds. Lower its learning rate; it is "
                f"{self.settings.estimator_learning_rate:g}."
            )


def reinforce(
    logits: Tensor, selected: Tensor, advantages: Tensor, lowest: float, highest: float
) -> Tensor:
    """What the estimator's update lowers, whose gradient is REINFORCE's.

    Minus the mean over selections of advantage · log π(selection), plus 1000 times how far the
    mean probability is outside the bounds.

    Args:
        logits: (rows,) of being selected.
        selected: (selections, rows) 1 where a row was selected, else 0.
        advantages: (selections,) score less the baseline.
        lowest, highest: bounds of the mean probability.

    Returns:
        A number.

    Source: Yoon, Arik and Pfister 2020, algorithm 1; the bounds as in their code.
    """
    import torch
    from torch.nn import functional

    likely = selected * functional.logsigmoid(logits)
    unlikely = (1 - selected) * functional.logsigmoid(-logits)
    reward = (advantages * (likely + unlikely).sum(dim=1)).mean()
    mean = torch.sigmoid(logits).mean()
    outside = torch.relu(mean - highest) + torch.relu(lowest - mean)
    return _PENALTY * outside - reward
