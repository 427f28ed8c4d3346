"""From cells that are text to columns that have a type.

A column becomes numbers, truth values or dates only if every cell that is not missing is one.
Whatever is left stays text, and a remark says why when that may surprise.
"""

import re

import numpy as np
import pandas as pd

from dvgs_core.data.dates import as_dates
from dvgs_core.data.wording import count, quoted

MISSING = frozenset(
    (
        *(
            "",
            "?",
            "NA",
            "N/A",
            "n/a",
            "na",
            "NaN",
            "nan",
            "-nan",
        ),
        *(
            "-NaN",
            "NULL",
            "null",
            "None",
            "<NA>",
            "#N/A",
            "#N/A N/A",
        ),
        *(
            "#NA",
            "#NULL!",
            "#DIV/0!",
            "#VALUE!",
            "#REF!",
            "#NAME?",
            "#NUM!",
            "NaT",
        ),
        *(
            "1.#IND",
            "1.#QNAN",
            "-1.#IND",
            "-1.#QNAN",
        ),
    )
)
# Taken as missing only in a column whose other cells are numbers.
_MISSING_NUMBERS = frozenset(["-", "--", ".", "..", "–", "—", "na", "n.a.", "nil", "missing"])

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d{1,18}")
LEADING_ZERO = re.compile(r"\s*[+-]?0\d+\s*")
_DRESSED_NUMBER = re.compile(r"\D{0,4}\d[\d.,' \u00a0]*\D{0,4}")


def typed(
    cells: pd.Series, *, decimal: str = ".", numbers: bool = True
) -> tuple[pd.Series, list[str]]:
    """A column of text as numbers, truth values, dates or text without blanks around it.

    Args:
        cells: (n,) str, the text of each cell; NaN where there is none.
        decimal: decimal mark of numbers, "." or ",".
        numbers: False keeps digits as text (a workbook says which cells are numbers).

    Returns:
        (n,) column with the same index; integers with gaps are Int64, truth values with gaps
        boolean. And remarks for a person, about this column.
    """
    codes, found = pd.factorize(cells)
    levels = [text.strip() for text in found]
    frequency = np.bincount(codes[codes >= 0], minlength=len(levels))
    missing = np.array([level in MISSING for level in levels], bool)
    remarks = _missing_remarks(cells.name, levels, missing, frequency)

    present = [level for level, gone in zip(levels, missing, strict=True) if not gone]
    if not present:
        return pd.Series(np.nan, index=cells.index, name=cells.name, dtype="float64"), remarks

    if numbers:
        as_number = [_as_number(level, decimal) for level in levels]
        fine = np.array([n is not None for n in as_number], bool)
        stand_in = np.array([level.lower() in _MISSING_NUMBERS for level in levels], bool)
        zeros = any(LEADING_ZERO.fullmatch(level) for level in present)
        if fine.any() and (fine | missing | stand_in).all() and not zeros:
            also = stand_in & ~missing
            remarks += _missing_remarks(cells.name, levels, also, frequency)
            texts = [number for number in as_number if number is not None]
            return _numbers(cells, codes, texts, fine), remarks
        remarks += _kept_as_text(cells.name, levels, fine, missing, frequency, zeros)

    lowered = {level.lower() for level in present}
    if lowered <= {"true", "false"}:
        truth = np.array([level.lower() == "true" for level in levels] + [False])
        gone = np.append(missing, True)
        column = pd.array(truth[codes], dtype="boolean")
        column[gone[codes]] = pd.NA
        dtype = "boolean" if gone[codes].any() else "bool"
        return pd.Series(column, index=cells.index, name=cells.name).astype(dtype), remarks

    dates = as_dates(pd.Series(present, dtype=object))
    if dates is not None:
        read, order = dates
        per_level = np.full(len(levels) + 1, np.datetime64("NaT"), dtype=read.dtype)
        per_level[:-1][~missing] = read.to_numpy()
        if order != "year-month-day":
            remarks.append(f"{quoted(cells.name)}: dates read as {order}.")
        return pd.Series(per_level[codes], index=cells.index, name=cells.name), remarks

    values = np.array(
        [np.nan if gone else level for level, gone in zip(levels, missing, strict=True)] + [np.nan],
        dtype=object,
    )
    return pd.Series(values[codes], index=cells.index, name=cells.name, dtype="str"), remarks


def is_number(text: str, decimal: str) -> bool:
    """Whether a cell, without blanks around it, is a number written with this decimal mark."""
    return _as_number(text, decimal) is not None


def _as_number(text: str, decimal: str) -> str | None:
    """`text` with a point for decimal mark, or None if it is no number."""
    if decimal != ".":
        if "." in text:  # thousands, perhaps: 1.234 is not to become 1,234
            return None
        text = text.replace(decimal, ".")
    return text if _NUMBER.fullmatch(text) else None


def _numbers(cells: pd.Series, codes: np.ndarray, texts: list, is_number: np.ndarray) -> pd.Series:
    per_level = np.full(len(is_number) + 1, np.nan)
    per_level[:-1][is_number] = np.array(texts, dtype=object).astype("float64")
    if not all(_INTEGER.fullmatch(text) for text in texts):
        return pd.Series(per_level[codes], index=cells.index, name=cells.name)
    whole = np.zeros(len(is_number) + 1, dtype="int64")
    whole[:-1][is_number] = [int(text) for text in texts]
    gone = np.isnan(per_level)[codes]
    column: pd.Series = pd.Series(whole[codes], index=cells.index, name=cells.name)
    if gone.any():
        column = column.astype("Int64").mask(gone)
    return column


def _missing_remarks(name, levels, missing, frequency) -> list[str]:
    return [
        f"{quoted(name)}: {quoted(levels[i])} read as missing ({count(int(frequency[i]), 'row')})."
        for i in np.flatnonzero(missing)
        if levels[i]
    ]


def _kept_as_text(name, levels, is_number, missing, frequency, zeros) -> list[str]:
    rows = int(frequency[~missing].sum())
    numbers = int(frequency[is_number & ~missing].sum())
    if zeros and numbers == rows:
        return [f"{quoted(name)}: kept as text, since some numbers begin with 0."]
    if numbers >= 0.5 * rows:
        odd = next(i for i in np.flatnonzero(~is_number & ~missing))
        return [
            f"{quoted(name)}: mixed types, {count(numbers, 'number')} among "
            f"{count(rows, 'cell')}; kept as text because of {quoted(levels[odd])}."
        ]
    dressed = [bool(_DRESSED_NUMBER.fullmatch(level)) for level in levels]
    if np.all(np.array(dressed) | missing) and any(set(level) & set("%$€£,'") for level in levels):
        first = next(i for i in np.flatnonzero(~missing))
        return [f"{quoted(name)}: numbers written as text, such as {quoted(levels[first])}."]
    return []
