"""Filtering curves of a run: is the data better without its lowest rows?

points.parquet   what `filtering_curve` returns, replaced while networks are trained
result.json      metric, rows, holdout, seconds and the conclusion, once all points are known
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import Prepared, prepare_in
from dvgs_core.errors import InputError
from dvgs_core.evaluation.cut import recommended_cut
from dvgs_core.evaluation.filtering import (
    FilteringProgress,
    FilteringSettings,
    filtering_points,
)
from dvgs_core.settings import validated
from dvgs_core.store.files import replacing
from dvgs_core.store.runs import Run
from dvgs_core.store.studies import Study
from dvgs_core.store.workspace import Workspace

VERSION = 1
_WRITE_SECONDS = 1.0


def curve_job(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """What to ask of the study.

    Args:
        run: one that has ended with values.
        settings: fields of `FilteringSettings`.

    Raises:
        InputError: a setting is out of bounds.
    """
    return {
        "version": VERSION,
        "run": run.id,
        # a run that was resumed has other values
        "values": (run.directory / "values.parquet").stat().st_mtime_ns,
        "settings": validated(FilteringSettings, settings).model_dump(),
    }


def execute(workspace: Workspace, study: Study) -> str | None:
    """Train on what is left of the run's source, and score on its holdout.

    Args:
        workspace: where the study waits.
        study: its job is what `curve_job` gives.

    Returns:
        "stopped" if someone asked for that, else None.

    Raises:
        InputError: the run has no holdout, or nothing can be trained or scored.
    """
    began = time.monotonic()
    run = workspace.run(int(study.job["run"]))
    job = Job.model_validate(run.job)
    prepared = prepare_in(workspace, run.dataset, job)
    values = pd.read_parquet(run.directory / "values.parquet")["value"].to_numpy()
    truth = workspace.truth(run.dataset)
    damaged = None if truth is None else truth["corrupted"].to_numpy(dtype=bool)
    frame, written = pd.DataFrame(), 0.0
    for progress in curve_points(prepared, values, damaged, study.job["settings"]):
        frame = progress.frame
        workspace.report_progress(study.id, progress.done, progress.total)
        if progress.done < progress.total and workspace.stop_requested(study.id):
            _write(study, frame)
            return "stopped"
        if time.monotonic() - written > _WRITE_SECONDS:
            _write(study, frame)
            written = time.monotonic()
    _write(study, frame)
    result = {
        "metric": str(frame["metric"].iloc[0]),
        "rows": int(frame["rows"].max()),
        "holdout": len(prepared.splits[0].holdout),
        "seconds": round(time.monotonic() - began, 2),
        "conclusion": recommended_cut(frame).conclusion,
    }
    with replacing(study.directory / "result.json") as temporary:
        temporary.write_text(json.dumps(result), encoding="utf-8")
    return None


def curve_points(
    prepared: Prepared,
    values: NDArray[np.float64],
    damaged: NDArray[np.bool_] | None,
    settings: Mapping[str, Any],
) -> Iterator[FilteringProgress]:
    """Train on what is left of the source, and score on the holdout of the first turn.

    Args:
        prepared: the rows of the valuation.
        values: (rows of the table,) float64, NaN where a row has no value.
        damaged: (rows of the table,) bool, or None; adds the oracle where some are and some not.
        settings: fields of `FilteringSettings`.

    Raises:
        InputError: there is no holdout, or nothing can be trained or scored.
    """
    job, split = prepared.job, prepared.splits[0]
    if not len(split.holdout):
        raise InputError("This run has no holdout to score on; choose its size with the target.")
    rows = valued_rows(prepared, values)
    truth = None if damaged is None else damaged[rows]
    if truth is not None and (truth.all() or not truth.any()):
        truth = None
    return filtering_points(
        prepared.samples(rows),
        prepared.samples(split.target),
        prepared.samples(split.holdout),
        values[rows],
        truth=truth,
        classes=len(prepared.labels.classes) if job.columns.task == "classification" else None,
        seed=job.seed,
        device=job.device,
        **settings,
    )


def valued_rows(prepared: Prepared, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The source rows of the table that have a value; curves are of these.

    Args:
        prepared, values: as in `curve_points`.

    Raises:
        InputError: none has, or a value is infinite.
    """
    rows = prepared.source[prepared.source < prepared.rows]
    if np.isinf(values[rows]).any():
        raise InputError(f"{np.isinf(values[rows]).sum():,} values are infinite; replace them.")
    rows = rows[~np.isnan(values[rows])]
    if not len(rows):
        raise InputError("No source row has a value: give what a valuation of this data wrote.")
    return rows


def _write(study: Study, frame: pd.DataFrame) -> None:
    with replacing(study.directory / "points.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
