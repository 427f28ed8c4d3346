"""Auto: try the methods on rows whose damage is known, then value with those that found it.

Some of the trusted rows are damaged on purpose and put among the source; every candidate values
them there, with the other trusted rows as its target. That tells, on the user's own data, which
candidates find such damage and what their values mean. Then they value the source with the whole
target, and the mean of their ranks in all these runs, weighted by how well they did, becomes the
probability that a row is sound.

No single method is the best everywhere: on the paper's label noise the best one changes from data
set to data set, their consensus is as good as the best of them or better, and damage to features is
found by outlier scores and hardly by anything else.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.data.wording import percent
from dvgs_core.evaluation.calibration import normal_scores
from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.methods.candidates import Fear, candidates, damage_kinds
from dvgs_core.methods.registry import Preset, create, register
from dvgs_core.methods.told_apart import telling
from dvgs_core.methods.trials import NOISE, trials
from dvgs_core.methods.verdict import (
    Verdict,
    label_values_of,
    listen,
    scored_labels,
    unfinished,
)
from dvgs_core.samples import Samples, Step, Valuation
from dvgs_core.settings import Settings

#: So many trusted rows in all are wanted in trials; few of them are damaged anew several times.
_TRIAL_ROWS, _MOST_REPEATS = 200, 4
_MOST_CLASSES = 64
_NEIGHBOUR, _USUAL, _FAR = 10, 0.99, 0.05


class AutoSettings(Settings):
    """What is feared, what is tried, and how thoroughly."""

    fear: Fear = Field(
        default="auto",
        title="What may be wrong",
        description="labels: replaced by any class or by one that is easily mistaken, in a "
        "proportion that is estimated. features: noise. auto: labels where there is one (uniformly "
        "wrong ones where there are two classes), else features.",
    )
    rate: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        title="Damaged rows",
        description="Share of the source that is damaged, where it is known. Empty: estimated.",
        json_schema_extra={"unit": "share"},
    )
    use: Literal["stack or best", "stack", "best"] = Field(
        default="stack or best",
        title="Use",
        description="stack: the weighted mean of the candidates' ranks. best: the best candidate "
        "alone. stack or best: the stack, unless the best did clearly better in the trials.",
    )
    candidates: str | None = Field(
        default=None,
        title="Candidates",
        description="Methods to try, with settings, separated by commas, such as: dvgs, "
        "confident-learning set_aside=0. Empty: those that suit the task.",
    )
    folds: int = Field(
        default=5,
        ge=2,
        le=20,
        title="Folds",
        description="Parts the target is cut into; each is damaged and tried once.",
        json_schema_extra={"unit": "parts"},
    )
    repeats: int | None = Field(
        default=None,
        ge=1,
        le=20,
        title="Repeats",
        description="Times that each target row is tried, with other damage. Empty: so often that "
        "200 rows are, at most 4 times.",
        json_schema_extra={"unit": "times"},
    )
    noise: float = Field(
        default=3.0,
        gt=0,
        le=100,
        title="Largest feature noise",
        description="Of damaged features; each row draws its own strength below it.",
        json_schema_extra={"unit": "standard deviations of the feature"},
    )
    most_rows: int = Field(
        default=4000,
        ge=100,
        title="Source rows in trials",
        description="A larger source is represented by a sample of so many rows in the trials; all "
        "rows are valued afterwards.",
        json_schema_extra={"unit": "rows"},
    )


PRESETS = [
    Preset(
        "quick", {"folds": 3, "repeats": 1, "most_rows": 1000}, "Few, small trials: a first look."
    ),
    Preset("thorough", {"repeats": 10, "most_rows": 10_000}, "Many trials, on more of the rows."),
]


@register(
    "auto",
    AutoSettings,
    title="Calibrate, then choose",
    help="Probability that a row is sound, from the methods that find damage best on your rows.",
    presets=PRESETS,
)
class Auto(Base[AutoSettings]):
    """Tries methods on damaged trusted rows, then values with the best or their stacked ranks.

    A row's value is the estimated probability that it is sound, so 1 - value is that of being
    damaged. `Valuation.report` is what `Calibration.of` reads: every candidate's expected AUROC,
    precision and time, the estimated share of damaged rows, and a recommended cut. Share and cut
    are refused where the features tell source rows from target rows: damage that is found among the
    latter then says little about the former.
    """

    declared = AutoSettings

    def steps(
        self,
        source: Samples,
        target: Samples,
        *,
        classes: int | None = None,
        feature_columns: Sequence[str] | None = None,
    ) -> Iterator[Step]:
        """One step a candidate and trial, then one a candidate that is used; the last is of all.

        Values before the last step are the mean normal score of each row so far.

        Args:
            source, target: the rows to value and the trusted rows.
            classes: how many classes there are at least.
            feature_columns: (d,) the column of the table behind each feature, to name those that
                tell source rows from target rows.
        """
        begun = monotonic()
        classes = agreed("auto", source, target, classes)
        kinds = damage_kinds(self.settings.fear, source.task, classes)
        found = candidates(self.settings.candidates, source.task, kinds)
        trial_seed, sample_seed, run_seed = np.random.SeedSequence(self.seed).spawn(3)
        sample = _sample(len(source), self.settings.most_rows, sample_seed)
        folds = min(self.settings.folds, max(2, len(target) // (len(kinds) + 1)))
        repeats = self.settings.repeats or min(-(-_TRIAL_ROWS // len(target)), _MOST_REPEATS)
        plan = [
            trial
            for seed in trial_seed.spawn(repeats)
            for trial in trials(
                source.rows(sample),
                target,
                kinds,
                classes=classes,
                folds=folds,
                noise=self.settings.noise,
                seed=seed,
            )
        ]
        seeds = run_seed.generate_state(len(plan) + 1)
        total = (len(plan) + 1) * len(found)
        run = partial(self._run, classes=classes or None)
        heard = yield from listen(found, plan, seeds, run, kinds, sample, len(source), total)
        verdict = Verdict(found, heard, kinds, self.settings.use)
        spent = monotonic() - begun

        scores = np.zeros((len(found), len(source)))
        by_label: dict[int, NDArray[np.float64]] = {}
        used = np.flatnonzero(verdict.used)
        for position, c in enumerate(used):
            last = position + 1 == len(used)
            valued = run(found[c].method, found[c].settings, int(seeds[-1]), source, target)
            scores[c] = normal_scores(valued.values)
            if valued.label_values is not None and classes <= _MOST_CLASSES:
                by_label[int(c)] = scored_labels(valued.values, valued.label_values)
            if not last:
                shown = scores[used[: position + 1]].mean(axis=0)
                yield unfinished(scores[c], shown, len(plan) * len(found) + int(c), total)
        scores, weights = verdict.combined(scores)
        stacked = weights @ scores
        apart = telling(source, target, feature_columns, seed=self.seed)
        rates = verdict.judge.rates(stacked.T, self.settings.rate)
        refused = apart is not None and self.settings.rate is None
        if refused:
            rates = verdict.judge.prior
        values = verdict.judge.sound(stacked.T, rates)
        report = verdict.calibration(
            *(values, stacked.T, rates, spent),
            damaged=self.settings.rate,
            rng=np.random.default_rng([self.seed, 7]),
            apart=apart,
            refused=refused,
        )
        yield only_step(
            values,
            label_values=label_values_of(
                verdict.judge, weights, scores, by_label, values, source, rates
            ),
            index=total - 1,
            total=total,
            notes=(
                *filter(None, [report.warning]),
                *report.conclusion,
                *_far_out(source, target, kinds, self.device),
            ),
            report=report.as_mapping(),
        )

    def _run(
        self,
        method: str,
        settings: Mapping[str, Any],
        seed: int,
        source: Samples,
        target: Samples,
        *,
        classes: int | None,
    ) -> Valuation:
        made = create(method, seed=seed, device=self.device, **settings)
        return made.value(source, target, classes=classes)


def _sample(n: int, most: int, seed: np.random.SeedSequence) -> NDArray[np.int64]:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=most, replace=False))


def _far_out(
    source: Samples, target: Samples, kinds: Sequence[str], device: str
) -> tuple[str, ...]:
    """A warning where labels alone are looked at and many rows lie far from the target's."""
    if NOISE in kinds or len(target) < 2 * _NEIGHBOUR:
        return ()
    from dvgs_core.methods.outlier import neighbour_distance

    usual = neighbour_distance(target.X, target.X, _NEIGHBOUR, itself=True, device=device)
    far = neighbour_distance(source.X, target.X, _NEIGHBOUR, itself=False, device=device)
    share = float((far > np.quantile(usual, _USUAL)).mean())
    if share < _FAR:
        return ()
    return (
        f"{percent(share)} of the rows lie farther from the target's rows than 99 % of those lie "
        "from each other: their features may be damaged, which fear=features looks for.",
    )
