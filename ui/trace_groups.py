"""Traces of groups of rows: medians and middle halves, class by class or damaged against clean.

At most a thousand rows a group are looked at, evenly spread, which moves a quartile very little;
and a checkpoint once, so that a live page costs what is new.
"""

import threading
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.schema import read_labels
from dvgs_core.engine.job import Job
from ui.results import truth_of
from ui.state import table, workspace

MOST_CLASSES = 12
_ROWS = 1000
BY = {"all": "All rows", "class": "By class", "truth": "Damaged and clean"}


@dataclass(frozen=True, eq=False)
class Group:
    """Rows whose traces are drawn as one.

    Attributes:
        name: for the legend.
        positions: (m,) where they stand in the trace.
        rows: how many there are, of which `positions` may be a sample.
    """

    name: str
    positions: NDArray[np.int64]
    rows: int


class _Quartiles:
    """The quartiles of groups at every checkpoint so far."""

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self.groups = groups
        self._lock = threading.Lock()
        self._known = np.empty((len(groups), 0, 3), np.float32)

    def of(self, trace: NDArray[np.float32]) -> NDArray[np.float32]:
        """(groups, steps, 3): lower quartile, median, upper quartile; NaN where no row has one."""
        with self._lock:
            if self._known.shape[1] > len(trace):  # a run that began anew
                self._known = self._known[:, :0]
            fresh = np.asarray(trace[self._known.shape[1] :])
            found = [quartiles(fresh[:, group.positions]) for group in self.groups]
            self._known = np.concatenate([self._known, np.stack(found)], axis=1)
            return self._known


def quartiles(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(steps, rows) -> (steps, 3), of the rows that have a number in that step."""
    ordered = np.sort(values, axis=1)  # what is missing comes last
    there = np.isfinite(values).sum(axis=1)
    at = np.rint(np.outer(np.maximum(there - 1, 0), [0.25, 0.5, 0.75])).astype(int)
    return np.take_along_axis(ordered, at, axis=1)


def ways(run_id: int) -> list[str]:
    """The ways of `BY` that this run's rows can be grouped in; the one to begin with is last."""
    run = workspace().run(run_id)
    found = ["all"]
    if Job.model_validate(run.job).columns.task == "classification":
        found.append("class")
    truth = truth_of(run.dataset)
    if truth is not None and truth["corrupted"].any():
        found.append("truth")
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def group_quartiles(run_id: int, by: str, rows: int, _ids: NDArray[np.int64]) -> _Quartiles:
    """Groups of a run's source rows, the largest classes first, and their quartiles.

    Args:
        run_id: the run.
        by: "class" or "truth".
        rows: how many source rows there are; a first look at a few is another thing to keep.
        _ids: (rows,) which.
    """
    run = workspace().run(run_id)
    if by == "truth":
        truth = truth_of(run.dataset)
        assert truth is not None
        harmed = truth["corrupted"].reindex(_ids, fill_value=False).to_numpy(dtype=bool)
        return _Quartiles((_group("clean", ~harmed), _group("damaged", harmed)))
    labels = read_labels(table(run.dataset).frame, Job.model_validate(run.job).columns)
    codes = np.where(labels.missing[_ids], -1, labels.y[_ids])
    sizes = np.bincount(codes[codes >= 0], minlength=len(labels.names))
    largest = np.argsort(-sizes, kind="stable")[:MOST_CLASSES]
    return _Quartiles(
        tuple(_group(str(labels.names[c]), codes == c) for c in largest if sizes[c] > 0)
    )


def _group(name: str, members: NDArray[np.bool_]) -> Group:
    at = np.flatnonzero(members)
    return Group(name, at[:: -(-len(at) // _ROWS) or 1], len(at))
