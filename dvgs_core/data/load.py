"""Any file that holds a table -> `Table`. Nothing is dropped, nothing is guessed in silence."""

import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from dvgs_core.data import celltypes
from dvgs_core.data.arrays import read_npy, read_npz
from dvgs_core.data.csvfile import read_csv
from dvgs_core.data.format import FileFormat
from dvgs_core.data.table import Contents, Table, check_rows, column_names
from dvgs_core.data.wording import count, listed, one_line, quoted
from dvgs_core.errors import InputError

EXTENSIONS = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".npy", ".npz")


def load(path: str | Path, *, labels: str | Path | None = None, name: str | None = None) -> Table:
    """Read a table, or embeddings and the table of labels that goes with them.

    Args:
        path: CSV, TSV, text, Parquet, XLSX, .npy or .npz file. What cannot be known from the
            ending (delimiter, quotes, encoding, decimal mark) is detected and said in the notes.
        labels: a second file with as many rows, in the same order; its columns are joined. A
            1-D .npy becomes the column `label`.
        name: what to call the table, if not by its file name.

    Returns:
        The table. Row ids are positions in the file, counted from 0. The text "?" and the usual
        marks for missing values (NA, NaN, null, #N/A ...) are missing values; blanks around
        text are no part of it.

    Raises:
        InputError: one line that says what is wrong with the file and what to do.
    """
    path = Path(path)
    name = name or path.name
    digest = hashlib.sha256()
    contents = _read(path, path.name if path.suffix else name, digest)
    if labels is not None:
        contents = _joined(contents, Path(labels), name, digest)
    check_rows(contents.frame, name)
    return Table(
        frame=contents.frame.reset_index(drop=True),
        name=name,
        sha256=digest.hexdigest(),
        format=contents.format,
        notes=contents.notes,
        embedding_columns=contents.embedding_columns,
        image_shape=contents.image_shape,
    )


def _read(path: Path, name: str, digest, *, as_labels: bool = False) -> Contents:
    suffix = Path(name).suffix.lower()
    if suffix not in EXTENSIONS:
        known = ", ".join(EXTENSIONS)
        got = f"ends in {quoted(suffix)}" if suffix else "has no ending"
        extra = "; save it as .xlsx" if suffix in (".xls", ".ods", ".xlsb") else ""
        raise InputError(f"{quoted(name)} {got}: expected one of {known}{extra}.")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no file {quoted(path)}: check the path.") from error
    except OSError as error:
        raise InputError(f"{quoted(path)} cannot be read: {error.strerror}.") from error
    digest.update(data)
    if not data:
        raise InputError(f"{quoted(name)} is empty: expected column names and rows.")
    if suffix == ".parquet":
        return _parquet(data, name)
    if suffix == ".xlsx":
        return _xlsx(data, name)
    if suffix == ".npy":
        return read_npy(data, name, as_labels=as_labels)
    if suffix == ".npz":
        return read_npz(data, name)
    return read_csv(data, suffix, name)


def _joined(features: Contents, path: Path, name: str, digest) -> Contents:
    labels = _read(path, path.name, digest, as_labels=True)
    left, right = features.frame, labels.frame
    if len(left) != len(right):
        raise InputError(
            f"{quoted(name)} has {count(len(left), 'row')} but {quoted(path.name)} has "
            f"{count(len(right), 'row')}: both need the same rows in the same order."
        )
    both = [column for column in right.columns if column in set(left.columns)]
    if both:
        raise InputError(
            f"{quoted(name)} and {quoted(path.name)} both have the column {listed(both)}: "
            "rename it in one of them."
        )
    numeric = all(pd.api.types.is_numeric_dtype(dtype) for dtype in left.dtypes)
    embedding = features.embedding_columns or (tuple(left.columns) if numeric else ())
    frame = pd.concat([right.reset_index(drop=True), left.reset_index(drop=True)], axis=1)
    return Contents(
        frame,
        features.format.model_copy(update={"labels": labels.format}),
        (*features.notes, *labels.notes),
        embedding,
        features.image_shape,
    )


def _parquet(data: bytes, name: str) -> Contents:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{quoted(name)} is not a whole Parquet file (cut off or damaged?): copy it again."
        ) from error
    column_names(table.column_names, name)
    try:
        frame = table.to_pandas()
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InputError(
            f"{quoted(name)} has a column that cannot be shown as a table: {one_line(error)}."
        ) from error
    if not isinstance(frame.index, pd.RangeIndex):
        # A named index is a column like any other; one without a name came from a sorted frame.
        frame = frame.reset_index(
            names=[n or f"index_{i}" for i, n in enumerate(frame.index.names)]
        )
    frame.columns = pd.Index(column_names(list(frame.columns), name), dtype="str")
    for field in table.schema:
        column = str(field.name).strip()
        if column not in frame.columns:
            continue
        gaps = table.column(field.name).null_count
        if pa.types.is_integer(field.type) and gaps and frame[column].dtype == "float64":
            frame[column] = table.column(field.name).to_pandas(types_mapper=_gapped_integers)
        elif pa.types.is_boolean(field.type) and frame[column].dtype == object:
            frame[column] = frame[column].astype("boolean")
        elif pa.types.is_decimal(field.type):
            frame[column] = frame[column].astype("float64")
        elif pa.types.is_float16(field.type):
            frame[column] = frame[column].astype("float32")
    frame, embedding = _spread_lists(frame, table.schema, name)
    return Contents(frame, FileFormat(kind="parquet"), (), embedding)


