"""CSV and its relatives: typed, as exact cells, and written back in the same manner."""

import csv
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from dvgs_core.data import celltypes
from dvgs_core.data.format import FileFormat
from dvgs_core.data.table import Contents, column_names
from dvgs_core.data.textfile import Dialect, Scanned, decode, detect_dialect, scan, split_preamble
from dvgs_core.data.wording import count, listed, one_line, quoted
from dvgs_core.errors import InputError

_SAMPLE_ROWS = 1000
_SAMPLE_CHARACTERS = 4_000_000
_NEVER_CLOSED = re.compile(r"EOF inside string starting at row (\d+)")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}


def read_csv(data: bytes, suffix: str, name: str) -> Contents:
    """A typed table from the bytes of a CSV file; how it was read is found out here.

    Raises:
        InputError: the file is empty, no text, has no rows, or is broken.
    """
    if not data.strip():
        raise InputError(f"{quoted(name)} is empty: expected column names and rows.")
    text, encoding = decode(data, name)
    if not text.strip("\ufeff \t\r\n"):
        raise InputError(f"{quoted(name)} is empty: expected column names and rows.")
    preamble, body = split_preamble(text)
    dialect = detect_dialect(body, suffix)
    if preamble.strip().lower().startswith("sep="):
        dialect = Dialect(preamble.strip()[4])
    scanned = scan(text, dialect, name)
    names = _names(scanned, name)
    if scanned.rows == 0:
        raise InputError(f"{quoted(name)} has column names but no rows: add rows below them.")

    decimal, as_text = _decimal_mark(scanned, dialect, names, name)
    format = FileFormat(
        kind="csv",
        delimiter=dialect.delimiter,
        quotechar=dialect.quotechar,
        escapechar=dialect.escapechar,
        skip_initial_space=dialect.skip_initial_space,
        quote_all=scanned.quote_all,
        encoding=encoding,
        decimal=decimal,
        line_terminator=scanned.line_terminator,
        final_newline=scanned.final_newline,
        preamble=scanned.preamble,
        header=scanned.header,
    )
    frame = _parse(
        scanned,
        dialect,
        names,
        name,
        decimal=decimal,
        keep_default_na=False,
        na_values=[""],
        dtype=dict.fromkeys(as_text, "str"),
    )
    frame, remarks = _settle(frame, scanned, dialect, names, name, decimal)
    notes = [_how(format, len(names))]
    if scanned.blank_lines:
        notes.append(f"{count(scanned.blank_lines, 'blank line')} inside the file: not rows.")
    if scanned.short:
        notes.append(
            f"{count(scanned.short, 'line')} with fewer cells than there are names (first: line "
            f"{scanned.first_short:,}); the cells that lack are missing."
        )
    if any(_is_number(cell) for cell in scanned.header):
        notes.append("The first line was taken as column names, but some of them are numbers.")
    return Contents(frame, format, (*notes, *remarks))


def read_cells(path: str | Path, format: FileFormat) -> pd.DataFrame:
    """Every cell of a CSV file as the text that stands in the file, nothing interpreted.

    Args:
        path: the file that `load` read.
        format: its `Table.format`.

    Returns:
        (n, columns) of str, with the rows and the column names of the typed table, in its order.
        An empty cell is "".

    Raises:
        InputError: not a CSV file, or no longer the file that `format` describes.
    """
    path = Path(path)
    if format.kind != "csv" or format.delimiter is None or format.encoding is None:
        raise InputError(f"Only CSV files have cells of text; {quoted(path.name)} has none.")
    dialect = Dialect(
        format.delimiter, format.quotechar or '"', format.escapechar, format.skip_initial_space
    )
    try:
        text = path.read_bytes().decode(format.encoding)
    except OSError as error:
        raise InputError(f"{quoted(path.name)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{quoted(path.name)} is not written as {format.encoding} any more: load it again."
        ) from error
    scanned = scan(text, dialect, path.name)
    if format.header is not None and scanned.header != format.header:
        raise InputError(
            f"{quoted(path.name)} has other columns than when it was loaded: load it again."
        )
    return _raw(scanned, dialect, _names(scanned, path.name), path.name)


