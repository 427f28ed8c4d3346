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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dvgs_core.gradients.block import Block, PreparedLayer, Workspace, prepare
from dvgs_core.gradients.similarity import similarity
from dvgs_core.models.dropout import Dropout, row_hashes
from dvgs_core.models.losses import CrossEntropy, Loss
from dvgs_core.models.network import Network
from dvgs_core.models.threads import operation_threads

# A block's buffers: past this a larger block gains nothing and leaves the cache (1 to 2 MB a core
# and 32 MB shared), as not all buffers are in use at once.
_BLOCK_FLOATS = 1_500_000
# Below this the calls, and fetching the weights anew, cost more than a cache that overflows.
_FEWEST_BLOCK_ROWS = 256
# Larger blocks gain a GPU nothing.
_MOST_BLOCK_ROWS = 65_536


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


PRECISIONS = ("float32", "bfloat16")


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
        block_rows: rows a block; None finds it from the network's width.
        precision: "bfloat16" takes the matrix products of layers at least 128 wide in bfloat16
            (sums, activations, norms and everything else stay as X is); "float32" takes none.

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
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"Unknown precision {precision!r}; known: {', '.join(PRECISIONS)}.")
        if by_label and not isinstance(loss, CrossEntropy):
            raise ValueError("Values under every label exist for classification only.")
        self.network, self.loss = network, loss
        self.X, self.y, self.ids = X, y, ids
        self.kind, self.by_label, self.block_rows = kind, by_label, block_rows
        self.precision = precision
        self.hashes = row_hashes(ids)
        self.lengths = torch.linalg.vector_norm(X, dim=1, keepdim=True).square_()
        self.local = threading.local()
        threads = self.threads = torch.get_num_threads() if X.device.type == "cpu" else 1
        # operations this small scale better as blocks side by side than inside torch
        self.pool = ThreadPoolExecutor(threads, initializer=_one_thread) if threads > 1 else None

    def __enter__(self) -> "Scorer":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.pool is not None:
            self.pool.shutdown()

    def score(self, checkpoint: Checkpoint, dropout: Dropout) -> Similarities:
        """Similarities of all rows at one checkpoint; independent of the blocks' size."""
        network = self.network
        layers = prepare(
            network, checkpoint.parameters, checkpoint.gradient, dropout, self.precision
        )
        target_norm = torch.linalg.vector_norm(checkpoint.gradient, dim=1)
        members, rows = len(checkpoint.parameters), len(self.X)
        own = self.X.new_empty(members, rows)
        by_label = self.X.new_empty(members, rows, network.widths[-1]) if self.by_label else None

        def block(task: tuple[slice, slice]) -> None:
            some, span = task
            those = [PreparedLayer(e.joined[some], e.bias[some], e.back[some]) for e in layers]
            dot, norm = Block(network, self.loss, those, some, dropout, self._workspace()).score(
                self.X[span],
                self.y[span],
                self.hashes[span],
                self.lengths[span],
                by_label=self.by_label,
            )
            scores = similarity(dot, norm, target_norm[some], kind=self.kind)
            if by_label is None:
                own[some, span] = scores.squeeze(2)
            else:
                by_label[some, span] = scores
                y = self.y[span].expand(len(scores), -1).unsqueeze(2)
                own[some, span] = scores.gather(2, y).squeeze(2)

        # on a GPU all members at once keep it busy; on a CPU one at a time stays in the cache
        together = members if self.X.device.type == "cuda" else 1
        groups = -(-members // together)
        block_rows = self.block_rows or self._block_rows(together, groups)
        tasks = [
            (some, span) for span in _spans(rows, block_rows) for some in _spans(members, together)
        ]
        if self.pool is None or len(tasks) == 1:
            for task in tasks:
                block(task)
        else:
            with operation_threads(0):
                for _ in self.pool.map(block, tasks):
                    pass
        return Similarities(own, by_label)

    def _workspace(self) -> Workspace:
        if not hasattr(self.local, "workspace"):
            self.local.workspace = Workspace(self.X)
        return self.local.workspace

    def _block_rows(self, together: int, groups: int) -> int:
        """Rows of a block for which calls and the weights' way into the cache cost little.

        Args:
            together: members of a block.
            groups: blocks for the same rows.
        """
        widths, rows = self.network.widths, len(self.X)
        labels = widths[-1] if self.by_label and widths[-1] > 2 else 1
        floats_a_row = together * sum(widths[1:]) * (5 + 2 * labels)
        if self.X.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.X.device)
            most = int(np.clip(free // 4 // (4 * floats_a_row), 16, _MOST_BLOCK_ROWS))
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


def _one_thread() -> None:
    torch.set_num_threads(1)
