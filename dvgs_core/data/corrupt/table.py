"""Damage to a table: cells keep the types of their columns wherever the damage allows it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.corrupt.labels import chosen_rows, confusable_classes, damage_labels, integer
from dvgs_core.data.corrupt.noise import add_feature_noise
from dvgs_core.data.corrupt.plan import Plan, draw_plan, eligible_rows, truth_frame
from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.data.schema import Labels, Schema, read_labels, refuse_infinite
from dvgs_core.data.wording import nearest_names, quoted
from dvgs_core.errors import InputError


def corrupt_table(
    frame: pd.DataFrame,
    schema: Schema,
    settings: CorruptionSettings,
    seed: int = 0,
    *,
    rows: object = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Damage a copy of a table.

    Noise, outliers and the difference of a near-duplicate fall on numeric features, in units of
    each column's own standard deviation over all rows. Whole numbers become float64 under noise,
    are rounded otherwise, and can be missing as Int64. A missing value stays missing.

    Args:
        frame: (n, columns).
        schema: which column is the label, and which are features.
        settings: what to do.
        seed: the same seed, the same damage.
        rows: row ids or (n,) bool, the rows that may be damaged; None: all.

    Returns:
        The damaged table, with the same rows and columns. And the truth about each row: see
        `truth_frame`.

    Raises:
        InputError: labels to be replaced outside of classification, a kind of damage that has no
            column to fall on, infinite values.
    """
    n = len(frame)
    able = eligible_rows(rows, n)
    seeds = np.random.SeedSequence(seed).spawn(6)
    label, features = schema.label, schema.features
    numeric = [c.name for c in features if c.kind == "numeric"]
    labels = read_labels(frame, schema)
    classified = schema.task == "classification"
    moves = settings.feature_noise > 0 or settings.outlier_rate > 0 or settings.duplicate_rate > 0
    spread = {name: _spread(frame[name]) for name in numeric} if moves else {}
    filled = np.zeros((n, len(features)), bool)
    for i, column in enumerate(features):
        filled[:, i] = frame[column.name].notna()
    movable = filled & np.array([spread.get(c.name, 0) > 0 for c in features], bool)

    def swapping_changes(sources: NDArray[np.int64]) -> NDArray[np.bool_]:
        moved = [(features[to].name, features[source].name) for to, source in enumerate(sources)]
        unlike = [_unlike(frame[a], frame[b]) for a, b in moved if a != b]
        return np.logical_or.reduce(unlike)

    plan = draw_plan(
        settings,
        seeds[2:],
        rows=able,
        n=n,
        kinds=[(c.kind, frame[c.name].dtype) for c in features],
        filled=filled,
        movable=movable,
        swapping_changes=swapping_changes,
        group=labels.y if classified else np.where(labels.missing, -1, 0),
    )
    before = {name: frame[name] for name in frame.columns}
    columns = before.copy()
    wrong, noise_rate = np.zeros(n, bool), np.zeros(n)
    if settings.label_rate > 0 or settings.label_rate_elsewhere > 0:
        if not classified or label is None:
            raise InputError(
                "Labels can be replaced only in classification: choose a label column of "
                "classes, or set the label rate to 0."
            )
        columns[label], wrong = _labels(frame, schema, labels, settings, seeds[0], able, seed)

    if settings.feature_noise > 0 and not movable[able].any():
        raise InputError(
            "No numeric feature varies, so there is nothing to add noise to: set the feature noise "
            "to 0."
        )
    _copy_rows(columns, schema, plan, settings, spread)
    _swap(columns, [c.name for c in features], plan)
    for i, column in enumerate(features):
        if plan.outlier[:, i].any():
            size = settings.outlier_size * spread[column.name]
            if columns[column.name].dtype.kind != "f":
                size = max(size, 1.0)  # less would be rounded away
            columns[column.name] = _added(
                columns[column.name], plan.outlier[:, i] * size, whole=True
            )
    if settings.feature_noise > 0:
        noise, rate = add_feature_noise(
            np.zeros((len(able), len(numeric))), settings.feature_noise, integer(seeds[1])
        )
        noise_rate[able] = np.where(movable[able].any(axis=1), rate, 0)
        for i, name in enumerate(numeric):
            added = np.zeros(n)
            added[able] = noise[:, i] * spread[name]
            columns[name] = _added(columns[name], added, whole=False)
    for i, column in enumerate(features):
        if plan.missing[:, i].any():
            columns[column.name] = _emptied(columns[column.name], plan.missing[:, i])

    original = frame[label] if label is not None else pd.Series([None] * n, dtype=object)
    truth = truth_frame(np.arange(n, dtype=np.int64), wrong, original, noise_rate, plan)
    damaged = frame.copy(deep=False)  # columns without damage are shared, not copied
    for name, column in columns.items():
        if column is not before[name]:
            damaged[name] = column
    return damaged, truth


