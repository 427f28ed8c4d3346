"""Similarities of per-row gradients that are never built.

For a linear layer given a (with a constant 1 for the bias) and with output gradient d, one row's
weight gradient is the outer product of a and d. So, with G the target's gradient of that layer:

    dot   = Σ_layers  d · (a G)
    norm² = Σ_layers  |d|² (|a|² + 1)

[W | G] stacked into one matrix gives the forward value and a G in a single product. Costs about
three passes over the network a row; memory is rows × width of one block, not rows × parameters.

Source: Evans et al. 2024, algorithm 1; the factorisation as in ghost clipping (Goodfellow 2015)
and Wang et al. 2024 (arXiv 2406.11011).
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dvgs_core.gradients.block import Block, PreparedLayer, Workspace, prepare
from dvgs_core.gradients.cuda import Feed, Replayed, fixed_arithmetic, one_ahead
from dvgs_core.gradients.similarity import similarity
from dvgs_core.models.dropout import Dropout, row_hashes
from dvgs_core.models.losses import CrossEntropy, Loss
from dvgs_core.models.network import Network
from dvgs_core.models.threads import operation_threads, side_by_side, single_threads

# Numbers in a block's buffers: a smaller block loses more by its some 200 calls than it gains in
# the cache (benchmarks/README.md), a larger one leaves threads without work.
_BLOCK_FLOATS = 6_000_000
# Below this, fetching the weights anew for every block costs more than memory.
_FEWEST_BLOCK_ROWS = 256
# Up to this, all rows of all members are one block, and checkpoints are scored side by side.
_FEW_FLOATS = 2 * _BLOCK_FLOATS
# Larger blocks gain a GPU nothing.
_MOST_BLOCK_ROWS = 65_536
# Multiply-adds of a block below which a GPU waits for its launches: some hundred of 5 µs each.
_LAUNCHES_DOMINATE = 10_000_000_000


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The networks at one step, and where the target pulls them.

    Attributes:
        step: optimiser step, from 0.
        parameters: (members, parameters) float32.
        gradient: (members, parameters) float32, the target batch's gradient.
        target_loss: (members,) float32.
    """

    step: int
    parameters: Tensor
    gradient: Tensor
    target_loss: Tensor


@dataclass(frozen=True, eq=False)
class Similarities:
    """Similarities of one checkpoint.

    Attributes:
        own: (members, rows) float32, with each row's own label.
        by_label: (members, rows, classes) float32, with every label, or None.
    """

    own: Tensor
    by_label: Tensor | None


@dataclass(frozen=True, eq=False)
class _Block:
    """Some rows under some of the members at one checkpoint.

    Attributes:
        some, span: which members and rows.
        layers, target_norm: of these members.
        dropout: masks of the checkpoint's step.
        scores: of all members and rows, to be written into.
    """

    some: slice
    span: slice
    layers: list[PreparedLayer]
    dropout: Dropout
    target_norm: Tensor
    scores: Similarities


PRECISIONS = ("float32", "tf32", "bfloat16")


