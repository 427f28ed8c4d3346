"""Whether values fall as the noise in a row rises."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from dvgs_core.data.wording import number
from dvgs_core.errors import InputError


@dataclass(frozen=True)
class NoiseCorrelation:
    """How well low values follow the strength of known noise.

    Attributes:
        spearman: rank correlation of the noise rate and the value with its sign turned, -1 to 1;
            1 = the noisier, the lower the value.
        standard_error: of `spearman`, (1 - ρ²) / √(n - 1).
        rows: how many rows have a value.
        conclusion: one sentence.
    """

    spearman: float
    standard_error: float
    rows: int
    conclusion: str


def noise_correlation(rate: ArrayLike, values: ArrayLike) -> NoiseCorrelation:
    """Spearman correlation of noise rate and -value.

    Args:
        rate: (n,) strength of the noise in each row, φ.
        values: (n,) higher = more helpful; rows where it is NaN do not count.

    Raises:
        InputError: shapes differ, a rate is missing, fewer than 3 rows, or all rates or values are
            equal.

    Source: Evans et al. 2024, section 3 and table 2.
    """
    noise, score = np.asarray(rate, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if noise.shape != score.shape or noise.ndim != 1:
        raise InputError(
            f"rate and values must be one entry a row; shapes {noise.shape} and {score.shape}."
        )
    if np.isnan(noise).any():
        raise InputError(f"{np.isnan(noise).sum()} rows have no noise rate: give 0 for none.")
    valued = ~np.isnan(score)
    noise, score = noise[valued], score[valued]
    if len(noise) < 3 or np.ptp(noise) == 0 or np.ptp(score) == 0:
        raise InputError(
            "A correlation needs at least 3 rows that differ in noise and in value; "
            f"{len(noise):,} rows have a value, with {len(np.unique(noise)):,} noise rates and "
            f"{len(np.unique(score)):,} values."
        )
    spearman = float(np.corrcoef(rankdata(noise), rankdata(-score))[0, 1])
    error = (1 - spearman**2) / np.sqrt(len(noise) - 1)
    if spearman > 2 * error:
        said = "the noisier a row, the lower its value"
    elif spearman < -2 * error:
        said = "the noisier a row, the higher its value: these values would keep the noise"
    else:
        said = "values do not tell noisy rows from others"
    conclusion = (
        f"Noise and low values have the rank correlation {number(spearman, decimals=3)} over "
        f"{len(noise):,} rows: {said}."
    )
    return NoiseCorrelation(spearman, float(error), len(noise), conclusion)
