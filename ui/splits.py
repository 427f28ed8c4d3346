"""The choice of target and source on the page, and a look at what it gives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.profile import same_rows
from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.split import SplitSettings, draw_splits
from dvgs_core.data.wording import quoted
from dvgs_core.engine.prepare import with_target
from dvgs_core.errors import InputError
from dvgs_core.settings import fields, validated
from ui.coverage import Leaks, coverage, exact_leaks
from ui.state import table

WAYS = {
    "turns": "No rows in particular: every row takes its turn",
    "share": "Random rows, classes in proportion",
    "query": "Rows that match a condition",
    "balanced": "The same number from each group",
    "lasso": "Rows I circle on the map",
    "rows": "Rows I list",
    "file": "A separate file",
}
HELP = {setting.name: setting.help for setting in fields(SplitSettings)}
#: Rows that can be chosen one by one.
_MOST_CHOSEN = 100_000


def way_of(chosen: SplitSettings, target_dataset: str | None, remembered: str | None) -> str:
    """Which of WAYS a choice was made in; some write the same settings, so it is remembered."""
    if remembered in WAYS:
        return str(remembered)
    if target_dataset:
        return "file"
    if chosen.target_rows:
        return "rows"
    if chosen.balance_by:
        return "balanced"
    if chosen.target_query:
        return "query"
    return "turns" if chosen.rotations > 1 else "share"


def row_ids(text: str, rows: int) -> tuple[int, ...]:
    """Row ids from text: numbers and ranges such as 12, 40-60, parted by commas or blanks.

    Args:
        text: as a person wrote it.
        rows: how many rows the table has; ids are 0 to rows - 1.

    Returns:
        The ids in the order of the text, each once.

    Raises:
        InputError: a part is neither, runs backwards, or goes beyond the table.
    """
    found: dict[int, None] = {}
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        last = last if dash else first
        # digits of other scripts and powers such as ² are digits to Python, but no numbers
        if not all(number.isascii() and number.isdigit() for number in (first, last)):
            raise InputError(
                "Row ids are whole numbers and ranges such as 12, 40-60; "
                f"{quoted(part)} is neither."
            )
        # before a range is written out, and before a number too long for Python is read
        if any(len(number.lstrip("0")) > 18 or int(number) >= rows for number in (first, last)):
            raise InputError(
                f"{quoted(part)} goes beyond the table, whose rows are 0 to {rows - 1:,}: choose "
                "row ids among these."
            )
        if int(first) > int(last):
            raise InputError(
                f"The range {quoted(part)} runs backwards: write {last}-{first} for these rows."
            )
        found.update(dict.fromkeys(range(int(first), int(last) + 1)))
    return tuple(found)


def row_text(rows: tuple[int, ...]) -> str:
    """Row ids as text that `row_ids` reads, runs of neighbours as ranges."""
    if not rows:
        return ""
    ids = np.unique(rows)
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def settings_from(way: str, values: dict[str, Any], rows: int) -> SplitSettings:
    """The part of the form that counts for the way chosen, on a table of so many rows.

    Raises:
        InputError: a value is out of bounds, or the way lacks what it needs.
    """
    common = {
        name: values[name] for name in ("source_query", "source_size", "holdout_size", "seed")
    }
    match way:
        case "turns":
            own = {"target_size": values["share"], "rotations": values["rotations"]}
        case "share":
            own = {"target_size": values["number"] or values["share"]}
        case "query":
            if not values["target_query"].strip():
                raise InputError(
                    "Choose a condition with a value, or write one such as  split == 'test'."
                )
            own = {"target_query": values["target_query"], "target_size": values["number"]}
        case "balanced":
            if not values["balance_by"]:
                raise InputError("Choose the column whose groups are to be balanced.")
            own = {
                "balance_by": values["balance_by"],
                "target_size": values["number"],
                "target_query": values["target_query"],
            }
        case "lasso":
            own = {"target_rows": _some(values["lasso_rows"], values["number"], values["seed"])}
            if not own["target_rows"]:
                raise InputError("Draw a lasso around the rows you trust, on the map.")
        case "rows":
            own = {"target_rows": row_ids(values["rows_text"], rows)}
            if not own["target_rows"]:
                raise InputError("List the row ids of the rows you trust, such as 12, 40-60.")
        case "file":
            own = {}
        case _:
            raise ValueError(f"unknown way {way!r}")
    return validated(SplitSettings, common | own)


def _some(rows: tuple[int, ...], number: int | None, seed: int) -> tuple[int, ...]:
    """All rows, or this many of them at random; the same seed, the same rows."""
    if number is None or number >= len(rows):
        if len(rows) > _MOST_CHOSEN:
            raise InputError(
                f"{len(rows):,} rows are circled, and at most {_MOST_CHOSEN:,} can be chosen one "
                "by one: take fewer of them at random, below."
            )
        return rows
    return tuple(np.sort(np.random.default_rng(seed).choice(rows, number, replace=False)).tolist())


@dataclass(frozen=True, eq=False)
class Preview:
    """What a choice gives.

    Attributes:
        target, source, holdout: numbers of rows, target and source of all rotations together.
        both: rows that are target in one rotation and source in another.
        unused: rows that are neither.
        turns: number of rotations.
        target_rows, source_rows: row ids of the first rotation, of the data alone.
        shares: columns name, group, share, rows, few: target and source of the first rotation, by
            class; by tenths of a quantity; empty for other tasks.
        leaks: what target and source of the first rotation have in common.
    """

    target: int
    source: int
    both: int
    holdout: int
    unused: int
    turns: int
    target_rows: NDArray[np.int64]
    source_rows: NDArray[np.int64]
    shares: pd.DataFrame
    leaks: Leaks


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
    target, source = np.zeros((2, len(frame)), bool)
    for split in splits:
        target[split.target] = True
        source[split.source] = True
    first = splits[0]
    used = target | source
    used[first.holdout] = True
    codes = _codes(dataset_id, roles_json, target_dataset)
    return Preview(
        target=int(target.sum()),
        source=int(source.sum()),
        both=int((target & source).sum()),
        holdout=len(first.holdout),
        unused=rows - int(used[:rows].sum()),
        turns=len(splits),
        target_rows=first.target[first.target < rows],
        source_rows=first.source,
        shares=coverage(labels, roles, first.target, first.source),
        leaks=exact_leaks(codes, labels, roles, first.target, first.source),
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _codes(
    dataset_id: str, roles_json: str, target_dataset: str | None
) -> NDArray[np.int64] | None:
    """The same number for rows with the same features, those of a target file included."""
    roles, frame = Schema.model_validate_json(roles_json), table(dataset_id).frame
    if target_dataset:
        frame = with_target(frame, table(target_dataset), roles)
    return same_rows(frame, roles)
