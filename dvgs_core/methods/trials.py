"""Trials: trusted rows, damaged in known ways, on which methods can show what they find."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dvgs_core.data.corrupt import add_feature_noise, corrupt_labels
from dvgs_core.data.corrupt.labels import integer
from dvgs_core.errors import InputError
from dvgs_core.methods.learners import dealt, predictions
from dvgs_core.samples import Samples

UNIFORM, MISTAKEN, REPLACED, NOISE = (
    "uniform labels",
    "confusable labels",
    "replaced labels",
    "noisy features",
)
#: What a method must look at to find each kind of damage.
FAMILY = {UNIFORM: "labels", MISTAKEN: "labels", REPLACED: "labels", NOISE: "features"}
#: Share of a trial's rows that are damaged: more than in most data, because an AUROC does not
#: depend on it and is the sharper, the more damaged rows there are.
DAMAGED = 0.3
_PENALTY = 30.0  # of the learner that says which labels a person could mistake


@dataclass(frozen=True, eq=False)
class Trial:
    """Damaged trusted rows among the source.

    Attributes:
        source: the source rows, then the trial's.
        target: the trusted rows that are not in the trial.
        rows: (m,) positions of the trial's rows among the trusted ones.
        kind: (m,) 0 = sound, 1 .. = position among the kinds of damage, from 1.
        noise: (m,) standard deviation of the noise added to each row's features; 0 = none.
    """

    source: Samples
    target: Samples
    rows: NDArray[np.int64]
    kind: NDArray[np.int64]
    noise: NDArray[np.float64]


def trials(
    source: Samples,
    trusted: Samples,
    kinds: Sequence[str],
    *,
    classes: int,
    folds: int,
    noise: float,
    seed: np.random.SeedSequence,
) -> list[Trial]:
    """One trial a fold of the trusted rows; each row is in one.

    Args:
        source: the rows of interest.
        trusted: rows taken to be sound; neither they nor the source are changed.
        kinds: of damage, of those named above; a trial's damaged rows are shared among them.
        classes: how many classes there are, 0 where the label is none.
        folds: how many trials.
        noise: largest standard deviation of noise, in each feature's own among trusted rows.
        seed: of folds and damage.

    Raises:
        InputError: too few trusted rows for a damaged and a sound one in each trial.
    """
    fold_seed, *seeds = seed.spawn(1 + folds)
    labels = trusted.y if classes and trusted.y is not None else np.zeros(len(trusted), np.int64)
    fold = dealt(labels, folds, np.random.default_rng(fold_seed), by_class=classes > 0)
    least = int(np.bincount(fold, minlength=folds).min())
    if least < len(kinds) + 1:
        raise InputError(
            f"Calibration needs at least {folds * (len(kinds) + 1)} target rows for {folds} folds; "
            f"{len(trusted)} came: choose more target rows, or fewer folds."
        )
    found = []
    for number, one in enumerate(seeds):
        rows, rest = np.flatnonzero(fold == number), trusted.rows(fold != number)
        damaged, kind, strength = _damaged(
            trusted.rows(rows), rest, kinds, classes, noise * trusted.X.std(axis=0), one
        )
        found.append(Trial(_joined(source, damaged), rest, rows, kind, strength))
    return found


def _damaged(
    rows: Samples,
    rest: Samples,
    kinds: Sequence[str],
    classes: int,
    spread: NDArray,
    seed: np.random.SeedSequence,
) -> tuple[Samples, NDArray[np.int64], NDArray[np.float64]]:
    """The rows with damage, its kind, and the noise's strength."""
    each, draws = seed.spawn(2)
    rng = np.random.default_rng(draws)
    n = len(rows)
    count = max(1, round(DAMAGED * n / len(kinds)))
    free, kind, strength = np.ones(n, bool), np.zeros(n, np.int64), np.zeros(n)
    X, y = rows.X.copy(), None if rows.y is None else rows.y.copy()
    # confusable labels choose their rows by how hard these are, so they choose first
    order = sorted(range(len(kinds)), key=lambda i: kinds[i] != MISTAKEN)
    for i, spawned in zip(order, each.spawn(len(kinds)), strict=True):
        able = np.flatnonzero(free)
        if kinds[i] == MISTAKEN:
            assert y is not None
            hit, new = _mistaken(rows, rest, able, count, classes, rng)
            y[hit] = new
        else:
            hit = rng.choice(able, size=count, replace=False)
            if kinds[i] == NOISE:
                noise, rate = add_feature_noise(
                    np.zeros((count, X.shape[1])), 1.0, integer(spawned)
                )
                X[hit] += (noise * spread).astype(np.float32)
                strength[hit] = rate
            elif kinds[i] == UNIFORM:
                assert y is not None
                y[hit], _ = corrupt_labels(
                    y[hit], 1.0, integer(spawned), classes=np.arange(classes)
                )
            else:
                assert y is not None and rest.y is not None
                y[hit] = _replaced(y[hit], rest.y, rng)
        kind[hit], free[hit] = i + 1, False
    return replace(rows, X=X, y=y), kind, strength


def _replaced(own: NDArray, others: NDArray, rng: np.random.Generator) -> NDArray:
    """For each number one of the others, and another than itself."""
    new = rng.choice(others, size=len(own))
    for i in np.flatnonzero(new == own):
        unlike = others[others != own[i]]
        if not len(unlike):
            raise InputError(
                "Nothing can be tried on labels that are all alike: choose other target rows, or "
                "another label."
            )
        new[i] = rng.choice(unlike)
    return new


def _mistaken(
    rows: Samples,
    rest: Samples,
    able: NDArray[np.int64],
    count: int,
    classes: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that a learner is unsure of, the unsurer the likelier, and what they are taken for."""
    assert rows.y is not None and rest.y is not None
    probable = predictions(
        "logistic", rest.X, rest.y, rows.X, classes=classes, seed=0, strength=_PENALTY
    )
    probable[np.arange(len(rows)), rows.y] = 0
    probable += 1e-6 * (np.arange(classes) != rows.y[:, None])  # every other class can be drawn
    doubt = probable.sum(axis=1)[able]
    hit = rng.choice(able, size=count, replace=False, p=doubt / doubt.sum())
    drawn = [rng.choice(classes, p=p / p.sum()) for p in probable[hit]]
    return hit, np.array(drawn, dtype=np.int64)


def _joined(source: Samples, rows: Samples) -> Samples:
    """The source's rows, then others under ids of their own."""
    first = int(source.ids.max()) + 1
    both = {name: source.columns[name] for name in source.columns if name in rows.columns}
    return Samples(
        np.concatenate([source.X, rows.X]),
        None if source.y is None or rows.y is None else np.concatenate([source.y, rows.y]),
        np.concatenate([source.ids, np.arange(first, first + len(rows))]),
        {name: np.concatenate([both[name], rows.columns[name]]) for name in both},
    )
