"""When a valuation may end before its last checkpoint: rules that compose.

    Settled(0.99) | TimeBudget(60) | CheckpointCount(500)

A rule is asked after every checkpoint and answers why to stop, or None; of several the first that
has an answer counts. How settled a ranking is, `Halfway` measures: it compares the ranking now with
the one at half as many checkpoints.

Importing this module is cheap: numpy only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALL_CHECKPOINTS = "all checkpoints"
RANKING_SETTLED = "ranking settled"
TIME_BUDGET = "time budget"
CHECKPOINT_COUNT = "checkpoint count"
ASKED_TO_STOP = "asked to stop"

LOWEST_SHARE = 0.05
_LOOKS_A_DOUBLING = 8


@dataclass(frozen=True)
class Progress:
    """What a rule may look at.

    Attributes:
        checkpoints: how many are scored.
        seconds: since the start.
        settled: Spearman correlation of the values now and half-way back; NaN while too early.
        overlap: share of the lowest 5 % now that were among them half-way back; NaN likewise.
    """

    checkpoints: int
    seconds: float
    settled: float
    overlap: float


class Rule:
    """Says after each checkpoint whether to stop."""

    def reason(self, progress: Progress) -> str | None:
        """Why to stop now, in a word or two, or None."""
        raise NotImplementedError

    def __or__(self, other: "Rule") -> "Rule":
        """Stop as soon as one of both would; this one's reason first."""
        return _Either(self, other)


@dataclass(frozen=True)
class _Either(Rule):
    first: Rule
    second: Rule

    def reason(self, progress: Progress) -> str | None:
        return self.first.reason(progress) or self.second.reason(progress)


@dataclass(frozen=True)
class Settled(Rule):
    """The ranking hardly differs from what it was at half as many checkpoints.

    Attributes:
        threshold: least Spearman correlation, in [-1, 1].
        overlap: least share of the lowest 5 % that stayed among them, in [0, 1].
        least: checkpoints before which nothing counts as settled.
    """

    threshold: float
    overlap: float = 0.8
    least: int = 32

    def reason(self, progress: Progress) -> str | None:
        """ "ranking settled", or None."""
        settled = progress.settled >= self.threshold and progress.overlap >= self.overlap
        return RANKING_SETTLED if settled and progress.checkpoints >= self.least else None


@dataclass(frozen=True)
class TimeBudget(Rule):
    """So many seconds have passed; the checkpoint that is going on is finished first."""

    seconds: float

    def reason(self, progress: Progress) -> str | None:
        """ "time budget", or None."""
        return TIME_BUDGET if progress.seconds >= self.seconds else None


@dataclass(frozen=True)
class CheckpointCount(Rule):
    """So many checkpoints are scored."""

    count: int

    def reason(self, progress: Progress) -> str | None:
        """ "checkpoint count", or None."""
        return CHECKPOINT_COUNT if progress.checkpoints >= self.count else None


def rules(settled: float | None, time_budget: float | None) -> Rule | None:
    """The rules that two settings name; None where neither is set."""
    found: Rule | None = None if settled is None else Settled(settled)
    if time_budget is None:
        return found
    budget = TimeBudget(time_budget)
    return budget if found is None else found | budget


class Halfway:
    """Compares running values with those at half as many checkpoints.

    It looks at 8 counts a doubling: 8, 9, ... 16, 18, ... 32, 36, ... The double of each of them is
    one too, so half-way back is always there, and at most 9 rankings of 4 bytes a row are kept. A
    look costs one sort of the values; over a run of n checkpoints there are about 8 log2(n / 8).

    Attributes:
        settled, overlap: as in `Progress`, as of the latest look.
    """

    def __init__(self) -> None:
        self.settled = self.overlap = float("nan")
        self.rankings: dict[int, NDArray[np.int32]] = {}

    def look(self, count: int, values: NDArray[np.float64]) -> None:
        """Take in the values after `count` checkpoints; most counts are passed over."""
        if not looks_at(count):
            return
        now = _ranking(values)
        then = self.rankings.get(count // 2) if count % 2 == 0 else None
        if then is not None:
            self.settled, self.overlap = agreement(then, now)
        self.rankings = {c: r for c, r in self.rankings.items() if 2 * c > count} | {count: now}

    def state(self) -> dict[str, NDArray]:
        """Everything it remembers; `restored` takes it back."""
        counts = list(self.rankings)
        return {
            "halfway.now": np.array([self.settled, self.overlap]),
            "halfway.counts": np.array(counts, dtype=np.int64),
            **{f"halfway.{count}": self.rankings[count] for count in counts},
        }

    @classmethod
    def restored(cls, state: Mapping[str, NDArray]) -> "Halfway":
        """As it was when `state` was called."""
        made = cls()
        made.settled, made.overlap = (float(number) for number in state["halfway.now"])
        counts = state["halfway.counts"].tolist()
        made.rankings = {count: state[f"halfway.{count}"] for count in counts}
        return made


def looks_at(count: int) -> bool:
    """Whether `Halfway` compares at this count: 8 to 16 and their doubles."""
    if count < _LOOKS_A_DOUBLING:
        return False
    spacing = 1 << (count.bit_length() - _LOOKS_A_DOUBLING.bit_length())
    return count % spacing == 0


def agreement(then: NDArray[np.int32], now: NDArray[np.int32]) -> tuple[float, float]:
    """Spearman correlation of two rankings, and the share of the lowest 5 % they have in common.

    Args:
        then, now: (n,) permutations of 0..n-1, 0 = lowest value.
    """
    n = len(now)
    if n == 1:
        return 1.0, 1.0
    distance = float(np.square(now.astype(np.float64) - then).sum())
    k = max(1, round(n * LOWEST_SHARE))
    common = int(((now < k) & (then < k)).sum())
    return 1 - 6 * distance / (n * (n * n - 1.0)), common / k


def _ranking(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """(n,) int32, 0 = lowest; ties by position."""
    ranking = np.empty(len(values), dtype=np.int32)
    ranking[np.argsort(values, kind="stable")] = np.arange(len(values), dtype=np.int32)
    return ranking
