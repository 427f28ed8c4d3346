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

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dvgs_core.gradients.similarity import similarity
from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import CrossEntropy, Loss
from dvgs_core.models.network import Network
from dvgs_core.models.passes import backward, forward
from dvgs_core.models.threads import operation_threads

# A block's activations should stay in a core's second-level cache (1 to 2 MB) between operations.
_BLOCK_FLOATS = 300_000


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
    ) -> None:
        if by_label and not isinstance(loss, CrossEntropy):
            raise ValueError("Values under every label exist for classification only.")
        self.network, self.loss = network, loss
        self.X, self.y, self.ids = X, y, ids
        self.kind, self.by_label, self.block_rows = kind, by_label, block_rows
        threads = torch.get_num_threads() if X.device.type == "cpu" else 1
        # operations this small scale better as blocks side by side than inside torch
        self.pool = ThreadPoolExecutor(threads, initializer=_one_thread) if threads > 1 else None

    def __enter__(self) -> "Scorer":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.pool is not None:
            self.pool.shutdown()

    def score(self, checkpoint: Checkpoint, dropout: Dropout) -> Similarities:
        """Similarities of all rows at one checkpoint; independent of the blocks' size."""
        layers = [
            torch.cat(pair, dim=2)
            for pair in zip(
                self.network.layers(checkpoint.parameters),
                self.network.layers(checkpoint.gradient),
                strict=True,
            )
        ]
        target_norm = torch.linalg.vector_norm(checkpoint.gradient, dim=1)
        members, rows = len(checkpoint.parameters), len(self.X)
        own = self.X.new_empty(members, rows)
        classes = self.network.widths[-1]
        by_label = self.X.new_empty(members, rows, classes) if self.by_label else None

        def block(span: slice) -> None:
            scores = self._block(layers, span, dropout, target_norm)
            if by_label is None:
                own[:, span] = scores.squeeze(2)
            else:
                by_label[:, span] = scores
                y = self.y[span].expand(members, -1).unsqueeze(2)
                own[:, span] = scores.gather(2, y).squeeze(2)

        spans = list(_spans(rows, self.block_rows or self._block_rows(members)))
        if self.pool is None or len(spans) == 1:
            for span in spans:
                block(span)
        else:
            with operation_threads(0):
                for _ in self.pool.map(block, spans):
                    pass
        return Similarities(own, by_label)

    def _block(
        self, layers: list[Tensor], span: slice, dropout: Dropout, target_norm: Tensor
    ) -> Tensor:
        """(members, rows of the block, labels or 1) similarities."""
        X, y = self.X[span].unsqueeze(0), self.y[span].unsqueeze(0)
        passed = forward(self.network, layers, X, self.ids[span], dropout)
        if self.by_label:
            assert isinstance(self.loss, CrossEntropy)
            d = self.loss.gradient_by_label(passed.output)
        else:
            d = self.loss.gradient(passed.output, y).unsqueeze(2)
        dot: Tensor | float = 0.0
        norm_squared: Tensor | float = 0.0
        for a, pulled_back, d_layer in zip(
            passed.inputs,
            passed.products,
            backward(self.network, layers, passed, d),
            strict=True,
        ):
            dot = dot + torch.matmul(d_layer, pulled_back.unsqueeze(3)).squeeze(3)
            length = a.square().sum(dim=2, keepdim=True).add_(1)
            norm_squared = norm_squared + d_layer.square().sum(dim=3).mul_(length)
        assert isinstance(dot, Tensor) and isinstance(norm_squared, Tensor)
        return similarity(dot, norm_squared.sqrt(), target_norm, kind=self.kind)

    def _block_rows(self, members: int) -> int:
        """Rows whose activations fit the cache; never fewer than keeps a matrix product busy."""
        labels = self.network.widths[-1] if self.by_label else 1
        floats_a_row = members * sum(self.network.widths) * (2 + labels)
        return int(np.clip(_BLOCK_FLOATS // floats_a_row, 16, 4096))


def _spans(rows: int, block_rows: int) -> Iterator[slice]:
    for start in range(0, rows, block_rows):
        yield slice(start, min(start + block_rows, rows))


def _one_thread() -> None:
    torch.set_num_threads(1)
