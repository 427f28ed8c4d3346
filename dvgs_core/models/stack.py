"""Many small networks trained in lock step, each on rows of its own.

Leave-one-out, Shapley coalitions, DVRL's inner loop and the points of a filtering curve differ in
their rows and seeds only. Their parameters share a member axis, so that one batched product serves
a whole block of them; blocks are sized to stay in the processor's cache and stand side by side on
its cores. Members given the same rows and seed read one copy of each batch and share their dropout.

A member comes out as it would alone, to rounding: its start, its batches and its dropout follow
from its own seed, and nothing passes between members.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dvgs_core.errors import InputError
from dvgs_core.models.losses import loss_for
from dvgs_core.models.masks import KeptMasks, MemberDropout
from dvgs_core.models.narrow import product
from dvgs_core.models.network import NORMALISATION_EPSILON, Network
from dvgs_core.models.threads import WORTH_SPLITTING, one_thread, single_threads
from dvgs_core.models.training import Adam, batch_gradient
from dvgs_core.models.workspace import Workspace

T = TypeVar("T")

# What a block on a processor core may hold: past this the cache overflows (2 MB a core, 32 MB
# shared), well below it the calls cost more than the arithmetic.
_BLOCK_FLOATS = 3_000_000
# Floats a member holds a parameter (itself, gradient, two moments) and a hidden feature of a row.
_A_PARAMETER, _A_FEATURE = 4, 8
_MOST_ON_A_GPU = 4096
_STARTS_KEPT = 64


@dataclass(frozen=True)
class Recipe:
    """How every member is trained.

    Attributes:
        network: the shape of a member.
        task: "classification", "regression" or "reconstruction".
        epochs: passes over a member's own rows.
        learning_rate: of Adam.
        batch: rows a step; None, or more than a member has: all of them, in order.
        most_steps: training ends after so many steps even if epochs are left; None: no limit.
        balanced: each class present in a batch carries the same weight. Classification only.
    """

    network: Network
    task: str
    epochs: int = 100
    learning_rate: float = 1e-3
    batch: int | None = None
    most_steps: int | None = None
    balanced: bool = False

    def batch_of(self, rows: int) -> int:
        """Rows a step of a member that has so many."""
        return rows if self.batch is None else min(rows, self.batch)

    def steps(self, rows: int) -> int:
        """Optimiser steps of a member that has so many rows."""
        steps = self.epochs * -(-rows // self.batch_of(rows))
        return steps if self.most_steps is None else min(steps, self.most_steps)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that members draw on, all on one device.

    Attributes:
        X: (n, features) float32.
        y: (n,) int64 classes, or (n, outputs) float32; X itself for reconstruction.
        ids: (n,) int64 row ids, which dropout is drawn from.
    """

    X: Tensor
    y: Tensor
    ids: Tensor


@dataclass(frozen=True, eq=False)
class Member:
    """What one network is trained on.

    Attributes:
        positions: (rows,) int64 into the stack's rows; repeats count twice. Members that are given
            the same array object and seed share their batches.
        seed: of its start, its batches and its dropout.
        weights: (rows,) float32 at least 0, or None for 1 each. Only their proportions within a
            batch matter; a batch of zeros leaves the gradient 0.
    """

    positions: NDArray[np.int64]
    seed: int
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class _Batch:
    """(members or 1, rows, ...) of one step; weights (members, rows), 0 for padding."""

    positions: NDArray[np.int64]
    X: Tensor
    y: Tensor
    ids: Tensor
    weights: Tensor


