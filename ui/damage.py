"""A copy of the open data, damaged on purpose: how far values can be trusted, on one's own data."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.data.corrupt import corrupt_table
from dvgs_core.data.corrupt.changes import changed_cells
from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.split import Split, SplitSettings, draw_splits
from dvgs_core.data.wording import number
from dvgs_core.engine.prepare import with_target
from dvgs_core.errors import InputError
from dvgs_core.review.frames import write_frame
from dvgs_core.settings import validated
from dvgs_core.store import Dataset
from ui.state import dataset, kept, schema, split, table, the_dataset_id, workspace

FROM, HOW = "damaged_from", "damage"
#: What a person fears -> the settings that say how much of it, and what they are at first.
KINDS: dict[str, dict[str, Any]] = {
    "Wrong labels": {
        "label_rate": 0.2,
        "label_kind": "uniform",
        "label_class": None,
        "label_group_column": None,
        "label_group": None,
        "label_rate_elsewhere": 0.0,
    },
    "Noise": {"feature_noise": 3.0},
    "Missing values": {"missing_rate": 0.1, "missing_cells": 0.3},
    "Swapped columns": {"swap_rate": 0.1, "swap_columns": 0.5},
    "Outliers": {"outlier_rate": 0.1, "outlier_size": 10.0, "outlier_cells": 0.1},
    "Near-duplicates": {"duplicate_rate": 0.1, "duplicate_jitter": 0.05},
}


@dataclass(frozen=True, eq=False)
class Damage:
    """A damaged copy, not kept yet.

    Attributes:
        frame: the data, damaged.
        truth: what was done to each row.
        counts: how many rows each kind of damage struck; a row may be struck by several.
        harmed: how many rows were struck at all.
        cells: some of the cells that changed.
        shares: columns group ("before" or "after"), name, share, rows, of the classes.
        protected: how many rows could not be damaged, because they are target or holdout.
        turns: how many targets take turns; with more than one, target rows are damaged too.
    """

    frame: pd.DataFrame
    truth: pd.DataFrame
    counts: dict[str, int]
    harmed: int
    cells: pd.DataFrame
    shares: pd.DataFrame
    protected: int
    turns: int


def damaged(settings: dict[str, Any], seed: int) -> Damage:
    """Damage the open data as the settings say; target and holdout rows stay as they are.

    Raises:
        InputError: a setting is out of bounds, or the damage cannot be done to this data.
    """
    checked = validated(CorruptionSettings, settings)
    chosen = split()
    answer = _damaged(
        the_dataset_id(),
        schema().model_dump_json(),
        None if chosen is None else chosen.model_dump_json(),
        kept("target_dataset"),
        checked.model_dump_json(),
        seed,
    )
    if isinstance(answer, str):
        raise InputError(answer)
    return answer


@st.cache_resource(max_entries=2, show_spinner="Damaging a copy …")
def _damaged(
    dataset_id: str,
    roles_json: str,
    split_json: str | None,
    target_dataset: str | None,
    settings_json: str,
    seed: int,
) -> Damage | str:
    frame, roles = table(dataset_id).frame, Schema.model_validate_json(roles_json)
    settings = CorruptionSettings.model_validate_json(settings_json)
    try:
        splits = _splits(dataset_id, roles_json, split_json, target_dataset)
        safe = _protected(splits, len(frame))
        new, truth = corrupt_table(frame, roles, settings, seed, rows=~safe)
    except InputError as error:
        return str(error)
    kinds = truth["kind"].value_counts()
    counts: Counter[str] = Counter()
    for kind, rows in kinds.drop("", errors="ignore").items():
        counts.update(dict.fromkeys(str(kind).split(" + "), int(rows)))
    return Damage(
        frame=new,
        truth=truth,
        counts=dict(counts.most_common()),
        harmed=int(kinds.drop("", errors="ignore").sum()),
        cells=changed_cells(frame, new, roles, truth),
        shares=_shares(frame, new, roles),
        protected=int(safe.sum()),
        turns=len(splits),
    )


def _splits(
    dataset_id: str, roles_json: str, split_json: str | None, target_dataset: str | None
) -> list[Split]:
    if split_json is None:
        return []
    roles = Schema.model_validate_json(roles_json)
    frame, file_rows = table(dataset_id).frame, None
    if target_dataset:
        rows = len(frame)
        frame = with_target(frame, table(target_dataset), roles)
        file_rows = np.arange(rows, len(frame))
    chosen = SplitSettings.model_validate_json(split_json)
    return draw_splits(frame, read_labels(frame, roles), roles, chosen, target_file_rows=file_rows)


def _protected(splits: list[Split], rows: int) -> np.ndarray:
    """(rows,) bool: holdout rows, and the target's where it is one and the same throughout."""
    safe = np.zeros(rows, bool)
    for found in splits:
        safe[found.holdout] = True
        if len(splits) == 1:
            safe[found.target[found.target < rows]] = True
    return safe


