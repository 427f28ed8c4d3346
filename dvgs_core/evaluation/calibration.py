"""From scores of rows that were damaged on purpose to what scores of other rows mean.

A trial is a set of trusted rows, some of them damaged in known ways, that methods have valued among
the rows of interest. It tells how well each method finds such damage, and what a score says about a
row: how probable it is that the row is damaged, and how many are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtri
from scipy.stats import beta, rankdata

from dvgs_core.data.wording import percent

#: A method this much worse than the best, in AUROC, has 1/e of its weight in the stack.
SOFTNESS = 0.01
#: Weights below this share of the stack are left out: they cost a run and change nothing.
LEAST_WEIGHT = 0.03
_PENALTY = 10.0  # of the judge's coefficients, scikit-learn's C
_ROUNDS = 1000
_LEAST_RATE = 1e-4
#: Judges that are fitted anew to see how far the trials' rows are to be trusted, the quantiles of
#: what they foretell, and the rows it is looked at on.
_REFITTED, _OUTSIDE, _LOOKED_AT = 60, (0.05, 0.95), 1000


@dataclass(frozen=True, eq=False)
class Calibration:
    """How methods did on damaged trusted rows, and what follows for the rows of interest.

    Attributes:
        candidates: tidy frame, one line a candidate, the best first: candidate, looks_for ("labels"
            or "features"), auroc, standard_error (both expected, for damage of the estimated
            kinds), precision (expected share of damaged rows among as many lowest as there are
            damaged ones), spearman (with the strength of the noise; null without noise), seconds,
            weight (in the stack), note.
        chosen: by what is looked for, "stack" or the candidate whose values are used.
        auroc: expected of the result.
        rate: estimated share of damaged rows; None where the estimate was refused, as `warning`
            says.
        kinds: the same by kind of damage; empty then.
        cut: recommended: so many of the lowest rows are damaged with more than even odds.
        precision: expected share of damaged rows among them; None where the cut is 0.
        precision_range: what the share lies between nine times in ten, for all that trials on so
            few rows and chance can do; None where precision is.
        rows: rows of interest. trial_rows: trusted rows in the trials, and how many were damaged.
        seconds: of the trials.
        conclusion: a few sentences.
        warning: why the above may not hold for the rows of interest, and what to do; mostly "".
    """

    candidates: pd.DataFrame
    chosen: Mapping[str, str]
    auroc: float
    rate: float | None
    kinds: Mapping[str, float]
    cut: int
    precision: float | None
    rows: int
    trial_rows: int
    trial_damaged: int
    seconds: float
    conclusion: tuple[str, ...]
    warning: str = ""
    precision_range: tuple[float, float] | None = None

    def as_mapping(self) -> dict[str, Any]:
        """The same in plain numbers and text, for a JSON file; `Calibration.of` reads it."""
        plain = asdict(self) | {"chosen": dict(self.chosen), "kinds": dict(self.kinds)}
        table = self.candidates.astype(object).where(self.candidates.notna(), None)
        return plain | {"candidates": table.to_dict("records")}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Calibration":
        """What `as_mapping` gave."""
        table = pd.DataFrame(plain["candidates"])
        # a column without a number in it would come back as text
        numbers = table.columns.difference(["candidate", "looks_for", "note"])
        changed: dict[str, Any] = {
            "candidates": table.astype(dict.fromkeys(numbers, "float64")),
            "conclusion": tuple(plain["conclusion"]),
        }
        if plain.get("precision_range") is not None:
            changed["precision_range"] = tuple(plain["precision_range"])
        return cls(**{**plain, **changed})


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks as quantiles of the normal distribution, so that methods can be averaged.

    Args:
        values: (n,) higher = more helpful.

    Returns:
        (n,) about -3 to 3; ties share one; 0, which says nothing, where a value is missing.
    """
    valued = ~np.isnan(values)
    scores = np.zeros(len(values))
    scores[valued] = ndtri((rankdata(values[valued]) - 0.5) / max(valued.sum(), 1))
    return scores


