"""Which rows define the task (target), which are valued (source), which judge (holdout)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from dvgs_core.data.query import matching_rows
from dvgs_core.data.schema import Labels, Schema
from dvgs_core.data.wording import count, nearest_names, quoted, rows_listed
from dvgs_core.errors import InputError
from dvgs_core.settings import Settings

_DEFAULT_SHARE = 0.3
_BINS = 10
_SIZE = "At most 1: a share of those rows. More than 1: a number of rows."


class SplitSettings(Settings):
    """How rows become target, source and holdout."""

    target_query: str = Field(
        default="",
        title="Target rows",
        description="Only rows matching this may be target; empty: all.",
    )
    target_size: float | None = Field(
        default=None,
        gt=0,
        title="Target size",
        description=f"{_SIZE} Empty: 0.3 of them, but every row that matches a query where the "
        "target is not balanced.",
        json_schema_extra={"unit": "rows"},
    )
    target_rows: tuple[int, ...] = Field(
        default=(),
        title="Chosen target rows",
        description="Row ids; if there are any, query and size of the target are not used.",
    )
    balance_by: str = Field(
        default="",
        title="Balance the target by",
        description="Column of whose values the target has equal numbers of rows; a value with "
        "fewer rows gives all it has.",
    )
    stratify: bool = Field(
        default=True,
        title="Keep proportions",
        description="Draw from every class (of a quantity: from every tenth) in proportion.",
    )
    source_query: str = Field(
        default="",
        title="Source rows",
        description="Only rows matching this are valued; empty: all.",
    )
    source_size: float | None = Field(
        default=None,
        gt=0,
        title="Source size",
        description=f"{_SIZE} Empty: all rows that are left.",
        json_schema_extra={"unit": "rows"},
    )
    holdout_query: str = Field(
        default="",
        title="Holdout rows",
        description="Only rows matching this may be holdout; empty: all.",
    )
    holdout_size: float = Field(
        default=0.0,
        ge=0,
        title="Holdout size",
        description=f"{_SIZE} 0: none, or every matching row if there is a query.",
        json_schema_extra={"unit": "rows"},
    )
    holdout_rows: tuple[int, ...] = Field(
        default=(),
        title="Chosen holdout rows",
        description="Row ids; if there are any, query and size of the holdout are not used.",
    )
    rotations: int = Field(
        default=1,
        ge=1,
        le=20,
        title="Rotations",
        description="Number of disjoint targets drawn; a row is valued in those it is not part of.",
    )
    seed: int = Field(default=0, ge=0, title="Seed", description="The same seed, the same rows.")


@dataclass(frozen=True)
class Split:
    """Row ids of one rotation, each sorted upwards; the three are disjoint.

    Attributes:
        source: (n_source,) int64, rows being valued.
        target: (n_target,) int64, rows that define the task.
        holdout: (n_holdout,) int64, rows kept for judging filtered models; may be empty.
    """

    source: np.ndarray
    target: np.ndarray
    holdout: np.ndarray


def draw_splits(
    frame: pd.DataFrame,
    labels: Labels,
    schema: Schema,
    settings: SplitSettings,
    *,
    target_file_rows: Sequence[int] | np.ndarray | None = None,
) -> list[Split]:
    """Draw source, target and holdout, once for each rotation.

    The holdout is drawn first and is the same in every rotation. The targets of different
    rotations are disjoint. The source of a rotation is drawn from what is then left; with a
    source size, rotations share as many source rows as they can.

    With `stratify`, every class with at least `rotations` rows that may be target has a row in
    every target. Rows without a label take no part, except in a reconstruction.

    Args:
        frame: (n, columns).
        labels: of the same rows, from `read_labels`.
        schema: for the task.
        settings: sizes, queries, seed.
        target_file_rows: row ids or (n,) bool; the target is exactly these rows then.

    Returns:
        One split a rotation.

    Raises:
        InputError: a target or source would be empty, a size is larger than what there is, or
            the target would have a single class.
    """
    n = len(frame)
    holdout_rng, target_rng, source_rng = np.random.default_rng(settings.seed).spawn(3)
    usable = ~labels.missing
    chosen = _chosen_rows(settings, target_file_rows, usable)
    strata = _strata(labels, schema) if settings.stratify else np.zeros(n, np.int64)
    classes = settings.stratify and schema.task == "classification"

    free = usable.copy()
    if chosen is not None:
        free[chosen] = False
    holdout = _holdout(frame, settings, free, strata, holdout_rng)
    free[holdout] = False

    if chosen is not None:
        targets = [chosen]
    else:
        targets = _targets(frame, settings, free, strata, classes, target_rng)
    _refuse_single_class(targets[0], labels, schema)

    eligible = usable.copy()
    eligible[holdout] = False
    eligible &= _matching(frame, settings.source_query)
    return [
        Split(
            source=_source(frame, settings, eligible, target, strata, source_rng),
            target=target,
            holdout=holdout,
        )
        for target in targets
    ]


def role_of_rows(splits: Sequence[Split], n: int) -> np.ndarray:
    """What each row is over all rotations.

    Returns:
        (n,) str: "source", "target", "both" (source in one rotation, target in another) or
        "unused" (a holdout row is used in no valuation, so it is "unused" too).
    """
    source, target = np.zeros(n, bool), np.zeros(n, bool)
    for split in splits:
        source[split.source] = True
        target[split.target] = True
    return np.select(
        [source & target, source, target], ["both", "source", "target"], default="unused"
    )


def _chosen_rows(settings, file_rows, usable) -> np.ndarray | None:
    """Row ids that are to be the target as they are, or None if the target is drawn."""
    if file_rows is not None:
        rows = np.asarray(file_rows)
        if rows.dtype == bool and rows.shape != usable.shape:
            raise InputError(
                f"The target mask has {count(rows.size, 'entry', 'entries')}, the table "
                f"{count(len(usable), 'row')}: it needs one for every row."
            )
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    elif settings.target_rows:
        rows = np.asarray(settings.target_rows)
    else:
        return None
    rows = np.unique(rows.astype(np.int64))
    outside = rows[(rows < 0) | (rows >= len(usable))]
    if len(outside):
        raise InputError(
            f"The target has {rows_listed(outside)}, but the rows of the table are 0 to "
            f"{len(usable) - 1:,}: check that it belongs to this table."
        )
    labelled = rows[usable[rows]]
    if len(labelled) == 0:
        why = "none of the chosen rows has a label" if len(rows) else "no rows were chosen"
        raise InputError(f"The target is empty: {why}; choose other rows.")
    if settings.rotations > 1:
        raise InputError(
            f"{settings.rotations} rotations need a target that is drawn, but its rows were "
            "chosen one by one: set rotations to 1."
        )
    return labelled


def _matching(frame: pd.DataFrame, query: str) -> np.ndarray:
    return matching_rows(frame, query) if query.strip() else np.ones(len(frame), bool)


def _size(size: float, available: int, what: str) -> int:
    """A share or a number of rows, as a number of rows."""
    if size <= 1:
        return max(round(size * available), min(available, 1))
    if not np.isfinite(size) or size != int(size):
        raise InputError(
            f"The size of the {what} must be a share up to 1 or a whole number of rows, got {size}."
        )
    return int(size)


def _holdout(frame, settings, free, strata, rng) -> np.ndarray:
    if settings.holdout_rows:
        rows = np.unique(np.asarray(settings.holdout_rows, dtype=np.int64))
        outside = rows[(rows < 0) | (rows >= len(free))]
        if len(outside):
            raise InputError(
                f"The holdout has {rows_listed(outside)}, but the rows of the table are 0 to "
                f"{len(free) - 1:,}: check that it belongs to this table."
            )
        return rows[free[rows]]
    if settings.holdout_size == 0 and not settings.holdout_query.strip():
        return np.empty(0, np.int64)
    candidates = np.flatnonzero(free & _matching(frame, settings.holdout_query))
    if len(candidates) == 0:
        raise InputError(_nothing(frame, "holdout", settings.holdout_query))
    wanted = _size(settings.holdout_size or 1.0, len(candidates), "holdout")
    if wanted > len(candidates):
        raise InputError(
            f"A holdout of {count(wanted, 'row')} was asked for, but only {len(candidates):,} "
            "labelled rows can be holdout: choose a smaller size."
        )
    return np.sort(_in_proportion(candidates, strata, rng)[:wanted])


def _targets(frame, settings, free, strata, classes, rng) -> list[np.ndarray]:
    candidates = np.flatnonzero(free & _matching(frame, settings.target_query))
    rotations, total = settings.rotations, len(candidates)
    if total == 0:
        raise InputError(_nothing(frame, "target", settings.target_query))
    largest = total // rotations
    if largest == 0:
        raise InputError(
            f"{rotations} rotations need at least as many rows, but only {total:,} can be target: "
            "set fewer rotations."
        )
    balanced = bool(settings.balance_by.strip())
    if settings.target_size is None:
        # Taking every matching row would leave nothing to balance.
        every = bool(settings.target_query.strip()) and not balanced
        share = 1.0 if every else _DEFAULT_SHARE
        sizes = np.unique(strata[candidates], return_counts=True)[1]
        least = int((sizes >= rotations).sum()) if classes else 1
        wanted = min(max(_size(share, total, "target"), least), largest)
    else:
        wanted = _size(settings.target_size, total, "target")
        if wanted > largest:
            each = f" in each of {rotations} rotations" if rotations > 1 else ""
            raise InputError(
                f"A target of {count(wanted, 'row')} was asked for, but {count(total, 'row')} can "
                f"be target: the largest that fits{each} is {largest:,}."
            )
    if balanced:
        return _balanced(frame, settings.balance_by, candidates, wanted, rotations, strata, rng)
    return _draw(candidates, strata[candidates], wanted, rotations, rng, cover=classes)


def _draw(candidates, groups, wanted, rotations, rng, *, cover) -> list[np.ndarray]:
    """Disjoint draws of equal size, from each group in proportion.

    Args:
        candidates: (m,) row ids. groups: (m,) int, the group of each.
        wanted: rows in a draw, at most m // rotations.
        cover: a group with at least `rotations` rows must be in every draw.
    """
    values, codes = np.unique(groups, return_inverse=True)
    sizes = np.bincount(codes, minlength=len(values))
    room = sizes // rotations
    must = room > 0
    if cover and wanted < must.sum():
        raise InputError(
            f"A target of {count(wanted, 'row')} cannot hold {must.sum():,} classes: choose at "
            f"least {must.sum():,} rows, or do not keep proportions."
        )
    quota = _quotas(wanted * sizes / sizes.sum(), room, wanted, floor=must & bool(cover))
    shuffled = [rng.permutation(candidates[codes == g]) for g in range(len(values))]
    # What groups cannot give in equal parts comes from what they have left.
    left = np.concatenate([rows[q * rotations :] for rows, q in zip(shuffled, quota, strict=True)])
    left = rng.permutation(left)
    lack = wanted - int(quota.sum())
    return [
        np.sort(
            np.concatenate(
                [rows[q * r : q * (r + 1)] for rows, q in zip(shuffled, quota, strict=True)]
                + [left[lack * r : lack * (r + 1)]]
            )
        )
        for r in range(rotations)
    ]


def _quotas(ideal: np.ndarray, room: np.ndarray, wanted: int, floor: np.ndarray) -> np.ndarray:
    """Whole numbers near `ideal`, within `room`, at least 1 where `floor`, summing to `wanted`.

    The sum is smaller if there is not room enough.
    """
    quota = np.minimum(np.maximum(np.floor(ideal).astype(np.int64), floor), room)
    while quota.sum() > wanted:
        over = np.where(quota > floor, quota - ideal, -np.inf)
        quota[int(np.argmax(over))] -= 1
    while quota.sum() < wanted and (quota < room).any():
        under = np.where(quota < room, ideal - quota, -np.inf)
        quota[int(np.argmax(under))] += 1
    return quota


def _balanced(frame, column, candidates, wanted, rotations, strata, rng) -> list[np.ndarray]:
    """Disjoint draws with equal numbers of each value of a column, as far as they go."""
    if column not in frame.columns:
        near = nearest_names(column, frame.columns)
        raise InputError(f"There is no column {quoted(column)} to balance by. {near}")
    codes = pd.factorize(frame[column].iloc[candidates])[0]  # a missing value is a group: -1
    values, codes = np.unique(codes, return_inverse=True)
    room = np.bincount(codes, minlength=len(values)) // rotations
    quota = np.zeros(len(values), np.int64)
    # Fill evenly; a value with few rows gives all it has, and the others make up for it.
    order = rng.permutation(len(values))
    for position, g in enumerate(order[np.argsort(room[order], kind="stable")]):
        quota[g] = min(room[g], (wanted - quota.sum()) // (len(values) - position))
    for g in order:
        if quota.sum() < wanted and quota[g] < room[g]:
            quota[g] += 1
    if quota.sum() < wanted:
        raise InputError(
            f"A target of {count(wanted, 'row')} balanced by {quoted(column)} does not fit: the "
            f"largest is {int(room.sum()):,}."
        )
    groups = [_in_proportion(candidates[codes == g], strata, rng) for g in range(len(values))]
    shares = list(zip(groups, quota, strict=True))
    return [
        np.sort(np.concatenate([group[q * r : q * (r + 1)] for group, q in shares]))
        for r in range(rotations)
    ]


def _source(frame, settings, eligible, target, strata, rng) -> np.ndarray:
    free = eligible.copy()
    free[target] = False
    candidates = np.flatnonzero(free)
    if len(candidates) == 0:
        why = (
            _nothing(frame, "source", settings.source_query)
            if settings.source_query.strip()
            else "The source is empty: target and holdout take every labelled row; make them "
            "smaller."
        )
        raise InputError(why)
    if settings.source_size is None:
        return candidates
    wanted = _size(settings.source_size, len(candidates), "source")
    if wanted > len(candidates):
        raise InputError(
            f"A source of {count(wanted, 'row')} was asked for, but only {len(candidates):,} rows "
            "are left for it: choose a smaller size."
        )
    # The same order in every rotation, so that rotations value the same rows where they can.
    order = _in_proportion(np.flatnonzero(eligible), strata, _again(rng))
    return np.sort(order[free[order]][:wanted])


def _again(rng: np.random.Generator) -> np.random.Generator:
    """A generator that starts where `rng` stands, without moving it."""
    bits = type(rng.bit_generator)()
    bits.state = rng.bit_generator.state
    return np.random.Generator(bits)


def _in_proportion(rows: np.ndarray, strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`rows` shuffled so that every beginning of the list has the strata in proportion."""
    rows = rng.permutation(rows)
    of_row = strata[rows]
    position = np.empty(len(rows))
    for value in np.unique(of_row):
        mine = np.flatnonzero(of_row == value)
        position[mine] = (np.arange(len(mine)) + rng.random()) / len(mine)
    return rows[np.argsort(position, kind="stable")]


