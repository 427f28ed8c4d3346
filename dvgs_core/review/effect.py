"""What a recipe's decisions do to each class, and to each group of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.data.schema import Labels, Schema
from dvgs_core.review.bulk import effect_of_cut, group_columns, loses_more


def label_texts(labels: Labels) -> pd.Series:
    """Label of each row as text, by row id; rows without one are left out."""
    rows = np.flatnonzero(~labels.missing)
    return pd.Series(np.array(labels.names, dtype=object)[labels.y[rows]], index=rows)


def class_effect(
    labels: pd.Series, dropped: Sequence[int], relabelled: Mapping[int, Any]
) -> pd.DataFrame:
    """What the decisions do to each class.

    Args:
        labels: label of each row as text, by row id.
        dropped: ids of the rows that are left out.
        relabelled: new label by row id.

    Returns:
        Columns label, before, dropped, relabelled_away, relabelled_to, after (rows), change (after
        / before - 1; of a class that had no row, NaN), drops_more, moves_more (bool: more of its
        rows than its share are dropped, or relabelled to other classes, beyond chance; see
        `loses_more`), the largest loss first, then by label.
    """
    before = labels.value_counts()
    gone = labels.reindex(list(dropped)).value_counts()
    away = labels.reindex(list(relabelled)).value_counts()
    to = pd.Series([_text(label) for label in relabelled.values()], dtype=object).value_counts()
    names = before.index.union(to.index)
    columns = {"before": before, "dropped": gone, "relabelled_away": away, "relabelled_to": to}
    frame = pd.DataFrame(
        {
            name: counts.reindex(names, fill_value=0).astype("int64")
            for name, counts in columns.items()
        }
    )
    frame["after"] = (
        frame["before"] - frame["dropped"] - frame["relabelled_away"] + frame["relabelled_to"]
    )
    frame["change"] = frame["after"] / frame["before"].where(frame["before"] > 0) - 1
    for name, what in (("drops_more", "dropped"), ("moves_more", "relabelled_away")):
        frame[name] = loses_more(frame["before"].to_numpy(), frame[what].to_numpy())
    frame = frame.rename_axis("label").reset_index()
    return frame.sort_values(["change", "label"], kind="stable", ignore_index=True)


def group_effect(
    frame: pd.DataFrame, schema: Schema, dropped: Sequence[int]
) -> dict[str, pd.DataFrame]:
    """What dropping rows takes from the values of each group column.

    Args:
        frame: (n, columns) data.
        schema: its roles; group columns are those of `group_columns`, without the label.
        dropped: ids of the rows that are left out.

    Returns:
        By column, what `effect_of_cut` says of all n rows: name, rows, lost, share, more.
    """
    rows = np.asarray(dropped, dtype=np.int64)
    names = [name for name in group_columns(frame, schema) if name != schema.label]
    return {name: effect_of_cut(frame[name].reset_index(drop=True), rows) for name in names}


def _text(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
