"""A trajectory in memory and on the disk: every checkpoint, or what is needed to train again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file

from dvgs_core.errors import InputError
from dvgs_core.gradients.factored import Checkpoint
from dvgs_core.methods.dvgs import DVGSSettings, ModelFactory, OwnModel, RowLoss
from dvgs_core.samples import Samples, Valuation, collect
from dvgs_core.stopping import Rule
from dvgs_core.trajectory.choice import plan_for, plan_from
from dvgs_core.trajectory.device import resolve_device
from dvgs_core.trajectory.plan import Plan
from dvgs_core.trajectory.scoring import score_steps
from dvgs_core.trajectory.training import Training

# Above this a trajectory keeps the target's rows and trains again instead.
MOST_STORED_BYTES = 2_000_000_000
_FORMAT = 3  # 1 drew other dropout masks; 2 knew built-in networks only


@dataclass(frozen=True, eq=False)
class Replay:
    """Checkpoints that are not kept: iterating trains again, to the same bits on one device.

    Attributes:
        plan: what to train.
        target: on which rows.
        device: where.
    """

    plan: Plan
    target: Samples = field(repr=False)
    device: torch.device

    def training(self) -> Training:
        """The checkpoints once more."""
        return Training(self.plan, self.target, self.device, go_ahead=True)

    def __iter__(self) -> Iterator[Checkpoint]:
        return iter(self.training())


@dataclass(frozen=True, eq=False)
class Trajectory:
    """All checkpoints of all members, in order, and what is needed to score with them.

    Attributes:
        plan: settings, network and seed.
        checkpoints: in step order; kept, or trained again whenever rows are scored.
        device: where they are.
    """

    plan: Plan
    checkpoints: list[Checkpoint] | Replay = field(repr=False)
    device: torch.device

    @classmethod
    def fit(
        cls,
        settings: DVGSSettings,
        target: Samples,
        *,
        classes: int | None = None,
        seed: int = 0,
        device: str = "auto",
        keep: Literal["auto", "checkpoints", "replay"] = "auto",
        own: OwnModel | None = None,
    ) -> "Trajectory":
        """Train on the target and keep every checkpoint.

        Args:
            settings, target, classes, seed, device: as for `DVGS.fit`.
            keep: "checkpoints"; or "replay", which keeps the target's rows alone and trains again
                when rows are scored, to the same values; "auto" replays what would take more than
                2 GB.
            own: a module of the caller's instead of the settings' network.
        """
        where = resolve_device(device)
        settled = plan_for(settings, target, classes=classes, seed=seed, device=where, own=own)
        if keep == "auto":
            keep = "replay" if settled.stored_bytes > MOST_STORED_BYTES else "checkpoints"
        if keep == "replay":
            return cls(settled, Replay(settled, target, where), where)
        return cls(settled, list(Training(settled, target, where)), where)

    def score(self, source: Samples, *, stop: Rule | None = None) -> Valuation:
        """The value of any rows, without retraining; the same as `DVGS.value` would give.

        Every checkpoint is used, so that a row's value does not depend on the rows it comes with.
        To put late rows beside a run that ended early, stop where it did:
        `stop=CheckpointCount(len(valuation.trace))`.

        Args:
            source: the rows.
            stop: a rule of `dvgs_core.stopping`; None: every checkpoint.
        """
        kept = self.checkpoints
        checkpoints = kept.training() if isinstance(kept, Replay) else kept
        steps = score_steps(self.plan, checkpoints, source, self.device, stop=stop)
        return collect(steps, source.ids)

    def save(
        self, path: str | Path, *, precision: Literal["float32", "bfloat16"] = "float32"
    ) -> None:
        """Write `path`.safetensors (checkpoints, or the target's rows) and `path`.json (the rest).

        Args:
            path: without a suffix.
            precision: bfloat16 halves the file and rounds parameters and gradients to 3 digits;
                a replayed trajectory has neither.
        """
        if isinstance(self.checkpoints, Replay):
            target = self.checkpoints.target
            tensors = {"X": torch.from_numpy(target.X), "ids": torch.from_numpy(target.ids)}
            if target.y is not None:
                tensors["y"] = torch.from_numpy(target.y)
        else:
            kept, dtype = self.checkpoints, getattr(torch, precision)
            tensors = {
                "step": torch.tensor([c.step for c in kept]),
                "parameters": torch.stack([c.parameters.cpu().to(dtype) for c in kept]),
                "gradient": torch.stack([c.gradient.cpu().to(dtype) for c in kept]),
                "target_loss": torch.stack([c.target_loss.cpu() for c in kept]),
            }
        save_file(tensors, _beside(path, ".safetensors"))
        document = {"format": _FORMAT, "plan": self.plan.facts()}
        text = json.dumps(document, indent=1, sort_keys=True)
        _beside(path, ".json").write_text(text, encoding="utf-8")

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        device: str = "auto",
        model: ModelFactory | None = None,
        loss: RowLoss | None = None,
    ) -> "Trajectory":
        """Read what `save` wrote.

        Args:
            path: without a suffix.
            device: where to score.
            model, loss: as they were given to `DVGS`; the files hold parameters, not code.

        Raises:
            InputError: a file is missing or of another format, or the model is not the one the
                trajectory was fitted with.
        """
        try:
            facts = json.loads(_beside(path, ".json").read_text(encoding="utf-8"))
            where = resolve_device(device)
            tensors = load_file(_beside(path, ".safetensors"), device=str(where))
        except FileNotFoundError as error:
            raise InputError(
                f"A trajectory is two files, {_beside(path, '.json').name} and "
                f"{_beside(path, '.safetensors').name}; {error.filename} is not there."
            ) from error
        if facts.get("format") != _FORMAT:
            raise InputError(
                f"{_beside(path, '.json')} is of format {facts.get('format')}; this version reads "
                f"format {_FORMAT}. Fit again."
            )
        own = None if model is None else OwnModel(model, loss)
        settled = plan_from(facts["plan"], where, own)
        if "X" in tensors:
            rows = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
            target = Samples(rows["X"], rows.get("y"), rows["ids"])
            return cls(settled, Replay(settled, target, where), where)
        checkpoints = [
            Checkpoint(int(step), parameters.float(), gradient.float(), loss)
            for step, parameters, gradient, loss in zip(
                tensors["step"].tolist(),
                tensors["parameters"],
                tensors["gradient"],
                tensors["target_loss"],
                strict=True,
            )
        ]
        return cls(settled, checkpoints, where)


def _beside(path: str | Path, suffix: str) -> Path:
    return Path(path).with_name(Path(path).name + suffix)
