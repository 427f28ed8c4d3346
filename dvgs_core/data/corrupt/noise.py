"""Gaussian noise of another strength in every row, the paper's damage to features."""

from typing import Any

import numpy as np

from dvgs_core.errors import InputError


def add_feature_noise(X: Any, maximum: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Add Gaussian noise of another strength to every row.

    Row i gets an independent draw of N(0, φ_i) on every feature, φ_i uniform in [0, maximum].
    φ_i is the standard deviation, in the units of X.

    Args:
        X: (n, ...) numbers.
        maximum: largest standard deviation, ≥ 0.
        seed: the same seed, the same damage.

    Returns:
        X_new: (n, ...) in the dtype of X, or float64 if that is not a float.
        rate: (n,) float64, φ.

    Raises:
        InputError: maximum is negative or not finite.

    Source: Evans et al. 2024, section 3.
    """
    if not (np.isfinite(maximum) and maximum >= 0):
        raise InputError(f"The largest noise must be a number from 0 up, got {maximum}.")
    X = np.asarray(X)
    dtype = X.dtype if X.dtype.kind == "f" else np.dtype("float64")
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.0, maximum, size=len(X))
    noise = rng.standard_normal(X.shape, dtype=np.float64)
    noise *= rate.reshape(-1, *[1] * (X.ndim - 1))
    return (X + noise).astype(dtype), rate