def write_cells(frame: pd.DataFrame, path: str | Path, format: FileFormat) -> None:
    """Write cells of text as CSV, in the manner of the file they came from.

    Delimiter, quotes, encoding, line ends and the original column names are kept; cells are
    quoted where they must be, or everywhere if the original did so.

    Args:
        frame: (rows, columns) of str; a missing cell is written as an empty one.
        path: written whole, or not at all.
        format: `Table.format` of the original.

    Raises:
        InputError: a text cannot be written in the original's encoding.
    """
    path = Path(path)
    delimiter, encoding = format.delimiter or ",", format.encoding or "utf-8"
    header = format.header or ()
    original = dict(zip(_header_names(header), header, strict=True))
    first = [original.get(column, column) for column in frame.columns]
    terminator = format.line_terminator or "\n"

    lines = _Lines(terminator)
    lines.parts.append(format.preamble)
    columns = [frame[column].astype(object).tolist() for column in frame.columns]
    rows = [first, *map(list, zip(*columns, strict=True))]
    rows = [["" if _gone(cell) else str(cell) for cell in row] for row in rows]

    def writer(quoting: int):
        return csv.writer(
            lines,
            delimiter=delimiter,
            quotechar=format.quotechar or '"',
            escapechar=format.escapechar,
            doublequote=format.escapechar is None,
            # Both characters of this line end are then quoted in a cell; _Lines replaces it.
            lineterminator="\r\n",
            quoting=quoting,  # type: ignore[arg-type]
        )

    if format.quote_all:
        writer(csv.QUOTE_ALL).writerows(rows)
    elif len(first) == 1:
        _write_single_column(lines, [row[0] for row in rows], writer)
    else:
        writer(csv.QUOTE_MINIMAL).writerows(rows)
    text = "".join(lines.parts)
    if not format.final_newline:
        text = text.removesuffix(terminator)
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError as error:
        raise InputError(
            f"{quoted(error.object[error.start : error.end])} cannot be written in the file's "
            f"encoding {encoding}: use other characters, or save the original as UTF-8."
        ) from error
    path.write_bytes(data)


class _Lines:
    """Collects what csv.writer writes, one record a call, with the line end that is wanted."""

    def __init__(self, terminator: str) -> None:
        self.parts: list[str] = []
        self._terminator = terminator

    def write(self, line: str) -> None:
        self.parts.append(line[:-2] + self._terminator)


def _write_single_column(lines: _Lines, cells: list[str], writer) -> None:
    """An empty cell is an empty line, except where blank lines are no rows: at both ends."""
    filled = [i for i, cell in enumerate(cells) if cell.strip()]
    last = filled[-1] if filled else 0
    minimal, everywhere = writer(csv.QUOTE_MINIMAL), writer(csv.QUOTE_ALL)
    for i, cell in enumerate(cells):
        if not cell and 0 < i < last:
            lines.write("\r\n")
        elif not cell.strip():
            everywhere.writerow([cell])
        else:
            minimal.writerow([cell])


def _gone(cell: object) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and cell != cell)


def _header_names(header: tuple[str, ...]) -> list[str]:
    return column_names(header, "the file") if header else []


def _names(scanned: Scanned, name: str) -> list[str]:
    numbers = sum(_is_number(cell) for cell in scanned.header)
    hint = " (is its first line a row, not the column names?)" if numbers else ""
    return column_names(scanned.header, name, hint=hint)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse(scanned: Scanned, dialect: Dialect, names: list[str], name: str, **options):
    """pandas' C parser on the rows that `scan` counted."""
    text = options.pop("text", scanned.text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text, newline=""),
                sep=dialect.delimiter,
                quotechar=dialect.quotechar,
                escapechar=dialect.escapechar,
                skipinitialspace=dialect.skip_initial_space,
                header=0,
                names=names,
                index_col=False,
                skip_blank_lines=False,
                low_memory=False,
                **options,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        opened = _NEVER_CLOSED.search(str(error))
        if opened:
            raise InputError(
                f"{quoted(name)} opens a quote in row {int(opened[1]):,} below the column names "
                "and never closes it: close it, or write it twice in a cell between quotes."
            ) from error
        raise InputError(
            f"{quoted(name)} cannot be read as CSV: {one_line(error)}. "
            "Check that quotes are closed and cells with delimiters are quoted."
        ) from error
    if "nrows" not in options and len(frame) != scanned.rows:
        raise InputError(
            f"{quoted(name)} has quotes that can be read in two ways ({scanned.rows:,} or "
            f"{len(frame):,} rows): put every cell that contains a quote between quotes."
        )
    return frame


