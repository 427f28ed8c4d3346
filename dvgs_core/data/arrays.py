""".npy and .npz files. Pickled objects are never loaded."""

import io
import zipfile

import numpy as np
import pandas as pd

from dvgs_core.data.format import FileFormat
from dvgs_core.data.table import Contents
from dvgs_core.data.wording import count, listed, one_line, quoted
from dvgs_core.errors import InputError

_FEATURE_NAMES = ("features", "embeddings", "embedding", "x", "x_train", "data", "images", "arr_0")


def read_npy(data: bytes, name: str, *, as_labels: bool = False) -> Contents:
    """A table from one array: columns x0, x1, ...; or one column `label` from a 1-D array.

    Args:
        data: bytes of the file.
        name: for messages.
        as_labels: a 1-D array is wanted.

    Raises:
        InputError: not an array file, pickled, or an array without two axes.
    """
    array = _array(data, name, name)
    if array.dtype.names:
        columns = {str(field): array[field] for field in array.dtype.names}
        if array.ndim != 1 or any(values.ndim != 1 for values in columns.values()):
            raise InputError(f"{quoted(name)}: a structured array must have one axis.")
        frame = pd.DataFrame({field: _column(values) for field, values in columns.items()})
        return Contents(frame, FileFormat(kind="npy"))
    if as_labels and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and as_labels:
        return Contents(pd.DataFrame({"label": _column(array)}), FileFormat(kind="npy"))
    if array.ndim < 2:
        raise InputError(
            f"{quoted(name)} holds an array of shape {array.shape}: expected rows and columns; "
            "one axis is enough only for the labels that go with embeddings."
        )
    frame, shape = _features(array, "x", name)
    return Contents(frame, FileFormat(kind="npy"), (), tuple(frame.columns), shape)


def read_npz(data: bytes, name: str) -> Contents:
    """A table from the arrays of an archive.

    The array with two or more axes (named features, embeddings, X ... if there are several)
    gives the columns x0, x1, ...; arrays with one axis and as many entries become columns of
    their own name. The others are named in the notes.

    Raises:
        InputError: not an archive, pickled, or no array that could be a table.
    """
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        keys = list(archive.files)
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{quoted(name)} is not a readable .npz file; save it again.") from error
    arrays = {}
    for key in keys:
        try:
            arrays[key] = archive[key]
        except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(_refusal(f"array {quoted(key)} of {quoted(name)}", error)) from error

    wide = {key: array for key, array in arrays.items() if array.ndim >= 2}
    named = [key for want in _FEATURE_NAMES for key in wide if key.lower() == want]
    chosen = named[0] if named else max(wide, key=lambda key: wide[key].size, default=None)
    flat = {key: array for key, array in arrays.items() if array.ndim == 1}
    if chosen is None and not flat:
        raise InputError(f"{quoted(name)} holds no array with rows: expected one named features.")
    rows = len(arrays[chosen]) if chosen else max(len(array) for array in flat.values())
    notes = []
    left_out = [
        f"{key} {array.shape}"
        for key, array in arrays.items()
        if key != chosen and (array.ndim != 1 or len(array) != rows)
    ]
    if left_out:
        notes.append(
            f"{count(len(left_out), 'array')} not used, for want of one axis with {rows:,} "
            f"entries: {listed(left_out)}."
        )
    columns = {k: _column(a, k) for k, a in flat.items() if len(a) == rows}
    if chosen is None:
        return Contents(pd.DataFrame(columns), FileFormat(kind="npz"), tuple(notes))
    prefix = "x" if not any(key[:1] == "x" and key[1:].isdigit() for key in columns) else "feature_"
    features, shape = _features(arrays[chosen], prefix, name)
    embedding = tuple(features.columns)
    frame = pd.concat([pd.DataFrame(columns, index=features.index), features], axis=1)
    format = FileFormat(kind="npz", array=chosen)
    return Contents(frame, format, tuple(notes), embedding, shape)


def _array(data: bytes, what: str, name: str) -> np.ndarray:
    if not data:
        raise InputError(f"{quoted(name)} is empty: expected an array.")
    if not data.startswith((b"\x93NUMPY", b"PK", b"\x80")):
        raise InputError(f"{quoted(name)} is not a readable array: save it again with numpy.save.")
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise InputError(_refusal(quoted(what), error)) from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{quoted(name)} holds several arrays: give it the ending .npz.")
    return array


def _refusal(what: str, error: Exception) -> str:
    if "pickle" in str(error).lower():
        return (
            f"{what} holds pickled Python objects, which are never loaded because they can run "
            "code: save plain numbers or text instead."
        )
    return f"{what} is not a readable array ({one_line(error, 80)}): save it again."


def _features(array: np.ndarray, prefix: str, name: str) -> tuple[pd.DataFrame, tuple | None]:
    """A wide array as columns; the shape of a row if it had more than one axis."""
    shape = tuple(int(size) for size in array.shape[1:])
    if array.size == 0:
        raise InputError(f"{quoted(name)} holds an array of shape {array.shape}: it is empty.")
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool) or np.iscomplexobj(array):
        raise InputError(
            f"{quoted(name)} holds an array of {array.dtype}: expected numbers without a unit."
        )
    array = array.reshape(len(array), -1)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    frame = pd.DataFrame(
        np.ascontiguousarray(array), columns=[f"{prefix}{i}" for i in range(array.shape[1])]
    )
    return frame, shape if len(shape) > 1 else None


def _column(values: np.ndarray, name: str = "label") -> pd.Series:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    if values.dtype.kind == "U":
        return pd.Series(values.astype(object), dtype="str")
    if values.dtype.kind not in "biufM":
        raise InputError(f"{quoted(name)} is an array of {values.dtype}: expected numbers or text.")
    return pd.Series(values.astype(values.dtype.newbyteorder("=")))
