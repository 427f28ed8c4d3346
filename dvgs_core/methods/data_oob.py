"""Data-OOB: how well a row is predicted by the bagged trees that were grown without it.

Every tree of a random forest is grown on a bootstrap draw and misses about 37 % of the rows; those
trees that miss a row are a fair jury of its label. One forest values all rows.

Source: Kwon and Zou 2023, "Data-OOB: out-of-bag estimate as a simple and efficient data value"
(arXiv 2304.07718).
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.base import Base, agreed, only_step, own
from dvgs_core.methods.registry import Preset, register
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings

_TREES_A_STEP = 25


class DataOobSettings(Settings):
    """The forest, the rows it grows on, and what its trees say of a row."""

    trees: int = Field(
        default=500,
        ge=10,
        le=20_000,
        title="Trees",
        description="Trees of the forest, each grown on rows drawn with replacement.",
        json_schema_extra={"unit": "trees"},
    )
    rows: Literal["source and target", "source"] = Field(
        default="source and target",
        title="Grown on",
        description="Rows the trees are grown on. The method's paper has the source alone; the "
        "trusted rows help.",
    )
    score: Literal["forest", "trees"] = Field(
        default="forest",
        title="Score",
        description="forest: the probability that the trees without the row give its label, or the "
        "negative squared error of their mean. trees: the share of them that are right, or their "
        "mean negative squared error, as in the method's paper.",
    )
    leaf: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="Least rows a leaf",
        description="A leaf of a tree holds so many rows at least.",
        json_schema_extra={"unit": "rows"},
    )


PRESETS = [
    Preset("quick", {"trees": 100}, "100 trees: a first look."),
    Preset("thorough", {"trees": 2000}, "2,000 trees."),
]


@register(
    "data-oob",
    DataOobSettings,
    title="Out of bag (Data-OOB)",
    help="How well a forest's trees that were grown without a row predict its label.",
    tasks=("classification", "regression"),
    presets=PRESETS,
)
class DataOob(Base[DataOobSettings]):
    """Out-of-bag accuracy of each source row, from bagged trees.

    A row that no tree misses (possible with few trees) has no value.
    """

    declared = DataOobSettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step every 25 trees; values are those of all trees so far."""
        classes = agreed("data-oob", source, target, classes)
        assert source.y is not None and target.y is not None
        X, y = source.X, source.y
        if self.settings.rows == "source and target":
            X, y = np.concatenate([X, target.X]), np.concatenate([y, target.y])
        if len(X) < 2:
            raise InputError("Trees need at least 2 rows to grow on; choose more rows.")
        n = len(source)
        jury = _Jury(source.y, classes, self.settings.score)
        starts = range(0, self.settings.trees, _TREES_A_STEP)
        seeds = np.random.SeedSequence(self.seed).generate_state(len(starts))
        for index, (start, seed) in enumerate(zip(starts, seeds.tolist(), strict=True)):
            trees = min(_TREES_A_STEP, self.settings.trees - start)
            before = jury.values if index else np.zeros(n)
            for tree, seen, present in self._grown(X, y, classes, trees, seed):
                missed = np.flatnonzero(~seen[:n])
                if len(missed) and classes:
                    found = np.zeros((len(missed), classes))
                    found[:, present] = tree.predict_proba(source.X[missed])
                    jury.hear(missed, found)
                elif len(missed):
                    jury.hear(missed, tree.predict(source.X[missed]))
            done, values = start + trees, jury.values
            yield only_step(
                values,
                label_values=jury.label_values,
                standard_error=jury.standard_error,
                notes=_never(values) if done == self.settings.trees else (),
                index=index,
                total=len(starts),
                # what these trees alone say, from the means before and after them
                similarity=(values * done - before * start) / trees,
            )

    def _grown(
        self, X: NDArray, y: NDArray, classes: int, trees: int, seed: int
    ) -> Iterator[tuple[Any, NDArray[np.bool_], NDArray[np.int64]]]:
        """Each tree, which rows it has seen, and the classes it knows."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        make = RandomForestClassifier if classes else RandomForestRegressor
        features = {} if classes else {"max_features": 1 / 3}
        forest = make(
            trees, min_samples_leaf=self.settings.leaf, n_jobs=-1, random_state=seed, **features
        ).fit(X, y)
        present = forest.classes_ if classes else np.zeros(0, dtype=np.int64)
        for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
            seen = np.zeros(len(X), dtype=bool)
            seen[drawn] = True
            yield tree, seen, present


class _Jury:
    """What trees have said so far of rows they have not seen.

    Args:
        y: (n,) labels of the rows.
        classes: how many, or 0.
        score: "forest" or "trees".
    """

    def __init__(self, y: NDArray, classes: int, score: str) -> None:
        self.y, self.classes, self.score = y, classes, score
        self.count = np.zeros(len(y))
        self.said = np.zeros((len(y), classes)) if classes else np.zeros(len(y))
        self.sums, self.squares = np.zeros(len(y)), np.zeros(len(y))

    def hear(self, rows: NDArray[np.int64], found: NDArray[np.float64]) -> None:
        """One tree's predictions for rows it has not seen."""
        if self.classes and self.score == "trees":
            found = np.eye(self.classes)[found.argmax(axis=1)]
        y = self.y[rows]
        each = own(found, y) if self.classes else -np.square(found - y)
        self.count[rows] += 1
        self.said[rows] += found
        self.sums[rows] += each
        self.squares[rows] += np.square(each)

    @property
    def values(self) -> NDArray[np.float64]:
        """(n,) NaN where no tree has missed the row."""
        with np.errstate(invalid="ignore"):
            if self.classes or self.score == "trees":
                return self.sums / self.count
            return -np.square(self.said / self.count - self.y)

    @property
    def label_values(self) -> NDArray[np.float64] | None:
        """(n, classes), or None."""
        with np.errstate(invalid="ignore"):
            return self.said / self.count[:, None] if self.classes else None

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """(n,) of the mean over trees; NaN where fewer than two have missed the row."""
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(self.squares - self.sums**2 / self.count, 0) / (self.count - 1)
            found = np.sqrt(variance / self.count)
        return np.where(self.count > 1, found, np.nan)


def _never(values: NDArray[np.float64]) -> tuple[str, ...]:
    without = int(np.isnan(values).sum())
    if not without:
        return ()
    return (f"{without:,} rows have no value: every tree was grown on them. Grow more trees.",)
