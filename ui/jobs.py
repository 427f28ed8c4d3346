"""Start, watch and stop runs; read what a run leaves in its directory.

The page never computes values: a worker process does, and the page reads its files.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import check_schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.job import Job
from dvgs_core.methods import entry
from dvgs_core.settings import validated
from dvgs_core.store import Run
from ui import state


def start(method: str, settings: dict[str, Any], *, seed: int, encoding: str, device: str) -> Run:
    """Queue a valuation of the open dataset with the roles and target as they stand.

    Raises:
        InputError: a setting is out of bounds, the data cannot be valued, or the disk is full.
    """
    assert state.state.dataset_id is not None
    checked = validated(entry(method).settings, settings)
    check_schema(state.table(state.state.dataset_id).frame, state.schema())
    split = state.split() or SplitSettings()
    job = Job(
        columns=state.schema(),
        encoding=validated(EncodingSettings, {"numeric": encoding}),
        split=split,
        method=method,
        settings=checked.model_dump(),
        seed=seed,
        device=device,
        target_dataset=state.kept("target_dataset"),
    )
    run = state.workspace().create_run(state.state.dataset_id, job.model_dump(mode="json"))
    state.open_run(run.id)
    return run


@dataclass(frozen=True)
class RunFiles:
    """What a run has written so far; every part may still be missing."""

    directory: Path

    def steps(self) -> pd.DataFrame:
        """A line a step: index, total, seconds, target_loss, rows, q05, q25, q50, q75, q95."""
        path = self.directory / "steps.jsonl"
        if not path.exists():
            return pd.DataFrame()
        text = path.read_text(encoding="utf-8")
        # the last line may be half written
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        if not lines:
            return pd.DataFrame()
        frame = pd.DataFrame(lines)
        quantiles = pd.DataFrame(
            frame.pop("quantiles").tolist(), columns=["q05", "q25", "q50", "q75", "q95"]
        )
        return pd.concat([frame, quantiles], axis=1)

    def array(self, name: str) -> NDArray | None:
        """One of ids, values, label_values, pca, nearest; None while it is not there."""
        path = self.directory / f"{name}.npy"
        return np.load(path, allow_pickle=False, mmap_mode="r") if path.exists() else None

    def trace(self) -> NDArray[np.float32] | None:
        """(steps so far, n_source) float32, mapped from disk; NaN where a row was not source."""
        ids, path = self.array("ids"), self.directory / "trace.f32"
        if ids is None or not path.exists():
            return None
        steps = path.stat().st_size // (4 * len(ids))
        if steps == 0:
            return None
        return np.memmap(path, dtype=np.float32, mode="r", shape=(steps, len(ids)))

    def table(self) -> pd.DataFrame | None:
        """values.parquet, once the run has ended."""
        path = self.directory / "values.parquet"
        return _values(str(path), path.stat().st_mtime_ns) if path.exists() else None

    def memory(self) -> float:
        """Bytes that valuing took at most; NaN where that is not known."""
        path = self.directory / "cost.json"
        known = json.loads(path.read_text(encoding="utf-8"))["memory"] if path.exists() else None
        return float("nan") if known is None else float(known)

    def map_key(self) -> str | None:
        """Under which the UMAP of this run's rows is kept."""
        path = self.directory / "map.json"
        return json.loads(path.read_text(encoding="utf-8"))["key"] if path.exists() else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _values(path: str, changed: int) -> pd.DataFrame:
    return pd.read_parquet(path)


def lowest(ids: NDArray[np.int64], values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Positions of the k lowest values that are there, lowest first; ties by row id."""
    there = np.flatnonzero(np.isfinite(values))
    k = min(k, len(there))
    if k == 0:
        return np.empty(0, dtype=np.int64)
    part = there[np.argpartition(values[there], k - 1)[:k]]
    return part[np.lexsort((ids[part], values[part]))]


def sparkline(trace: NDArray[np.float32], positions: NDArray[np.int64], points: int = 24) -> list:
    """Traces of some rows, thinned to a few points each.

    Returns:
        One list of floats a row; steps in which a row was not source are left out.
    """
    steps = np.unique(np.linspace(0, len(trace) - 1, min(points * 4, len(trace))).astype(int))
    rows = np.asarray(trace[steps][:, positions]).T
    short = []
    for row in rows:
        kept = row[np.isfinite(row)]
        short.append(
            [float(part.mean()) for part in np.array_split(kept, min(points, len(kept)))]
            if len(kept)
            else []
        )
    return short