def _raw(scanned: Scanned, dialect: Dialect, names: list[str], name: str, **options):
    frame = _parse(scanned, dialect, names, name, dtype="str", na_filter=False, **options)
    return frame.fillna("") if frame.isna().any(axis=None) else frame


def _beginning(text: str, dialect: Dialect) -> str:
    """The whole records at the beginning of a long text; a short one as it is."""
    if len(text) <= _SAMPLE_CHARACTERS:
        return text
    lines = list(io.StringIO(text[:_SAMPLE_CHARACTERS], newline=""))
    reader = dialect.records(iter(lines))
    ends = [reader.line_num for _ in reader]  # type: ignore[attr-defined]
    return "".join(lines[: ends[-2]]) if len(ends) > 1 else text  # the last record may be cut


def _decimal_mark(
    scanned: Scanned, dialect: Dialect, names: list[str], name: str
) -> tuple[str, list[str]]:
    """The mark with which more columns are numbers; and columns whose numbers begin with 0."""
    text = _beginning(scanned.text, dialect)
    cells = _raw(scanned, dialect, names, name, text=text, nrows=_SAMPLE_ROWS)
    as_text, counts = [], {".": 0, ",": 0}
    for column in names:
        values = pd.Series(cells[column].unique())
        values = [value.strip() for value in values]
        values = [value for value in values if value not in celltypes.MISSING]
        if any(celltypes.LEADING_ZERO.fullmatch(value) for value in values):
            as_text.append(column)
        for mark in counts:
            fits = bool(values) and all(celltypes.is_number(value, mark) for value in values)
            counts[mark] += fits
    return ("," if counts[","] > counts["."] else "."), as_text


def _settle(frame, scanned, dialect, names, file, decimal) -> tuple[pd.DataFrame, list[str]]:
    """Give types to the columns that pandas left as text, and whole numbers to gapped integers."""
    remarks: list[str] = []
    columns: dict[str, pd.Series] = {}
    gapped = []
    for name in names:
        column = frame[name]
        if column.dtype == object and column.map(type).isin([bool, float]).all():
            columns[name] = column.astype("boolean")  # truth values with gaps
        elif column.dtype == object:  # whole numbers beyond 64 bits
            columns[name] = column.map(str, na_action="ignore").astype("str")
            remarks.append(f"{quoted(name)}: numbers too long to count with; kept as text.")
        elif isinstance(column.dtype, pd.StringDtype):
            columns[name], said = celltypes.typed(column, decimal=decimal)
            remarks += said
        else:
            columns[name] = column
            if column.dtype == "float64":
                values = column.to_numpy()
                present = values[~np.isnan(values)]
                whole = np.isfinite(present).all() and (present == np.floor(present)).all()
                if 0 < len(present) < len(values) and whole:
                    gapped.append(name)
    if gapped:
        cells = _raw(scanned, dialect, names, file, usecols=gapped)
        for name in gapped:
            texts = cells[name].str.strip()
            if texts.str.fullmatch(r"[+-]?\d{1,18}|").all():
                gone = (texts == "").to_numpy(dtype=bool)
                whole = texts.mask(gone, "0").to_numpy(dtype=object).astype("int64")
                columns[name] = pd.Series(pd.arrays.IntegerArray(whole, gone))
    empty = [name for name in names if columns[name].isna().all()]
    if empty:
        remarks.append(f"{count(len(empty), 'column')} without any value: {listed(empty)}.")
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame))), remarks


def _how(format: FileFormat, columns: int) -> str:
    delimiter = _NAMES.get(format.delimiter or "", repr(format.delimiter))
    cells = f"{delimiter} between cells" if columns > 1 else "one column"
    decimal = ", comma as decimal mark" if format.decimal == "," else ""
    sure = "" if (format.encoding or "").startswith("utf") else ": check letters with accents"
    encoding = {"utf-8-sig": "utf-8"}.get(format.encoding or "", format.encoding)
    return f"Read as {encoding}, {cells}{decimal}{sure}."
