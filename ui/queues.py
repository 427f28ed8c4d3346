"""The order in which rows are reviewed; frozen while it is reviewed."""

import numpy as np
from numpy.typing import NDArray

from ui.results import Results
from ui.state import Queue

MODES = {
    "lowest": "lowest values",
    "suggested": "another label suggested",
    "decided": "decided rows",
    "lasso": "rows in the lasso",
}


def make_queue(
    mode: str,
    found: Results,
    *,
    lasso: NDArray[np.int64],
    decided: NDArray[np.int64],
    label: str | None,
) -> Queue:
    """Rows of a mode, lowest value first (for suggestions: largest margin first).

    Args:
        mode: one of MODES.
        lasso: row ids inside the lasso.
        decided: row ids with a decision.
        label: only rows with this label; None: all.
    """
    order = found.order
    match mode:
        case "suggested":
            lines = found.values.loc[order]
            lines = lines[lines["suggested_label"] != lines["label"]]
            order = lines.sort_values("margin", ascending=False, kind="stable").index.to_numpy()
        case "decided":
            order = order[np.isin(order, decided)]
        case "lasso":
            order = order[np.isin(order, lasso)]
    if label is not None:
        order = order[(found.values["label"].loc[order] == label).to_numpy()]
    return Queue(np.asarray(order, dtype=np.int64), MODES[mode])


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
