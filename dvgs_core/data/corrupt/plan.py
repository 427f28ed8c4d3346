"""Where features are damaged, drawn before anything is touched: the same for tables and arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.errors import InputError

LABEL, NOISE, MISSING = "label", "noise", "missing values"
SWAPPED, OUTLIER, DUPLICATE = "swapped columns", "outliers", "near-duplicate"


@dataclass(frozen=True, eq=False)
class Plan:
    """Which cells of which rows are damaged, and how.

    Attributes:
        missing: (n, features) bool, cells to be emptied.
        outlier: (n, features) int8, -1 or 1 where a cell is moved down or up, else 0.
        swapped: (n,) bool, rows whose cells change places.
        sources: (features,) int64, the column that each column of such a row gets its cell from.
        duplicate_of: (n,) int64, the row whose cells a row gets; -1: its own.
        jitter: of what near-duplicates add.
    """

    missing: NDArray[np.bool_]
    outlier: NDArray[np.int8]
    swapped: NDArray[np.bool_]
    sources: NDArray[np.int64]
    duplicate_of: NDArray[np.int64]
    jitter: np.random.Generator

    @property
    def kinds(self) -> dict[str, NDArray]:
        """(n,) bool, the rows that are damaged in each way."""
        return {
            MISSING: np.asarray(self.missing.any(axis=1)),
            SWAPPED: self.swapped,
            OUTLIER: np.asarray(self.outlier.any(axis=1)),
            DUPLICATE: self.duplicate_of >= 0,
        }


def draw_plan(
    settings: CorruptionSettings,
    seeds: Sequence[np.random.SeedSequence],
    *,
    rows: NDArray[np.int64],
    n: int,
    kinds: Sequence[object],
    filled: NDArray[np.bool_],
    movable: NDArray[np.bool_],
    swapping_changes: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
    group: NDArray[np.int64],
) -> Plan:
    """Draw what happens where: only where it changes something, so that the truth is true.

    A rate is a share of the rows that can be damaged in its way.

    Args:
        settings: rates.
        seeds: four, one a kind of damage, so that no rate changes where another one strikes.
        rows: ids of the rows that may be damaged.
        n: rows in all.
        kinds: (features,) columns of the same kind can change places.
        filled: (n, features) bool, cells that can be emptied.
        movable: (n, features) bool, cells that can become outliers.
        swapping_changes: given `Plan.sources`, (n,) bool, rows that differ afterwards.
        group: (n,) near-duplicates are copied from a row of the same group; -1: from none.

    Raises:
        InputError: a rate is above 0 and there is nothing that it could fall on.
    """
    missing_rng, swap_rng, outlier_rng, duplicate_rng = map(np.random.default_rng, seeds)
    d = len(kinds)
    missing, outlier = np.zeros((n, d), bool), np.zeros((n, d), np.int8)
    swapped, sources = np.zeros(n, bool), np.arange(d)
    if settings.missing_rate > 0:
        able = rows[filled[rows].any(axis=1)]
        _refuse(not len(able), "No feature has a cell that could be emptied", "missing_rate")
        hit = _some(able, settings.missing_rate, missing_rng)
        missing[hit] = _cells(filled[hit], settings.missing_cells, missing_rng)
    if settings.swap_rate > 0:
        sources = _places(kinds, settings.swap_columns, swap_rng)
        alone = bool((sources == np.arange(d)).all())
        _refuse(alone, "No two features are of one kind, so none can be swapped", "swap_rate")
        able = rows[swapping_changes(sources)[rows]]
        _refuse(not len(able), "Swapped columns hold the same in every row", "swap_rate")
        swapped[_some(able, settings.swap_rate, swap_rng)] = True
    if settings.outlier_rate > 0:
        able = rows[movable[rows].any(axis=1)]
        _refuse(not len(able), "No numeric feature varies, so none can be moved", "outlier_rate")
        hit = _some(able, settings.outlier_rate, outlier_rng)
        at = np.flatnonzero(movable.any(axis=0))
        cells = _cells(movable[np.ix_(hit, at)], settings.outlier_cells, outlier_rng)
        sign = outlier_rng.choice(np.array([-1, 1], np.int8), size=cells.shape)
        outlier[np.ix_(hit, at)] = sign * cells
    if settings.duplicate_rate > 0:
        _refuse(d == 0, "No column is a feature, so no row can become a copy", "duplicate_rate")
    return Plan(
        missing=missing,
        outlier=outlier,
        swapped=swapped,
        sources=sources,
        duplicate_of=_copied(rows, n, group, settings.duplicate_rate, duplicate_rng),
        jitter=duplicate_rng,
    )


def truth_frame(
    ids: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    original: pd.Series,
    noise_rate: NDArray[np.float64],
    plan: Plan,
) -> pd.DataFrame:
    """The truth about each row, beside the damaged data.

    Columns: row; corrupted (damaged, other than by noise alone, which every row has a little of);
    kind (what was done, joined by " + ", "" = nothing); original_label; noise_rate (φ, 0 = none);
    duplicate_of (the row it was copied from, null = none).
    """
    n = len(ids)
    done = {LABEL: wrong, **plan.kinds}
    copied = pd.array(np.zeros(n, np.int64), dtype="Int64")
    copied[:] = pd.NA
    copies = plan.duplicate_of >= 0
    copied[copies] = ids[plan.duplicate_of[copies]]
    return pd.DataFrame(
        {
            "row": ids,
            "corrupted": np.logical_or.reduce(list(done.values())),
            "kind": _kinds({**done, NOISE: noise_rate > 0}),
            "original_label": original.reset_index(drop=True),
            "noise_rate": noise_rate,
            "duplicate_of": copied,
        }
    )


def _kinds(done: dict[str, NDArray[np.bool_]]) -> pd.Series:
    """(n,) text: the names of what was done to each row, joined by " + "; "" for nothing."""
    which = sum(mask.astype(np.int64) << at for at, mask in enumerate(done.values()))
    found, place = np.unique(which, return_inverse=True)
    names = [
        " + ".join(name for at, name in enumerate(done) if int(bits) >> at & 1) for bits in found
    ]
    return pd.Series(names, dtype="str").take(place).reset_index(drop=True)


def eligible_rows(rows: object, n: int) -> NDArray[np.int64]:
    """Row ids from ids, a mask, or None for all.

    Raises:
        InputError: an id is outside the table.
    """
    if rows is None:
        return np.arange(n)
    ids = np.asarray(rows)
    ids = np.flatnonzero(ids) if ids.dtype == bool else np.unique(ids.astype(np.int64))
    if len(ids) and not (ids[0] >= 0 and ids[-1] < n):
        raise InputError(f"Rows to corrupt must lie in 0 .. {n - 1:,}.")
    return ids


def _some(rows: NDArray[np.int64], rate: float, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.choice(rows, size=round(rate * len(rows)), replace=False)


def _cells(allowed: NDArray[np.bool_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n, d) with the share of d, at least one, true in each row; fewer where fewer are allowed."""
    n, d = allowed.shape
    count = max(1, round(share * d))
    small = np.min_scalar_type(2 * d)  # there can be many cells
    place = rng.permuted(np.broadcast_to(np.arange(d, dtype=small), (n, d)), axis=1)
    place[~allowed] += small.type(d)  # after those that are allowed
    last = np.partition(place, count - 1, axis=1)[:, count - 1 : count]
    return (place <= last) & allowed


