"""A cleaned Parquet file: the original's columns, types and metadata, without the dropped rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dvgs_core.errors import InputError
from dvgs_core.review.edits import Edits


def clean_parquet(path: Path, edits: Edits, out: Path) -> None:
    """Write a Parquet file without the dropped rows and with the new labels.

    Args:
        path: the original.
        edits: what to do.
        out: the file to write.

    Raises:
        InputError: a new label cannot be held by the column's type.
    """
    # read as the file's own table: a folder name like year=2024 above it adds no column
    file = pq.ParquetFile(path)
    table = file.read()
    for position, field in enumerate(table.schema):
        if edits.label is not None and str(field.name).strip() == edits.label:
            column = _relabelled(table.column(position), field, edits)
            table = table.set_column(position, field, column)
    stays = np.zeros(table.num_rows, dtype=bool)
    stays[edits.rows] = True
    table = table.filter(pa.array(stays))
    groups = file.metadata
    first = groups.row_group(0) if groups.num_row_groups else None
    codec = first.column(0).compression if first is not None and first.num_columns else "SNAPPY"
    pq.write_table(
        table,
        out,
        compression="NONE" if codec == "UNCOMPRESSED" else codec,
        row_group_size=max(first.num_rows, 1) if first is not None else None,
    )


def _relabelled(column: pa.ChunkedArray, field: pa.Field, edits: Edits) -> pa.ChunkedArray:
    if edits.fresh:
        column = _extended(column, field, edits.fresh)
    return column.take(pa.array(edits.donors))


def _extended(column: pa.ChunkedArray, field: pa.Field, fresh: tuple) -> pa.ChunkedArray:
    """The column with new values after its last row."""
    kind = field.type
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        values = _array(fresh, plain)
        if not pa.types.is_dictionary(kind):
            return pa.chunked_array([*column.chunks, values], type=kind)
        codes = pa.array(np.arange(len(values)), type=kind.index_type)
        added = pa.DictionaryArray.from_arrays(codes, values, ordered=kind.ordered)
        return pa.chunked_array([*column.chunks, added], type=kind).unify_dictionaries()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        listed = ", ".join(map(repr, fresh[:3]))
        raise InputError(
            f"The new label {listed} does not fit the column {field.name!r} of type {kind}; "
            "relabel those rows to a value of that type."
        ) from error


def _array(values: tuple, kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values).cast(kind)  # decimals come from the typed table as floats
