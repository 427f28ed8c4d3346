"""The choice of target and source on the page, and a look at what it gives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.split import SplitSettings, draw_splits
from dvgs_core.engine.job import with_target
from dvgs_core.errors import InputError
from dvgs_core.settings import fields, validated
from ui.state import table

WAYS = {
    "share": "No rows in particular: every row takes its turn",
    "query": "Rows that match a condition",
    "balanced": "The same number from each group",
    "rows": "Rows I list",
    "file": "A separate file",
}
HELP = {setting.name: setting.help for setting in fields(SplitSettings)}


def way_of(chosen: SplitSettings, target_dataset: str | None) -> str:
    """Which of WAYS a choice was made in."""
    if target_dataset:
        return "file"
    if chosen.target_rows:
        return "rows"
    if chosen.balance_by:
        return "balanced"
    return "query" if chosen.target_query else "share"


def row_ids(text: str) -> tuple[int, ...]:
    """Row ids from text: numbers and ranges such as 12, 40-60, parted by commas or blanks.

    Raises:
        InputError: a part is neither.
    """
    found: list[int] = []
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise InputError(
                f"Row ids are whole numbers and ranges such as 12, 40-60; {part!r} is neither."
            )
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(dict.fromkeys(found))


def row_text(rows: tuple[int, ...]) -> str:
    """Row ids as text that `row_ids` reads, runs of neighbours as ranges."""
    if not rows:
        return ""
    ids = np.unique(rows)
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def settings_from(way: str, values: dict[str, Any]) -> SplitSettings:
    """The part of the form that counts for the way chosen.

    Raises:
        InputError: a value is out of bounds, or the way lacks what it needs.
    """
    common = {
        name: values[name] for name in ("source_query", "source_size", "holdout_size", "seed")
    }
    match way:
        case "share":
            own = {"target_size": values["share"], "rotations": values["rotations"]}
        case "query":
            if not values["target_query"].strip():
                raise InputError("Write a condition, such as  split == 'test'  or  age > 30.")
            own = {"target_query": values["target_query"], "target_size": values["number"]}
        case "balanced":
            if not values["balance_by"]:
                raise InputError("Choose the column whose groups are to be balanced.")
            own = {
                "balance_by": values["balance_by"],
                "target_size": values["number"],
                "target_query": values["target_query"],
            }
        case "rows":
            own = {"target_rows": row_ids(values["rows_text"])}
            if not own["target_rows"]:
                raise InputError("List the row ids of the rows you trust, such as 12, 40-60.")
        case "file":
            own = {}
        case _:
            raise ValueError(f"unknown way {way!r}")
    return validated(SplitSettings, common | own)


@dataclass(frozen=True, eq=False)
class Preview:
    """What a choice gives.

    Attributes:
        target, source, holdout: numbers of rows, target and source of all rotations together.
        both: rows that are target in one rotation and source in another.
        unused: rows that are neither.
        target_rows: (n,) row ids of the first rotation's target, of the data alone.
        shares: columns name, group, share, rows: classes of target and source.
    """

    target: int
    source: int
    both: int
    holdout: int
    unused: int
    target_rows: np.ndarray
    shares: pd.DataFrame


def preview(
    dataset_id: str, roles: Schema, chosen: SplitSettings, target_dataset: str | None
) -> Preview:
    """Draw the split as a run would.

    Raises:
        InputError: the choice does not work on this data; says why.
    """
    answer = _preview(dataset_id, roles.model_dump_json(), chosen.model_dump_json(), target_dataset)
    if isinstance(answer, str):
        raise InputError(answer)
    return answer


@st.cache_resource(max_entries=8, show_spinner=False)
def _preview(
    dataset_id: str, roles_json: str, chosen_json: str, target_dataset: str | None
) -> Preview | str:
    roles = Schema.model_validate_json(roles_json)
    chosen = SplitSettings.model_validate_json(chosen_json)
    frame = table(dataset_id).frame
    rows, file_rows = len(frame), None
    try:
        if target_dataset:
            frame = with_target(frame, table(target_dataset), roles)
            file_rows = np.arange(rows, len(frame))
        labels = read_labels(frame, roles)
        splits = draw_splits(frame, labels, roles, chosen, target_file_rows=file_rows)
    except InputError as error:
        return str(error)
    target = np.unique(np.concatenate([split.target for split in splits]))
    source = np.unique(np.concatenate([split.source for split in splits]))
    holdout = splits[0].holdout
    used = np.union1d(np.union1d(target, source), holdout)
    shares = []
    if roles.task == "classification":
        for group, members in (("target", splits[0].target), ("source", splits[0].source)):
            codes, counts = np.unique(labels.y[members], return_counts=True)
            by_code = dict(zip(codes.tolist(), counts.tolist(), strict=True))
            for code, name in enumerate(labels.names):
                n = by_code.get(code, 0)
                shares.append((name, group, n / len(members), n))
    return Preview(
        target=len(target),
        source=len(source),
        both=len(np.intersect1d(target, source)),
        holdout=len(holdout),
        unused=rows - int((used < rows).sum()),
        target_rows=splits[0].target[splits[0].target < rows],
        shares=pd.DataFrame(shares, columns=["name", "group", "share", "rows"]),
    )
