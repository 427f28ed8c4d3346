"""Workbooks: a cleaned one from a workbook, or one from a typed table."""

import datetime
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.errors import InputError
from dvgs_core.review.edits import Edits
from dvgs_core.review.sheet_xml import Styles, cell_xml, write_book

LARGEST_ROWS, LARGEST_COLUMNS, LONGEST_CELL = 1_048_576, 16_384, 32_767

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def clean_sheet(path: Path, sheet: str, label: int | None, edits: Edits, out: Path) -> None:
    """Write a workbook with one sheet of another, without the dropped rows, with the new labels.

    Values and number formats are kept; colours, widths, formulas and other sheets are not.

    Args:
        path: the original.
        sheet: the sheet that was read.
        label: position of the label column, or None.
        edits: what to do.
        out: the file to write.
    """
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # styles and extensions that say nothing about cells
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = [[_Cell.of(cell) for cell in row] for row in book[sheet].iter_rows()]
        book.close()
    filled = [i for i, row in enumerate(rows) if any(cell.value is not None for cell in row)]
    header, *body = rows[filled[0] : filled[0] + len(edits.donors) + 1]
    body += [[] for _ in range(len(edits.donors) - len(body))]
    if label is not None and len(edits.relabelled):
        empty = _Cell(None, "General", "n")
        labels = [row[label] if label < len(row) else empty for row in body]
        labels += [_Cell.from_value(value) for value in edits.fresh]
        for row in edits.relabelled:
            body[row] += [empty] * (label + 1 - len(body[row]))
            body[row][label] = labels[edits.donors[row]]
    _write([header, *(body[row] for row in edits.rows)], sheet, out)


def write_sheet(frame: pd.DataFrame, out: Path) -> None:
    """Write a typed table as a workbook; text is text, also where it looks like a formula.

    Args:
        frame: (n, columns); times that a workbook lacks, with a zone or before 1900, are written
            as text.
        out: the file to write.

    Raises:
        InputError: a workbook cannot hold so much, or not such values.
    """
    check_sheet(frame)
    styles = Styles()
    try:
        columns = [_column(frame.iloc[:, at], styles) for at in range(frame.shape[1])]
        header = [_xml(_Cell.from_value(str(name)), styles) for name in frame.columns]
        write_book([header, *zip(*columns, strict=True)], styles, "Sheet1", out)
    except (ValueError, TypeError) as error:
        raise _refused(error) from error


def _column(values: pd.Series, styles: Styles) -> list[str]:
    """A column's cells; what comes again is made once."""
    made: dict[Any, str] = {}
    cells = []
    for value, gone in zip(values.astype(object), values.isna(), strict=True):
        if gone:
            cells.append("")
            continue
        key = (value.__class__, value)  # True is not 1
        if key not in made:
            made[key] = _xml(_Cell.from_value(value), styles)
        cells.append(made[key])
    return cells


def check_sheet(frame: pd.DataFrame) -> None:
    """Refuse a table that a workbook cannot hold, before any of it is written.

    Args:
        frame: (n, columns).

    Raises:
        InputError: too many rows or columns; a cell too long, with a control character, or
            infinite.
    """
    if len(frame) >= LARGEST_ROWS or frame.shape[1] > LARGEST_COLUMNS:
        raise InputError(
            f"A workbook holds {LARGEST_ROWS - 1:,} rows and {LARGEST_COLUMNS:,} columns; this "
            f"table has {len(frame):,} and {frame.shape[1]:,}. Export it as CSV or Parquet."
        )
    for position, name in enumerate(frame.columns):
        _check_texts([str(name)], "a name of a column")
        column = frame.iloc[:, position]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = pd.Series(column.cat.categories)
        if column.dtype.kind == "f" and np.isinf(column.to_numpy(dtype="float64")).any():
            raise InputError(
                f"A workbook cannot hold the infinite values of the column {name!r}; export the "
                "table as CSV or Parquet."
            )
        if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
            _check_texts((v for v in column if isinstance(v, str)), f"the column {name!r}")


def _check_texts(texts: Iterable[str], where: str) -> None:
    for text in texts:
        if len(text) > LONGEST_CELL:
            raise InputError(
                f"A workbook's cell holds {LONGEST_CELL:,} characters; {where} has {len(text):,} "
                "in one. Export the table as CSV or Parquet."
            )
        if _UNWRITABLE.search(text):
            raise InputError(
                f"A workbook cannot hold the control characters in {where}; export the table as "
                "CSV or Parquet."
            )


class _Cell:
    """A cell's value, number format and type."""

    __slots__ = ("format", "kind", "value")

    def __init__(self, value: Any, format: str, kind: str):
        self.value, self.format, self.kind = value, format, kind

    @classmethod
    def of(cls, cell: Any) -> "_Cell":
        return cls(cell.value, cell.number_format or "General", cell.data_type)

    @classmethod
    def from_value(cls, value: Any) -> "_Cell":
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, pd.Timestamp):
            # a workbook knows neither zones nor days before 1900
            plain = value.tzinfo is None and value.year >= 1900
            value = value.to_pydatetime() if plain else value.isoformat()
        if isinstance(value, datetime.date) and value.year < 1900:
            value = value.isoformat()
        kind = "s" if isinstance(value, str) else "n"
        return cls(value, "yyyy-mm-dd hh:mm:ss" if hasattr(value, "hour") else "General", kind)


def _write(rows: Iterable[list[_Cell]], title: str, out: Path) -> None:
    """Rows of cells that came from a workbook."""
    styles = Styles()
    try:
        pieces = ([_xml(cell, styles) for cell in row] for row in rows)
        write_book(pieces, styles, title, out)
    except (ValueError, TypeError) as error:
        raise _refused(error) from error


def _xml(cell: _Cell, styles: Styles) -> str:
    if isinstance(cell.value, str):
        if len(cell.value) > LONGEST_CELL:
            raise ValueError(f"{len(cell.value):,} characters in one")
        if _UNWRITABLE.search(cell.value):
            raise ValueError("control characters in one")
    return cell_xml(cell.value, cell.format, cell.kind == "e", styles)


def _refused(error: Exception) -> InputError:
    return InputError(
        f"A workbook cannot hold one of the cells ({str(error).splitlines()[0]}). "
        "Export the table as CSV or Parquet."
    )
