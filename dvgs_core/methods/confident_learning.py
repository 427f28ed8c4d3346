"""Confident learning: what learners that have not seen a row's label say of it.

Source and target rows are cut into folds; each fold is predicted by a learner fitted on the others.
The least trusted source rows may then be set aside and the learners fitted again, so that wrong
labels do not teach their own kind. The target's labels are taken as they are.

Source: Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset
labels" (arXiv 1911.00068).
"""

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.base import Base, agreed, only_step, own
from dvgs_core.methods.learners import LearnerKind, chosen_strength, dealt, predictions, withheld
from dvgs_core.methods.registry import Preset, register
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings


class ConfidentLearningSettings(Settings):
    """The learner, how rows are withheld from it, and what is made of its probabilities."""

    learner: LearnerKind = Field(
        default="logistic",
        title="Learner",
        description="logistic: logistic regression (ridge where the label is a number). "
        "neighbours: the 20 nearest rows. forest: a random forest.",
    )
    folds: int = Field(
        default=5,
        ge=2,
        le=50,
        title="Folds",
        description="Parts the rows are cut into; each is predicted from the others.",
        json_schema_extra={"unit": "parts"},
    )
    set_aside: float = Field(
        default=0.3,
        ge=0,
        le=0.9,
        title="Set aside",
        description="Share of the source, the rows least trusted at first, that the learners are "
        "then fitted without.",
        json_schema_extra={"unit": "share"},
    )
    repeats: int = Field(
        default=1,
        ge=1,
        le=100,
        title="Repeats",
        description="Draws of the folds; values are their mean.",
        json_schema_extra={"unit": "draws"},
    )
    score: Literal["self-confidence", "normalised margin", "confident joint"] = Field(
        default="self-confidence",
        title="Score",
        description="self-confidence: probability of the row's own label. normalised margin: that "
        "less the highest of another label. confident joint: probability that the label is right, "
        "given also how often each class is mistaken for which. Where the label is a number: "
        "negative squared error.",
    )
    strength: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        title="Penalty",
        description="Of the weights of a logistic or ridge regression. Empty: that of 10, 100 and "
        "1000 which predicts the target's labels best.",
    )


PRESETS = [
    Preset("quick", {"folds": 3}, "Three folds: a first look."),
    Preset("thorough", {"folds": 10, "repeats": 3}, "Ten folds, dealt three times."),
]


