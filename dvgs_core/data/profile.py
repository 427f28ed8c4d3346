"""What a table holds, in numbers: missing cells, distinct values, duplicates, classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.data.schema import Schema, read_labels

_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Profile:
    """Facts about a table under a schema.

    Attributes:
        columns: one line a column, in the table's order: name, role, kind, missing (cells),
            missing_share, distinct, examples, note.
        duplicates: rows whose features equal those of an earlier row.
        conflicts: rows whose features equal another row's while their labels differ.
        unlabelled: rows without a label.
        classes: one line a class, most frequent first: name, rows, share; empty for other tasks.
    """

    columns: pd.DataFrame
    duplicates: int
    conflicts: int
    unlabelled: int
    classes: pd.DataFrame


def profile(frame: pd.DataFrame, schema: Schema) -> Profile:
    """Look through a table.

    Raises:
        InputError: the label cannot be read as the schema has it.
    """
    lines = [
        _column(frame[column.name], column.role, column.kind, column.note)
        for column in schema.columns
    ]
    columns = pd.DataFrame(lines)
    columns["missing_share"] = columns["missing"] / max(len(frame), 1)
    classes = pd.DataFrame({"name": [], "rows": [], "share": []})
    unlabelled, labels = 0, None
    if schema.label is not None:
        labels = read_labels(frame, schema)
        unlabelled = int(labels.missing.sum())
        if schema.task == "classification":
            codes, counts = np.unique(labels.y[labels.y >= 0], return_counts=True)
            order = np.argsort(-counts, kind="stable")
            classes = pd.DataFrame(
                {
                    "name": [labels.names[code] for code in codes[order]],
                    "rows": counts[order],
                    "share": counts[order] / counts.sum(),
                }
            )
    keys = _row_keys(frame, schema)
    if keys is None:
        return Profile(columns, 0, 0, unlabelled, classes)
    conflicts = 0
    if labels is not None:
        answers = pd.Series(labels.y)
        differs = answers.groupby(keys.to_numpy()).transform("nunique") > 1
        conflicts = int(differs.to_numpy()[~labels.missing].sum())
    return Profile(columns, int(keys.duplicated().sum()), conflicts, unlabelled, classes)


def _row_keys(frame: pd.DataFrame, schema: Schema) -> pd.Series | None:
    """A hash of each row's features; None where cells cannot be hashed (arrays, say)."""
    names = [column.name for column in schema.features]
    if not names:
        return None
    try:
        return pd.util.hash_pandas_object(frame[names], index=False)
    except TypeError:
        return None


def _column(values: pd.Series, role: str, kind: str, note: str) -> dict[str, Any]:
    present = values.dropna()
    try:
        distinct = int(present.nunique())
        examples = present.drop_duplicates().head(_EXAMPLES).tolist()
    except TypeError:  # cells that cannot be compared, such as lists
        distinct, examples = len(present), present.head(_EXAMPLES).tolist()
    return {
        "name": str(values.name),
        "role": role,
        "kind": kind,
        "missing": len(values) - len(present),
        "distinct": distinct,
        "examples": ", ".join(_short(example) for example in examples),
        "note": note,
    }


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
