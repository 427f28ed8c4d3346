"""Tables to take away: the whole table with values and decisions, and the log of decisions."""

import numpy as np
import pandas as pd

from dvgs_core.data.table import Table
from dvgs_core.review.decisions import DecisionLog

_VALUES = ("value", "standard_error", "rank", "suggested_label")


def full_table(table: Table, values: pd.DataFrame | None, decisions: pd.DataFrame) -> pd.DataFrame:
    """The original columns, and beside them what is known and what was decided about each row.

    Args:
        table: the original, n rows.
        values: as in values.parquet, with the columns row, value, standard_error, rank and
            suggested_label; None before the first run.
        decisions: from `DecisionLog.current`.

    Returns:
        (n, columns + 7) in the original's order: its columns, value, standard_error, rank,
        suggested_label, decision ("undecided" where there is none), new_label, note. Where the
        original has a column of such a name, ours begins with dvgs_.
    """
    n = len(table.frame)
    rows = np.arange(n)
    added: dict[str, pd.Series] = {}
    by_row = None if values is None else values.set_index("row").reindex(rows)
    for name, dtype in zip(_VALUES, ("float64", "float64", "Int64", "str"), strict=True):
        if by_row is not None and name in by_row:
            added[name] = by_row[name].reset_index(drop=True)
        else:
            added[name] = pd.Series(None, index=rows, dtype=dtype)
    decided = decisions.set_index("row").reindex(rows)
    added["decision"] = decided["decision"].astype("str").fillna("undecided")
    # text, since labels of one log may be numbers and words
    added["new_label"] = decided["label"].map(str, na_action="ignore").astype("str")
    added["note"] = decided["note"].fillna("")
    taken = set(table.frame.columns)
    ours = pd.DataFrame({_free(name, taken): column for name, column in added.items()})
    return pd.concat([table.frame.reset_index(drop=True), ours], axis=1)


def decision_log(decisions: DecisionLog) -> pd.DataFrame:
    """The log as a table that any file can hold: `DecisionLog.log` with labels as text."""
    log = decisions.log()
    return log.assign(label=log["label"].map(str, na_action="ignore").astype("str"))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"dvgs_{name}"
    return name
