"""A valuation's result as a table, and the table as a file."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.split import role_of_rows
from dvgs_core.engine.prepare import Prepared
from dvgs_core.engine.valuate import Outcome
from dvgs_core.samples import ranks


def value_table(prepared: Prepared, outcome: Outcome) -> pd.DataFrame:
    """One line a row of the data, in its order: the form of values.parquet.

    Columns: row, role, value, standard_error, rank (1 = lowest), label, suggested_label, margin
    (value under the suggested label minus the value under its own). Rows that were not valued hold
    nulls.
    """
    n = prepared.rows
    scored = np.isfinite(outcome.values) & (outcome.ids < n)
    rows = outcome.ids[scored]
    rank = pd.array(np.zeros(n, dtype=np.int64), dtype="Int64")
    rank[:] = pd.NA
    rank[rows] = ranks(outcome.values[scored], rows)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "role": role_of_rows(prepared.splits, len(prepared.X))[:n],
            "value": _spread(n, rows, outcome.values[scored]),
            "standard_error": _spread(n, rows, outcome.standard_error[scored]),
            "rank": rank,
        }
    )
    labels = prepared.labels
    if prepared.job.columns.task == "classification":
        classes = np.array(labels.names, dtype=object)
        codes = labels.y[:n]
        own = classes[codes]
        own[codes < 0] = None
        suggested = np.full(n, None, dtype=object)
        margin = np.full(n, np.nan)
        if outcome.label_values is not None:
            by_label = outcome.label_values[scored]
            best = by_label.argmax(axis=1)
            suggested[rows] = classes[best]
            margin[rows] = by_label.max(axis=1) - outcome.values[scored]
            # the own label's value is summed in another order, so it can miss its own maximum
            margin[rows] = np.where(best == codes[rows], 0.0, margin[rows])
    else:
        own = np.full(n, None, dtype=object)
        if prepared.job.columns.task == "regression":
            own[:] = [None if np.isnan(y) else repr(float(y)) for y in labels.y[:n]]
        suggested, margin = np.full(n, None, dtype=object), np.full(n, np.nan)
    frame["label"] = pd.array(own, dtype="str")
    frame["suggested_label"] = pd.array(suggested, dtype="str")
    frame["margin"] = margin
    return frame


def _spread(n: int, rows: NDArray[np.int64], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = np.full(n, np.nan)
    spread[rows] = numbers
    return spread


def write_values(frame: pd.DataFrame, path: Path) -> None:
    """values.parquet: the same frame always gives the same bytes; NaN is written as null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, compression="zstd")
