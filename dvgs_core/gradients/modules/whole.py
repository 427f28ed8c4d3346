"""Products of per-row gradients with the target's, from gradients built in full.

`Mapped` runs torch.func over a block of rows; `OneByOne` runs a backward pass for each row: slow,
obviously right, and what the other two ways are tested against.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.utils._pytree import tree_map

from dvgs_core.gradients.modules.factored import Unsuited
from dvgs_core.gradients.modules.problem import Problem


class Mapped:
    """Computes blocks by torch.func.grad under torch.func.vmap."""

    def __init__(self, problem: Problem, target: Mapping[str, Tensor]) -> None:
        self.problem, self.target = problem, target

    def products(self, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """((rows,) inner products with the target, (rows,) squared norms) of one block.

        Raises:
            Unsuited: torch cannot map an operation of the module.
        """
        values = self.problem.values()
        chosen = {name: values[name] for name in self.problem.names}

        def row_loss(chosen: dict[str, Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Any]:
            output = self.problem.call({**values, **chosen}, x.unsqueeze(0))
            loss = self.problem.row_losses(output, y.unsqueeze(0)).sum()
            return loss, (loss.detach(), output)

        try:
            with torch.enable_grad():
                by_row = vmap(
                    grad(row_loss, has_aux=True), in_dims=(None, 0, 0), randomness="different"
                )
                gradients, (losses, output) = by_row(chosen, X, y)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            raise Unsuited(str(error)) from error
        with torch.no_grad():
            self._check_loss(losses, output, y)
            return _products(gradients, self.target, len(X))

    def _check_loss(self, losses: Tensor, output: Any, y: Tensor) -> None:
        reduced = self.problem.loss(tree_map(lambda t: t.flatten(0, 1), output), y)
        if not reduced.ndim:
            self.problem.check_reduction(reduced, losses)


class OneByOne:
    """Computes rows by a backward pass each; a block is one row."""

    def __init__(self, problem: Problem, target: Mapping[str, Tensor]) -> None:
        self.problem, self.target = problem, target

    def products(self, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """((rows,) inner products with the target, (rows,) squared norms)."""
        pairs = [
            _products(
                {name: g.unsqueeze(0) for name, g in gradients(self.problem, x, row_y)[0].items()},
                self.target,
                1,
            )
            for x, row_y in zip(X.split(1), y.split(1), strict=True)
        ]
        dot, norm_squared = zip(*pairs, strict=True)
        return torch.cat(dot), torch.cat(norm_squared)


def gradients(
    problem: Problem, X: Tensor, y: Tensor, weights: Tensor | None = None
) -> tuple[dict[str, Tensor], float]:
    """Gradient of the weighted sum of the rows' losses, by one backward pass; and that sum.

    Args:
        X: (rows, ...); y: (rows, ...).
        weights: (rows,) float; None is 1 for each.

    Returns:
        ({name: gradient, of the parameter's shape}, sum of weighted losses).
    """
    values = problem.values()
    with torch.enable_grad():
        leaves = [values[name].requires_grad_() for name in problem.names]
        losses = problem.row_losses(problem.call(values, X), y)
        total = losses.sum() if weights is None else losses @ weights.to(losses.dtype)
        found: tuple[Tensor | None, ...] = (None,) * len(leaves)
        if total.requires_grad:
            found = torch.autograd.grad(total, leaves, allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if g is None else g.to_dense()
        for name, leaf, g in zip(problem.names, leaves, found, strict=True)
    }, total.item()


def _products(
    gradients: Mapping[str, Tensor], target: Mapping[str, Tensor], rows: int
) -> tuple[Tensor, Tensor]:
    dots, squares = [], []
    for name, gradient in gradients.items():
        flat = gradient.reshape(rows, -1)
        flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
        dots.append(flat @ target[name].flatten().to(flat.dtype))
        squares.append(flat.square().sum(1))
    return torch.stack(dots).sum(0), torch.stack(squares).sum(0)