@register(
    "confident-learning",
    ConfidentLearningSettings,
    title="Confident learning",
    help="How probable a row's label is to learners fitted on the other rows.",
    tasks=("classification", "regression"),
    presets=PRESETS,
)
class ConfidentLearning(Base[ConfidentLearningSettings]):
    """Out-of-fold probability of each source row's label."""

    declared = ConfidentLearningSettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step a draw of folds, and one before for what is known with no row set aside."""
        classes = agreed("confident-learning", source, target, classes)
        settings = self.settings
        if not classes and settings.score != "self-confidence":
            raise InputError(
                f"The score {settings.score} needs classes; the label is a number. Choose "
                "score=self-confidence."
            )
        assert source.y is not None and target.y is not None
        X, y = np.concatenate([source.X, target.X]), np.concatenate([source.y, target.y])
        n, everyone = len(source), np.ones(len(X), dtype=bool)
        folds = min(settings.folds, len(X))
        if folds < 2:
            raise InputError("Withholding rows needs at least 2 of them; choose more rows.")
        strength = settings.strength if settings.learner == "logistic" else 1.0
        early = 1 if settings.set_aside > 0 else 0
        total = settings.repeats + early
        draws, label_sums = np.zeros((settings.repeats, n)), np.zeros((n, classes))
        for repeat, draw in enumerate(np.random.SeedSequence(self.seed).spawn(settings.repeats)):
            rng = np.random.default_rng(draw)
            fold = dealt(y, folds, rng, by_class=classes > 0)
            seed = int(rng.integers(2**31))
            learned = partial(predictions, settings.learner, classes=classes, seed=seed)
            if strength is None:
                trusted = slice(n, None)
                strength, predicted = chosen_strength(learned, X, y, fold, trusted=trusted)
            else:
                predicted = withheld(partial(learned, strength=strength), X, y, fold, everyone)
            predicted = predicted[:n]
            if early:
                if repeat == 0:
                    values, label_values = self._scored(predicted, source.y, classes)
                    yield only_step(values, label_values=label_values, index=0, total=total)
                trust = own(predicted, source.y) if classes else -np.square(predicted - source.y)
                aside = np.lexsort((source.ids, trust))[: int(settings.set_aside * n)]
                kept = everyone.copy()
                kept[aside] = False
                predicted = withheld(partial(learned, strength=strength), X, y, fold, kept)[:n]
            values, label_values = self._scored(predicted, source.y, classes)
            draws[repeat] = values
            if label_values is not None:
                label_sums += label_values
            done = draws[: repeat + 1]
            yield only_step(
                done.mean(axis=0),
                label_values=label_sums / len(done) if classes else None,
                standard_error=done.std(axis=0, ddof=1) / np.sqrt(len(done)) if repeat else None,
                index=repeat + early,
                total=total,
                similarity=values,
            )

    def _scored(
        self, predicted: NDArray[np.float64], y: NDArray, classes: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """(n,) values and (n, classes) values under every label, or None."""
        if not classes:
            return -np.square(predicted - y), None
        match self.settings.score:
            case "normalised margin":
                by_label = margins(predicted)
            case "confident joint":
                by_label = corrected(predicted, y)
            case _:
                by_label = predicted
        return own(by_label, y), by_label


def margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, classes) each probability less the highest of another class, in [-1, 1]."""
    if probabilities.shape[1] < 2:
        return probabilities.copy()
    ordered = np.sort(probabilities, axis=1)
    best, second = ordered[:, -1:], ordered[:, -2:-1]
    is_best = np.arange(probabilities.shape[1]) == probabilities.argmax(axis=1)[:, None]
    return probabilities - np.where(is_best, second, best)


def confident_joint(
    probabilities: NDArray[np.float64], y: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How often rows labelled i are confidently of class j, scaled to each label's frequency.

    A class's threshold is the mean probability of it among rows labelled so. A row counts towards
    the most probable class of those whose threshold it reaches, or towards none.

    Args:
        probabilities: (n, classes), out of fold.
        y: (n,) given labels.

    Returns:
        (classes, classes) joint frequency of given label (row) and true class (column); sums to 1.

    Source: Northcutt et al. 2021, equations 1 to 3.
    """
    n, classes = probabilities.shape
    sizes = np.bincount(y, minlength=classes)
    thresholds = np.full(classes, np.inf)
    for label in np.flatnonzero(sizes):
        thresholds[label] = probabilities[y == label, label].mean()
    reached = probabilities >= thresholds
    among = np.where(reached, probabilities, -1).argmax(axis=1)
    counted = reached.any(axis=1)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (y[counted], among[counted]), 1)
    # of a label none of whose rows is confidently anything, nothing says that it is wrong
    nobody = joint.sum(axis=1) == 0
    joint[nobody, nobody] = 1
    return joint / joint.sum(axis=1, keepdims=True) * (sizes / n)[:, None]


def corrected(probabilities: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability of each class given the features and the label that the row came with.

    Bayes: the probability from the features, times how often a row of that class is given this
    label, which the confident joint says.

    Returns:
        (n, classes), each row summing to 1.
    """
    joint = confident_joint(probabilities, y)
    of_class = joint.sum(axis=0)
    given = np.divide(joint, of_class, out=np.eye(len(joint)), where=of_class > 0)
    weighted = probabilities * given[y]
    total = weighted.sum(axis=1, keepdims=True)
    # where both sources exclude every class, the features alone decide
    return np.where(total > 0, weighted / np.where(total > 0, total, 1), probabilities)
