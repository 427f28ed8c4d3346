"""What trials tell: which candidates find the damage, and what their values mean."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.wording import percent
from dvgs_core.errors import InputError
from dvgs_core.evaluation import calibration as evidence
from dvgs_core.evaluation.calibration import Calibration, Judge
from dvgs_core.methods.base import only_step
from dvgs_core.methods.candidates import Candidate, called
from dvgs_core.methods.told_apart import Telling
from dvgs_core.methods.trials import FAMILY, Trial
from dvgs_core.samples import Samples, Step

#: So far behind the best after this many damaged rows, a candidate is not tried again.
_HOPELESS, _ENOUGH = 0.15, 20
#: The best alone must beat the stack by so much in AUROC: a lesser lead is mostly luck.
_CLEARLY = 0.005


@dataclass(frozen=True, eq=False)
class Heard:
    """What the trials told: a line a candidate, a column a trusted row.

    Attributes:
        scores: (candidates, m) normal scores; NaN where a candidate was not tried.
        kind: (m,) 0 = sound, 1 .. = kind of damage.
        noise: (m,) strength of the noise.
        row: (m,) which trusted row it is; one that is tried several times has several columns.
        among: (trials, candidates, n_sample) normal scores of the source's rows; 0 where a
            candidate was not tried.
        seconds: (candidates,). notes: (candidates,) why one was given up, or "".
    """

    scores: NDArray[np.float64]
    kind: NDArray[np.int64]
    noise: NDArray[np.float64]
    row: NDArray[np.int64]
    among: NDArray[np.float64]
    seconds: NDArray[np.float64]
    notes: list[str]


def listen(
    found: Sequence[Candidate],
    plan: Sequence[Trial],
    seeds: NDArray,
    run: Any,
    kinds: Sequence[str],
    sample: NDArray[np.int64],
    n: int,
    total: int,
) -> Generator[Step, None, Heard]:
    """Let every candidate value every trial; a step each, and in the end what they told."""
    kind = np.concatenate([trial.kind for trial in plan])
    scores = np.full((len(found), len(kind)), np.nan)
    among = np.zeros((len(plan), len(found), len(sample)))
    seconds, notes = np.zeros(len(found)), [""] * len(found)
    sums, count = np.zeros(n), 0
    start = 0
    for number, trial in enumerate(plan):
        stop = start + len(trial.rows)
        for c, candidate in enumerate(found):
            if notes[c]:
                continue
            begun = monotonic()
            try:
                valued = run(
                    candidate.method,
                    candidate.settings,
                    int(seeds[number]),
                    trial.source,
                    trial.target,
                )
            except InputError as refusal:
                notes[c] = f"not tried: {refusal}"
                continue
            seconds[c] += monotonic() - begun
            one = evidence.normal_scores(valued.values)
            scores[c, start:stop] = one[len(sample) :]
            among[number, c] = one[: len(sample)]
            shown = np.full(n, np.nan)
            shown[sample] = one[: len(sample)]
            sums, count = sums + shown, count + 1
            yield unfinished(shown, sums / count, number * len(found) + c, total)
        before, enough = (kind[:start] > 0).sum(), (kind[:stop] > 0).sum() >= _ENOUGH
        if before < _ENOUGH and enough and not all(notes):
            hopeless = _hopeless(scores[:, :stop], kind[:stop], kinds, notes)
            for gone in np.flatnonzero(hopeless).tolist():
                notes[gone] = notes[gone] or f"given up after {number + 1} of {len(plan)} trials"
        start = stop
    if all(notes):
        raise InputError(f"No candidate could be tried; {found[0].label}: {notes[0]}")
    noise = np.concatenate([trial.noise for trial in plan])
    row = np.concatenate([trial.rows for trial in plan])
    return Heard(scores, kind, noise, row, among, seconds, notes)


def unfinished(shown: NDArray, values: NDArray, index: int, total: int) -> Step:
    """A step that is not the last."""
    return only_step(values, similarity=shown, index=int(min(index, total - 2)), total=total)


def _hopeless(
    scores: NDArray[np.float64], kind: NDArray[np.int64], kinds: Sequence[str], notes: list[str]
) -> NDArray[np.bool_]:
    """(candidates,) those that are far behind the best for every kind of damage."""
    hopeful = np.zeros(len(scores), bool)
    for family in dict.fromkeys(FAMILY[k] for k in kinds):
        auroc = _aurocs(scores, kind, _of_family(kinds, family), notes)
        hopeful |= auroc >= np.nanmax(auroc) - _HOPELESS
    return ~hopeful


def _of_family(kinds: Sequence[str], family: str) -> NDArray[np.float64]:
    """(kinds + 1,) how much a row of each kind counts: sound ones, and all of the family alike."""
    return np.array([1.0, *(float(FAMILY[k] == family) for k in kinds)])


def _aurocs(
    scores: NDArray[np.float64],
    kind: NDArray[np.int64],
    weight: NDArray[np.float64],
    notes: Sequence[str],
) -> NDArray[np.float64]:
    """(candidates,) AUROC, NaN for those that were given up."""
    return np.array(
        [
            np.nan if note else evidence.weighted_auroc(kind > 0, one, weight[kind])
            for one, note in zip(scores, notes, strict=True)
        ]
    )


class Verdict:
    """Which candidates are used, with which weights, and what their scores mean.

    Attributes:
        families: what is looked for, "labels" or "features" or both.
        weights: (families, candidates), each family's summing to 1.
        stacked: (m, families) scores of the trials' rows.
        judge: fitted on them.
    """

    def __init__(
        self, found: Sequence[Candidate], heard: Heard, kinds: Sequence[str], use: str
    ) -> None:
        self.found, self.heard, self.kinds = found, heard, kinds
        self.families = list(dict.fromkeys(FAMILY[kind] for kind in kinds))
        self.scores = np.where(np.isnan(heard.scores), 0, heard.scores)
        self.weights = np.stack([self._weights(family, use) for family in self.families])
        self.stacked = (self.weights @ self.scores).T
        self.judge = Judge(self.stacked, heard.kind)

    @property
    def used(self) -> NDArray[np.bool_]:
        """(candidates,) those with a weight."""
        return np.asarray(self.weights.any(axis=0))

    def _weights(self, family: str, use: str) -> NDArray[np.float64]:
        counted = _of_family(self.kinds, family)
        auroc = _aurocs(self.scores, self.heard.kind, counted, self.heard.notes)
        alone = np.zeros(len(auroc))
        alone[np.nanargmax(auroc)] = 1.0
        stack = evidence.stack_weights(np.where(np.isnan(auroc), -np.inf, auroc))
        if use == "best":
            return alone
        together = evidence.weighted_auroc(
            self.heard.kind > 0, stack @ self.scores, counted[self.heard.kind]
        )
        clear = together < np.nanmax(auroc) - _CLEARLY
        return alone if use != "stack" and clear else stack

    def combined(self, scores: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """What all runs on the whole source say together, as one run of the stack would.

        The mean of several runs ranks rows better than one run does, but it lies nearer to 0, and
        the judge has seen single runs: so the stack gets the spread of a single one back.

        Args:
            scores: (candidates, n) of the run with the whole target.

        Returns:
            (candidates, n) mean scores, and (families, candidates) weights that stack them.
        """
        among = self.heard.among
        if among.shape[-1] != scores.shape[-1]:  # trials had a sample of the source only
            return scores, self.weights
        runs = [scores, *among]
        mean = np.mean(runs, axis=0)
        single = np.mean([np.square(self.weights @ run).mean(axis=1) for run in runs], axis=0)
        together = np.square(self.weights @ mean).mean(axis=1)
        # scores that are all alike have no spread to be given back
        stretch = np.sqrt(np.divide(single, together, out=np.ones_like(single), where=together > 0))
        return mean, self.weights * stretch[:, None]

    def calibration(
        self,
        values: NDArray[np.float64],
        stacked: NDArray[np.float64],
        rates: NDArray[np.float64],
        seconds: float,
        *,
        damaged: float | None,
        rng: np.random.Generator,
        apart: Telling | None = None,
        refused: bool = False,
    ) -> Calibration:
        """The report.

        Args:
            values: (n,) probability that each row of the source is sound.
            stacked: (n, families) the scores it follows from.
            rates: (kinds + 1,) shares of sound rows and of each kind of damage.
            seconds: of the trials.
            damaged: share of damaged rows, where the user knows it.
            rng: to see how far the trials are to be trusted.
            apart: what tells source rows from target rows, if anything does.
            refused: the shares are those of the trials, since none could be estimated.
        """
        kind = self.heard.kind
        table = pd.concat(
            [self._table(family, weights, rates) for family, weights in self._by_family()],
            ignore_index=True,
        )
        chosen = {
            family: "stack" if (weights > 0).sum() > 1 else self.found[int(weights.argmax())].label
            for family, weights in self._by_family()
        }
        drawn = np.bincount(kind, minlength=len(rates))
        weight = np.concatenate([[1.0], rates[1:] / drawn[1:]])[kind]
        sound = self.judge.sound(self.stacked, rates)
        assumed = float(1 - rates[0])
        cut = 0 if refused else int((values < 0.5).sum())
        lowest = np.argsort(values, kind="stable")[:cut]
        precision = float(1 - values[lowest].mean()) if cut else None
        between = None
        if cut:
            between = evidence.share_range(
                *(self.stacked, kind, self.heard.row, stacked, 1 - values, lowest),
                damaged=damaged,
                rng=rng,
            )
        rate = None if refused else assumed
        kinds = dict(zip(self.kinds, rates[1:].tolist(), strict=True))
        if refused:
            table["precision"] = np.nan  # of a share that nobody knows
        warning = "" if apart is None else _warning(apart, assumed, refused)
        return Calibration(
            candidates=table,
            chosen=chosen,
            auroc=evidence.weighted_auroc(kind > 0, sound, weight),
            rate=rate,
            kinds={} if refused else kinds,
            cut=cut,
            precision=precision,
            rows=len(values),
            trial_rows=len(kind),
            trial_damaged=int((kind > 0).sum()),
            seconds=round(seconds, 2),
            conclusion=evidence.told(
                *(table, chosen, rate, cut, precision, len(values), between), called=called
            ),
            warning=warning,
            precision_range=between,
        )

    def _by_family(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        yield from zip(self.families, self.weights, strict=True)

    def _table(
        self, family: str, weights: NDArray[np.float64], rates: NDArray[np.float64]
    ) -> pd.DataFrame:
        """One line a candidate, and one for the stack."""
        heard = self.heard
        counts = np.bincount(heard.kind, minlength=len(rates))
        mine = _of_family(self.kinds, family)
        # damage in the estimated proportions: each kind counts as often as it occurs
        weight = mine * np.concatenate([[1.0], rates[1:] / counts[1:]])
        weight, rows = weight[heard.kind], mine[heard.kind] > 0
        damaged, rate = heard.kind > 0, float(mine[1:] @ rates[1:])
        among = (heard.noise > 0) | ~damaged
        lines = []
        stack = (weights > 0).sum() > 1
        everyone = [*zip(self.found, self.scores, weights, heard.seconds, heard.notes, strict=True)]
        if stack:
            whole = float(heard.seconds[weights > 0].sum())
            everyone.append((Candidate("stack", "", {}), weights @ self.scores, 1.0, whole, ""))
        for candidate, scores, share, seconds, note in everyone:
            line: dict[str, Any] = {"candidate": candidate.label, "looks_for": family}
            if not note:
                auroc = evidence.weighted_auroc(damaged[rows], scores[rows], weight[rows])
                counted = int((damaged & rows).sum()), int((~damaged).sum())
                line["auroc"] = auroc
                line["standard_error"] = evidence.auroc_error(auroc, *counted)
                line["precision"] = evidence.precision_at_rate(
                    damaged[rows], scores[rows], weight[rows], rate
                )
                if family == "features" and np.ptp(scores[among]) > 0:
                    line["spearman"] = pd.Series(heard.noise[among]).corr(
                        pd.Series(-scores[among]), method="spearman"
                    )
            lines.append(line | {"seconds": round(seconds, 2), "weight": share, "note": note})
        columns = ["candidate", "looks_for", "auroc", "standard_error", "precision", "spearman"]
        return (
            pd.DataFrame(lines)
            .reindex(columns=[*columns, "seconds", "weight", "note"])
            .sort_values("auroc", ascending=False, kind="stable", ignore_index=True)
        )


def _warning(apart: Telling, assumed: float, refused: bool) -> str:
    """What was found, what it does to the report, and what to do; in one line."""
    if not refused:
        return (
            f"{apart.sentence} What was tried on the target's rows may not hold for the source's: "
            f"{apart.remedy} and value again, unless the target is meant to differ."
        )
    return (
        f"{apart.sentence} So how many rows are damaged cannot be estimated from the target's: "
        f"{apart.remedy} and value again, or give the share of damaged rows (rate). Until then "
        f"values order the rows; as probabilities they assume {percent(assumed)} damaged."
    )


def scored_labels(
    values: NDArray[np.float64], label_values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, classes) the normal score each row would have under each label, others as they are."""
    valued = values[~np.isnan(values)]
    levels, at = np.unique(valued, return_inverse=True)
    scores = evidence.normal_scores(valued)
    by_level = np.bincount(at, scores) / np.bincount(at)
    return np.interp(
        np.where(np.isnan(label_values), np.median(valued), label_values), levels, by_level
    )


def label_values_of(
    judge: Judge,
    weights: NDArray[np.float64],
    scores: NDArray[np.float64],
    by_label: Mapping[int, NDArray[np.float64]],
    values: NDArray[np.float64],
    source: Samples,
    rates: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """(n, classes) probability of being sound under each label, or None if no candidate says.

    Candidates that do not look at labels keep their score; the own label's is the row's value.
    """
    if not by_label or source.y is None:
        return None
    n, classes = next(iter(by_label.values())).shape
    found = np.empty((n, classes))
    rows = np.arange(n)
    for label in range(classes):
        moved = scores.copy()
        for c, under in by_label.items():
            moved[c] += under[:, label] - under[rows, source.y]
        found[:, label] = judge.sound((weights @ moved).T, rates)
    found[rows, source.y] = values
    return found
