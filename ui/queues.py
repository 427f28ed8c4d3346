"""The order in which rows are reviewed; frozen while it is reviewed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.review.bulk import Cut
from ui.results import Results
from ui.state import Queue, QueueChoice

MODES = {
    "lowest": "lowest values",
    "suggested": "another label suggested",
    "classes": "each class's lowest in turn",
    "disagreement": "two runs disagree",
    "cut": "up to a cut",
    "query": "a condition",
    "lasso": "rows in the lasso",
    "named": "a named selection",
    "undecided": "undecided rows",
    "decided": "decided rows",
}


@dataclass(frozen=True, eq=False)
class Materials:
    """What queues are made from besides the run's results.

    Attributes:
        lasso: row ids inside the lasso.
        decided: row ids with a decision.
        matching: row ids for which the condition holds, or of the named selection.
        other: value by row id in the run compared with, NaN where it has none; None: no such run.
    """

    lasso: NDArray[np.int64]
    decided: NDArray[np.int64]
    matching: NDArray[np.int64]
    other: pd.Series | None


def make_queue(choice: QueueChoice, found: Results, materials: Materials) -> Queue:
    """The rows of a choice in the order of their review.

    Lowest value first, but: suggestions by how much better the other label fits, disagreement by
    how far the two ranks are apart, classes by rank within the class.
    """
    order = found.order
    match choice.mode:
        case "suggested":
            lines = found.values.loc[order]
            lines = lines[lines["suggested_label"] != lines["label"]]
            order = lines.sort_values("margin", ascending=False, kind="stable").index.to_numpy()
        case "classes":
            place = found.values["label"].loc[order].groupby(found.values["label"]).cumcount()
            order = order[np.argsort(place.to_numpy(), kind="stable")]
        case "disagreement":
            order = apart_first(order, materials.other)
        case "cut":
            values = found.values["value"].loc[order].to_numpy()
            order = order[: Cut.parsed(choice.cut).count(values)]
        case "query" | "named":
            order = order[np.isin(order, materials.matching)]
        case "lasso":
            order = order[np.isin(order, materials.lasso)]
        case "undecided":
            order = order[~np.isin(order, materials.decided)]
        case "decided":
            order = order[np.isin(order, materials.decided)]
    if choice.label is not None:
        order = order[(found.values["label"].loc[order] == choice.label).to_numpy()]
    return Queue(np.asarray(order, dtype=np.int64), MODES[choice.mode])


def apart_first(order: NDArray[np.int64], other: pd.Series | None) -> NDArray[np.int64]:
    """Rows that two runs valued, those whose ranks are farthest apart first.

    Args:
        order: row ids, lowest value first in this run.
        other: value by row id in the other run.
    """
    if other is None:
        return order[:0]
    values = other.reindex(order).to_numpy()
    shared = order[np.isfinite(values)]
    values = values[np.isfinite(values)]
    there = np.empty(len(shared), dtype=np.int64)
    there[np.lexsort((shared, values))] = np.arange(len(shared))
    return shared[np.argsort(-np.abs(there - np.arange(len(shared))), kind="stable")]


def around(queue: Queue, cursor: int | None, *, before: int, after: int) -> NDArray[np.int64]:
    """Rows of the queue around the cursor; from its start if the cursor is not in it."""
    at = position(queue, cursor)
    return queue.rows[max(at - before, 0) : at + after]


def position(queue: Queue, cursor: int | None) -> int:
    """Where the cursor stands in the queue; 0 if it is not in it."""
    if cursor is None:
        return 0
    found = np.flatnonzero(queue.rows == cursor)
    return int(found[0]) if len(found) else 0
