"""Scoring rows with modules: one member after the other, each layer by its rule."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dvgs_core.gradients.cuda import fixed_arithmetic
from dvgs_core.gradients.factored import Checkpoint, Similarities
from dvgs_core.gradients.modules.blocks import MEMORY_LIMIT, Way, plan, spans
from dvgs_core.gradients.modules.factored import Factored, Unsuited
from dvgs_core.gradients.modules.problem import Problem
from dvgs_core.gradients.modules.whole import Mapped, OneByOne
from dvgs_core.gradients.similarity import similarity
from dvgs_core.models.training import SOURCE_STREAM

if TYPE_CHECKING:
    from dvgs_core.trajectory.modules import ModulePlan


class ModuleScorer:
    """Scores the same rows at checkpoint after checkpoint; a context manager.

    The way to compute and the rows of a block are found at the first checkpoint and kept.

    Args:
        plan: the modules.
        X: (rows, features) float32.
        y: (rows, ...), what the loss is given.
        ids: (rows,) int64 row ids.
    """

    def __init__(self, plan: ModulePlan, X: Tensor, y: Tensor, ids: Tensor) -> None:
        self.plan, self.X, self.y, self.ids = plan, X, y, ids
        self.kind: type[Factored] | type[Mapped] | type[OneByOne] | None = None
        self.block_rows = 1

    def __enter__(self) -> ModuleScorer:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def each(
        self, checkpoints: Iterable[Checkpoint], *, ahead: bool
    ) -> Generator[tuple[Checkpoint, Similarities], None, None]:
        """As `RowScorer` has it; modules share too much for anything to go ahead."""
        for checkpoint in checkpoints:
            yield checkpoint, self._at(checkpoint)

    def _at(self, checkpoint: Checkpoint) -> Similarities:
        with fixed_arithmetic(self.X.device):
            scores = [self._member(checkpoint, m) for m in range(len(self.plan.members))]
        if not self.plan.suggests:
            return Similarities(torch.stack(scores).squeeze(2), None)
        by_label = torch.stack(scores)
        y = self.y.expand(len(by_label), -1).unsqueeze(2)
        return Similarities(by_label.gather(2, y).squeeze(2), by_label)

    def _member(self, checkpoint: Checkpoint, member: int) -> Tensor:
        """(rows, labels or 1)."""
        gradients = self.plan.values(checkpoint.gradient[member])
        target = {name: gradients[name] for name in self.plan.compared}
        parameters = checkpoint.parameters[member]
        problem = self.plan.problem(member, parameters, SOURCE_STREAM, checkpoint.step)
        flat = torch.cat([gradient.flatten() for gradient in target.values()])
        norm = torch.linalg.vector_norm(flat).unsqueeze(0)
        columns = []
        for y in self._labels():
            dot, norm_squared = self._products(problem, target, y)
            lengths = norm_squared.sqrt().unsqueeze(0)
            kind = self.plan.settings.similarity
            columns.append(similarity(dot.unsqueeze(0), lengths, norm, kind=kind)[0])
        return torch.stack(columns, dim=1)

    def _labels(self) -> list[Tensor]:
        """The answers to score with: each label in turn, or the rows' own."""
        if not self.plan.suggests:
            return [self.y]
        return [torch.full_like(self.y, label) for label in range(self.plan.classes)]

    def _products(
        self, problem: Problem, target: dict[str, Tensor], y: Tensor
    ) -> tuple[Tensor, Tensor]:
        if self.kind is None:
            found = plan(problem, target, self.X, y, None, MEMORY_LIMIT, self.ids)
            self.kind, self.block_rows = _kind(found.way), found.block_rows
        try:
            return self._run(self.kind(problem, target), y)
        except Unsuited:  # later rows take a path through the module that the first did not
            self.kind, self.block_rows = OneByOne, 1
            return self._run(OneByOne(problem, target), y)

    def _run(self, way: Way, y: Tensor) -> tuple[Tensor, Tensor]:
        blocks = [
            way.products(self.X[span], y[span], self.ids[span])
            for span in spans(len(self.X), self.block_rows)
        ]
        dots, norms_squared = zip(*blocks, strict=True)
        return torch.cat(dots), torch.cat(norms_squared)


def _kind(way: Way) -> type[Factored] | type[Mapped] | type[OneByOne]:
    for kind in (Factored, Mapped, OneByOne):
        if isinstance(way, kind):
            return kind
    raise TypeError(f"no known way to compute: {type(way).__name__}")
