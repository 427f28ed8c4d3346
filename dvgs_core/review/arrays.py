"""Cleaned .npy and .npz files: the original's arrays, without the dropped rows."""

from pathlib import Path
from typing import Any

import numpy as np

from dvgs_core.errors import InputError
from dvgs_core.review.edits import Edits


def clean_npy(path: Path, embedding_columns: tuple[str, ...], edits: Edits, out: Path) -> None:
    """Write a .npy file without the dropped rows and with the new labels.

    Args:
        path: the original.
        embedding_columns: the table's names for the columns of the array.
        edits: what to do.
        out: the file to write.
    """
    array = np.load(path, allow_pickle=False)
    if array.dtype.names and edits.label in array.dtype.names:
        array[edits.label] = _relabelled(array[edits.label], edits, widen=False)
    elif edits.label == "label" and array.size == len(array) and not embedding_columns:
        # the labels of a pair, of one axis or a single column
        array = _relabelled(array.reshape(-1), edits).reshape(array.shape)
    elif edits.label in embedding_columns:
        array = _column_relabelled(array, embedding_columns.index(edits.label), edits)
    with out.open("wb") as file:
        np.save(file, array[edits.rows], allow_pickle=False)


def clean_npz(
    path: Path, features: str | None, embedding_columns: tuple[str, ...], edits: Edits, out: Path
) -> None:
    """Write an .npz file without the dropped rows and with the new labels.

    Arrays whose first axis is the rows lose those of the dropped ones; the others stay whole.

    Args:
        path: the original.
        features: name of the array that gave the columns, or None.
        embedding_columns: the table's names for its columns.
        edits: what to do.
        out: the file to write.
    """
    cleaned: dict[str, np.ndarray] = {}
    with np.load(path, allow_pickle=False) as archive:
        compressed = any(info.compress_type for info in archive.zip.infolist())
        for key in archive.files:
            array = archive[key]
            if key == edits.label and array.ndim == 1:
                array = _relabelled(array, edits)
            elif key == features and edits.label in embedding_columns:
                array = _column_relabelled(array, embedding_columns.index(edits.label), edits)
            if array.ndim and len(array) == len(edits.donors):
                array = array[edits.rows]
            cleaned[key] = array
    with out.open("wb") as file:
        # by position, since a key may be called "file"
        _save(file, cleaned, compressed)


def _save(file: Any, arrays: dict[str, np.ndarray], compressed: bool) -> None:
    import zipfile

    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as archive:
        for key, array in arrays.items():
            entry = zipfile.ZipInfo(f"{key}.npy")  # dated 1980, so that bytes do not differ
            entry.compress_type = method
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _relabelled(values: np.ndarray, edits: Edits, *, widen: bool = True) -> np.ndarray:
    """(n,) values with those of relabelled rows copied from their donors."""
    if edits.fresh:
        added = np.array(_encoded(edits.fresh, values.dtype))
        if values.dtype.kind not in "US" or not widen:
            added = _exactly(added, values.dtype)
        values = np.concatenate([values, added])
    return values[edits.donors]


def _column_relabelled(array: np.ndarray, column: int, edits: Edits) -> np.ndarray:
    flat = array.reshape(len(array), -1).copy()
    flat[:, column] = _relabelled(flat[:, column], edits)
    return flat.reshape(array.shape)


def _encoded(values: tuple, dtype: np.dtype) -> list:
    return [v.encode() for v in values] if dtype.kind == "S" else list(values)


def _exactly(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in another type, if it can hold them."""
    try:
        with np.errstate(all="raise"):
            cast = values.astype(dtype)
        same = np.array_equal(cast.astype(values.dtype), values) or dtype.kind == "f"
    except (ValueError, TypeError, OverflowError, FloatingPointError):
        same = False
    if not same:
        raise InputError(
            f"The new label {values[0]!r} does not fit an array of {dtype}; "
            "relabel those rows to a value of that type."
        )
    return cast
