"""Which way to compute a module's products, and how many rows at a time.

Both are found by trying one row and two: a layer whose input does not have the rows first shows in
the shapes, rows that depend on each other show in the gradients, and the difference in allocated
bytes is what a row costs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules.factored import Factored, Unsuited
from dvgs_core.gradients.modules.problem import Problem
from dvgs_core.gradients.modules.whole import Mapped, OneByOne, gradients

MEMORY_LIMIT = 512 * 2**20

# More rows a block than this gain nothing: every matrix product is long busy.
_MOST_ROWS = 4096

# On a CPU a block's tensors should find each other in the cache, once products are busy enough.
_CACHED_BYTES = 64 * 2**20
_BUSY_ROWS = 16

Target = dict[str, Tensor]


class Way(Protocol):
    """A way to compute products of per-row gradients with the target's."""

    def products(self, X: Tensor, y: Tensor, ids: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """((rows,) inner products with the target, (rows,) squared norms) of one block."""
        ...


@dataclass(frozen=True)
class Plan:
    """A way that holds for the module, and rows a block."""

    way: Way
    block_rows: int


def plan(
    problem: Problem,
    target: Target,
    X: Tensor,
    y: Tensor,
    block_rows: int | None,
    memory_limit: int,
    ids: Tensor | None = None,
) -> Plan:
    """The fastest way that holds for the first rows.

    Raises:
        InputError: the loss of one row depends on another row.
    """
    two = first_two(X, y, ids)
    one = tuple(rows if rows is None else rows[:1] for rows in two)
    with same_random_numbers(X):
        check_independence(problem, *two)
        kinds: tuple[type[Factored] | type[Mapped], ...] = (Factored, Mapped)
        for kind in kinds:
            try:
                way = kind(problem, target)
                first, _ = _allocated(way.products, *one)
                layout = way.layout() if isinstance(way, Factored) else []
                second, _ = _allocated(way.products, *two)
                if isinstance(way, Factored):
                    _check_layout(layout, way.layout())
            except Unsuited:
                continue
            return Plan(way, block_rows or _rows(first, second, memory_limit, X))
    return Plan(OneByOne(problem, target), 1)


def rows_for(
    run: Callable[..., Any], X: Tensor, y: Tensor, memory_limit: int, ids: Tensor | None = None
) -> int:
    """Rows for which `run(X, y, ids)` allocates no more than the limit; at least one."""
    two = first_two(X, y, ids)
    one = tuple(rows if rows is None else rows[:1] for rows in two)
    with same_random_numbers(X):
        first, _ = _allocated(run, *one)
        second, _ = _allocated(run, *two)
    return _rows(first, second, memory_limit, X)


def gradient_rows(
    problem: Problem, X: Tensor, y: Tensor, memory_limit: int, ids: Tensor | None = None
) -> int:
    """Rows a block of `summed_gradients` for the limit; at least one."""

    def run(X: Tensor, y: Tensor, ids: Tensor | None) -> object:
        return gradients(problem, X, y, ids=ids)

    return rows_for(run, X, y, memory_limit, ids)


def summed_gradients(
    problem: Problem,
    X: Tensor,
    y: Tensor,
    weights: Tensor,
    block_rows: int,
    ids: Tensor | None = None,
) -> tuple[Target, float]:
    """Gradient of the weighted sum of the rows' losses, block by block; and that sum.

    Args:
        X, y, ids: (rows, ...), as the problem takes them.
        weights: (rows,) float.
        block_rows: rows a block.
    """
    total: Target = {}
    loss = 0.0
    for span in spans(len(X), block_rows):
        some = ids if ids is None else ids[span]
        found, value = gradients(problem, X[span], y[span], weights[span], some)
        loss += value
        for name, gradient in found.items():
            total[name] = total[name].add_(gradient) if name in total else gradient
    return total, loss


def spans(rows: int, block_rows: int) -> Iterator[slice]:
    """Consecutive slices of at most `block_rows` that cover all rows."""
    for start in range(0, rows, block_rows):
        yield slice(start, min(start + block_rows, rows))


def same_random_numbers(X: Tensor) -> Any:
    """A context after which torch's generators stand where they stood."""
    return torch.random.fork_rng(devices=[X.device] if X.is_cuda else [])


def first_two(
    X: Tensor, y: Tensor, ids: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Two rows to try; the only row twice if there is but one."""
    rows = torch.tensor([0, min(1, len(X) - 1)], device=X.device)
    return X[rows], y[rows], None if ids is None else ids[rows]


def check_independence(problem: Problem, X: Tensor, y: Tensor, ids: Tensor | None = None) -> None:
    """Raise if the loss of one of two rows has a gradient in the other row.

    Rows of integers have no gradient and are not checked.
    """
    if not X.is_floating_point():
        return
    with torch.enable_grad():
        X = X.clone().requires_grad_()
        losses = problem.row_losses(problem.call(problem.values(), X, ids), y)
        for row in range(2):
            if not losses.requires_grad:
                return
            (gradient,) = torch.autograd.grad(losses[row], X, retain_graph=True, allow_unused=True)
            # a NaN compares false here, and is reported by its position later
            if gradient is not None and bool((gradient[1 - row].abs() > 0).any()):
                raise InputError(
                    "Expected rows that are independent of each other, but the loss of one row "
                    "depends on another row of the batch: remove what mixes rows from the module."
                )


def _check_layout(
    one: list[tuple[torch.Size, torch.Size]], two: list[tuple[torch.Size, torch.Size]]
) -> None:
    """Raise unless every layer's shapes differ between one row and two in the rows alone."""
    expected = [tuple(torch.Size([2, *shape[1:]]) for shape in shapes) for shapes in one]
    if expected != [tuple(shapes) for shapes in two]:
        raise Unsuited("a layer's input does not have the rows first")


def _rows(one: int, two: int, memory_limit: int, X: Tensor) -> int:
    a_row = max(two - one, 1)
    fixed = max(one - a_row, 0)
    most = _MOST_ROWS if X.is_cuda else max(_CACHED_BYTES // a_row, _BUSY_ROWS)
    return min(max((memory_limit - fixed) // a_row, 1), most, _MOST_ROWS)


def _allocated(run: Callable[..., Any], *rows: Tensor | None) -> tuple[int, Any]:
    """Bytes of all results that torch makes during `run`, as if none were freed; and its result."""
    with _Allocations() as allocations:
        result = run(*rows)
    return allocations.bytes, result


class _Allocations(TorchDispatchMode):
    """Counts the bytes of every new tensor, in the backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        known = {_storage(leaf) for leaf in tree_leaves((args, kwargs))}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _storage(leaf) not in known:
                self.bytes += leaf.numel() * leaf.element_size()
        return result


def _storage(value: Any) -> int | None:
    if not isinstance(value, Tensor) or value.layout != torch.strided:
        return None
    return value.untyped_storage().data_ptr()