def _strata(labels: Labels, schema: Schema) -> np.ndarray:
    """(n,) int64 groups whose proportions are kept: classes, or tenths of a quantity."""
    if schema.task == "classification":
        return labels.y
    strata = np.zeros(len(labels.y), np.int64)
    present = ~labels.missing
    if schema.task == "regression" and present.any():
        edges = np.unique(np.quantile(labels.y[present], np.linspace(0, 1, _BINS + 1)[1:-1]))
        strata[present] = np.searchsorted(edges, labels.y[present], side="right")
    return strata


def _refuse_single_class(target: np.ndarray, labels: Labels, schema: Schema) -> None:
    if schema.task != "classification":
        return
    present = np.unique(labels.y[target])
    if len(present) < 2:
        raise InputError(
            f"The target has {count(len(target), 'row')}, all of the class "
            f"{quoted(labels.names[present[0]])}: it needs at least two classes; choose more or "
            "other rows."
        )


def _nothing(frame: pd.DataFrame, part: str, query: str) -> str:
    rows = count(len(frame), "row")
    if not query.strip():
        return f"The {part} is empty: none of the {rows} is left for it and has a label."
    matching = int(_matching(frame, query).sum())
    if matching:
        return (
            f"The {part} is empty: {count(matching, 'row')} of {rows} match {quoted(query)}, but "
            "they have no label or are taken by another part; change the query."
        )
    return f"The {part} is empty: {quoted(query)} matches none of the {rows}; change the query."
