"""The plan of any torch.nn.Module: built by a factory, trained and scored member after member.

Parameters that require a gradient are trained; they live in one (members, parameters) matrix, as
those of built-in networks do, so checkpoints, resuming and files are the same. All else (frozen
parameters, buffers) stays as the factory made it.

A module runs in the mode its factory leaves it in. Dropout in training mode is drawn anew for each
row and step, from the row's id (`gradients.modules.masks`); a module that draws other random
numbers is refused, as its values could not be had again.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules.blocks import (
    MEMORY_LIMIT,
    check_independence,
    first_two,
    gradient_rows,
    same_random_numbers,
    summed_gradients,
)
from dvgs_core.gradients.modules.masks import RowMasks
from dvgs_core.gradients.modules.problem import (
    LossFunction,
    Problem,
)
from dvgs_core.methods.dvgs import DVGSSettings, OwnModel
from dvgs_core.models.training import SOURCE_STREAM, TARGET_STREAM
from dvgs_core.models.workspace import Workspace
from dvgs_core.samples import Samples
from dvgs_core.trajectory.factory import Shapes, built_members, described
from dvgs_core.trajectory.module_scorer import ModuleScorer
from dvgs_core.trajectory.plan import Batch, Plan, schedule


@dataclass(frozen=True, kw_only=True)
class ModulePlan(Plan):
    """The plan of modules from a factory.

    Attributes:
        shapes: name and shape of every trained parameter, in the module's order.
        compared: names of those whose gradients are compared.
        fixed: SHA-256 of all members' other parameters and buffers.
        target_rows: target rows a pass, found from the memory a row takes.
        members: the modules as the factory made them; never changed.
        loss: (output, y) -> (rows,) losses.
        own_loss: whether the loss is the user's, who then gets regression labels as they are.
    """

    shapes: Shapes
    compared: tuple[str, ...]
    fixed: str
    target_rows: int
    members: tuple[nn.Module, ...] = field(compare=False, repr=False)
    loss: LossFunction = field(compare=False, repr=False)
    own_loss: bool

    @property
    def parameters(self) -> int:
        """How many numbers of one member are trained."""
        return sum(prod(shape) for _, shape in self.shapes)

    def answers(self, samples: Samples, device: torch.device) -> Tensor:
        """What the loss is given as y; standardised only for the default loss."""
        if self.own_loss and samples.y is not None:
            return torch.from_numpy(samples.y).to(device)
        return super().answers(samples, device)

    def initial(self, device: torch.device) -> Tensor:
        """(members, parameters) float32, where training begins."""
        names = [name for name, _ in self.shapes]
        rows = []
        for module in self.members:
            values = dict(module.named_parameters())
            rows.append(torch.cat([values[name].detach().flatten() for name in names]))
        return torch.stack(rows).to(device)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of one member's (parameters,) by name."""
        sizes = [prod(shape) for _, shape in self.shapes]
        parts = zip(self.shapes, flat.split(sizes), strict=True)
        return {name: part.view(shape) for (name, shape), part in parts}

    def values(self, flat: Tensor) -> dict[str, Tensor]:
        """Copies of one member's (parameters,) by name.

        A view starts wherever its parameter does, and sums over memory that starts elsewhere may
        be rounded in another order; copies give the same bits wherever the matrix came from.
        """
        return {name: view.clone() for name, view in self.views(flat).items()}

    def problem(self, member: int, parameters: Tensor, stream: int, step: int) -> Problem:
        """One member with these (parameters,), and its masks of a step.

        Target rows (their stream) pull on all trained parameters, as they train them; source rows
        are compared on the chosen ones.
        """
        names = self.compared if stream == SOURCE_STREAM else tuple(n for n, _ in self.shapes)
        masks = RowMasks(self.seed, stream, step, member)
        return Problem(self.members[member], self.loss, names, self.values(parameters), masks)

    def target_gradient(
        self, parameters: Tensor, batch: Batch, step: int, workspace: Workspace
    ) -> tuple[Tensor, Tensor]:
        """As `Plan` has it."""
        gradient = torch.zeros_like(parameters)
        losses = []
        for member in range(len(self.members)):
            problem = self.problem(member, parameters[member], TARGET_STREAM, step)
            X, y, ids, weights = (
                part[member] for part in (batch.X, batch.y, batch.ids, batch.weights)
            )
            found, loss = summed_gradients(problem, X, y, weights, self.target_rows, ids)
            losses.append(loss)
            for name, view in self.views(gradient[member]).items():
                view.copy_(found[name])
        return gradient, torch.tensor(losses, device=parameters.device)

    def scorer(self, source: Samples, device: torch.device) -> ModuleScorer:
        """What scores these rows."""
        return ModuleScorer(
            self,
            torch.from_numpy(source.X).to(device),
            self.answers(source, device),
            torch.from_numpy(source.ids).to(device),
        )

    def facts(self) -> dict[str, Any]:
        """Everything that tells this plan from another, as JSON takes it."""
        names = (
            *("task", "seed", "every", "optimiser_steps", "features", "classes"),
            *("centre", "spread", "shapes", "compared", "fixed", "target_rows", "own_loss"),
        )
        return {name: getattr(self, name) for name in names} | {
            "settings": self.settings.model_dump()
        }


