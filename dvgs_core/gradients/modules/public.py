"""`target_gradient` and `gradient_similarity`: the two calls a person makes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

import torch
from torch import Tensor, nn

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules.blocks import (
    MEMORY_LIMIT,
    Plan,
    check_independence,
    first_two,
    gradient_rows,
    plan,
    same_random_numbers,
    spans,
    summed_gradients,
)
from dvgs_core.gradients.modules.factored import Unsuited
from dvgs_core.gradients.modules.problem import (
    LossFunction,
    Parameters,
    Problem,
    check_module,
    check_rows,
    chosen_names,
)
from dvgs_core.gradients.modules.whole import OneByOne
from dvgs_core.gradients.similarity import Similarity, similarity


@dataclass(frozen=True, eq=False)
class TargetGradient(Mapping[str, Tensor]):
    """Where a set of rows pulls a module's parameters: {name: gradient}.

    Attributes:
        gradients: by parameter name, in the module's order, each of its parameter's shape.
        loss: the (weighted) mean loss of the rows.
        norm: Euclidean length of all gradients together.
    """

    gradients: Mapping[str, Tensor]
    loss: float
    norm: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", float(_norm(self.gradients)))

    def __getitem__(self, name: str) -> Tensor:
        return self.gradients[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.gradients)

    def __len__(self) -> int:
        return len(self.gradients)


def target_gradient(
    module: nn.Module,
    loss: LossFunction,
    X: Tensor,
    y: Tensor | None,
    *,
    weights: Tensor | None = None,
    parameters: Parameters = None,
    block_rows: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
) -> TargetGradient:
    """Gradient of the (weighted) mean loss of some rows, in the mode the module is in.

    The module is left as it was: `.grad`, buffers, hooks, training flags and `requires_grad`.

    Args:
        module: any torch.nn.Module.
        loss: (output, y) -> (rows,) losses; or their mean or sum, where it is just that.
        X: (rows, ...).
        y: (rows, ...); None is X itself (reconstruction).
        weights: (rows,) float ≥ 0, scaled here to a sum of 1; None weighs all rows the same.
        parameters: names or patterns ("decoder.*") of the parameters to differentiate; None is all
            that require a gradient.
        block_rows: rows a pass; None finds it from memory_limit.
        memory_limit: bytes the passes may allocate beside X, y and the gradient itself.

    Returns:
        TargetGradient: {name: gradient}, its norm and the loss.

    Raises:
        InputError: batch normalisation in training mode, rows that depend on each other, a loss
            that is not one number a row, no rows, bad weights, a gradient that is not finite.
    """
    X, y = check_rows(X, y)
    if not len(X):
        raise InputError("Expected at least one target row, none came.")
    _check_bounds(block_rows, memory_limit)
    check_module(module)
    problem = Problem(module, loss, chosen_names(module, parameters))
    share = _shares(weights, X)
    with same_random_numbers(X):
        check_independence(problem, *first_two(X, y))
    if block_rows is None:
        block_rows = gradient_rows(problem, X, y, memory_limit)
    total, mean_loss = summed_gradients(problem, X, y, share, block_rows)
    bad = [name for name, gradient in total.items() if not bool(gradient.isfinite().all())]
    if bad:
        raise InputError(
            f"The target gradient of {', '.join(bad[:3])} is not finite (loss {mean_loss:g}): "
            "check the target rows for missing or very large values."
        )
    return TargetGradient(total, mean_loss)


def gradient_similarity(
    module: nn.Module,
    loss: LossFunction,
    X: Tensor,
    y: Tensor | None,
    target_gradient: Mapping[str, Tensor],
    kind: str = "cosine",
    *,
    parameters: Parameters = None,
    block_rows: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
) -> Tensor:
    """Similarity of each row's gradient to a target gradient, for any module, exact.

    Layers with a rule (Linear, Embedding, Conv1d/2d, ConvTranspose1d/2d, LayerNorm, GroupNorm,
    InstanceNorm1d/2d, BatchNorm1d/2d in evaluation mode) cost about three passes over the network
    and no per-row gradient is built; shared weights and layers called twice are summed first. If a
    chosen parameter sits in another layer, every row's gradient is built, a block at a time, by
    torch.func.vmap, or where that cannot map an operation, by a backward pass a row.

    A row's gradient is that of its loss alone in the batch. Dropout in training mode draws its
    masks as the module draws them for each block, from torch's generator: another block size draws
    other masks. The module is left as it was.

    Args:
        module: any torch.nn.Module, in the mode it is in.
        loss: (output, y) -> (rows,) losses; or their mean or sum, where it is just that.
        X: (rows, ...).
        y: (rows, ...); None is X itself (reconstruction).
        target_gradient: {parameter name: gradient}, from `target_gradient`.
        kind: one of "cosine", "dot", "projection", "euclidean".
        parameters: names or patterns of the parameters to compare on; None is those of
            target_gradient. The target's norm is that of the same parameters.
        block_rows: rows a block; None finds it from memory_limit. At least one row is taken.
        memory_limit: bytes a block may allocate beside X, y and the parameters; an upper bound of
            what a row costs is measured on the first two rows.

    Returns:
        (rows,) float, in the order of X, higher = more helpful. A zero gradient gives 0.

    Raises:
        InputError: batch normalisation in training mode, rows that depend on each other, a loss
            that is not one number a row, a target gradient of other parameters, gradients that
            are not finite (the message names the rows' positions).
        ValueError: unknown kind.

    Source: Evans et al. 2024, algorithm 1.
    """
    if kind not in get_args(Similarity):
        similarity(torch.zeros(1), torch.zeros(1), torch.zeros(1), kind=kind)
    X, y = check_rows(X, y)
    _check_bounds(block_rows, memory_limit)
    check_module(module)
    names = chosen_names(module, list(target_gradient) if parameters is None else parameters)
    target = _target(module, names, target_gradient)
    norm = _norm(target)
    problem = Problem(module, loss, names)
    if not len(X):
        return norm.new_empty(0)
    try:
        found = _run(plan(problem, target, X, y, block_rows, memory_limit), X, y)
    except Unsuited:  # later rows take a path through the module that the first did not
        found = _run(Plan(OneByOne(problem, target), 1), X, y)
    dot, norm_squared = found
    _check_finite(dot, norm_squared)
    norm = norm.to(dot)
    return similarity(dot.unsqueeze(0), norm_squared.sqrt().unsqueeze(0), norm, kind=kind)[0]


def _run(plan: Plan, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """((rows,) inner products, (rows,) squared norms), block by block."""
    blocks = [plan.way.products(X[span], y[span]) for span in spans(len(X), plan.block_rows)]
    dots, norms_squared = zip(*blocks, strict=True)
    return torch.cat(dots), torch.cat(norms_squared)


def _target(
    module: nn.Module, names: tuple[str, ...], gradients: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The target's gradients of the chosen parameters, checked against them."""
    aliases: dict[int, list[str]] = {}
    for alias, value in module.named_parameters(remove_duplicate=False):
        aliases.setdefault(id(value), []).append(alias)
    chosen = {}
    for name, value in module.named_parameters():
        if name not in names:
            continue
        known = [alias for alias in aliases[id(value)] if alias in gradients]
        if not known:
            raise InputError(
                f"The target gradient has no parameter {name!r}: compute it with the same "
                "parameters=... as the similarity."
            )
        gradient = gradients[known[0]].detach()
        if gradient.shape != value.shape:
            raise InputError(
                f"Expected a target gradient of shape {tuple(value.shape)} for {name!r}; "
                f"{tuple(gradient.shape)} came: compute it from the same module."
            )
        if not bool(gradient.isfinite().all()):
            raise InputError(f"The target gradient of {name!r} is not finite.")
        chosen[name] = gradient
    return chosen


def _norm(gradients: Mapping[str, Tensor]) -> Tensor:
    """() Euclidean length, in float32 at least."""
    lengths = [
        torch.linalg.vector_norm(g.to(torch.promote_types(g.dtype, torch.float32)))
        for g in gradients.values()
    ]
    return torch.linalg.vector_norm(torch.stack(lengths))


def _shares(weights: Tensor | None, X: Tensor) -> Tensor:
    """(rows,) float64 weights with sum 1."""
    if weights is None:
        return torch.full((len(X),), 1 / len(X), dtype=torch.float64, device=X.device)
    weights = torch.as_tensor(weights, device=X.device).detach().double()
    if weights.shape != (len(X),):
        raise InputError(
            f"Expected one weight for each of {len(X)} rows; shape {tuple(weights.shape)} came."
        )
    total = weights.sum()
    if not bool(total.isfinite()) or not total > 0 or bool((weights < 0).any()):
        raise InputError("Expected finite weights of at least 0 and not all 0.")
    return weights / total


def _check_bounds(block_rows: int | None, memory_limit: int) -> None:
    if block_rows is not None and block_rows < 1:
        raise InputError(f"Expected block_rows of at least 1; {block_rows} came.")
    if memory_limit < 1:
        raise InputError(f"Expected a memory_limit in bytes of at least 1; {memory_limit} came.")


def _check_finite(dot: Tensor, norm_squared: Tensor) -> None:
    bad = (~(dot.isfinite() & norm_squared.isfinite())).nonzero().flatten().tolist()
    if bad:
        shown = ", ".join(map(str, bad[:10])) + (", ..." if len(bad) > 10 else "")
        raise InputError(
            f"The gradients of {len(bad)} rows are not finite (positions {shown}): check those "
            "rows for missing or very large values."
        )
