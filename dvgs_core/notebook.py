"""From a notebook: a frame in, a frame of values out."""

from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.frame import from_frame
from dvgs_core.data.schema import infer_schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.valuate import finish, valuate
from dvgs_core.engine.values import value_table
from dvgs_core.errors import InputError
from dvgs_core.methods import entry
from dvgs_core.settings import validated


def value_frame(
    frame: pd.DataFrame,
    *,
    label: str | None = None,
    target: Any = 0.3,
    method: str = "dvgs",
    preset: str = "auto",
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
        preset: settings to start from: "auto" (the defaults), "quick", "thorough" or "paper", where
            the method has it.
        rotations: disjoint targets drawn when `target` is a share or number; every row that is
            not in all of them gets a value.
        encoding: how numbers are encoded: "quantile", "standard" or "minmax".
        seed, device: as for `DVGS`.
        **settings: of the method.

    Returns:
        A frame with `frame`'s index and the columns of values.parquet: row, role, value (higher =
        more helpful), standard_error, rank (1 = lowest), label, suggested_label, margin. What a
        person should know about the data, a sentence each, is in its `attrs["notes"]`.

    Raises:
        InputError: something does not fit, in one line.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"value_frame takes a pandas DataFrame; a {type(frame).__name__} came.")
    table = from_frame(frame, "frame")
    # names of any type are columns here; in the table they are text
    if label is None:
        roles = infer_schema(table).with_label(None)
    else:
        roles = infer_schema(table, str(label).strip())
    chosen: dict[str, Any] = {"seed": seed, "rotations": rotations}
    target_table = None
    if isinstance(target, pd.DataFrame):
        target_table = from_frame(target, "target frame")
    elif isinstance(target, str):
        if not target.strip():
            raise InputError("The target condition is empty; write one like split == 'test'.")
        chosen["target_query"] = target
    elif isinstance(target, (int, float, np.number)) and not isinstance(target, bool):
        chosen["target_size"] = float(target)
    else:
        chosen["target_rows"] = _chosen(target, frame)
    job = Job(
        columns=roles,
        encoding=validated(EncodingSettings, {"numeric": encoding}),
        split=validated(SplitSettings, chosen),
        method=method,
        settings={**entry(method).preset(preset, roles.task).settings, **settings},
        seed=seed,
        device=device,
    )
    prepared = prepare(table, job, target_table)
    outcome = finish(valuate(prepared), lambda _: True)
    values = value_table(prepared, outcome)
    values.index = frame.index
    values.attrs["notes"] = [*table.notes, *prepared.notes, *outcome.notes]
    return values


def _chosen(target: Any, frame: pd.DataFrame) -> tuple[int, ...]:
    """Positions where a mask is true.

    Raises:
        InputError: no mask of this frame's rows, or true nowhere.
    """
    if isinstance(target, pd.Series) and not target.index.equals(frame.index):
        raise InputError(
            "The target mask is a Series with another index than the frame's: rows could be "
            "mistaken for one another; give mask.reindex(frame.index) or an array in row order."
        )
    mask = np.asarray(target)
    if (
        mask.dtype == object
        and mask.ndim == 1
        and all(isinstance(m, (bool, np.bool_)) for m in mask)
    ):
        mask = mask.astype(bool)
    if mask.shape != (len(frame),) or mask.dtype != bool:
        raise InputError(
            "target is a share or number of rows, a condition, a frame, or a mask with True or "
            f"False for each of the {len(frame):,} rows; a {type(target).__name__} of shape "
            f"{mask.shape} and type {mask.dtype} came."
        )
    if not mask.any():
        raise InputError("The target is empty: the mask is False for every row.")
    return tuple(np.flatnonzero(mask).tolist())
