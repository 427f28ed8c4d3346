"""Numbers to normal scores by rank, equal ones at the middle of their ranks.

scikit-learn's QuantileTransformer does the same but at the ends: everything equal to the smallest
number becomes -5.2, however many rows that is, and so do the zeros that fill most columns of
counts. Here half of a column that is zero is as near to the middle as its ranks are.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class NormalScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A scikit-learn transformer: each column's ranks as quantiles of the normal distribution.

    Row r of n in ascending order, counted from 1, stands at (r - 1/2) / n, and equal rows at their
    mean; so a column's mean is about 0, and its standard deviation at most 1: the less, the more
    rows are equal. Numbers that come later lie between the rows on both sides, in proportion;
    beyond all rows they stand where the first or the last one does. A column of more than
    `landmarks` rows is kept as that many, evenly spread, each with its rank among all.

    Args:
        landmarks: rows kept of each column.
        sample: more rows than this are represented by so many drawn ones.
        seed: of the draw.
    """

    def __init__(self, landmarks: int = 1000, sample: int = 100_000, seed: int = 0) -> None:
        self.landmarks = landmarks
        self.sample = sample
        self.seed = seed

    def fit(self, X: ArrayLike, y: None = None) -> "NormalScores":
        """Learn the ranks of (n, columns) finite numbers."""
        numbers = validate_data(self, X, dtype=(np.float64, np.float32))
        if len(numbers) > self.sample:
            rng = np.random.default_rng(self.seed)
            numbers = numbers[rng.choice(len(numbers), size=self.sample, replace=False)]
        n = len(numbers)
        kept = np.linspace(0, n - 1, min(n, self.landmarks)).round().astype(np.int64)
        ordered = np.sort(numbers, axis=0)
        self.numbers_ = ordered[kept]  # (landmarks, columns)
        # where the first and the last row equal to each stand
        self.stands_ = np.empty((2, *self.numbers_.shape))
        for i in range(ordered.shape[1]):
            column = np.ascontiguousarray(ordered[:, i])
            first = np.searchsorted(column, self.numbers_[:, i], side="left")
            last = np.searchsorted(column, self.numbers_[:, i], side="right") - 1
            self.stands_[:, :, i] = (first + 0.5) / n, (last + 0.5) / n
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """(n, columns) normal scores of finite numbers."""
        check_is_fitted(self)
        numbers = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        scores = np.empty(numbers.shape)
        for i in range(numbers.shape[1]):
            at = np.repeat(self.numbers_[:, i], 2)
            stands = self.stands_[:, :, i].T.ravel()
            column = np.ascontiguousarray(numbers[:, i])
            # np.interp answers with the last of equal numbers, and of negated ones with the first;
            # between two landmarks both answers are the same
            last = np.interp(column, at, stands)
            first = np.interp(-column, -at[::-1], stands[::-1])
            scores[:, i] = ndtri((first + last) / 2)
        return scores
