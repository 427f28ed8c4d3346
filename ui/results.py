"""A run's results as the Review page needs them: values, suggestions, traces, the map's layouts.

Everything heavy is computed once for a finished run and shared by all sessions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.schema import Labels, Schema, read_labels
from dvgs_core.engine.job import Job
from dvgs_core.evaluation import Detection, detection
from dvgs_core.store import Run
from ui.jobs import RunFiles
from ui.state import table, workspace
from ui.value_scale import ValueScale


@dataclass(frozen=True, eq=False)
class Results:
    """What a run found.

    Attributes:
        values: the run's values.parquet, one line a row of the data, indexed by row id.
        order: (n_valued,) row ids, lowest value first; ties by row id.
        ids: (n_source,) row ids in the order of the traces.
        label_values: (n_source, classes) or None.
        nearest: (n_source, 4) row ids of the nearest target rows, or None.
        job: what was run.
        labels: classes and codes of all rows.
    """

    values: pd.DataFrame
    order: NDArray[np.int64]
    ids: NDArray[np.int64]
    label_values: NDArray[np.float64] | None
    nearest: NDArray[np.int64] | None
    job: Job
    labels: Labels

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """(n,) class of each row as the run had it, after its corrections; -1 for none."""
        at, found = pd.factorize(self.values["label"])
        place = pd.Index(self.labels.names, dtype=object).get_indexer(found.astype(object))
        return np.append(place, -1)[at].astype(np.int64)

    @cached_property
    def members(self) -> dict[str, NDArray[np.bool_]]:
        """(n,) bool each: the rows that were source, and those that were target, in some turn."""
        role = self.values["role"]
        return {name: role.isin([name, "both"]).to_numpy() for name in ("source", "target")}

    @cached_property
    def scale(self) -> ValueScale:
        """From the lowest of the run's values to the highest: what colours stand for."""
        return ValueScale.of(self.values["value"])

    @property
    def schema(self) -> Schema:
        """The roles the run was made with."""
        return self.job.columns

    def position(self, row: int) -> int | None:
        """Where a row stands in the traces, or None if it was not source."""
        at = int(np.searchsorted(self.ids, row))
        return at if at < len(self.ids) and self.ids[at] == row else None


def results(run: Run) -> Results | None:
    """The results of a run that has ended with some; None for all others."""
    path = run.directory / "values.parquet"
    if run.active or not path.exists():
        return None
    return _results(run.id, path.stat().st_mtime_ns)


def the_results(run: Run) -> Results:
    """The results of a run that has some."""
    found = results(run)
    assert found is not None
    return found


def finished_runs(dataset_id: str) -> dict[int, Run]:
    """Runs of the dataset that have values, the newest first."""
    runs = workspace().runs(dataset_id)
    return {r.id: r for r in runs if not r.active and (r.directory / "values.parquet").exists()}


def run_title(run: Run) -> str:
    """A run among others: its name, and when it was asked for."""
    return f"{run.name}  {run.created:%d %b %H:%M}"


@st.cache_resource(max_entries=3, show_spinner="Opening the run …")
def _results(run_id: int, changed: int) -> Results:
    run = workspace().run(run_id)
    files, job = RunFiles(run.directory), Job.model_validate(run.job)
    table_of_values = files.table()
    assert table_of_values is not None
    values = table_of_values.set_index("row")
    ranked = values["rank"].dropna().astype("int64")
    return Results(
        values=values,
        order=ranked.sort_values().index.to_numpy(dtype=np.int64),
        ids=np.array(files.array("ids")),
        label_values=files.array("label_values"),
        nearest=files.array("nearest"),
        job=job,
        labels=read_labels(table(run.dataset).frame, job.columns),
    )


@st.cache_resource(max_entries=3, show_spinner=False)
def class_medians(run_id: int) -> dict[int, NDArray[np.float32]]:
    """Median trace of each class: class code -> (steps,); -1 for all rows where there are none.

    At most 2,000 rows a class are looked at, evenly spread, which moves a median very little.
    """
    run = workspace().run(run_id)
    found, trace = results(run), RunFiles(run.directory).trace()
    if found is None or trace is None:
        return {}
    codes = np.full(len(found.ids), -1)
    inside = found.ids < len(found.codes)
    codes[inside] = found.codes[found.ids[inside]]
    medians = {}
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        members = members[:: max(1, len(members) // 2000)]
        with np.errstate(all="ignore"):
            medians[int(code)] = np.nanmedian(np.asarray(trace[:, members]), axis=1)
    return medians


@dataclass(frozen=True, eq=False)
class Layout:
    """Where rows stand on the map.

    Attributes:
        name: "PCA" or "UMAP".
        xy: (n, 2) float32, all rows of the data.
        waiting: the UMAP is still being computed.
        problem: why there is no UMAP, or "".
    """

    name: str
    xy: NDArray[np.float32]
    waiting: bool
    problem: str


def layout(run: Run, *, prefer_umap: bool = True) -> Layout | None:
    """The best map there is: PCA at once, UMAP when it is ready."""
    files = RunFiles(run.directory)
    pca, key = files.array("pca"), files.map_key()
    if pca is None:
        return None
    if key is None or not prefer_umap:
        return Layout("PCA", pca, False, "")
    found = _umap(key)
    if found is not None:
        return Layout("UMAP", found, False, "")
    job = workspace().map_job(key)
    waiting = job is not None and job.active
    problem = job.message if job is not None and job.status == "failed" else ""
    return Layout("PCA", pca, waiting, problem)


def _umap(key: str) -> NDArray[np.float32] | None:
    if not (workspace().root / "maps" / f"{key}.npz").exists():
        return None
    return _read_umap(key)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_umap(key: str) -> NDArray[np.float32] | None:
    return workspace().map_layout(key)


@st.cache_resource(max_entries=3, show_spinner=False)
def truth_of(dataset_id: str) -> pd.DataFrame | None:
    """Which rows were damaged on purpose, indexed by row id; None where that is not known."""
    truth = workspace().truth(dataset_id)
    return None if truth is None else truth.set_index("row")


@st.cache_resource(max_entries=3, show_spinner=False)
def damaged_rows(dataset_id: str) -> NDArray[np.int64]:
    """Ids of the rows damaged on purpose, other than by noise alone; none where that is unknown."""
    truth = truth_of(dataset_id)
    if truth is None:
        return np.empty(0, dtype=np.int64)
    return truth.index[truth["corrupted"].astype(bool)].to_numpy(dtype=np.int64)


@st.cache_resource(max_entries=6, show_spinner=False)
def known_detection(run_id: int, dataset_id: str) -> Detection | None:
    """How well the run finds the rows damaged on purpose; None where that is not known."""
    truth, found = truth_of(dataset_id), results(workspace().run(run_id))
    if truth is None or found is None:
        return None
    values = found.values["value"].dropna()
    mask = truth["corrupted"].reindex(values.index, fill_value=False).to_numpy(dtype=bool)
    if mask.all() or not mask.any():
        return None
    return detection(mask, values.to_numpy())
