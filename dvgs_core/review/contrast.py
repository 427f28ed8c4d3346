"""How a row differs from others of its class, field by field."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from dvgs_core.data.schema import Schema
from dvgs_core.data.wording import number


class ClassContrast:
    """What is usual in each class, so that a row's unusual fields can be shown first.

    Args:
        frame: (n, columns) data.
        schema: whose features are compared, free texts (see `ClassWords`) and pixels left out.
        codes: (n,) int64 class of each row; -1 for rows of none, which count as a class of their
            own.
    """

    def __init__(self, frame: pd.DataFrame, schema: Schema, codes: NDArray[np.int64]) -> None:
        pixels = set(schema.pixels)
        names = [c.name for c in schema.features if c.name not in pixels and c.kind != "text"]
        self.columns, self.codes = {name: frame[name] for name in names}, codes
        self.numeric = [
            n for n in names if is_numeric_dtype(frame[n]) and not is_bool_dtype(frame[n])
        ]
        self.other = [n for n in names if n not in set(self.numeric)]
        numbers = frame[self.numeric].astype("float64")
        self.medians = numbers.groupby(codes).median()
        self.spread = numbers.std().replace(0, np.nan).to_numpy()
        self._shares: dict[int, dict[str, pd.Series]] = {}

    def row(self, row: int) -> pd.DataFrame:
        """A row's fields, the most unusual for its class first.

        Returns:
            Columns field, value (text), usual (median, or most frequent value, of its class),
            difference (standard deviations from the median; for other kinds 0 to 3, from the
            value's rarity in the class). Ties keep the table's order.
        """
        code, lines = int(self.codes[row]), []
        medians = self.medians.loc[code].to_numpy()
        for name, usual, spread in zip(self.numeric, medians, self.spread, strict=True):
            value = self.columns[name].iloc[row]
            apart = 0.0 if pd.isna(value) else abs(float(value) - usual) / spread
            said = number(None if pd.isna(value) else value)
            lines.append((name, said, number(usual), 0.0 if np.isnan(apart) else apart))
        for name, shares in self._class_shares(code).items():
            value = self.columns[name].iloc[row]
            usual = _text(shares.index[0]) if len(shares) else "–"
            share = shares.get(_read(value, self.columns[name]), 0.0)
            rarity = 3.0 * (1.0 - float(share) / float(shares.iloc[0]))
            lines.append((name, _text(value), usual, rarity))
        frame = pd.DataFrame(lines, columns=["field", "value", "usual", "difference"])
        return frame.sort_values("difference", ascending=False, kind="stable", ignore_index=True)

    def _class_shares(self, code: int) -> dict[str, pd.Series]:
        """For each column that holds no numbers: the shares of what is read in its cells."""
        if code not in self._shares:
            members = np.flatnonzero(self.codes == code)
            self._shares[code] = {
                name: _shares(self.columns[name].iloc[members]) for name in self.other
            }
        return self._shares[code]


def _shares(cells: pd.Series) -> pd.Series:
    """The share of each thing that is read in cells, the most frequent first.

    Cells that read alike count together; only different cells are written as text.
    """
    counts = cells.value_counts(sort=False, dropna=False)
    if not is_datetime64_any_dtype(cells.dtype):
        counts.index = pd.Index([_text(value) for value in counts.index], dtype=object)
        counts = counts.groupby(level=0, sort=False).sum()
    counts = counts.sort_values(ascending=False, kind="stable")
    return counts / len(cells)


def _read(value: object, column: pd.Series) -> object:
    """What a cell counts as: its text, or a date, of which no two read alike, itself."""
    return value if is_datetime64_any_dtype(column.dtype) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    gone = value is None or value is pd.NA or value is pd.NaT
    if gone or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float | np.floating):
        return number(float(value))
    return str(value)