def _gapped_integers(kind):
    return {
        "int8": pd.Int8Dtype(),
        "int16": pd.Int16Dtype(),
        "int32": pd.Int32Dtype(),
        "int64": pd.Int64Dtype(),
        "uint8": pd.UInt8Dtype(),
        "uint16": pd.UInt16Dtype(),
        "uint32": pd.UInt32Dtype(),
        "uint64": pd.UInt64Dtype(),
    }.get(str(kind))


def _spread_lists(frame: pd.DataFrame, schema, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Turn a column of equally long lists of numbers, a common form of embeddings, to columns."""
    import pyarrow as pa

    wide: dict[str, pd.DataFrame] = {}
    for field in schema:
        column, kind = str(field.name).strip(), field.type
        lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        if not (lists or pa.types.is_fixed_size_list(kind)) or column not in frame.columns:
            continue
        if not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
            continue
        cells = frame[column]
        sizes = {len(cell) if cell is not None else 0 for cell in cells}
        if len(sizes) == 1 and min(sizes) > 0:
            array = np.stack(cells.to_list())
            array = array.astype(np.float32) if array.dtype == np.float16 else array
            labels = [f"{column}_{i}" for i in range(array.shape[1])]
            wide[column] = pd.DataFrame(array, columns=labels, index=frame.index)
    if not wide:
        return frame, ()
    frame = pd.concat([frame.drop(columns=list(wide)), *wide.values()], axis=1)
    column_names(list(frame.columns), name)
    largest = max(wide.values(), key=lambda part: part.shape[1])
    return frame, tuple(largest.columns)


def _xlsx(data: bytes, name: str) -> Contents:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that say nothing about cells
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheets = {sheet.title: _sheet_rows(sheet) for sheet in book.worksheets}
            book.close()
    except Exception as error:  # openpyxl lets zipfile, XML and its own errors through
        raise InputError(
            f"{quoted(name)} is not a readable .xlsx workbook (damaged, or with a password?): "
            "open it in a spreadsheet program and save it again."
        ) from error
    sheet = next((title for title, rows in sheets.items() if rows), None)
    if sheet is None:
        raise InputError(f"{quoted(name)} is empty: expected column names and rows.")
    rows = sheets[sheet]
    width = max(max((i + 1 for i, v in enumerate(row) if v is not None), default=0) for row in rows)
    rows = [tuple(row[:width]) + (None,) * (width - len(row)) for row in rows]
    header, body = rows[0], rows[1:]
    names = column_names(header, name)
    columns, notes = {}, []
    others = [title for title in sheets if title != sheet and sheets[title]]
    if others:
        notes.append(f"Read the sheet {quoted(sheet)}; not read: {listed(others)}.")
    for i, column in enumerate(names):
        columns[column], said = _sheet_column(column, [row[i] for row in body])
        notes += said
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(body)))
    header_text = tuple("" if cell is None else str(cell) for cell in header)
    format = FileFormat(kind="xlsx", sheet=sheet, header=header_text)
    return Contents(frame, format, tuple(notes))


def _sheet_rows(sheet) -> list[tuple]:
    """Rows from the first that is not empty to the last that is not."""
    rows = [tuple(row) for row in sheet.iter_rows(values_only=True)]
    filled = [i for i, row in enumerate(rows) if any(cell is not None for cell in row)]
    return rows[filled[0] : filled[-1] + 1] if filled else []


def _sheet_column(name: str, cells: list) -> tuple[pd.Series, list[str]]:
    """A column of a workbook, whose cells have types of their own."""
    cells = [None if isinstance(c, str) and c.strip() in celltypes.MISSING else c for c in cells]
    present = [cell for cell in cells if cell is not None]
    if not present:
        return pd.Series(np.nan, index=range(len(cells)), name=name, dtype="float64"), []
    column = pd.Series(cells, dtype=object, name=name)
    gaps = len(present) < len(cells)
    if all(isinstance(cell, bool) for cell in present):
        return column.astype("boolean" if gaps else "bool"), []
    if all(isinstance(cell, int) and not isinstance(cell, bool) for cell in present):
        if all(abs(cell) < 2**63 for cell in present):
            return column.astype("Int64" if gaps else "int64"), []
    elif all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in present):
        return column.astype("float64"), []
    if all(hasattr(cell, "year") for cell in present):
        dates = pd.to_datetime(column, errors="coerce")
        if dates.notna().sum() == len(present):
            return dates, []
    if all(isinstance(cell, str) for cell in present):
        return celltypes.typed(column.astype("str"), numbers=False)
    numbers = sum(isinstance(cell, (int, float)) for cell in present)
    note = (
        f"{quoted(name)}: mixed types, {count(numbers, 'number')} among "
        f"{count(len(present), 'cell')}; kept as text."
    )
    return column.map(str, na_action="ignore").astype("str"), [note]
