"""The column that a setting of a method names, taken from the rows that carry it."""

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.samples import Samples


def further_column(source: Samples, name: str, method: str, setting: str) -> NDArray:
    """The column that a setting names.

    Raises:
        InputError: none is named, or the rows do not carry it.
    """
    if not name:
        raise InputError(f"The method {method} needs a column as its setting {setting!r}.")
    if name not in source.columns:
        known = ", ".join(map(repr, source.columns)) or "none"
        raise InputError(
            f"The rows carry no column {name!r}; give it in Samples(columns={{{name!r}: ...}}). "
            f"Columns they carry: {known}."
        )
    return source.columns[name]


def numeric(name: str, column: NDArray) -> NDArray[np.float64]:
    """A column as numbers; a missing one stays NaN.

    Raises:
        InputError: it holds anything else, or an infinite number.
    """
    try:
        if column.dtype.kind not in "biufO" or any(isinstance(cell, str) for cell in column):
            raise ValueError
        numbers = column.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"The column {name!r} must hold numbers; it holds others. Choose another column."
        ) from None
    if np.isinf(numbers).any():
        raise InputError(
            f"The column {name!r} holds {np.isinf(numbers).sum():,} infinite numbers; replace them."
        )
    return numbers
