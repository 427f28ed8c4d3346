"""Gene-expression profiles as L1000 has them, with everything about them known.

A perturbation p has a direction s_p over the genes, a mixture of a few programmes, standardised
over the genes to mean 0 and variance 1. At dose c its strength is h = potency_p · c / (c + c50_p).
Replicate r of a row is h s_p + σ e_r with e_r ~ N(0, I); the row's profile is the mean of its
replicates, as in the paper's level-5 data. So, in closed form:

    noise variance of a profile's gene              σ² / replicates
    correlation of two replicates, many genes       h² / (h² + σ²)

The latter is what the average Pearson correlation (APC) of a row estimates.

A share τ of the noise's variance may come from a few technical factors (a well's number of cells,
its RNA's quality): directions t_k over the genes, the same for all rows, each replicate somewhere
else along them, so that e_r = √(1 − τ) N(0, I) + √(τ / K) Σ_k N(0, 1) t_k. The closed forms above
still hold on average over genes and replicates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROWS_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Profiles:
    """Rows: every dose of every perturbation.

    Attributes:
        X: (rows, genes) float32, the mean of each row's replicates.
        apc: (rows,) float64, mean pairwise Pearson correlation of the replicates over the genes.
        perturbation: (rows,) int64.
        dose: (rows,) float64, in units of 1.
        strength: (rows,) float64, h.
        noise: (rows,) float64, σ, standard deviation of one replicate's noise.
    """

    X: NDArray[np.float32]
    apc: NDArray[np.float64]
    perturbation: NDArray[np.int64]
    dose: NDArray[np.float64]
    strength: NDArray[np.float64]
    noise: NDArray[np.float64]

    @property
    def expected_apc(self) -> NDArray[np.float64]:
        """(rows,) what `apc` estimates: h² / (h² + σ²)."""
        return self.strength**2 / (self.strength**2 + self.noise**2)


def average_correlation(replicates: NDArray) -> NDArray[np.float64]:
    """Mean Pearson correlation over all pairs of replicates of each row.

    With z the replicates standardised over the genes, the sum over all ordered pairs of distinct
    replicates is |Σ z|² − Σ |z|², so no pair is visited.

    Args:
        replicates: (rows, replicates, genes), at least 2 replicates, none constant.

    Returns:
        (rows,) float64 in [-1, 1].
    """
    z = np.asarray(replicates, dtype=np.float64)
    count, genes = z.shape[1:]
    z = z - z.mean(axis=2, keepdims=True)
    z /= z.std(axis=2, keepdims=True)
    together = np.square(z.sum(axis=1)).sum(axis=1) / genes
    return (together - count) / (count * (count - 1))


def generate_profiles(
    perturbations: int,
    *,
    doses: int = 6,
    replicates: int = 4,
    genes: int = 978,
    programmes: int = 40,
    shared: float = 0.0,
    factors: int = 5,
    seed: int = 0,
) -> Profiles:
    """Draw profiles; the same seed gives the same ones.

    Potency is log-normal around 0.8, so that as in L1000 most rows are weak; the noise of a
    replicate is log-normal around 1, the unit of a z-score; doses are spaced by factors of 3.

    Args:
        perturbations, doses: there are perturbations × doses rows, a perturbation's together.
        replicates: behind each profile, at least 2.
        genes, programmes: columns, and how many directions they are mixtures of.
        shared, factors: the share of the noise's variance, in [0, 1], that comes from so many
            technical factors; τ and K above.
    """
    streams = np.random.SeedSequence(seed).spawn(5)
    shapes, effects, noises, draws, technical = (np.random.default_rng(s) for s in streams)
    # few genes carry much of a programme
    shape = (programmes, genes)
    loading = shapes.standard_normal(shape) * shapes.exponential(1.0, shape)
    mixture = effects.standard_normal((perturbations, programmes))
    direction = _standardised(mixture @ loading)
    potency = 0.8 * np.exp(0.7 * effects.standard_normal(perturbations))
    half_dose = np.exp(effects.standard_normal(perturbations))
    dose = 3.0 ** (np.arange(doses) - doses // 2)

    perturbation = np.repeat(np.arange(perturbations), doses)
    doses_of_rows = np.tile(dose, perturbations)
    strength = potency[perturbation] * doses_of_rows / (doses_of_rows + half_dose[perturbation])
    noise = np.exp(0.3 * noises.standard_normal(len(perturbation)))
    factor = _standardised(technical.standard_normal((factors, genes)))
    X = np.empty((len(perturbation), genes), dtype=np.float32)
    apc = np.empty(len(perturbation))
    for start in range(0, len(perturbation), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        signal = strength[rows, None] * direction[perturbation[rows]]
        error = draws.standard_normal((len(signal), replicates, genes), dtype=np.float32)
        if shared:
            where = technical.standard_normal((len(signal), replicates, factors))
            error = (1 - shared) ** 0.5 * error + (shared / factors) ** 0.5 * (where @ factor)
        measured = signal[:, None] + noise[rows, None, None] * error
        X[rows] = measured.mean(axis=1)
        apc[rows] = average_correlation(measured)
    return Profiles(X, apc, perturbation, doses_of_rows, strength, noise)


def _standardised(directions: NDArray) -> NDArray:
    """(k, genes), each of mean 0 and variance 1 over the genes."""
    centred = directions - directions.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)
