"""What every function of this package asks of the points it is given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError

#: Coordinates beyond this could not be squared and summed in float32's range of distances.
LARGEST_COORDINATE = 1e30


def checked_points(X: Any, name: str = "X") -> NDArray[np.floating]:
    """Points as a (n, d) float32 or float64 array without missing values.

    Args:
        X: (n, d) numbers; float32 and float64 are taken as they are, others become float64.
        name: what to call the array in an error.

    Returns:
        (n, d) float32 or float64; the array itself where nothing had to be converted.

    Raises:
        InputError: not two-dimensional, no rows or columns, not numbers, or values that are not
            finite or beyond 1e30; the message names the rows.
    """
    points = np.asarray(X)
    if points.ndim != 2 or 0 in points.shape:
        raise InputError(
            f"{name} must be a table of at least one row and one column; got shape {points.shape}."
        )
    if points.dtype.kind not in "buif":
        raise InputError(f"{name} must hold numbers; got {points.dtype}. Encode the columns first.")
    if points.dtype not in (np.float32, np.float64):
        points = points.astype(np.float64)
    # One pass without temporaries tells the common, clean case; rows are looked up only on failure.
    low, high = points.min(), points.max()
    if not (low >= -LARGEST_COORDINATE and high <= LARGEST_COORDINATE):
        usable = (np.abs(points) <= LARGEST_COORDINATE).all(axis=1)
        raise InputError(
            f"{name} must hold finite numbers up to 1e30; rows {_listed(np.flatnonzero(~usable))} "
            "do not. Fill in or drop the missing and infinite values first."
        )
    return points


def _listed(rows: NDArray[np.int64], most: int = 8) -> str:
    shown = ", ".join(str(row) for row in rows[:most])
    return shown if len(rows) <= most else f"{shown} and {len(rows) - most} more"
