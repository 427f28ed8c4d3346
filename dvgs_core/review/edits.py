"""A recipe's decisions, said in a way that holds for every kind of file.

A new label is a label that some other row has already, nearly always. So a relabelled cell is
copied from such a row, whatever the file and the column are made of: text keeps its spelling,
codes stay codes, types stay types. Only a label that no row has must be made into the column's
type; those are put after the last row, and copied from there.
"""

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.errors import InputError
from dvgs_core.review.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Edits:
    """What becomes of a table with n rows.

    Attributes:
        rows: (kept,) int64, ids of the rows that stay, ascending.
        label: the label column; None if no label changes.
        donors: (n,) int64, the row from which each row's label is copied, mostly its own; n + i
            is the i-th of `fresh`.
        fresh: labels that no row has, in the type of the column's values.
        codes: (n,) int64, equal for rows with equal labels; -1 where there is none.
    """

    rows: np.ndarray
    label: str | None
    donors: np.ndarray
    fresh: tuple[Any, ...]
    codes: np.ndarray

    @property
    def relabelled(self) -> np.ndarray:
        """(changed,) int64, ids of the rows whose label is copied from another place."""
        return np.flatnonzero(self.donors != np.arange(len(self.donors)))


def check_rows(recipe: Recipe, n: int) -> None:
    """Refuse a recipe that names rows beyond the n that there are.

    Raises:
        InputError: one of them, and the rows there are.
    """
    for row in (*recipe.dropped, *recipe.relabelled):
        if not 0 <= row < n:
            raise InputError(
                f"The recipe names row {row}, but {recipe.original.name} has rows 0 to {n - 1:,}."
            )


def edits_of(recipe: Recipe, frame: pd.DataFrame) -> Edits:
    """What a recipe does to a table.

    Args:
        recipe: its rows are those of the table.
        frame: (n, columns) typed table of the original.

    Raises:
        InputError: the label column is not there, or a label does not fit its type.
    """
    n = len(frame)
    kept = np.ones(n, dtype=bool)
    dropped = np.array(recipe.dropped, dtype=np.int64)
    changed = np.array(sorted(recipe.relabelled), dtype=np.int64)
    check_rows(recipe, n)
    kept[dropped] = False
    rows = np.flatnonzero(kept)
    donors = np.arange(n)
    if not len(changed):
        return Edits(rows, None, donors, (), np.full(n, -1))
    if recipe.label is None or recipe.label not in frame.columns:
        raise InputError(
            f"The recipe changes labels in the column {recipe.label!r}, which "
            f"{recipe.original.name} does not have."
        )
    column = frame[recipe.label]
    codes, values = pd.factorize(column)
    known = _first_rows(codes, values)
    fresh: list[Any] = []
    places: dict[Any, int] = {}
    for row in changed.tolist():
        label = recipe.relabelled[row]
        place = known.get(_text(label), places.get(_text(label)))
        if place is None:
            place = places[_text(label)] = n + len(fresh)
            fresh.append(_fitted(label, column))
        # a row that already reads so keeps its own cell
        donors[row] = (
            row if place < n and _text(_plain(column.iloc[row])) == _text(label) else place
        )
    return Edits(rows, recipe.label, donors, tuple(fresh), codes)


def _first_rows(codes: np.ndarray, values: Any) -> dict[str, int]:
    """The first row that has each value, by the value's text."""
    present, first = np.unique(codes, return_index=True)
    return {
        _text(_plain(values[code])): int(row)
        for code, row in zip(present, first, strict=True)
        if code >= 0
    }


def _text(value: Any) -> str:
    """A label as pages show it; 1.0 reads 1, so that it is found whatever type it came as."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _fitted(label: Any, column: pd.Series) -> Any:
    """A label that no row has, in the type of the column's values."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _fitted(label, pd.Series(dtype.categories, name=column.name))
    try:
        if pd.api.types.is_bool_dtype(dtype):
            return {"true": True, "false": False}[str(label).lower()]
        if pd.api.types.is_integer_dtype(dtype):
            return _whole(label, getattr(dtype, "numpy_dtype", dtype))
        if pd.api.types.is_float_dtype(dtype):
            return float(label)
        if pd.api.types.is_datetime64_any_dtype(dtype):
            moment = pd.Timestamp(label)
            zone = getattr(dtype, "tz", None)
            return moment if zone is None or moment.tzinfo else moment.tz_localize(zone)
        if isinstance(dtype, pd.StringDtype):
            return str(label)
        present = column.dropna()
        kind = type(present.iloc[0]) if len(present) else str
        if kind is datetime.date:
            return datetime.date.fromisoformat(str(label))
        if kind in (str, int, float):
            return kind(label)
    except (KeyError, ValueError, TypeError, OverflowError):
        pass
    raise InputError(
        f"The new label {label!r} does not fit the column {column.name!r}, which holds "
        f"{dtype}; relabel those rows to a value of that type."
    )


def _whole(label: Any, dtype: np.dtype) -> int:
    number = int(label) if not isinstance(label, float) or label.is_integer() else None
    limits = np.iinfo(dtype)
    if number is None or not limits.min <= number <= limits.max:
        raise ValueError(label)
    return number
