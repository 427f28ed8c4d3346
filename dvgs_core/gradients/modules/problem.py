"""What every way of computing shares: the module, the rows' losses, the chosen parameters."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_map

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules.masks import RowDropout, RowMasks, Scale

LossFunction = Callable[[Any, Tensor], Tensor]
Parameters = str | Iterable[str] | None

_ONE_A_ROW = (
    "Expected loss(output, y) to return one loss a row; {came}. Build the loss with "
    'reduction="none" and take the mean over every dimension but the first.'
)


@dataclass(frozen=True, eq=False)
class Problem:
    """A module in the mode it is in, its loss, and the parameters gradients are wanted for.

    Attributes:
        module: never changed; every call goes through `call` with copies of its buffers.
        loss: (output, y) -> (rows,), or the batch's mean or sum.
        names: the chosen parameters, each under its first name in the module.
        given: values that take the place of some of the module's own parameters, by name.
        masks: dropout's masks; None leaves them to torch's generator.
    """

    module: nn.Module
    loss: LossFunction
    names: tuple[str, ...]
    given: Mapping[str, Tensor] = field(default_factory=dict)
    masks: RowMasks | None = None

    def values(self) -> dict[str, Tensor]:
        """All parameters by name, cut off from the module's own autograd."""
        own = {name: value.detach() for name, value in self.module.named_parameters()}
        return own | {name: value.detach() for name, value in self.given.items()}

    def call(
        self,
        values: Mapping[str, Tensor],
        X: Tensor,
        ids: Tensor | None = None,
        scale: Scale | None = None,
    ) -> Any:
        """The module's output for X, with these values in place of its parameters.

        Args:
            values: by name.
            X: (rows, ...).
            ids: (rows,) int64 row ids, which masks are drawn from.
            scale: gives the masks instead of `masks` and the ids.
        """
        if scale is None and self.masks is not None:
            assert ids is not None, "masks are drawn from row ids"
            scale = partial(self.masks.scale, ids)
        buffers = {name: value.clone() for name, value in self.module.named_buffers()}
        with nullcontext() if scale is None else RowDropout(len(X), scale):
            return functional_call(self.module, {**buffers, **values}, (X,))

    def row_losses(self, output: Any, y: Tensor) -> Tensor:
        """(rows,) losses, differentiable in the output.

        A loss that reduces the batch to its mean or sum is taken row by row instead: the mean or
        sum of one row is that row's loss.
        """
        losses = self.loss(output, y)
        if not isinstance(losses, Tensor):
            raise InputError(_ONE_A_ROW.format(came=f"it returned a {type(losses).__name__}"))
        if losses.shape == (len(y),):
            return losses
        if len(y) == 1 and not losses.ndim:
            return losses.unsqueeze(0)
        if losses.ndim:
            shapes = f"it returned {tuple(losses.shape)} for {len(y)} rows"
            raise InputError(_ONE_A_ROW.format(came=shapes))

        def alone(output: Any, y: Tensor) -> Tensor:
            return self.loss(tree_map(lambda t: t.unsqueeze(0), output), y.unsqueeze(0))

        by_row = vmap(alone, randomness="different")(output, y)
        self.check_reduction(losses, by_row)
        return by_row

    def check_reduction(self, reduced: Tensor, by_row: Tensor) -> None:
        """Raise unless `reduced` is the mean or the sum of the rows' own losses."""
        reduced, by_row = reduced.detach(), by_row.detach()
        tolerance = 100 * torch.finfo(by_row.dtype).eps
        room = tolerance * (by_row.abs().sum() + by_row.abs().max())
        total = by_row.sum()
        if not by_row.isfinite().all():
            return  # reported with the rows' positions, once their gradients are known
        if (reduced - total).abs() > room and (reduced - total / len(by_row)).abs() > room:
            came = "it returned one number that is neither the rows' mean nor their sum"
            raise InputError(_ONE_A_ROW.format(came=came))


def check_module(module: nn.Module) -> None:
    """Raise for a module whose rows depend on each other, or whose tables change when read."""
    for name, layer in module.named_modules():
        title = f"{type(layer).__name__} {name!r}" if name else type(layer).__name__
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and (
            layer.training or layer.running_mean is None
        ):
            raise InputError(
                f"{title} normalises over the batch, so rows have no gradient of their own: "
                "call module.eval(), or replace it, for example by GroupNorm."
                if layer.training
                else f"{title} keeps no running statistics and normalises over the batch, so rows "
                "have no gradient of their own: replace it, for example by GroupNorm."
            )
        if isinstance(layer, nn.Embedding | nn.EmbeddingBag) and (
            layer.max_norm is not None or layer.scale_grad_by_freq
        ):
            option = "max_norm" if layer.max_norm is not None else "scale_grad_by_freq"
            raise InputError(
                f"{title} uses {option}, which ties rows to each other: build it without."
            )
    for name, value in module.named_parameters():
        if is_lazy(value):
            raise InputError(f"Parameter {name!r} has no shape yet: call the module once first.")


def chosen_names(module: nn.Module, parameters: Parameters) -> tuple[str, ...]:
    """The parameters that names or patterns such as "encoder.*" choose, in the module's order.

    None chooses all that require a gradient. A parameter with several names counts once.
    """
    first_name = {id(value): name for name, value in module.named_parameters()}
    every = {
        name: first_name[id(value)]
        for name, value in module.named_parameters(remove_duplicate=False)
    }
    if parameters is None:
        chosen = {name for name, value in module.named_parameters() if value.requires_grad}
        if not chosen:
            raise InputError(
                "No parameter of the module requires a gradient: name some with parameters=..."
            )
    else:
        patterns = [parameters] if isinstance(parameters, str) else list(parameters)
        chosen = set()
        for pattern in patterns:
            found = {first for name, first in every.items() if fnmatchcase(name, pattern)}
            if not found:
                known = ", ".join(list(every)[:8]) + (", ..." if len(every) > 8 else "")
                raise InputError(f"No parameter is called {pattern!r}; the module has {known}.")
            chosen |= found
        if not chosen:
            raise InputError("Expected at least one parameter's name, an empty list came.")
    return tuple(name for name in first_name.values() if name in chosen)


def check_rows(X: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
    """X and y as tensors of as many rows; a missing y is X itself (reconstruction)."""
    if not isinstance(X, Tensor) or not (y is None or isinstance(y, Tensor)):
        came = " and ".join(type(value).__name__ for value in (X, y))
        raise InputError(f"Expected torch tensors X and y; {came} came.")
    y = X if y is None else y
    if not X.ndim or not y.ndim or len(X) != len(y):
        raise InputError(
            f"Expected X and y with one entry a row; shapes {tuple(X.shape)} and "
            f"{tuple(y.shape)} came."
        )
    return X.detach(), y.detach()
