"""What the values of one column are."""

import re
from typing import Any, Literal

import pandas as pd

from dvgs_core.data.dates import as_dates

_FEW = 20  # distinct texts that are a category whatever they look like
_MANY_WORDS = 4
_SAMPLE = 2000


def kind_of(column: pd.Series) -> Literal["numeric", "category", "boolean", "date", "text"]:
    """How the values of a column are to be read as a feature."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype):
        return "numeric"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    present = column.dropna()
    if len(present) == 0 or not isinstance(present.iloc[0], str):
        if len(present) and hasattr(present.iloc[0], "year"):
            return "date"
        return "category"
    sample = present.iloc[:: max(1, len(present) // _SAMPLE)]
    if as_dates(sample.str.strip()) and as_dates(present.drop_duplicates().str.strip()):
        return "date"
    distinct = present.nunique()
    if distinct <= _FEW and distinct < len(present):
        return "category"
    words = sample.str.count(r"\S+").mean()
    mostly_unique = distinct > 0.5 * len(present)
    # Reviews and notes are text even if some are repeated; long names of a category are not.
    if words > _MANY_WORDS and (mostly_unique or (words > 2 * _MANY_WORDS and distinct > 50)):
        return "text"
    return "category"


def holds_bytes(present: pd.Series) -> bool:
    """Whether a column without gaps holds bytes."""
    return len(present) > 0 and isinstance(present.iloc[0], (bytes, bytearray, memoryview))


def holds_containers(present: pd.Series) -> bool:
    """Whether a column without gaps holds lists, arrays or records instead of single values."""
    if present.dtype != object:
        return False
    return any(
        hasattr(value, "__len__") and not isinstance(value, (str, bytes, bytearray))
        for value in present
    )


def words(name: str) -> frozenset[str]:
    """The words of a column name: `patientId`, `patient_id` and `patient 2 id` are alike."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return frozenset(word for word in re.split(r"[\W_\d]+", apart.lower()) if word)


def described(column: pd.Series) -> str:
    """'text', 'dates' ...: what a column holds, for a message."""
    kind = kind_of(column)
    if kind == "category" and pd.api.types.is_numeric_dtype(column.dtype):
        return "numbers"
    return {
        "numeric": "numbers",
        "boolean": "truth values",
        "date": "dates",
        "category": "text",
        "text": "text",
    }[kind]


def sort_key(value: Any) -> tuple:
    """Orders values of one type by themselves and mixed types by the type's name."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, (int, float)):
        return ("number", value)
    if isinstance(value, str):
        return ("str", value)
    return (type(value).__name__, str(value))