def _shares(before: pd.DataFrame, after: pd.DataFrame, roles: Schema) -> pd.DataFrame:
    if roles.label is None or roles.task != "classification":
        return pd.DataFrame(columns=["group", "name", "share", "rows"])
    parts = []
    for group, frame in (("before", before), ("after", after)):
        counts = frame[roles.label].astype("str").value_counts()
        part = pd.DataFrame({"group": group, "name": counts.index, "rows": counts.to_numpy()})
        parts.append(part.assign(share=part["rows"] / max(1, part["rows"].sum())))
    return pd.concat(parts, ignore_index=True)


def keep_copy(found: Damage, settings: dict[str, Any], seed: int) -> Dataset:
    """Keep a damaged copy in the workspace, with its truth, the same roles and the same target.

    Raises:
        InputError: the disk is full, or the copy cannot be written.
    """
    original, space, roles = dataset(), workspace(), schema()
    assert original is not None
    chosen = split()
    splits = _splits(
        original.id,
        roles.model_dump_json(),
        None if chosen is None else chosen.model_dump_json(),
        kept("target_dataset"),
    )
    with tempfile.TemporaryDirectory() as folder:
        name = f"{Path(original.name).stem} (damaged).parquet"
        path = Path(folder) / "damaged.parquet"
        write_frame(found.frame, path)
        copy = space.add_dataset(path, name, truth=found.truth)
    space.set_setting(copy.id, FROM, original.id)
    space.set_setting(copy.id, HOW, {"settings": settings, "seed": seed})
    space.set_setting(copy.id, "schema", roles.model_dump(mode="json"))
    for same in ("target_dataset", "image_folder"):
        space.set_setting(copy.id, same, space.get_setting(original.id, same))
    if chosen is not None:
        pinned = chosen if len(splits) > 1 else _pinned(chosen, splits[0], len(found.frame))
        space.set_setting(copy.id, "split", pinned.model_dump(mode="json"))
    return copy


def _pinned(chosen: SplitSettings, drawn: Split, rows: int) -> SplitSettings:
    """The same target and holdout by their ids: a draw in proportion would see the new labels."""
    target = drawn.target[drawn.target < rows]
    fixed = {"target_rows": tuple(target.tolist()), "holdout_rows": tuple(drawn.holdout.tolist())}
    clear = {"target_query": "", "target_size": None, "balance_by": "", "holdout_size": 0.0}
    return validated(SplitSettings, {**chosen.model_dump(), **clear, "holdout_query": "", **fixed})


def original_of(dataset_id: str) -> Dataset | None:
    """The data a damaged copy was made from; None for other data, or where it is gone."""
    made_from = workspace().get_setting(dataset_id, FROM)
    if made_from is None:
        return None
    return next((d for d in workspace().datasets() if d.id == made_from), None)


def is_damaged(dataset_id: str) -> bool:
    """Whether these data were damaged on purpose."""
    return workspace().get_setting(dataset_id, FROM) is not None


def words(settings: dict[str, Any]) -> str:
    """What was done, in a few words."""
    found = validated(CorruptionSettings, settings)
    parts = []
    if found.label_rate:
        parts.append(f"{_percent(found.label_rate)} of the labels replaced")
    if found.feature_noise:
        parts.append(f"noise up to {number(found.feature_noise)} SD")
    for rate, what in (
        (found.missing_rate, "missing values in"),
        (found.swap_rate, "columns swapped in"),
        (found.outlier_rate, "outliers in"),
        (found.duplicate_rate, "near-duplicates for"),
    ):
        if rate:
            parts.append(f"{what} {_percent(rate)} of the rows")
    return ", ".join(parts) or "nothing"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
