"""Random values: the baseline every other method must beat."""

from collections.abc import Iterator

import numpy as np

from dvgs_core.methods.registry import register
from dvgs_core.samples import Samples, Step, Valuation, collect
from dvgs_core.settings import Settings
from dvgs_core.stopping import ALL_CHECKPOINTS


class RandomSettings(Settings):
    """Nothing to set."""


@register(
    "random",
    RandomSettings,
    title="Random",
    help="Values drawn at random: what every other method must beat.",
)
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
        yield Step(
            index=0,
            total=1,
            similarity=values.astype(np.float32),
            values=values,
            standard_error=unknown,
            target_loss=float("nan"),
            stopped_because=ALL_CHECKPOINTS,
        )

    def value(self, source: Samples, target: Samples, *, classes: int | None = None) -> Valuation:
        """(n_source,) draws, in source order."""
        return collect(self.steps(source, target), source.ids)
