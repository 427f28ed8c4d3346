"""The three learners of scikit-learn that methods here predict labels with, under one call."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError

LearnerKind = Literal["logistic", "neighbours", "forest"]
NEIGHBOURS = 20
#: Penalties to choose from where none is given: wide tables need the strong ones.
STRENGTHS = (10.0, 100.0, 1000.0)
_TREES = 300
# Multiply-adds of one pass from which linear algebra gains from threads of its own; below, they
# wait for one another: on two busy cores 50 times the processor time for 2,500 rows of 256.
_WORTH_SPLITTING = 100_000_000


def predictions(
    kind: LearnerKind,
    X: NDArray[np.float32],
    y: NDArray,
    X_new: NDArray[np.float32],
    *,
    classes: int,
    seed: int,
    strength: float = 100.0,
    balanced: bool = False,
) -> NDArray[np.float64]:
    """What a learner fitted on labelled rows predicts of others.

    logistic     logistic regression, or ridge regression where the label is a number
    neighbours   share of each class among the 20 nearest rows, or their mean
    forest       300 trees, three rows a leaf at least

    Args:
        kind: one of these three.
        X, y: (n, features) rows and their (n,) class codes or numbers.
        X_new: (m, features) rows to predict.
        classes: how many classes there are; 0 where the label is a number.
        seed: of the forest's draws.
        strength: of the penalty on a logistic or ridge regression's weights; sklearn's 1 / C.
        balanced: each class carries the same weight; logistic and forest only.

    Returns:
        (m, classes) probabilities, 0 for a class that no row of X has; or (m,) numbers.
    """
    from threadpoolctl import threadpool_limits  # scikit-learn's own

    work = X.size * max(1, classes) if kind == "logistic" else len(X_new) * X.size
    with threadpool_limits(None if work > _WORTH_SPLITTING else 1, user_api="blas"):
        return _predictions(kind, X, y, X_new, classes, seed, strength, balanced)


def _predictions(
    kind: str,
    X: NDArray[np.float32],
    y: NDArray,
    X_new: NDArray[np.float32],
    classes: int,
    seed: int,
    strength: float,
    balanced: bool,
) -> NDArray[np.float64]:
    if classes == 0:
        return _regressor(kind, len(X), seed, strength).fit(X, y).predict(X_new).astype(np.float64)
    found = np.zeros((len(X_new), classes))
    present = np.unique(y)
    if len(present) == 1:  # scikit-learn refuses one class; who has seen one only is sure of it
        found[:, present[0]] = 1
        return found
    learner = _classifier(kind, len(X), seed, strength, "balanced" if balanced else None)
    found[:, present] = learner.fit(X, y).predict_proba(X_new)
    return found


def withheld(
    learned: Callable[..., NDArray[np.float64]],
    X: NDArray[np.float32],
    y: NDArray,
    fold: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Predictions of every row by learners fitted on the kept rows of all other folds.

    Args:
        learned: `predictions` of one kind of learner: (X, y, X_new) -> what it says of X_new.
        X, y: (n, features) rows and their (n,) labels.
        fold: (n,) which fold a row is in.
        kept: (n,) which rows learners may be fitted on.

    Returns:
        (n, classes) probabilities, or (n,) numbers.

    Raises:
        InputError: nothing is left to fit on for some fold.
    """
    parts, order = [], []
    for number in range(int(fold.max()) + 1):
        judged = fold == number
        fitted_on = kept & ~judged
        if not fitted_on.any():
            raise InputError(
                "There are too few rows to withhold some and fit on the others; choose more rows."
            )
        parts.append(learned(X[fitted_on], y[fitted_on], X[judged]))
        order.append(np.flatnonzero(judged))
    found = np.concatenate(parts)
    found[np.concatenate(order)] = found.copy()
    return found


def chosen_strength(
    learned: Callable[..., NDArray[np.float64]],
    X: NDArray[np.float32],
    y: NDArray,
    fold: NDArray[np.int64],
    *,
    trusted: slice = slice(None),
) -> tuple[float, NDArray[np.float64]]:
    """The penalty under which the labels of trusted rows are predicted best, each withheld.

    Args:
        learned: takes `strength`.
        X, y, fold: as for `withheld`.
        trusted: rows by whose labels the penalties are judged.

    Returns:
        It, and the predictions of every row that it gave.
    """
    everyone = np.ones(len(X), dtype=bool)
    tried = {
        strength: withheld(partial(learned, strength=strength), X, y, fold, everyone)
        for strength in STRENGTHS
    }
    best = min(STRENGTHS, key=lambda strength: misfit(tried[strength][trusted], y[trusted]))
    return best, tried[best]


def dealt(y: NDArray, folds: int, rng: np.random.Generator, *, by_class: bool) -> NDArray[np.int64]:
    """(n,) the fold of each row: shuffled, then dealt out in turn, class after class.

    Folds differ in size by one row at most, and by one row of each class at most.
    """
    order = rng.permutation(len(y))
    if by_class:
        order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), dtype=np.int64)
    fold[order] = np.arange(len(y)) % folds
    return fold


def misfit(predicted: NDArray[np.float64], y: NDArray) -> float:
    """Mean negative log probability of the labels, or mean squared error; lower is better."""
    if predicted.ndim == 1:
        return float(np.square(predicted - y).mean())
    own = np.take_along_axis(predicted, y[:, None], axis=1)
    return float(-np.log(np.maximum(own, 1e-6)).mean())


def _classifier(kind: str, rows: int, seed: int, strength: float, weight: str | None) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    match kind:
        case "logistic":
            return LogisticRegression(C=1 / strength, max_iter=500, class_weight=weight)
        case "neighbours":
            return KNeighborsClassifier(min(NEIGHBOURS, rows), algorithm="brute")
        case "forest":
            return RandomForestClassifier(
                _TREES, min_samples_leaf=3, class_weight=weight, n_jobs=-1, random_state=seed
            )
    raise ValueError(f"Unknown learner {kind!r}; known: logistic, neighbours, forest.")


def _regressor(kind: str, rows: int, seed: int, strength: float) -> Any:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    match kind:
        case "logistic":
            return Ridge(alpha=strength)
        case "neighbours":
            return KNeighborsRegressor(min(NEIGHBOURS, rows), algorithm="brute")
        case "forest":
            return RandomForestRegressor(_TREES, min_samples_leaf=3, n_jobs=-1, random_state=seed)
    raise ValueError(f"Unknown learner {kind!r}; known: logistic, neighbours, forest.")
