"""The value scale: where a value stands between the low and the high end of its distribution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ValueScale:
    """Low, middle and high: the 1st percentile of the values, their median, and the 99th.

    So one extreme row does not turn all others grey.
    """

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: ArrayLike) -> "ValueScale":
        """The scale of some values.

        Args:
            values: (n,) float, finite; NaN where there is none. No values: 0, 0, 0.
        """
        numbers = np.asarray(values, dtype=np.float64).ravel()
        known = numbers[~np.isnan(numbers)]
        ends = np.percentile(known, [1, 50, 99]).tolist() if len(known) else [0.0, 0.0, 0.0]
        return cls(*ends)

    def place(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values stand: -1 at the low end and beyond, 0 in the middle, 1 at the high end.

        Args:
            values: any shape; NaN stays NaN.
        """
        numbers = np.asarray(values, dtype=np.float64)
        tiny = np.finfo(float).tiny
        below = (numbers - self.middle) / max(self.middle - self.low, tiny)
        above = (numbers - self.middle) / max(self.high - self.middle, tiny)
        return np.clip(np.where(numbers < self.middle, below, above), -1, 1)