def _places(kinds: Sequence[object], share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """(features,) where each column's cell comes from: a circle within each kind."""
    sources = np.arange(len(kinds))
    for kind in dict.fromkeys(kinds):
        alike = np.flatnonzero([k == kind for k in kinds])
        if len(alike) > 1:
            some = rng.permutation(alike)[: max(2, round(share * len(alike)))]
            sources[some] = np.roll(some, 1)
    return sources


def _copied(
    rows: NDArray[np.int64],
    n: int,
    group: NDArray[np.int64],
    rate: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """(n,) the row that each near-duplicate is a copy of; copies are never copied."""
    duplicate_of = np.full(n, -1)
    wanted = round(rate * len(rows))
    if wanted == 0:
        return duplicate_of
    order = rng.permutation(rows[group[rows] >= 0])
    # the first row of each group, in the drawn order, stays to be copied from
    first = np.unique(group[order], return_index=True)[1]
    kept = order[np.sort(first)]
    able = np.delete(order, first)
    _refuse(
        len(able) < wanted,
        f"Only {len(able):,} of {len(rows):,} rows can become a copy of another row of their class",
        "duplicate_rate",
    )
    copies, originals = able[:wanted], np.concatenate([kept, able[wanted:]])
    for label in np.unique(group[copies]):
        mine = copies[group[copies] == label]
        duplicate_of[mine] = rng.choice(originals[group[originals] == label], size=len(mine))
    return duplicate_of


def _refuse(nothing: bool, why: str, setting: str) -> None:
    if nothing:
        raise InputError(f"{why}: lower {setting}, or set it to 0.")
