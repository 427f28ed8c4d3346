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


def read_curve(path: Path) -> "pd.DataFrame":
    """What `dvgs curve` wrote.

    Raises:
        InputError: a column is missing or holds something else, or there is no curve of the lowest.
    """
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    from dvgs_core.data.load import load
    from dvgs_core.evaluation.filtering import COLUMNS, ORDERS
    from dvgs_core.evaluation.scores import METRIC_NAMES

    frame = load(path).frame
    numbers = ["removed", "replicate", "rows", "score"]
    fits = (
        set(COLUMNS) <= set(frame.columns)
        and all(map(is_numeric_dtype, frame[numbers].dtypes))
        and bool(np.isfinite(frame[numbers].to_numpy(dtype=float)).all())
        and set(frame["which"]) <= set(ORDERS)
        and "lowest" in set(frame["which"])
        and set(frame["metric"]) <= set(METRIC_NAMES)
    )
    if not fits:
        raise InputError(
            f"{path} is no filtering curve, as `dvgs curve` writes it: it must have "
            f"{', '.join(COLUMNS)}, with numbers in {', '.join(numbers)}."
        )
    return frame


def _read(path: Path, column: str) -> "pd.DataFrame":
    import numpy as np
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
    if column == "value" and (infinite := int(np.isinf(frame[column].astype(float)).sum())):
        raise InputError(f"{path} has {infinite:,} infinite values: replace them, or leave a gap.")
    if frame["row"].duplicated().any():
        raise InputError(f"{path} has row ids that come twice; every row has one line.")
    return frame
