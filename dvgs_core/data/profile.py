"""What a table holds, in numbers: missing cells, distinct values, duplicates, classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.schema import Labels, Schema, read_labels

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
        codes: (n,) int64, the same number for rows whose features are equal; None where cells
            cannot be compared.
    """

    columns: pd.DataFrame
    duplicates: int
    conflicts: int
    unlabelled: int
    classes: pd.DataFrame
    codes: NDArray[np.int64] | None


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
            present, counts = np.unique(labels.y[labels.y >= 0], return_counts=True)
            order = np.argsort(-counts, kind="stable")
            classes = pd.DataFrame(
                {
                    "name": [labels.names[code] for code in present[order]],
                    "rows": counts[order],
                    "share": counts[order] / counts.sum(),
                }
            )
    codes = same_rows(frame, schema)
    if codes is None:
        return Profile(columns, 0, 0, unlabelled, classes, None)
    found = repeats(codes, labels)
    return Profile(
        columns,
        len(found) - found["group"].nunique(),
        int(found["conflict"].sum()),
        unlabelled,
        classes,
        codes,
    )


def same_rows(frame: pd.DataFrame, schema: Schema) -> NDArray[np.int64] | None:
    """(n,) the same number for rows whose features are equal.

    Returns:
        None without features, and where cells cannot be compared (lists, say).
    """
    names = [column.name for column in schema.features]
    if not names:
        return None
    try:
        # 64 bits: among a million rows two different ones get one hash once in 30 million tables
        keys = pd.util.hash_pandas_object(frame[names], index=False)
    except TypeError:
        return None
    return pd.factorize(keys)[0].astype(np.int64)


def repeats(codes: NDArray[np.int64], labels: Labels | None) -> pd.DataFrame:
    """The rows that are not the only ones of their kind.

    Args:
        codes: (n,) from `same_rows`.
        labels: of the same rows, or None.

    Returns:
        One line a row: group (0 .. groups - 1), row, size (of the group), conflict (the row has a
        label, and the labels of its group differ). Groups with conflicts first, larger ones
        first, then by their first row; rows ascending.
    """
    sizes = np.bincount(codes) if len(codes) else np.empty(0, np.int64)
    rows = np.flatnonzero(sizes[codes] > 1)
    found = pd.DataFrame({"code": codes[rows], "row": rows, "size": sizes[codes[rows]]})
    found["conflict"] = False
    if labels is not None and len(rows):
        known = ~labels.missing[rows]
        differs = found[known].assign(y=labels.y[rows][known]).groupby("code")["y"].nunique()
        found["conflict"] = known & found["code"].isin(differs.index[differs > 1]).to_numpy()
    any_conflict = found.groupby("code")["conflict"].transform("any")
    first = found.groupby("code")["row"].transform("min")
    order = np.lexsort((rows, first, -found["size"], ~any_conflict.astype(bool)))
    found = found.iloc[order].reset_index(drop=True)
    found["group"] = pd.factorize(found["code"])[0]
    return found[["group", "row", "size", "conflict"]]


def _column(values: pd.Series, role: str, kind: str, note: str) -> dict[str, Any]:
    present = values.dropna()
    try:
        unlike = present.unique()
        distinct, examples = len(unlike), unlike[:_EXAMPLES].tolist()
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