def _labels(
    frame: pd.DataFrame,
    schema: Schema,
    labels: Labels,
    settings: CorruptionSettings,
    sequence: np.random.SeedSequence,
    able: NDArray[np.int64],
    seed: int,
) -> tuple[pd.Series, NDArray[np.bool_]]:
    """The damaged label column, and where it differs."""
    column = schema.label
    assert column is not None
    partner = None
    if settings.label_kind == "confusable":
        from dvgs_core.data.encode import Encoder, EncodingSettings

        # not by ranks: the gaps between classes are what tells them apart
        scaled = EncodingSettings(numeric="standard")
        X = Encoder.fit(frame, schema, scaled, seed=seed).transform(frame)
        partner = confusable_classes(X, labels.y)
    group = settings.label_group_column
    if group is not None and group not in frame.columns:
        near = nearest_names(group, frame.columns)
        raise InputError(f"There is no column {quoted(group)} to choose a group by. {near}")
    chosen = chosen_rows(
        settings, labels.y, labels.names, None if group is None else frame[group].to_numpy()
    )
    # All classes of the table may be drawn, also those that `able` does not contain.
    codes, mask = damage_labels(
        labels.y[able],
        settings,
        sequence,
        classes=len(labels.classes),
        chosen=None if chosen is None else chosen[able],
        partner=partner,
    )
    values = frame[column].astype(object).to_numpy(copy=True)
    for row, code in zip(able[mask], codes[mask], strict=True):
        values[row] = labels.classes[code]
    wrong = np.zeros(len(frame), bool)
    wrong[able[mask]] = True
    return pd.Series(values, index=frame.index).astype(frame[column].dtype), wrong


def _unlike(a: pd.Series, b: pd.Series) -> NDArray[np.bool_]:
    """(n,) where two columns of one type differ; two missing values do not."""
    if a.dtype == object:
        a, b = a.astype(str), b.astype(str)
    same = (a == b).fillna(False) | (a.isna() & b.isna())
    return ~same.to_numpy(dtype=bool)


def _spread(column: pd.Series) -> float:
    """Standard deviation of a numeric column; missing values do not count."""
    refuse_infinite(column)
    values = column.to_numpy(dtype="float64", na_value=np.nan)
    return float(np.nanstd(values)) if np.isfinite(values).any() else 0.0


def _copy_rows(
    columns: dict[str, pd.Series],
    schema: Schema,
    plan: Plan,
    settings: CorruptionSettings,
    spread: dict[str, float],
) -> None:
    """Near-duplicates get the features of another row; in a regression its label too."""
    copies = plan.duplicate_of >= 0
    if not copies.any():
        return
    taken = np.where(copies, plan.duplicate_of, np.arange(len(copies)))
    for column in schema.features:
        before = columns[column.name]
        after = before.take(taken)
        after.index = before.index
        if column.kind == "numeric":
            jitter = plan.jitter.normal(0, settings.duplicate_jitter, len(copies))
            after = _added(after, np.where(copies, jitter, 0) * spread[column.name], whole=True)
        columns[column.name] = after
    if schema.task == "regression" and schema.label is not None:
        before = columns[schema.label]
        columns[schema.label] = before.take(taken).set_axis(before.index)


def _swap(columns: dict[str, pd.Series], names: list[str], plan: Plan) -> None:
    """Cells of the swapped rows change places between columns of one type."""
    if not plan.swapped.any():
        return
    before = {name: columns[name].copy() for name in names}
    for to, source in enumerate(plan.sources):
        if to != source:
            cells = before[names[source]].to_numpy(dtype=object)
            column = columns[names[to]].astype(object).to_numpy(copy=True)
            column[plan.swapped] = cells[plan.swapped]
            dtype = before[names[to]].dtype
            columns[names[to]] = pd.Series(column, index=before[names[to]].index).astype(dtype)


def _added(column: pd.Series, added: NDArray, *, whole: bool) -> pd.Series:
    """A numeric column with something added: whole numbers stay so if `whole`, else float64."""
    dtype = column.dtype
    values = column.to_numpy(dtype="float64", na_value=np.nan) + added
    if dtype.kind == "f":
        return pd.Series(values, index=column.index).astype(dtype)
    if not whole:
        return pd.Series(values, index=column.index)
    missing = column.isna().to_numpy(dtype=bool)
    rounded = np.where(missing, 0, np.rint(values)).astype(np.int64)
    if isinstance(dtype, np.dtype):
        return pd.Series(rounded, index=column.index)
    return pd.Series(pd.arrays.IntegerArray(rounded, missing), index=column.index)


def _emptied(column: pd.Series, cells: NDArray[np.bool_]) -> pd.Series:
    """A column with missing cells, in a type that can hold them."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
        column = column.astype("Int64")
    elif column.dtype == bool:
        column = column.astype("boolean")
    return column.mask(cells)
