"""From a notebook: a frame in, a frame of values out."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.format import FileFormat
from dvgs_core.data.schema import infer_schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.data.table import Table
from dvgs_core.engine.job import Job, finish, prepare, valuate, value_table
from dvgs_core.errors import InputError
from dvgs_core.settings import validated


def value_frame(
    frame: pd.DataFrame,
    *,
    label: str | None = None,
    target: Any = 0.3,
    method: str = "dvgs",
    rotations: int = 1,
    encoding: str = "quantile",
    seed: int = 0,
    device: str = "auto",
    **settings: Any,
) -> pd.DataFrame:
    """Value the rows of a frame in one call: roles, encoding, split, method.

    Args:
        frame: (n, columns) data; any index.
        label: name of the label column; None values rows by how well they are reconstructed.
        target: which rows are trusted: a share (at most 1) or number of rows drawn at random, a
            (n,) boolean mask, a condition such as "split == 'test'", or another frame.
        method: registered name of a method.
        rotations: disjoint targets drawn when `target` is a share or number; every row that is
            not in all of them gets a value.
        encoding: how numbers are encoded: "quantile", "standard" or "minmax".
        seed, device: as for `DVGS`.
        **settings: of the method.

    Returns:
        A frame with `frame`'s index and the columns of values.parquet: row, role, value (higher =
        more helpful), standard_error, rank (1 = lowest), label, suggested_label, margin.

    Raises:
        InputError: something does not fit, in one line.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"value_frame takes a pandas DataFrame; a {type(frame).__name__} came.")
    table = _table(frame, "frame")
    if label is not None and label not in table.frame.columns:
        raise InputError(
            f"There is no column {label!r}; the columns are "
            f"{', '.join(map(repr, table.frame.columns[:8]))}"
            f"{' …' if len(table.frame.columns) > 8 else ''}."
        )
    roles = infer_schema(table, label) if label is not None else _unlabelled(table)
    chosen: dict[str, Any] = {"seed": seed, "rotations": rotations}
    target_table = None
    if isinstance(target, pd.DataFrame):
        target_table = _table(target, "target frame")
    elif isinstance(target, str):
        chosen["target_query"] = target
    elif np.isscalar(target):
        chosen["target_size"] = target
    else:
        mask = pd.array(target)
        if len(mask) != len(frame) or not is_bool_dtype(mask.dtype):
            raise InputError(
                f"A target mask holds True or False for each of the {len(frame):,} rows; "
                f"{len(mask):,} entries of type {mask.dtype} came."
            )
        chosen["target_rows"] = tuple(np.flatnonzero(np.asarray(mask, dtype=bool)).tolist())
    job = Job(
        columns=roles,
        encoding=validated(EncodingSettings, {"numeric": encoding}),
        split=validated(SplitSettings, chosen),
        method=method,
        settings=settings,
        seed=seed,
        device=device,
    )
    prepared = prepare(table, job, target_table)
    values = value_table(prepared, finish(valuate(prepared), lambda _: True))
    values.index = frame.index
    return values


def _table(frame: pd.DataFrame, name: str) -> Table:
    renamed = frame.reset_index(drop=True)
    renamed.columns = [str(column) for column in frame.columns]
    if renamed.columns.has_duplicates:
        twice = renamed.columns[renamed.columns.duplicated()][0]
        raise InputError(f"Column names must differ, but {twice!r} comes twice: rename one.")
    return Table(renamed, name, "", FileFormat(kind="parquet"))


def _unlabelled(table: Table):
    return infer_schema(table).with_label(None)
