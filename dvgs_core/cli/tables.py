"""Tables that one command writes and another reads, a line a row of the data."""

from pathlib import Path
from typing import TYPE_CHECKING

from dvgs_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def read_values(path: Path) -> "pd.DataFrame":
    """What `dvgs value` wrote: at least the columns row and value.

    Raises:
        InputError: a column is missing or holds something else, or a row comes twice.
    """
    return _read(path, "value")


def read_truth(path: Path) -> "pd.DataFrame":
    """What `dvgs corrupt` wrote beside the damaged data: at least row and corrupted.

    Raises:
        InputError: a column is missing or holds something else, or a row comes twice.
    """
    return _read(path, "corrupted")


def _read(path: Path, column: str) -> "pd.DataFrame":
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    from dvgs_core.data.load import load

    frame = load(path).frame
    absent = [wanted for wanted in ("row", column) if wanted not in frame.columns]
    if absent:
        raise InputError(
            f"{path} must have the columns row and {column}; it lacks {' and '.join(absent)}."
        )
    suits = is_bool_dtype if column == "corrupted" else is_numeric_dtype
    if not suits(frame[column].dtype) or (column == "corrupted" and frame[column].isna().any()):
        kind = "true or false in every row" if column == "corrupted" else "numbers"
        raise InputError(f"The column {column} of {path} must hold {kind}; it does not.")
    if frame["row"].duplicated().any():
        raise InputError(f"{path} has row ids that come twice; every row has one line.")
    return frame