def module_plan(
    settings: DVGSSettings,
    target: Samples,
    *,
    classes: int | None,
    seed: int,
    device: torch.device,
    own: OwnModel,
) -> ModulePlan:
    """Build the members and try them on the first target rows.

    Raises:
        InputError: the factory or its module does not fit: no module, no parameters to train,
            batch normalisation in training mode, rows that depend on each other, random numbers
            other than dropout's, an output that does not suit the loss.
    """
    facts = schedule(settings, target, classes=classes, seed=seed)
    built = built_members(settings, device, own, seed) | _losses(own)
    plan = ModulePlan(**facts, **built, target_rows=1)
    X, ids = (torch.from_numpy(array).to(device) for array in (target.X, target.ids))
    y = plan.answers(target, device)
    problem = plan.problem(0, plan.initial(device)[0], TARGET_STREAM, 0)
    _try(problem, X, y, ids, plan)
    rows = gradient_rows(problem, X, y, MEMORY_LIMIT, ids)
    return ModulePlan(**facts, **built, target_rows=rows)


def module_plan_from(
    facts: dict[str, Any], settings: DVGSSettings, device: torch.device, own: OwnModel
) -> ModulePlan:
    """The plan that gave these facts, its members built anew.

    Raises:
        InputError: the factory builds something else than it did.
    """
    shapes = tuple((name, tuple(shape)) for name, shape in facts["shapes"])
    compared = tuple(facts["compared"])
    built = built_members(settings, device, own, facts["seed"]) | _losses(own)
    if built["shapes"] != shapes:
        raise InputError(
            f"The trajectory is of a module with the parameters {described(shapes)}; this model "
            f"has {described(built['shapes'])}. Load it with the model it was fitted with."
        )
    if built["fixed"] != facts["fixed"]:
        raise InputError(
            "The model's frozen parameters and buffers are not those the trajectory was fitted "
            "with. Load it with the same model; it should draw from torch's generator alone."
        )
    if built["own_loss"] != facts["own_loss"]:
        given = "one of your own" if facts["own_loss"] else "the default loss"
        raise InputError(f"The trajectory was fitted with {given}; load it with the same loss.")
    known = {"compared": compared, "settings": settings}
    return ModulePlan(**facts | built | known)


def _losses(own: OwnModel) -> dict[str, Any]:
    return dict(loss=own.loss or default_loss, own_loss=own.loss is not None)


def default_loss(output: Any, y: Tensor) -> Tensor:
    """(rows,) cross entropy for int64 classes, else the mean squared error over all outputs."""
    if not y.is_floating_point():
        return F.cross_entropy(output, y, reduction="none")
    return (output.reshape(len(output), -1) - y.reshape(len(y), -1)).square().mean(1)


def _try(problem: Problem, X: Tensor, y: Tensor, ids: Tensor, plan: ModulePlan) -> None:
    """Run the first two rows and see that they suit."""
    two_X, two_y, two_ids = first_two(X, y, ids)
    with same_random_numbers(X):
        before = _generators(X)
        with torch.no_grad():
            output = problem.call(problem.values(), two_X, two_ids)
        if not plan.own_loss:
            _check_output(output, two_y, plan)
        check_independence(problem, two_X, two_y, two_ids)
        if not all(map(torch.equal, before, _generators(X))):
            raise InputError(
                "The model draws random numbers other than dropout's, so its values could not be "
                "had again: leave out what draws them, or return the model in evaluation mode "
                "(model.eval())."
            )


def _generators(X: Tensor) -> list[Tensor]:
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(X.device)] if X.is_cuda else [])]


def _check_output(output: Any, y: Tensor, plan: ModulePlan) -> None:
    """Raise unless the default loss can be taken of this output."""
    came = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if plan.task == "classification":
        good = isinstance(output, Tensor) and output.shape == (len(y), plan.classes)
        wanted = f"({len(y)}, {plan.classes}), a number for each class"
    else:
        good = isinstance(output, Tensor) and output.numel() == y.numel() and len(output) == len(y)
        wanted = f"{tuple(y.shape)}"
    if not good:
        raise InputError(
            f"For {plan.task} the model must give {wanted}, for {len(y)} rows; it gave {came}. "
            "Change its last layer, or bring your own loss."
        )
