"""Shapley values by walking permutations: what a row adds to the rows before it, on average.

Each permutation of the source is walked row by row; after each step a network is trained on the
rows so far, and the row is credited with the change of the utility. When five changes in a row
leave it within 1 % of the whole source's, the rest of the permutation is credited with nothing
(truncated Monte Carlo). Many permutations are walked at once, their networks trained in lock step;
one that ends makes room for the next. They count in the order of their numbers, whenever they end,
so that short walks are not preferred, and none is lost.

Cost: up to n trainings a permutation, of n / 2 rows on average; so the default network is a
logistic regression that trains for a few steps. Every permutation's marginal contributions are
kept: they are the valuation's `trace`.

Source: Ghorbani and Zou 2019, "Data Shapley" (arXiv 1904.02868), algorithm 1; stopping as in Evans
et al. 2024.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.evaluation.utility import Utility, UtilitySettings
from dvgs_core.methods.base import Base, agreed
from dvgs_core.methods.registry import Preset, register
from dvgs_core.methods.resume import check_state
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import shared
from dvgs_core.stopping import ALL_CHECKPOINTS, RANKING_SETTLED, TIME_BUDGET

#: (coalitions) -> (coalitions,) utilities; a coalition is (rows,) positions in the order they came.
UtilityFunction = Callable[[Sequence[NDArray[np.int64]]], NDArray[np.float64]]

_CORRELATIONS = 5


class ShapleySettings(UtilitySettings):
    """The walks, and the network whose score is the utility of a coalition."""

    permutations: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        title="Most permutations",
        description="Ends after so many at the latest.",
        json_schema_extra={"unit": "permutations"},
    )
    least_permutations: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        title="Least permutations",
        description="Not settled before so many.",
        json_schema_extra={"unit": "permutations"},
    )
    stop_when_settled: float | None = Field(
        default=0.999,
        ge=0,
        le=1,
        title="Stop when settled",
        description="Ends once the rank correlation of the values before and after a permutation, "
        "averaged over the latest five, is this high. Empty: never.",
        json_schema_extra={"unit": "Spearman correlation"},
    )
    truncation: float | None = Field(
        default=0.01,
        ge=0,
        le=1,
        title="Truncation",
        description="A walk ends once the utility has come this close to the whole source's, as a "
        "share of it, as often in a row as Patience says. Empty: never.",
    )
    patience: int = Field(
        default=5,
        ge=1,
        le=1000,
        title="Patience",
        description="Coalitions in a row that must be that close.",
        json_schema_extra={"unit": "coalitions"},
    )
    together: int = Field(
        default=16,
        ge=1,
        le=4096,
        title="Walked together",
        description="Permutations walked at once. More keep the processor busier and make the "
        "first result come later; values do not depend on it.",
        json_schema_extra={"unit": "permutations"},
    )
    time_budget: float | None = Field(
        default=None,
        gt=0,
        title="Time budget",
        description="Ends after the permutation that is due then; the values then depend on how "
        "fast the machine is. Empty: no limit.",
        json_schema_extra={"unit": "seconds"},
    )
    network: Literal["auto", "logistic", "mlp", "autoencoder"] = shared(
        UtilitySettings, "network", default="logistic"
    )
    epochs: int = shared(UtilitySettings, "epochs", default=20)
    learning_rate: float = shared(UtilitySettings, "learning_rate", default=0.03)


_TABLES: dict[str, Any] = dict(
    network="mlp",
    epochs=200,
    max_steps=None,
    batch=None,
    learning_rate=1e-4,
    truncation=0.03,
    patience=5,
    stop_when_settled=0.999,
    least_permutations=200,
    permutations=1000,
)
#: The settings of the paper's comparison, by experiment (its public configuration files). Its text
#: has a truncation of 1 % and 100 permutations at least; the published numbers and minutes came of
#: the files, and training, `loo` and `dvrl` follow them too.
PAPER: dict[str, dict[str, Any]] = dict.fromkeys(
    ("adult-labels", "blog-labels", "adult-noise", "blog-noise"), _TABLES
)


@dataclass(eq=False)
class Walk:
    """One permutation.

    Attributes:
        number: which, from 0; its order follows from the seed and this.
        order: (rows,) int64, the permutation.
        marginals: (rows,) float64, what each row added, in source order; 0 for rows not reached.
        reached: rows whose coalition was evaluated.
        before: utility of the latest of them.
        close: how many coalitions in a row, up to it, were close to the whole.
    """

    number: int
    order: NDArray[np.int64]
    marginals: NDArray[np.float64] = field(repr=False)
    reached: int = 0
    before: float = 0.0
    close: int = 0


def permutation(rows: int, seed: int, number: int) -> NDArray[np.int64]:
    """(rows,) int64, the order of the walk with this number."""
    return np.random.default_rng([seed, number]).permutation(rows)


class Walks:
    """Finished walks, in the order of their numbers; iterated once.

    Args:
        rows: how many there are.
        utility: what coalitions are worth; called with those of all walks under way.
        seed: of the permutations.
        empty, full: utility of no row, and of all rows.
        truncation: share of `full` within which a coalition counts as close to it; None: a walk
            goes to its end.
        patience: close coalitions in a row that end a walk.
        together: walks under way at once.
        most: how many in all; None: without end.
        kept: what `state` gave; goes on with the walk after it.
    """

    def __init__(
        self,
        rows: int,
        utility: UtilityFunction,
        *,
        seed: int,
        empty: float,
        full: float,
        truncation: float | None = None,
        patience: int = 5,
        together: int = 16,
        most: int | None = None,
        kept: Mapping[str, NDArray] | None = None,
    ) -> None:
        self.rows, self.utility, self.seed = rows, utility, seed
        self.empty, self.full = empty, full
        self.truncation, self.patience = truncation, patience
        self.together, self.most = together, most
        self.under_way: list[Walk] = []
        self.finished: dict[int, Walk] = {}
        self.begun = self.given = 0
        if kept is not None:
            self._restore(kept)

    def __iter__(self) -> Iterator[Walk]:
        while True:
            while self.given in self.finished:
                walk = self.finished.pop(self.given)
                self.given += 1
                yield walk
            if self.given == self.most:
                return
            while len(self.under_way) < self.together and self.begun != self.most:
                order = permutation(self.rows, self.seed, self.begun)
                walk = Walk(self.begun, order, np.zeros(self.rows), before=self.empty)
                self.under_way.append(walk)
                self.begun += 1
            self._one_row_further()

    def _one_row_further(self) -> None:
        worth = self.utility([walk.order[: walk.reached + 1] for walk in self.under_way])
        for walk, after in zip(self.under_way, worth.tolist(), strict=True):
            walk.marginals[walk.order[walk.reached]] = after - walk.before
            walk.before, walk.reached = after, walk.reached + 1
            close = self.truncation is not None and (
                abs(self.full - after) <= self.truncation * abs(self.full)
            )
            walk.close = walk.close + 1 if close else 0
            if walk.reached == self.rows or (
                self.truncation is not None and walk.close >= self.patience
            ):
                self.finished[walk.number] = walk
        self.under_way = [walk for walk in self.under_way if walk.number not in self.finished]

    def state(self) -> dict[str, NDArray]:
        """The walks that are under way, or wait for one of a lower number, as arrays by name.

        All of them are kept as they are, for a network's last bits may depend on those that are
        trained beside it.
        """
        walks = [*self.under_way, *self.finished.values()]
        return {
            "walks.number": np.array([walk.number for walk in walks], dtype=np.int64),
            "walks.marginals": np.array([walk.marginals for walk in walks]).reshape(-1, self.rows),
            "walks.reached": np.array([walk.reached for walk in walks], dtype=np.int64),
            "walks.before": np.array([walk.before for walk in walks], dtype=np.float64),
            "walks.close": np.array([walk.close for walk in walks], dtype=np.int64),
            "walks.under_way": np.array(len(self.under_way)),
            "walks.given": np.array(self.given),
            "walks.begun": np.array(self.begun),
        }

    def _restore(self, kept: Mapping[str, NDArray]) -> None:
        self.given, self.begun = int(kept["walks.given"]), int(kept["walks.begun"])
        walks = [
            Walk(number, permutation(self.rows, self.seed, number), marginals.copy(), *rest)
            for number, marginals, *rest in zip(
                kept["walks.number"].tolist(),
                kept["walks.marginals"],
                kept["walks.reached"].tolist(),
                kept["walks.before"].tolist(),
                kept["walks.close"].tolist(),
                strict=True,
            )
        ]
        under_way = int(kept["walks.under_way"])
        self.under_way = walks[:under_way]
        self.finished = {walk.number: walk for walk in walks[under_way:]}


def shapley_by_enumeration(rows: int, utility: UtilityFunction) -> NDArray[np.float64]:
    """(rows,) exact Shapley values from all 2^rows coalitions: the slow reference.

    Args:
        rows: how many; sensible up to about 15.
        utility: what coalitions are worth, the empty one too.
    """
    coalitions = [
        np.array(chosen, dtype=np.int64)
        for size in range(rows + 1)
        for chosen in combinations(range(rows), size)
    ]
    worth = dict(zip(map(tuple, coalitions), utility(coalitions).tolist(), strict=True))
    values = np.zeros(rows)
    for coalition, before in worth.items():
        for row in set(range(rows)) - set(coalition):
            after = worth[tuple(sorted((*coalition, row)))]
            values[row] += (after - before) / (rows * comb(rows - 1, len(coalition)))
    return values


PRESETS = [
    Preset(
        "quick",
        {"permutations": 30, "least_permutations": 10, "stop_when_settled": 0.98},
        "At most 30 permutations: a first look.",
    ),
    Preset(
        "thorough",
        {"permutations": 2000, "least_permutations": 200, "stop_when_settled": 0.9995},
        "Up to 2,000 permutations.",
    ),
    Preset(
        "paper",
        PAPER["adult-labels"],
        "As in the paper's comparison on ADULT.",
        ("classification",),
    ),
]


@register(
    "tmc-shapley",
    ShapleySettings,
    title="Shapley value (TMC)",
    help="What a row adds to a network's score on the trusted rows, averaged over all the rows it "
    "could be added to.",
    presets=PRESETS,
)
class TMCShapley(Base[ShapleySettings]):
    """Shapley values by truncated Monte Carlo, utility on the target.

    All networks share their seed, so that a coalition is worth the same wherever it is met and the
    contributions of a whole permutation sum to utility(all) - utility(none). The empty coalition
    is worth what `scores.uninformed` says: AUROC 0.5, the share of the target's commonest class,
    R² 0. The valuation's trace holds every permutation, in order `permutation(n, seed, number)`.
    """

    declared = ShapleySettings

    def steps(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        resume: Mapping[str, NDArray] | None = None,
    ) -> Iterator[Step]:
        """One step a permutation; its similarity is that permutation's marginal contributions.

        Args:
            source, target, classes: as for `value`.
            resume: what `Step.state` gave in a run with the same settings, seed and rows; goes on
                with the permutation after it.
        """
        from dvgs_core.models.stack import Member

        wanted = self.settings
        classes = agreed("tmc-shapley", source, target, classes)
        run, done, started = self.run_of(source, target, classes), 0, time.monotonic()
        mean, squares, settled = np.zeros(len(source)), np.zeros(len(source)), _Settling()
        if resume is not None:
            done = int(resume["walks.given"])
            check_state(resume, run, done=done, total=wanted.permutations)
            mean, squares = resume["mean"], resume["squares"].copy()
            settled.restore(resume)
            started -= float(resume["seconds"])
        with Utility(wanted, source, target, classes=classes, device=self.device) as utility:
            whole = Member(np.arange(len(source)), self.seed)
            full = float(utility.of([whole])[0])

            def worth(coalitions: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
                # sorted, so that the same rows give the same network whatever their order
                return utility.of([Member(np.sort(rows), self.seed) for rows in coalitions])

            walks = Walks(
                len(source),
                worth,
                seed=self.seed,
                empty=utility.empty,
                full=full,
                truncation=wanted.truncation,
                patience=wanted.patience,
                together=min(wanted.together, wanted.permutations),
                most=wanted.permutations,
                kept=resume,
            )

            def state() -> dict[str, NDArray]:
                return {
                    **walks.state(),
                    **settled.state(),
                    "mean": mean,
                    "squares": squares.copy(),
                    "seconds": np.array(time.monotonic() - started),
                    "fingerprint": run,
                }

            for count, walk in enumerate(walks, start=done + 1):
                # Welford's running mean and squared deviations
                off = walk.marginals - mean
                mean = mean + off / count
                squares += off * (walk.marginals - mean)
                settled.look(mean)
                reason = None
                if count == wanted.permutations:
                    reason = ALL_CHECKPOINTS
                elif (
                    wanted.stop_when_settled is not None
                    and count >= wanted.least_permutations
                    and settled.average >= wanted.stop_when_settled
                ):
                    reason = RANKING_SETTLED
                elif (
                    wanted.time_budget is not None
                    and time.monotonic() - started >= wanted.time_budget
                ):
                    reason = TIME_BUDGET
                error = np.full(len(source), np.nan)
                if count > 1:
                    error = np.sqrt(squares / (count - 1) / count)
                yield Step(
                    index=count - 1,
                    total=wanted.permutations,
                    similarity=walk.marginals.astype(np.float32),
                    values=mean,
                    standard_error=error,
                    target_loss=float("nan"),
                    settled=settled.average,
                    stopped_because=reason,
                    state=state,
                )
                if reason is not None:
                    return


class _Settling:
    """Rank correlation of the values before and after each of the latest five permutations."""

    def __init__(self) -> None:
        self.before: NDArray[np.float64] | None = None
        self.latest: list[float] = []

    def look(self, values: NDArray[np.float64]) -> None:
        from scipy.stats import rankdata

        ranking = rankdata(values)
        if self.before is not None:
            self.latest = [*self.latest[1 - _CORRELATIONS :], _correlation(self.before, ranking)]
        self.before = ranking

    def state(self) -> dict[str, NDArray]:
        before = {} if self.before is None else {"settling.before": self.before}
        return before | {"settling.latest": np.array(self.latest)}

    def restore(self, state: Mapping[str, NDArray]) -> None:
        self.before, self.latest = state.get("settling.before"), state["settling.latest"].tolist()

    @property
    def average(self) -> float:
        """NaN until there are five."""
        return float(np.mean(self.latest)) if len(self.latest) == _CORRELATIONS else float("nan")


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's of two rankings; 1 where both hold one tie only."""
    a, b = one - one.mean(), other - other.mean()
    lengths = float(np.sqrt((a @ a) * (b @ b)))
    if lengths == 0:
        return 1.0 if (a == b).all() else 0.0
    return float(a @ b) / lengths
