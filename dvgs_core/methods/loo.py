"""Leave one out: what the utility of all source rows loses when one of them is missing.

One network is trained on the whole source and one more for each row, without it; all start alike,
draw the same batches and the same dropout, so that nothing but the missing row tells them apart.
They are trained in lock step: with n rows it is n + 1 trainings, n² row passes an epoch.

Source: Cook 1977; Evans et al. 2024, section 3, for the comparison with DVGS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.evaluation.utility import Utility, UtilitySettings
from dvgs_core.methods.base import Base, agreed
from dvgs_core.methods.registry import Preset, register
from dvgs_core.methods.resume import check_state
from dvgs_core.samples import Samples, Step
from dvgs_core.stopping import ALL_CHECKPOINTS

# Each step writes a number a row, so there are not many more of them however many rows there are.
_MOST_STEPS = 100


class LOOSettings(UtilitySettings):
    """The network whose score is compared with and without each row."""

    repeats: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Repeats",
        description="Values are the mean of so many runs from different initialisations; with one "
        "there is no standard error.",
        json_schema_extra={"unit": "runs"},
    )


_TABLES: dict[str, Any] = dict(epochs=200, max_steps=None, batch=250, learning_rate=1e-4)
#: The settings of the paper's comparison, by experiment (its public configuration files).
PAPER: dict[str, dict[str, Any]] = dict.fromkeys(
    ("adult-labels", "blog-labels", "adult-noise", "blog-noise"), _TABLES
)


PRESETS = [
    Preset("quick", {"epochs": 20}, "Short training: a first look."),
    Preset("thorough", {"repeats": 5}, "Five trainings a row instead of one."),
    Preset(
        "paper",
        PAPER["adult-labels"],
        "As in the paper's comparison on ADULT.",
        ("classification",),
    ),
]


@register(
    "loo",
    LOOSettings,
    title="Leave one out (LOO)",
    help="How much worse a network does on the trusted rows when the row is missing from training.",
    presets=PRESETS,
)
class LOO(Base[LOOSettings]):
    """Utility of the whole source minus its utility without the row, on the target."""

    declared = LOOSettings

    def steps(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        resume: Mapping[str, NDArray] | None = None,
    ) -> Iterator[Step]:
        """At most about 100 steps; a row's value is NaN until its network is trained.

        Args:
            source, target, classes: as for `value`.
            resume: what `Step.state` gave in a run with the same settings, seed and rows; goes on
                with the step after it.

        Yields:
            A step's similarity is what it adds: the values of this repeat's latest rows, NaN
            elsewhere. `values` are means over the repeats that have reached the row.
        """
        from dvgs_core.models.stack import Member

        classes = agreed("loo", source, target, classes)
        n, repeats = len(source), self.settings.repeats
        if n < 2:
            raise InputError("To leave one row out takes at least 2 source rows; there is one.")
        found = np.full((repeats, n), np.nan)
        seeds = np.random.SeedSequence(self.seed).generate_state(repeats).tolist()
        everything = np.arange(n)
        whole = np.ones(n, dtype=np.float32)
        run = self.run_of(source, target, classes)
        with Utility(self.settings, source, target, classes=classes, device=self.device) as utility:
            # no smaller than what is trained at once
            size = max(-(-n * repeats // _MOST_STEPS), utility.stack.together(n))
            stretches, first = -(-n // size), 0
            if resume is not None:
                stretches, first = int(resume["stretches"]), int(resume["done"])
                check_state(resume, run, done=first, total=repeats * stretches)
                found = resume["found"].copy()
            groups = np.array_split(everything, stretches)
            total = repeats * stretches

            def state(done: int) -> dict[str, NDArray]:
                return {
                    "found": found.copy(),
                    "stretches": np.array(stretches),
                    "done": np.array(done),
                    "fingerprint": run,
                }

            for index in range(first, total):
                repeat, group = divmod(index, stretches)
                seed, rows = seeds[repeat], groups[group]
                if group == 0 or index == first:
                    reference = utility.of([Member(everything, seed, whole)])[0]
                members = []
                for row in rows:
                    without = whole.copy()
                    without[row] = 0
                    members.append(Member(everything, seed, without))
                found[repeat, rows] = reference - utility.of(members)
                similarity = np.full(n, np.nan, dtype=np.float32)
                similarity[rows] = found[repeat, rows]
                values, error = _summary(found)
                yield Step(
                    index=index,
                    total=total,
                    similarity=similarity,
                    values=values,
                    standard_error=error,
                    target_loss=float("nan"),
                    stopped_because=ALL_CHECKPOINTS if index + 1 == total else None,
                    state=partial(state, index + 1),
                )


def _summary(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors of (repeats, n) values of which some are still NaN."""
    known = np.isfinite(found)
    count = known.sum(axis=0)
    kept = np.where(known, found, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = kept.sum(axis=0) / count
        squares = np.where(known, np.square(found - mean), 0).sum(axis=0)
        error = np.sqrt(squares / (count - 1) / count)
    return mean, np.where(count > 1, error, np.nan)