class Stack:
    """Trains members on rows; a context manager, which ends its threads.

    Args:
        recipe: how.
        rows: what from.
    """

    def __init__(self, recipe: Recipe, rows: Rows) -> None:
        self.recipe, self.rows, self.loss = recipe, rows, loss_for(recipe.task)
        self.starts: dict[int, Tensor] = {}
        on_cpu = rows.X.device.type == "cpu"
        steps = recipe.steps(max(1, len(rows.ids)))
        self.masks = KeptMasks(recipe.network, rows.ids, steps) if on_cpu else None
        self.threads = torch.get_num_threads()
        self.workers = self.threads if on_cpu else 1
        self.pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "Stack":
        if self.workers > 1:
            self.pool = single_threads(self.workers)
            # A thread's own setting reaches the whole process, and sums depend on it to the last
            # bit. So all threads are there, with theirs made, before anything is computed, and
            # whoever called computes on one thread meanwhile.
            all_there = threading.Barrier(self.workers)
            list(self.pool.map(lambda _: all_there.wait(), range(self.workers)))
            one_thread()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            torch.set_num_threads(self.threads)

    def train(
        self, members: Sequence[Member], finish: Callable[[Tensor, NDArray[np.int64]], T]
    ) -> Iterator[tuple[NDArray[np.int64], T]]:
        """Train all members, a block of them at a time.

        Args:
            members: at least one row each.
            finish: called with a block's (members, parameters) and the positions of its members
                among those given, on the thread that trained it.

        Yields:
            Those positions and what `finish` returned. Members with as many rows come in order.

        Raises:
            InputError: training went out of bounds.
        """
        blocks = self._blocks(members)

        def block(which: NDArray[np.int64]) -> tuple[NDArray[np.int64], T]:
            return which, finish(self._trained([members[i] for i in which]), which)

        if self.pool is None or len(blocks) == 1:
            for which in blocks:
                batch = self.recipe.batch_of(max(len(members[i].positions) for i in which))
                work = len(which) * batch * self.recipe.network.parameters
                # alone, a block of much work is worth all threads
                torch.set_num_threads(self.threads if work >= WORTH_SPLITTING else 1)
                try:
                    trained = block(which)
                finally:
                    torch.set_num_threads(1 if self.pool is not None else self.threads)
                yield trained
        else:
            yield from self.pool.map(block, blocks)

    def together(self, rows: int) -> int:
        """How many members that have so many rows are trained at once, at best."""
        return self.workers * self._members_a_block(self.recipe.batch_of(rows))

    def _blocks(self, members: Sequence[Member]) -> list[NDArray[np.int64]]:
        """Positions of the members of each block: alike in steps, and nearly so in rows."""
        sizes = np.array([len(member.positions) for member in members])
        if not len(sizes) or sizes.min() == 0:
            raise ValueError("Every member needs at least one row.")
        recipe = self.recipe
        batches = np.array([-(-size // recipe.batch_of(size)) for size in sizes.tolist()])
        order = np.lexsort((sizes, batches))
        changes = np.flatnonzero(np.diff(batches[order])) + 1
        blocks = []
        for group in np.split(order, changes):
            most = self._members_a_block(recipe.batch_of(int(sizes[group[-1]])))
            # every thread should have something to do
            count = max(-(-len(group) // most), min(self.workers, len(group)))
            blocks += np.array_split(group, count)
        return blocks

    def _members_a_block(self, batch: int) -> int:
        network = self.recipe.network
        floats = network.parameters * _A_PARAMETER + batch * (
            network.widths[0] + _A_FEATURE * sum(network.widths[1:])
        )
        if self.rows.X.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.rows.X.device)
            return int(np.clip(free // 4 // (4 * floats), 1, _MOST_ON_A_GPU))
        return max(1, _BLOCK_FLOATS // floats)

    def _trained(self, members: list[Member]) -> Tensor:
        """(members, parameters) after the last step."""
        recipe, network = self.recipe, self.recipe.network
        parameters = torch.cat([self._start(member.seed) for member in members])
        adam = Adam(parameters, recipe.learning_rate)
        shared = _shared(members)
        seeds = [member.seed for member in members]
        one_seed = len(set(seeds)) == 1
        workspace, gradient = Workspace(parameters), torch.empty_like(parameters)
        for step, batch in enumerate(self._batches(members, shared)):
            kept = self.masks.of(seeds[0], step) if self.masks and one_seed else None
            batch_gradient(
                network,
                parameters,
                self.loss,
                batch.X,
                batch.y,
                batch.ids,
                batch.weights,
                MemberDropout(
                    network.dropout,
                    seeds[:1] if one_seed else seeds,
                    step,
                    workspace,
                    kept,
                    batch.positions,
                ),
                workspace,
                out=gradient,
            )
            adam.update(parameters, gradient)
        if not bool(torch.isfinite(parameters).all()):
            raise InputError(
                "Training went out of bounds (parameters are not finite). Lower the learning rate; "
                f"it is {recipe.learning_rate:g}."
            )
        return parameters

    def _start(self, seed: int) -> Tensor:
        """(1, parameters) initial ones; kept, since members often share their seed."""
        found = self.starts.get(seed)
        if found is None:
            found = self.recipe.network.initial(1, seed, self.rows.X.device)
            if len(self.starts) < _STARTS_KEPT:
                self.starts[seed] = found
        return found

    def _batches(self, members: list[Member], shared: bool) -> Iterator[_Batch]:
        """The batch of every step."""
        recipe = self.recipe
        drawing = members[:1] if shared else members
        largest = max(len(member.positions) for member in members)
        steps = recipe.steps(largest)
        if recipe.batch_of(largest) == largest:
            # every member takes all of its rows at every step
            order = _padded([np.arange(len(m.positions)) for m in drawing])
            batch = self._batch(members, drawing, order)
            for _ in range(steps):
                yield batch
            return
        generators = [np.random.default_rng([member.seed, 1]) for member in drawing]
        batch_size, done = recipe.batch_of(largest), 0
        while True:
            shuffled = _padded(
                [
                    rng.permutation(len(m.positions))
                    for rng, m in zip(generators, drawing, strict=True)
                ]
            )
            for start in range(0, shuffled.shape[1], batch_size):
                yield self._batch(members, drawing, shuffled[:, start : start + batch_size])
                done += 1
                if done == steps:
                    return

    def _batch(
        self, members: list[Member], drawing: list[Member], order: NDArray[np.int64]
    ) -> _Batch:
        """One step's rows.

        Args:
            members: the block's.
            drawing: the same, or the first alone where all draw alike.
            order: (drawing, rows) positions among a member's own; -1 is padding.
        """
        rows, device = self.rows, self.rows.X.device
        padding, own = order < 0, np.maximum(order, 0)
        taken = np.stack([m.positions[at] for m, at in zip(drawing, own, strict=True)])
        weights = np.ones((len(members), order.shape[1]), dtype=np.float32)
        for index, member in enumerate(members):
            if member.weights is not None:
                weights[index] = member.weights[own[index % len(own)]]
        weights[np.broadcast_to(padding, weights.shape)] = 0
        positions = torch.from_numpy(taken).to(device)
        X = rows.X[positions]
        y = X if rows.y is rows.X else rows.y[positions]
        balanced = self.recipe.balanced and self.recipe.task == "classification"
        given = torch.from_numpy(weights).to(device)
        return _Batch(taken, X, y, rows.ids[positions], _shares(given, y if balanced else None))


def outputs(network: Network, parameters: Tensor, X: Tensor) -> Tensor:
    """What trained members say of rows, without dropout.

    Args:
        parameters: (members, parameters).
        X: (rows, features), the same for all members.

    Returns:
        (members, rows, outputs).
    """
    a = X.unsqueeze(0)
    for index, layer in enumerate(network.layers(parameters)):
        gave = a.new_empty(len(layer), a.shape[1], layer.shape[2])
        product(a.expand(len(layer), -1, -1), layer[:, :-1], gave, bias=layer[:, -1:])
        a = gave
        if network.activated[index]:
            a = _ACTIVATIONS[network.activation](a)
            if network.normalise:
                a = functional.layer_norm(a, a.shape[2:], eps=NORMALISATION_EPSILON)
    return a


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mish": functional.mish,
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}


def _shared(members: list[Member]) -> bool:
    """Whether all draw the same batches and the same dropout."""
    first = members[0]
    return all(m.positions is first.positions and m.seed == first.seed for m in members)


def _padded(orders: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(members, most rows), -1 after a member's last row."""
    padded = np.full((len(orders), max(map(len, orders))), -1, dtype=np.int64)
    for line, order in zip(padded, orders, strict=True):
        line[: len(order)] = order
    return padded


def _shares(weights: Tensor, y: Tensor | None) -> Tensor:
    """Weights that sum to 1 for each member, or to 0 where all are 0.

    Args:
        weights: (members, rows), at least 0.
        y: (members or 1, rows) int64 classes if each class present is to weigh the same.
    """
    if y is None:
        return weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-30)
    y = y.expand(weights.shape)
    totals = weights.new_zeros(len(weights), int(y.max()) + 1).scatter_add_(1, y, weights)
    present = (totals > 0).sum(dim=1, keepdim=True).clamp_min(1)
    return weights / (totals.gather(1, y) * present).clamp_min(1e-30)
