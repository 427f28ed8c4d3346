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

    def products(self, X: Tensor, y: Tensor, ids: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """((rows,) inner products with the target, (rows,) squared norms) of one block.

        Raises:
            Unsuited: torch cannot map an operation of the module.
        """
        values = self.problem.values()
        chosen = {name: values[name] for name in self.problem.names}
        scales = self._scales(values, X, ids)

        def row_loss(
            chosen: dict[str, Tensor], x: Tensor, y: Tensor, scales: dict[int, Tensor]
        ) -> tuple[Tensor, Any]:
            def scale(call: int, rate: float, shape: torch.Size) -> Tensor:
                return scales[call].unsqueeze(0)

            own = None if self.problem.masks is None else scale
            output = self.problem.call({**values, **chosen}, x.unsqueeze(0), scale=own)
            loss = self.problem.row_losses(output, y.unsqueeze(0)).sum()
            return loss, (loss.detach(), output)

        try:
            with torch.enable_grad():
                by_row = vmap(
                    grad(row_loss, has_aux=True), in_dims=(None, 0, 0, 0), randomness="different"
                )
                gradients, (losses, output) = by_row(chosen, X, y, scales)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            raise Unsuited(str(error)) from error
        with torch.no_grad():
            self._check_loss(losses, output, y)
            return _products(gradients, self.target, len(X))

    def _scales(
        self, values: dict[str, Tensor], X: Tensor, ids: Tensor | None
    ) -> dict[int, Tensor]:
        """The masks of all rows, by what one row asks for: no mask can be drawn while mapped."""
        masks = self.problem.masks
        if masks is None:
            return {}
        assert ids is not None, "masks are drawn from row ids"
        scales: dict[int, Tensor] = {}

        def noted(call: int, rate: float, shape: torch.Size) -> Tensor:
            scales[call] = masks.scale(ids, call, rate, shape)
            return scales[call][:1]

        with torch.no_grad():
            self.problem.call(values, X[:1], scale=noted)
        return scales

    def _check_loss(self, losses: Tensor, output: Any, y: Tensor) -> None:
        reduced = self.problem.loss(tree_map(lambda t: t.flatten(0, 1), output), y)
        if not reduced.ndim:
            self.problem.check_reduction(reduced, losses)


class OneByOne:
    """Computes rows by a backward pass each; a block is one row."""

    def __init__(self, problem: Problem, target: Mapping[str, Tensor]) -> None:
        self.problem, self.target = problem, target

    def products(self, X: Tensor, y: Tensor, ids: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """((rows,) inner products with the target, (rows,) squared norms)."""
        pairs = []
        for row in (slice(i, i + 1) for i in range(len(X))):
            found, _ = gradients(self.problem, X[row], y[row], ids=ids if ids is None else ids[row])
            pairs.append(_products({n: g.unsqueeze(0) for n, g in found.items()}, self.target, 1))
        dot, norm_squared = zip(*pairs, strict=True)
        return torch.cat(dot), torch.cat(norm_squared)


def gradients(
    problem: Problem,
    X: Tensor,
    y: Tensor,
    weights: Tensor | None = None,
    ids: Tensor | None = None,
) -> tuple[dict[str, Tensor], float]:
    """Gradient of the weighted sum of the rows' losses, by one backward pass; and that sum.

    Args:
        X: (rows, ...); y: (rows, ...).
        weights: (rows,) float; None is 1 for each.
        ids: (rows,) int64 row ids, where the problem's masks are drawn from them.

    Returns:
        ({name: gradient, of the parameter's shape}, sum of weighted losses).
    """
    values = problem.values()
    with torch.enable_grad():
        leaves = [values[name].requires_grad_() for name in problem.names]
        losses = problem.row_losses(problem.call(values, X, ids), y)
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
