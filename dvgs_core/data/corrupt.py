"""Deliberate damage whose place is known: the yardstick of every method here."""

from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.data.columns import sort_key
from dvgs_core.data.schema import Schema, read_labels, refuse_infinite
from dvgs_core.errors import InputError


def corrupt_labels(
    y: Any, rate: float = 0.2, seed: int = 0, *, classes: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Give a share of rows another class, drawn uniformly from the others.

    Args:
        y: (n,) labels of any type. Missing ones (NaN, None, pd.NA, and -1 among codes from 0 up)
            are not touched and do not count. -1 is a class where it stands opposite a single
            other one, as in {-1, 1}.
        rate: share of the labelled rows, in [0, 1]; exactly round(rate * n) rows change.
        seed: the same seed, the same damage.
        classes: what may be drawn; None: the classes present in y.

    Returns:
        y_new: (n,) a copy in the dtype of y. mask: (n,) bool, true = damaged.

    Raises:
        InputError: the rate is no share, y has more than one axis, or there is no other class.
    """
    y = np.asarray(y)
    if y.ndim != 1:
        raise InputError(f"Labels to corrupt must have one axis, got shape {y.shape}.")
    _check_share("rate", rate)
    labelled = np.flatnonzero(~_missing(y))
    m = round(rate * len(labelled))
    mask = np.zeros(len(y), bool)
    if m == 0:
        return y.copy(), mask

    own = y[labelled].tolist()
    allowed = sorted(set(own if classes is None else np.asarray(classes).tolist()), key=sort_key)
    code = {value: i for i, value in enumerate(allowed)}
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(labelled), size=m, replace=False)
    before = np.array([code.get(own[i], -1) for i in chosen])
    others = np.where(before >= 0, len(allowed) - 1, len(allowed))
    if (others < 1).any():
        raise InputError("Labels cannot be replaced: there is only one class.")
    draw = rng.integers(0, others)
    after = draw + ((before >= 0) & (draw >= before))  # skip the row's own class

    new = np.array([allowed[i] for i in after], dtype=object)
    if y.dtype.kind in "US":
        y = y.astype(np.result_type(y.dtype, np.array(allowed).dtype))  # a longer name must fit
    y_new = y.copy()
    y_new[labelled[chosen]] = new.astype(y.dtype)
    mask[labelled[chosen]] = True
    return y_new, mask


def add_feature_noise(X: Any, maximum: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Add Gaussian noise of another strength to every row.

    Row i gets an independent draw of N(0, φ_i) on every feature, φ_i uniform in [0, maximum].
    φ_i is the standard deviation, in the units of X.

    Args:
        X: (n, ...) numbers.
        maximum: largest standard deviation, ≥ 0.
        seed: the same seed, the same damage.

    Returns:
        X_new: (n, ...) in the dtype of X, or float64 if that is not a float.
        rate: (n,) float64, φ.

    Raises:
        InputError: maximum is negative or not finite.

    Source: Evans et al. 2024, section 3.
    """
    _check_noise(maximum)
    X = np.asarray(X)
    dtype = X.dtype if X.dtype.kind == "f" else np.dtype("float64")
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.0, maximum, size=len(X))
    noise = rng.standard_normal(X.shape, dtype=np.float64)
    noise *= rate.reshape(-1, *[1] * (X.ndim - 1))
    return (X + noise).astype(dtype), rate


