"""Random values: the baseline every other method must beat."""

from collections.abc import Iterator

import numpy as np

from dvgs_core.methods.registry import register
from dvgs_core.samples import Samples, Step, Valuation, collect
from dvgs_core.settings import Settings


class RandomSettings(Settings):
    """Nothing to set."""


@register("random", RandomSettings)
class Random:
    """Values drawn uniformly from [0, 1); the device has no say."""

    def __init__(self, *, seed: int = 0, device: str = "auto") -> None:
        self.seed = seed

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step that holds everything."""
        values = np.random.default_rng(self.seed).random(len(source))
        unknown = np.full(len(source), np.nan)
        yield Step(0, 1, values.astype(np.float32), values, unknown, float("nan"))

    def value(self, source: Samples, target: Samples, *, classes: int | None = None) -> Valuation:
        """(n_source,) draws, in source order."""
        return collect(self.steps(source, target), source.ids)