def weighted_auroc(
    damaged: NDArray[np.bool_], values: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """Chance that a damaged row has a lower value than a sound one; ties count half.

    Args:
        damaged: (n,) both kinds must occur.
        values: (n,) higher = more helpful.
        weight: (n,) how often each row counts; `detection` is the case of equal weights.
    """
    levels, at = np.unique(values, return_inverse=True)
    bad = np.bincount(at, weight * damaged, len(levels))
    sound = np.bincount(at, weight * ~damaged, len(levels))
    above = sound.sum() - np.cumsum(sound)
    return float((bad * (above + sound / 2)).sum() / (bad.sum() * sound.sum()))


def auroc_error(auroc: float, damaged: int, sound: int) -> float:
    """Standard error of an AUROC.

    Source: Hanley and McNeil 1982.
    """
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    spread = (damaged - 1) * (q1 - auroc**2) + (sound - 1) * (q2 - auroc**2)
    return float(np.sqrt(max(auroc * (1 - auroc) + spread, 0) / (damaged * sound)))


def precision_at_rate(
    damaged: NDArray[np.bool_],
    values: NDArray[np.float64],
    weight: NDArray[np.float64],
    rate: float,
) -> float:
    """Expected share of damaged rows among as many lowest rows as are damaged.

    Args:
        damaged, values, weight: as in `weighted_auroc`.
        rate: share of damaged rows where it is to be expected.
    """
    share = np.where(damaged, rate, 1 - rate) * weight
    share[damaged] *= rate / share[damaged].sum()
    share[~damaged] *= (1 - rate) / share[~damaged].sum()
    levels, at = np.unique(values, return_inverse=True)
    bad = np.concatenate([[0], np.cumsum(np.bincount(at, share * damaged, len(levels)))])
    inspected = np.concatenate([[0], np.cumsum(np.bincount(at, share, len(levels)))])
    return float(np.interp(rate, inspected, bad) / rate)


def stack_weights(auroc: NDArray[np.float64]) -> NDArray[np.float64]:
    """(candidates,) weights that sum to 1: equal for equals, nothing for the clearly worse.

    A mean of ranks of good methods is mostly better than the best of them; a method that is 0.03
    worse in AUROC has a twentieth of the best one's weight.
    """
    weight = np.exp((auroc - auroc.max()) / SOFTNESS)
    weight = np.where(weight < LEAST_WEIGHT * weight.sum(), 0, weight)
    return weight / weight.sum()


class Judge:
    """Turns scores into odds: a multinomial logistic regression on the rows of the trials.

    Args:
        scores: (m, families) normal scores, lower = more likely damaged.
        kind: (m,) 0 = sound, 1 .. = kind of damage; every one occurs.
        weight: (m,) how often each row counts; None: once.
    """

    def __init__(
        self,
        scores: NDArray[np.float64],
        kind: NDArray[np.int64],
        weight: NDArray[np.float64] | None = None,
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=_PENALTY, max_iter=_ROUNDS).fit(scores, kind, weight)
        slopes, levels = model.coef_, model.intercept_
        if len(slopes) == 1:  # scikit-learn keeps one line for two classes
            slopes, levels = np.stack([0 * slopes[0], slopes[0]]), np.array([0.0, levels[0]])
        counted = np.bincount(kind, weight)
        self.prior = counted / counted.sum()
        # what the scores say, without how many rows of each kind the trials had
        self.slopes, self.levels = slopes, levels - np.log(self.prior)

    def evidence(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, kinds) log likelihood of each kind, up to a number for each row."""
        return scores @ self.slopes.T + self.levels

    def sound(self, scores: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) probability that a row is sound, where kinds occur at these (kinds,) rates."""
        weighed = self.evidence(scores) + np.log(rates)
        return np.exp(weighed[:, 0] - logsumexp(weighed, axis=1))

    def rates(
        self, scores: NDArray[np.float64], damaged: float | None = None
    ) -> NDArray[np.float64]:
        """How many rows are sound and of each kind of damage, from the spread of their scores.

        Args:
            scores: (n, families) of rows whose kinds are not known.
            damaged: share of damaged rows, where it is known; only the kinds are estimated then.

        Returns:
            (kinds,) shares that sum to 1, the maximum of the likelihood.

        Source: Saerens, Latinne and Decaestecker 2002 (prior shift by expectation maximisation).
        """
        evidence, rates = self.evidence(scores), self.prior
        for _ in range(_ROUNDS):
            weighed = evidence + np.log(rates)
            before = rates
            rates = np.exp(weighed - logsumexp(weighed, axis=1, keepdims=True)).mean(axis=0)
            rates = np.maximum(rates, _LEAST_RATE)
            if damaged is not None:
                rates[0], rates[1:] = 1 - damaged, rates[1:] * (damaged / rates[1:].sum())
            rates = rates / rates.sum()
            if np.abs(rates - before).max() < 1e-7:
                break
        return rates


def share_range(
    scores: NDArray[np.float64],
    kind: NDArray[np.int64],
    row: NDArray[np.int64],
    among: NDArray[np.float64],
    probable: NDArray[np.float64],
    lowest: NDArray[np.int64],
    *,
    damaged: float | None,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """What the share of damaged rows among the lowest lies between, nine times in ten.

    Two things make it uncertain: the trials' rows are few, which judges tell that are fitted anew
    with random weights on them; and among so many rows chance alone moves a share. Damage of
    another kind than the trials' is not in it.

    Args:
        scores, kind: what the judge was fitted on.
        row: (m,) the trusted row behind each, which has one weight however often it was tried.
        among: (n, families) scores of the rows of interest.
        probable: (n,) probability that each of them is damaged.
        lowest: (k,) positions of the lowest, at least one.
        damaged: share of damaged rows, where it is known.
        rng: of the weights.

    Returns:
        The two shares, of whole rows.

    Source: Rubin 1981, the Bayesian bootstrap.
    """
    some = among[_evenly(np.argsort(among.sum(axis=1)))]
    here = among[_evenly(lowest)]
    foretold = []
    for _ in range(_REFITTED):
        weight = rng.exponential(size=int(row.max()) + 1)[row]
        judge = Judge(scores, kind, weight / weight.mean())
        foretold.append(1 - judge.sound(here, judge.rates(some, damaged)).mean())
    p, k = probable[lowest], len(lowest)
    mean, spread = float(p.mean()), float(np.var(foretold) + (p * (1 - p)).sum() / k**2)
    if spread == 0:  # as certain as can be
        return mean, mean
    # the beta distribution with this mean and spread
    size = mean * (1 - mean) / spread - 1
    if size <= 1e-9:
        return 0.0, 1.0
    low, high = beta.ppf(_OUTSIDE, mean * size, (1 - mean) * size)
    return float(np.floor(low * k) / k), float(np.ceil(high * k) / k)


def _evenly(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Some of these positions, evenly spaced."""
    if len(order) <= _LOOKED_AT:
        return order
    return order[np.linspace(0, len(order) - 1, _LOOKED_AT).astype(np.int64)]


def told(
    candidates: pd.DataFrame,
    chosen: Mapping[str, str],
    rate: float | None,
    cut: int,
    precision: float | None,
    rows: int,
    precision_range: tuple[float, float] | None = None,
    *,
    called: Callable[[str], str],
) -> tuple[str, ...]:
    """The conclusion of a calibration, a sentence each: candidates, choice, rate and cut.

    Of a rate that is not known nothing is said: the calibration's warning says why.

    Args:
        candidates, chosen, rate, cut, precision, rows, precision_range: as in `Calibration`.
        called: what a person calls a candidate.
    """
    several = len(chosen) > 1
    said = []
    for family, name in chosen.items():
        mine = candidates[candidates["looks_for"] == family]
        best = mine[mine["note"] == ""].head(4)
        listed = ", ".join(f"{called(c.candidate)} {c.auroc:.3f}" for c in best.itertuples())
        aim = f" for damaged {family}" if several else ""
        used = mine[(mine["weight"] > 0) & (mine["candidate"] != "stack")]["candidate"]
        stacked = f"the mean rank of {_named([called(one) for one in used])}"
        how = stacked if name == "stack" else called(name)
        said.append(f"Expected AUROC{aim}: {listed}. Used: {how}.")
    untried = candidates[candidates["note"].str.startswith("not tried")]
    for name, note in untried.drop_duplicates("candidate")[["candidate", "note"]].to_numpy():
        said.append(f"{called(name)} was {note.rstrip('.')}.")
    if rate is None:
        return tuple(said)
    damaged = percent(rate, 1 if rate < 0.1 else 0)
    if cut and precision is not None:
        between = ""
        if precision_range is not None:
            low, high = map(percent, precision_range)
            between = f" ({low} to {high}, nine times in ten)"
        said.append(
            f"About {damaged} of the rows are estimated to be damaged. Recommended cut: the "
            f"{cut:,} lowest of {rows:,} rows, of which about {percent(precision)} are{between}."
        )
    else:
        said.append(
            f"About {damaged} of the rows are estimated to be damaged, none of them with more than "
            "even odds: no cut is recommended."
        )
    return tuple(said)


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
