"""What flows through everything: samples in, values out.

Importing this module is cheap: numpy only. Arrays become tensors where they are computed on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows with what is to be predicted from them.

    Attributes:
        X: (n, features) float32, finite.
        y: (n,) integer class codes from 0 (classification), (n,) float (regression), or None
            (reconstruction: each row is its own target).
        ids: (n,) int64 row ids; 0..n-1 when not given. Dropout is drawn from them, so a row keeps
            its draws wherever it stands.
        columns: further columns by name, each (n,) of any type: what a method needs besides X and
            y, such as the group of a row's replicates. Empty for most.

    Raises:
        InputError: wrong shapes, no rows, values that are not finite (the rows are named).
    """

    X: NDArray[np.float32]
    y: NDArray | None = None
    ids: NDArray[np.int64] = None  # type: ignore[assignment]  # always there once it is made
    columns: Mapping[str, NDArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # what is too large is found below
            X = np.ascontiguousarray(self.X, dtype=np.float32)
        if X.ndim != 2 or 0 in X.shape:
            raise InputError(
                f"X must be a table of at least one row and one column; its shape is {X.shape}."
            )
        n = len(X)
        ids = np.arange(n) if self.ids is None else np.asarray(self.ids)
        ids = ids.astype(np.int64)
        if ids.shape != (n,):
            raise InputError(f"ids must have one entry a row ({n}); their shape is {ids.shape}.")
        _require_finite(X, ids, "X")
        y = None if self.y is None else np.asarray(self.y)
        if y is not None:
            if y.shape != (n,):
                raise InputError(f"y must have one entry a row ({n}); its shape is {y.shape}.")
            if np.issubdtype(y.dtype, np.bool_) or np.issubdtype(y.dtype, np.integer):
                y = y.astype(np.int64)
                if y.min() < 0:
                    raise InputError(
                        "y must hold class codes from 0; a negative code came. "
                        "Leave rows without a label out."
                    )
            elif np.issubdtype(y.dtype, np.floating):
                with np.errstate(over="ignore"):
                    y = y.astype(np.float32)
                _require_finite(y[:, None], ids, "y")
            else:
                raise InputError(f"y must hold integers or floats; its type is {y.dtype}.")
        columns = {str(name): np.asarray(column) for name, column in self.columns.items()}
        for name, column in columns.items():
            if column.shape != (n,):
                raise InputError(
                    f"The column {name!r} must have one entry a row ({n}); its shape is "
                    f"{column.shape}."
                )
        object.__setattr__(self, "columns", MappingProxyType(columns))
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "ids", ids)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def task(self) -> str:
        """ "classification", "regression" or "reconstruction"."""
        if self.y is None:
            return "reconstruction"
        return "classification" if self.y.dtype == np.int64 else "regression"

    def rows(self, positions: NDArray) -> "Samples":
        """The rows at these positions (or where a mask is true), ids and columns kept."""
        return Samples(
            self.X[positions],
            None if self.y is None else self.y[positions],
            self.ids[positions],
            {name: column[positions] for name, column in self.columns.items()},
        )


def _require_finite(array: NDArray, ids: NDArray[np.int64], name: str) -> None:
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        first = ", ".join(str(i) for i in ids[bad][:5])
        raise InputError(
            f"{name} must be finite; {bad.sum()} rows hold missing, infinite or too large "
            f"numbers (row ids {first}{', …' if bad.sum() > 5 else ''}). Fill or leave them out."
        )


@dataclass(frozen=True, eq=False)
class Step:
    """What is known after one checkpoint.

    Attributes:
        index: which checkpoint, from 0.
        total: how many there will be.
        similarity: (n_source,) float32, this checkpoint's similarities, mean over members; of a
            method without gradients, what this step alone says of each row.
        values: (n_source,) float64, of all steps so far: their mean, if the method does not say
            otherwise. NaN for a row that has no value, for now or at all; `notes` says why.
        standard_error: (n_source,) float64, of the values so far; NaN after one estimate.
        target_loss: loss on the target batch, mean over members.
        label_values: (n_source, classes) float64, the value under every label so far, or None.
        settled: Spearman correlation of the values with those at half as many checkpoints; NaN
            while it is too early to say.
        stopped_because: "all checkpoints", "ranking settled", ... on the last step, else None.
        notes: what a person should know of the values, a sentence each.
        report: what the method has to say of its own values, in plain numbers and text as for a
            JSON file, or None.
        state: gives what a later run needs to go on after this step, as arrays by name; None where
            a method cannot. To be called before the next step is asked for.
    """

    index: int
    total: int
    similarity: NDArray[np.float32]
    values: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    target_loss: float
    label_values: NDArray[np.float64] | None = None
    settled: float = float("nan")
    stopped_because: str | None = None
    notes: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None
    state: Callable[[], dict[str, NDArray]] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Valuation:
    """The value of every source row, in source order.

    Attributes:
        values: (n_source,) float64, higher = more helpful. NaN for a row that the method cannot
            value; `notes` says which and why.
        standard_error: (n_source,) float64, of each value; NaN where there was one estimate only.
        ids: (n_source,) int64 row ids.
        label_values: (n_source, classes) float64, the value each row would have under every label;
            None where the method has no such thing.
        trace: (n_checkpoints, n_source) float32 similarities in step order, or None.
        target_loss: (n_checkpoints,) float64, or None.
        settled: Spearman correlation of the values with those at half as many checkpoints, or NaN.
        stopped_because: why there were no more checkpoints.
        notes: what a person should know of the values, a sentence each.
        report: what the method has to say of its own values, in plain numbers and text, or None.
    """

    values: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    ids: NDArray[np.int64]
    label_values: NDArray[np.float64] | None = None
    trace: NDArray[np.float32] | None = None
    target_loss: NDArray[np.float64] | None = None
    settled: float = float("nan")
    stopped_because: str | None = None
    notes: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None

    @property
    def rank(self) -> NDArray[np.int64]:
        """(n_source,) int64, 1 = lowest value; ties by row id."""
        return ranks(self.values, self.ids)

    @property
    def suggested(self) -> NDArray[np.int64] | None:
        """(n_source,) int64 class code with the highest value, or None."""
        return None if self.label_values is None else self.label_values.argmax(axis=1)


def collect(steps: Iterable[Step], ids: NDArray[np.int64]) -> Valuation:
    """Run steps to their end and keep the trace.

    Args:
        steps: at least one.
        ids: (n_source,) int64, the source's row ids.
    """
    trace, losses = [], []
    for step in steps:
        trace.append(step.similarity)
        losses.append(step.target_loss)
    return Valuation(
        values=step.values,
        standard_error=step.standard_error,
        ids=ids,
        label_values=step.label_values,
        trace=np.stack(trace),
        target_loss=np.array(losses),
        settled=step.settled,
        stopped_because=step.stopped_because,
        notes=step.notes,
        report=step.report,
    )


def ranks(values: NDArray, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) int64 rank of each value, 1 = lowest; ties by row id."""
    order = np.lexsort((ids, values))
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(1, len(values) + 1)
    return rank