class Scorer:
    """Scores the same source rows at checkpoint after checkpoint.

    Args:
        network: shape of the members.
        loss: the loss of one row.
        X: (rows, features) float32 tensor.
        y: (rows,) int64 classes or (rows, outputs) float.
        ids: (rows,) int64 row ids.
        kind: which similarity.
        by_label: also score every row under every class; needs CrossEntropy.
        block_rows: rows a block; None finds it from the network's width, and on a GPU from its
            free memory at the first checkpoint.
        precision: "bfloat16" takes the matrix products of layers at least 128 wide in bfloat16
            (sums, activations, norms and everything else stay as X is); "tf32" takes all products
            in TensorFloat-32 on a GPU that has it; "float32" neither.
        device: where to compute; None is where X is. Rows in the host's memory are copied to
            another device block by block.

    A context manager: leaving it ends its threads.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        X: Tensor,
        y: Tensor,
        ids: Tensor,
        *,
        kind: str = "cosine",
        by_label: bool = False,
        block_rows: int | None = None,
        precision: str = "float32",
        device: torch.device | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"Unknown precision {precision!r}; known: {', '.join(PRECISIONS)}.")
        if by_label and not isinstance(loss, CrossEntropy):
            raise ValueError("Values under every label exist for classification only.")
        self.network, self.loss = network, loss
        self.rows, self.device = len(X), device or X.device
        self.kind, self.by_label, self.block_rows = kind, by_label, block_rows
        self.precision = precision
        lengths = torch.linalg.vector_norm(X, dim=1, keepdim=True).square_()
        self.feed = Feed((X, y, row_hashes(ids), lengths), self.device)
        self.like = X.new_empty(0, device=self.device)
        self.local = threading.local()
        self.replayed = Replayed()
        threads = self.threads = torch.get_num_threads() if self.device.type == "cpu" else 1
        # operations this small scale better as blocks side by side than inside torch
        self.pool = single_threads(threads) if threads > 1 else None

    def __enter__(self) -> "Scorer":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.pool is not None:
            self.pool.shutdown()

    def score(self, checkpoint: Checkpoint, dropout: Dropout) -> Similarities:
        """Similarities of all rows at one checkpoint; independent of the blocks' size.

        A GPU whose memory does not suffice is asked again with smaller blocks.
        """
        work = len(checkpoint.parameters) * self.rows * self.network.parameters
        while True:
            try:
                blocks = list(self._blocks(checkpoint, dropout))
                if self.pool is not None and len(blocks) > 1:
                    for _ in side_by_side(self.pool, self.threads, iter(blocks), self._run):
                        pass
                else:
                    with operation_threads(work), fixed_arithmetic(self.device, self.precision):
                        for block, rows in one_ahead(blocks, lambda b: self.feed.fetch(b.span)):
                            self._run(block, self.feed.arrived(rows))
                return blocks[0].scores
            except torch.OutOfMemoryError:
                assert self.block_rows is not None
                if self.block_rows <= _FEWEST_BLOCK_ROWS:
                    raise
                self.block_rows = -(-self.block_rows // 2)
                self.local, self.replayed = threading.local(), Replayed()
                torch.cuda.empty_cache()

    def each(
        self, checkpoints: Iterable[tuple[Checkpoint, Dropout]], *, ahead: bool
    ) -> Generator[tuple[Checkpoint, Similarities], None, None]:
        """`score` at one checkpoint after the other, to the same bits.

        Args:
            checkpoints: with their masks.
            ahead: whether to draw the next checkpoints, on the threads that score, while the last
                ones are scored.
        """
        if not ahead or self.pool is None:
            for checkpoint, dropout in checkpoints:
                yield checkpoint, self.score(checkpoint, dropout)
            return

        given = iter(checkpoints)
        Drawn = tuple[Checkpoint, Dropout] | None

        def draw(upcoming: Future[Drawn]) -> None:
            try:
                upcoming.set_result(next(given, None))
            except BaseException as error:  # raised below, after the checkpoints before it
                upcoming.set_exception(error)

        def tasks() -> Iterator[Callable[[], tuple[Checkpoint, Similarities] | None]]:
            upcoming: Future[Drawn] = Future()
            yield partial(draw, upcoming)
            while drawn := upcoming.result():
                upcoming = Future()
                yield partial(draw, upcoming)  # goes on while the blocks of the last are scored
                *others, last = self._blocks(*drawn)
                yield from (partial(self._run, block) for block in others)
                yield partial(self._last, drawn[0], last)

        with closing(side_by_side(self.pool, self.threads, tasks(), lambda task: task())) as done:
            yield from (scored for scored in done if scored is not None)

    def _last(self, checkpoint: Checkpoint, block: "_Block") -> tuple[Checkpoint, Similarities]:
        """Score the last block of a checkpoint, whose others come before it."""
        self._run(block)
        return checkpoint, block.scores

    def _blocks(self, checkpoint: Checkpoint, dropout: Dropout) -> Iterator["_Block"]:
        """The blocks of one checkpoint, all of which write into the same scores."""
        network, members = self.network, len(checkpoint.parameters)
        together = self._together(members)
        if self.block_rows is None:
            # found once: what the first blocks take is no longer free at the second checkpoint
            self.block_rows = self._block_rows(together, -(-members // together))
        with operation_threads(0), fixed_arithmetic(self.device, self.precision):
            layers = prepare(
                network, checkpoint.parameters, checkpoint.gradient, dropout, self.precision
            )
            target_norm = torch.linalg.vector_norm(checkpoint.gradient, dim=1)
        own = self.like.new_empty(members, self.rows)
        by_label = None
        if self.by_label:
            by_label = self.like.new_empty(members, self.rows, network.widths[-1])
        scores = Similarities(own, by_label)
        for span in _spans(self.rows, self.block_rows):
            for some in _spans(members, together):
                those = layers if together == members else [layer.of(some) for layer in layers]
                yield _Block(some, span, those, dropout, target_norm[some], scores)

    def _run(self, block: "_Block", rows: list[Tensor] | None = None) -> None:
        """Score a block.

        Args:
            block: which.
            rows: what the feed has of its rows; None: they need no copying.
        """
        rows = rows or self.feed.fetch(block.span)[0]
        dot, norm = self._products(block.layers, block.some, block.dropout, rows)
        found = similarity(dot, norm, block.target_norm, kind=self.kind)
        own, by_label = block.scores.own, block.scores.by_label
        if by_label is None:
            own[block.some, block.span] = found.squeeze(2)
        else:
            by_label[block.some, block.span] = found
            y = rows[1].expand(len(found), -1).unsqueeze(2)
            own[block.some, block.span] = found.gather(2, y).squeeze(2)

    def _products(
        self, layers: list[PreparedLayer], some: slice, dropout: Dropout, rows: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Inner products and norms of one block, replayed where launches would dominate."""

        def run(layers: list[PreparedLayer], rows: list[Tensor]) -> tuple[Tensor, Tensor]:
            block = Block(self.network, self.loss, layers, some, dropout, self._workspace())
            X, y, hashes, lengths = rows
            return block.score(X, y, hashes, lengths, by_label=self.by_label)

        count = some.stop - some.start
        work = count * len(rows[0]) * self.network.parameters
        if self.device.type != "cuda" or work > _LAUNCHES_DOMINATE:
            return run(layers, rows)
        masked = [layer.counters is not None for layer in layers]
        flat = [part for e in layers for part in (e.joined, e.bias, e.back, e.counters)]

        def from_flat(*parts: Tensor) -> list[Tensor]:
            given = iter(parts)
            made = []
            for has_masks in masked:
                joined, bias, back = next(given), next(given), next(given)
                made.append(PreparedLayer(joined, bias, back, next(given) if has_masks else None))
            return list(run(made, list(given)))

        dot, norm = self.replayed(
            dropout.threshold, from_flat, [*(p for p in flat if p is not None), *rows]
        )
        return dot, norm

    def _workspace(self) -> Workspace:
        if not hasattr(self.local, "workspace"):
            self.local.workspace = Workspace(self.like)
        return self.local.workspace

    def _floats_a_row(self) -> int:
        """Numbers that a block's buffers hold for one row of one member."""
        widths = self.network.widths
        labels = widths[-1] if self.by_label and widths[-1] > 2 else 1
        return sum(widths[1:]) * (5 + 2 * labels)

    def _few(self, members: int) -> bool:
        """Whether calls would cost more than what a larger block loses in the cache."""
        return members * self.rows * self._floats_a_row() <= _FEW_FLOATS

    def _together(self, members: int) -> int:
        """Members of a block: all keep a GPU busy, and save calls where a CPU has few rows."""
        return members if self._few(members) or self.device.type == "cuda" else 1

    def _block_rows(self, together: int, groups: int) -> int:
        """Rows of a block for which calls and the weights' way into the cache cost little.

        Args:
            together: members of a block.
            groups: blocks for the same rows.
        """
        rows, floats_a_row = self.rows, together * self._floats_a_row()
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            most = int(np.clip(free // 4 // (4 * floats_a_row), 16, _MOST_BLOCK_ROWS))
        elif self._few(together * groups):
            most = rows
        else:
            most = max(_BLOCK_FLOATS // floats_a_row, _FEWEST_BLOCK_ROWS)
            # every thread should have something to do, and none wait long for the last block
            share = -(-rows * groups // (2 * self.threads))
            most = min(most, max(share, _FEWEST_BLOCK_ROWS))
        blocks = max(1, -(-rows // most))
        return max(1, -(-rows // blocks))


def _spans(rows: int, block_rows: int) -> Iterator[slice]:
    for start in range(0, rows, block_rows):
        yield slice(start, min(start + block_rows, rows))
