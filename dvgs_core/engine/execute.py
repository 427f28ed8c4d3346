"""Carrying out a queued valuation of the workspace, recorded in its directory."""

import json
import time
from datetime import UTC, datetime
from functools import partial

import numpy as np

from dvgs_core.data.wording import number
from dvgs_core.engine.first import record_first
from dvgs_core.engine.heap import give_back_memory
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import Prepared, prepare_in
from dvgs_core.engine.recorder import Recorder, replace_array
from dvgs_core.engine.state import read_state
from dvgs_core.engine.valuate import Outcome, finish, valuate
from dvgs_core.evaluation.cost import MemoryWatch
from dvgs_core.store.files import full_disk_told, replacing
from dvgs_core.store.runs import Run
from dvgs_core.store.workspace import Workspace

_LOOK_SECONDS = 0.05  # between two looks at the memory


def execute(workspace: Workspace, run: Run) -> None:
    """Carry out a queued run of the workspace, recording it in its directory.

    Files, in the order in which they appear: job.json, log.txt, what `record_first` and `Recorder`
    write, encoder (for new rows), encoded.npy (all rows as the network sees them), pca.npy (the
    first map, all rows), map.json (key of the UMAP that is asked for), nearest.npy (per source row
    the ids of the four nearest target rows; a row that is target in another rotation is its own
    nearest), cost.json (memory that valuing took at most, in bytes). Someone waits for the first
    trace, so nothing comes before it that can come after. A stop, and the end of the process, keep
    what was computed.

    Raises:
        InputError: what is wrong with the data or the choices, or that the disk is full, in one
            line.
    """
    with full_disk_told(run.directory):
        _execute(workspace, run)


def _execute(workspace: Workspace, run: Run) -> None:
    from dvgs_core.neighbours import nearest_among

    job = Job.model_validate(run.job)
    with replacing(run.directory / "job.json") as temporary:
        temporary.write_text(job.model_dump_json(indent=1), encoding="utf-8")
    prepared = prepare_in(workspace, run.dataset, job)
    _log(run, *prepared.notes)
    for turn, split in enumerate(prepared.splits, start=1):
        _log(
            run,
            f"Turn {turn}: {len(split.source):,} source rows, {len(split.target):,} target "
            f"rows, {len(split.holdout):,} holdout rows, {prepared.X.shape[1]:,} features.",
        )
    if prepared.encoded.found:
        prepared.encoded.write(run.directory, prepared.rows)  # costs nothing, and may go later

    kept = read_state(run.directory, len(prepared.source), partial(_log, run))
    if kept is None:
        record_first(run.directory, prepared)
    else:
        _log(run, f"Goes on after {int(kept['scored']):,} checkpoints.")
    give_back_memory()  # of the table and its texts
    recorder = Recorder(run.directory, prepared, kept)
    reported = time.monotonic()
    last: Outcome | None = None

    def on_step(outcome: Outcome) -> bool:
        nonlocal reported, last
        recorder.step(outcome)
        first, last = last is None, outcome
        if first or time.monotonic() - reported > 0.25:
            reported = time.monotonic()
            workspace.report_progress(run.id, outcome.done, outcome.total)
        if first:
            _write_rows(workspace, run, prepared)
        if outcome.stopped_because is not None:
            _log(run, f"Turn {outcome.rotation + 1} ended: {_why(outcome)}.")
        if workspace.stop_requested(run.id):
            recorder.keep(outcome)
            return False
        return True

    watch = MemoryWatch(_LOOK_SECONDS)
    try:
        with watch:
            outcome = finish(valuate(prepared, kept), on_step)
    except BaseException as ending:
        # the process is to end: what was computed can be reviewed all the same
        if last is not None and not isinstance(ending, Exception):
            recorder.finish(last)
        raise
    _log(run, *outcome.notes)
    workspace.report_progress(run.id, outcome.done, outcome.total)
    targets = np.unique(np.concatenate([split.target for split in prepared.splits]))
    found = nearest_among(prepared.X[prepared.source], prepared.X[targets], min(4, len(targets)))
    replace_array(run.directory / "nearest.npy", targets[found.indices])
    recorder.finish(outcome)
    with replacing(run.directory / "cost.json") as temporary:
        temporary.write_text(json.dumps({"memory": watch.grown}), encoding="utf-8")
    _log(run, f"{outcome.scored:,} of {outcome.total:,} checkpoints scored; {_why(outcome)}.")


def _write_rows(workspace: Workspace, run: Run, prepared: Prepared) -> None:
    """The rows as the network sees them, their first map, and a wish for the next one."""
    from dvgs_core.neighbours import layout_key, pca_layout

    X = prepared.X[: prepared.rows]
    if not prepared.encoded.found:
        prepared.encoded.write(run.directory, prepared.rows)
    replace_array(run.directory / "pca.npy", pca_layout(X))
    key = layout_key(X, {"seed": prepared.job.seed})
    workspace.request_map(key, X, seed=prepared.job.seed)
    with replacing(run.directory / "map.json") as temporary:
        temporary.write_text(json.dumps({"key": key}), encoding="utf-8")


def _why(outcome: Outcome) -> str:
    """Why it ended, and how settled the ranking is."""
    reason = outcome.stopped_because or ""
    if not np.isfinite(outcome.settled):
        return reason
    return f"{reason} ({number(outcome.settled, decimals=3)})"


def _log(run: Run, *lines: str) -> None:
    """Append lines, each with the time, to the run's log."""
    with run.log.open("a", encoding="utf-8") as log:
        for line in lines:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")
