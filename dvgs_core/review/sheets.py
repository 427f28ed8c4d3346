"""Workbooks: a cleaned one from a workbook, or one from a typed table."""

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.errors import InputError
from dvgs_core.review.edits import Edits

LARGEST_ROWS, LARGEST_COLUMNS, LONGEST_CELL = 1_048_576, 16_384, 32_767

_DATED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONG_AGO = rb"\g<1>1980-01-01T00:00:00Z"


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
    columns = []
    for position in range(frame.shape[1]):
        values = frame.iloc[:, position].astype(object)
        columns.append(
            [
                _Cell.from_value(None if gone else value)
                for value, gone in zip(values, values.isna(), strict=True)
            ]
        )
    header = [_Cell.from_value(str(name)) for name in frame.columns]
    _write([header, *map(list, zip(*columns, strict=True))], "Sheet1", out)


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
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.utils.exceptions import IllegalCharacterError

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    try:
        for row in rows:
            line = []
            for source in row:
                if isinstance(source.value, str) and len(source.value) > LONGEST_CELL:
                    # openpyxl would cut it off in silence
                    raise ValueError(f"{len(source.value):,} characters in one")
                cell = WriteOnlyCell(sheet, source.value)
                if source.kind in "se":  # never a formula, whatever it begins with
                    cell.data_type = source.kind
                if source.format != "General":
                    cell.number_format = source.format
                line.append(cell)
            sheet.append(line)
    except (IllegalCharacterError, ValueError, TypeError) as error:
        raise InputError(
            f"A workbook cannot hold one of the cells ({str(error).splitlines()[0]}). "
            "Export the table as CSV or Parquet."
        ) from error
    buffer = io.BytesIO()
    book.save(buffer)
    _write_undated(buffer, out)


def _write_undated(buffer: io.BytesIO, out: Path) -> None:
    """The workbook without the time of writing: the same table gives the same bytes."""
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(out, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = _DATED.sub(_LONG_AGO, data)
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            copy.writestr(entry, data)