def corrupt_table(
    frame: pd.DataFrame,
    schema: Schema,
    label_rate: float = 0.0,
    feature_noise: float = 0.0,
    seed: int = 0,
    *,
    rows: Any = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Damage a copy of a table.

    Args:
        frame: (n, columns).
        schema: which column is the label, and which are numeric features.
        label_rate: share of the labelled rows that get another class; see `corrupt_labels`.
        feature_noise: largest standard deviation of noise on numeric features, in units of each
            column's own standard deviation over all rows; see `add_feature_noise`. Whole
            numbers become float64; missing values stay missing; other kinds are not touched.
        seed: the same seed, the same damage.
        rows: row ids or (n,) bool, the rows that may be damaged; None: all.

    Returns:
        The damaged table, with the same rows and columns. And the truth about each row, a frame
        with the columns row, corrupted (its label was replaced), original_label, noise_rate (φ,
        0 = none).

    Raises:
        InputError: labels to be replaced outside of classification, noise without a numeric
            feature or on infinite values, a rate out of bounds.
    """
    n = len(frame)
    _check_share("label_rate", label_rate)
    _check_noise(feature_noise)
    rows = np.arange(n) if rows is None else np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else np.unique(rows.astype(np.int64))
    if len(rows) and not (rows[0] >= 0 and rows[-1] < n):
        raise InputError(f"Rows to corrupt must lie in 0 .. {n - 1:,}.")
    label_seed, noise_seed = np.random.SeedSequence(seed).spawn(2)
    columns = {name: frame[name] for name in frame.columns}
    corrupted, noise_rate = np.zeros(n, bool), np.zeros(n)
    label = schema.label

    if label_rate > 0:
        if schema.task != "classification" or label is None:
            raise InputError(
                "Labels can be replaced only in classification: choose a label column of "
                "classes, or set the label rate to 0."
            )
        labels = read_labels(frame, schema)
        # All classes of the table may be drawn, also those that `rows` does not contain.
        codes, mask = corrupt_labels(
            labels.y[rows],
            label_rate,
            _integer(label_seed),
            classes=np.arange(len(labels.classes)),
        )
        corrupted[rows[mask]] = True
        values = frame[label].astype(object).to_numpy(copy=True)
        for row, code in zip(rows[mask], codes[mask], strict=True):
            values[row] = labels.classes[code]
        columns[label] = pd.Series(values, index=frame.index).astype(frame[label].dtype)

    if feature_noise > 0:
        names = [c.name for c in schema.features if c.kind == "numeric"]
        if not names:
            raise InputError(
                "No feature is numeric, so there is nothing to add noise to: set the feature "
                "noise to 0."
            )
        for name in names:
            refuse_infinite(frame[name])
        block = frame[names].to_numpy(dtype="float64", na_value=np.nan, copy=True)
        spread = np.array([np.nanstd(column) if len(column) else 0.0 for column in block.T])
        noise, rate = add_feature_noise(
            np.zeros((len(rows), len(names))), feature_noise, _integer(noise_seed)
        )
        noise_rate[rows] = rate
        block[rows] += noise * spread
        for i, name in enumerate(names):
            dtype = frame[name].dtype
            kept = dtype if dtype.kind == "f" else np.dtype("float64")
            columns[name] = pd.Series(block[:, i], index=frame.index).astype(kept)

    original = frame[label] if label is not None else pd.Series([None] * n, index=frame.index)
    truth = pd.DataFrame(
        {
            "row": np.arange(n, dtype=np.int64),
            "corrupted": corrupted,
            "original_label": original.reset_index(drop=True),
            "noise_rate": noise_rate,
        }
    )
    return pd.DataFrame(columns, index=frame.index), truth


def _check_noise(maximum: float) -> None:
    if not (np.isfinite(maximum) and maximum >= 0):
        raise InputError(f"The largest noise must be a number from 0 up, got {maximum}.")


def _check_share(name: str, rate: float) -> None:
    if not (np.isfinite(rate) and 0 <= rate <= 1):
        raise InputError(f"{name} is a share of rows, from 0 to 1; got {rate}.")


def _integer(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1, np.uint64)[0])


def _missing(y: np.ndarray) -> np.ndarray:
    missing = np.asarray(pd.isna(y), bool)
    if y.dtype.kind == "i":
        present = np.unique(y)
        if present[:1].tolist() == [-1] and len(present) != 2:
            missing = missing | (y == -1)
    return missing
