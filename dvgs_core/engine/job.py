"""One valuation from a table to its values: what the page's worker, the command line and
`value_frame` all run, so that they give the same numbers.

    prepare   table + job -> encoded rows, labels, splits
    valuate   prepared    -> an outcome after every step, the last of them complete
    execute   a queued run of the workspace, recorded in its directory

Importing this module loads neither torch nor scikit-learn.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core import methods
from dvgs_core.data.columns import described
from dvgs_core.data.encode import Encoder, EncodingSettings
from dvgs_core.data.load import Table
from dvgs_core.data.schema import Labels, Schema, check_schema, read_labels
from dvgs_core.data.split import Split, SplitSettings, draw_splits, role_of_rows
from dvgs_core.errors import InputError
from dvgs_core.samples import Samples, Step, ranks
from dvgs_core.settings import Settings

if TYPE_CHECKING:
    from dvgs_core.store.runs import Run
    from dvgs_core.store.workspace import Workspace


class Job(Settings):
    """Everything a valuation needs besides the data's bytes; part of the recipe."""

    columns: Schema
    encoding: EncodingSettings = EncodingSettings()
    split: SplitSettings = SplitSettings()
    method: str = "dvgs"
    settings: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    target_dataset: str | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows ready to be valued.

    Attributes:
        job: what was asked for.
        rows: how many rows the table has; further rows, if any, came from a target file.
        X: (all rows, features) float32.
        labels: of all rows.
        splits: one a rotation.
        encoder: fitted on source and target rows.
        notes: what a person should know, a line each.
    """

    job: Job
    rows: int
    X: NDArray[np.float32]
    labels: Labels
    splits: list[Split]
    encoder: Encoder
    notes: tuple[str, ...]

    def samples(self, rows: NDArray[np.int64]) -> Samples:
        """The rows with these ids."""
        y = None if self.job.columns.task == "reconstruction" else self.labels.y[rows]
        return Samples(self.X[rows], y, rows)

    @property
    def source(self) -> NDArray[np.int64]:
        """Ids of all rows that are source in at least one rotation, ascending."""
        return np.unique(np.concatenate([split.source for split in self.splits]))


def prepare(table: Table, job: Job, target: Table | None = None) -> Prepared:
    """Check, split and encode.

    Args:
        table: the data.
        job: roles, encoding, split.
        target: a separate table of target rows, with the same columns; its rows get the ids after
            the data's.

    Raises:
        InputError: whatever is wrong with the data or the choices, in one line.
    """
    frame, target_rows = table.frame, None
    if target is not None:
        frame = with_target(frame, target, job.columns)
        target_rows = np.arange(len(table.frame), len(frame))
    notes = check_schema(frame, job.columns)
    labels = read_labels(frame, job.columns)
    splits = draw_splits(frame, labels, job.columns, job.split, target_file_rows=target_rows)
    fitted_on = np.unique(np.concatenate([np.concatenate([s.source, s.target]) for s in splits]))
    encoder = Encoder.fit(frame.iloc[fitted_on], job.columns, job.encoding, seed=job.seed)
    X = encoder.transform(frame)
    return Prepared(job, len(table.frame), X, labels, splits, encoder, tuple(notes))


def with_target(frame: pd.DataFrame, target: Table, schema: Schema) -> pd.DataFrame:
    """The data's rows, then those of a target file.

    Raises:
        InputError: the target file lacks a label or feature column of the data, or holds another
            kind of values there.
    """
    needed = [column.name for column in schema.columns if column.role in ("label", "feature")]
    missing = [name for name in needed if name not in target.frame.columns]
    if missing:
        raise InputError(
            f"The target file must have the columns of the data; {target.name} lacks "
            f"{', '.join(map(repr, missing[:5]))}{' …' if len(missing) > 5 else ''}."
        )
    for name in needed:
        here, there = described(frame[name]), described(target.frame[name])
        if here != there and not (frame[name].isna().all() or target.frame[name].isna().all()):
            raise InputError(
                f"The target file must hold what the data holds; in {target.name} the column "
                f"{name!r} holds {there}, in the data {here}: write both in the same way."
            )
    return pd.concat([frame, target.frame.reindex(columns=frame.columns)], ignore_index=True)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Values so far, averaged over the rotations in which a row was source.

    Attributes:
        index, total: steps done before this one, and in all, over all rotations.
        ids: (n,) int64, every row that is source in some rotation, ascending.
        values: (n,) float64; NaN for rows no rotation has scored yet.
        standard_error: (n,) float64.
        label_values: (n, classes) float64, or None.
        similarity: (n,) float32, this step's; NaN for rows that are not source in this rotation.
        target_loss: this step's.
    """

    index: int
    total: int
    ids: NDArray[np.int64]
    values: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    label_values: NDArray[np.float64] | None
    similarity: NDArray[np.float32]
    target_loss: float


class _Rotations:
    """Sums over finished rotations, so that a running one can be added on top."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self.ids = ids
        self.count = np.zeros(len(ids))
        self.values = np.zeros(len(ids))
        self.variance = np.zeros(len(ids))
        self.label_values: NDArray[np.float64] | None = None

    def with_step(self, at: NDArray[np.int64], step: Step) -> _Rotations:
        total = _Rotations(self.ids)
        total.count, total.values = self.count.copy(), self.values.copy()
        total.variance = self.variance.copy()
        total.count[at] += 1
        total.values[at] += step.values
        total.variance[at] += step.standard_error**2
        if step.label_values is not None:
            before = self.label_values
            shape = (len(self.ids), step.label_values.shape[1])
            total.label_values = np.zeros(shape) if before is None else before.copy()
            total.label_values[at] += step.label_values
        return total

    def mean(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return sums / (self.count if sums.ndim == 1 else self.count[:, None])


def valuate(prepared: Prepared) -> Iterator[Outcome]:
    """Run the job's method on every rotation; one outcome a step."""
    job = prepared.job
    ids = prepared.source
    classes = len(prepared.labels.classes) if job.columns.task == "classification" else None
    method = methods.create(job.method, seed=job.seed, device=job.device, **job.settings)
    done = _Rotations(ids)
    for rotation, split in enumerate(prepared.splits):
        at = np.searchsorted(ids, split.source)
        source, target = prepared.samples(split.source), prepared.samples(split.target)
        running = done
        for step in method.steps(source, target, classes=classes):
            running = done.with_step(at, step)
            similarity = np.full(len(ids), np.nan, dtype=np.float32)
            similarity[at] = step.similarity
            yield Outcome(
                index=rotation * step.total + step.index,
                total=len(prepared.splits) * step.total,
                ids=ids,
                values=running.mean(running.values),
                standard_error=running.mean(np.sqrt(running.variance)),
                label_values=None
                if running.label_values is None
                else running.mean(running.label_values),
                similarity=similarity,
                target_loss=step.target_loss,
            )
        done = running


def value_table(prepared: Prepared, outcome: Outcome) -> pd.DataFrame:
    """One line a row of the data, in its order: the form of values.parquet.

    Columns: row, role, value, standard_error, rank (1 = lowest), label, suggested_label, margin
    (value under the suggested label minus the value under its own). Rows that were not valued hold
    nulls.
    """
    n = prepared.rows
    scored = np.isfinite(outcome.values) & (outcome.ids < n)
    rows = outcome.ids[scored]
    rank = pd.array(np.zeros(n, dtype=np.int64), dtype="Int64")
    rank[:] = pd.NA
    rank[rows] = ranks(outcome.values[scored], rows)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "role": role_of_rows(prepared.splits, len(prepared.X))[:n],
            "value": _spread(n, rows, outcome.values[scored]),
            "standard_error": _spread(n, rows, outcome.standard_error[scored]),
            "rank": rank,
        }
    )
    labels = prepared.labels
    if prepared.job.columns.task == "classification":
        classes = np.array(labels.names, dtype=object)
        codes = labels.y[:n]
        own = classes[codes]
        own[codes < 0] = None
        suggested = np.full(n, None, dtype=object)
        margin = np.full(n, np.nan)
        if outcome.label_values is not None:
            by_label = outcome.label_values[scored]
            best = by_label.argmax(axis=1)
            suggested[rows] = classes[best]
            margin[rows] = by_label.max(axis=1) - outcome.values[scored]
            # the own label's value is summed in another order, so it can miss its own maximum
            margin[rows] = np.where(best == codes[rows], 0.0, margin[rows])
    else:
        own = np.full(n, None, dtype=object)
        if prepared.job.columns.task == "regression":
            own[:] = [None if np.isnan(y) else repr(float(y)) for y in labels.y[:n]]
        suggested, margin = np.full(n, None, dtype=object), np.full(n, np.nan)
    frame["label"] = pd.array(own, dtype="str")
    frame["suggested_label"] = pd.array(suggested, dtype="str")
    frame["margin"] = margin
    return frame


def _spread(n: int, rows: NDArray[np.int64], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = np.full(n, np.nan)
    spread[rows] = numbers
    return spread


def write_values(frame: pd.DataFrame, path: Path) -> None:
    """values.parquet: the same frame always gives the same bytes; NaN is written as null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, compression="zstd")


def finish(outcomes: Iterator[Outcome], on_step: Callable[[Outcome], bool]) -> Outcome:
    """Run outcomes to their end, or until `on_step` returns False; the last one."""
    outcome = None
    for outcome in outcomes:
        if not on_step(outcome):
            break
    assert outcome is not None, "a method yields at least one step"
    return outcome


class Recorder:
    """Writes a running valuation into its directory, for a page in another process to read.

    trace.f32     (steps, n) float32, a row appended at every step; NaN where a row is not source
    steps.jsonl   a line a step: loss, quantiles of the similarities, seconds since the start
    ids.npy, values.npy   the latest, replaced whole, at most twice a second
    values.parquet, label_values.npy   the same with all that goes with them, every few seconds, so
                  that even a killed run leaves something to review
    """

    QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

    def __init__(self, directory: Path, prepared: Prepared) -> None:
        self.directory, self.prepared = directory, prepared
        self.started = time.monotonic()
        self.written, self.tabled = -1.0, 0.0
        self.trace = (directory / "trace.f32").open("wb")
        self.steps = (directory / "steps.jsonl").open("w", encoding="utf-8")
        _replace_array(directory / "ids.npy", prepared.source)

    def step(self, outcome: Outcome) -> None:
        """Take in one step."""
        seconds = time.monotonic() - self.started
        self.trace.write(outcome.similarity.tobytes())
        self.trace.flush()
        scored = outcome.similarity[np.isfinite(outcome.similarity)]
        loss = outcome.target_loss
        line = {
            "index": outcome.index,
            "total": outcome.total,
            "seconds": round(seconds, 3),
            "target_loss": loss if np.isfinite(loss) else None,
            "quantiles": [float(q) for q in np.quantile(scored, self.QUANTILES)],
            "rows": len(scored),
        }
        self.steps.write(json.dumps(line) + "\n")
        self.steps.flush()
        if self.written < 0 or seconds - self.written > 0.5:
            self.written = seconds
            _replace_array(self.directory / "values.npy", outcome.values)
        if seconds - self.tabled > 5.0:
            self.tabled = seconds
            self._tables(outcome)

    def finish(self, outcome: Outcome) -> None:
        """Write the final tables."""
        self.trace.close()
        self.steps.close()
        _replace_array(self.directory / "values.npy", outcome.values)
        self._tables(outcome)

    def _tables(self, outcome: Outcome) -> None:
        if outcome.label_values is not None:
            _replace_array(self.directory / "label_values.npy", outcome.label_values)
        temporary = self.directory / "values.parquet.part"
        write_values(value_table(self.prepared, outcome), temporary)
        temporary.replace(self.directory / "values.parquet")


def _replace_array(path: Path, array: NDArray) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    temporary.replace(path)


def execute(workspace: Workspace, run: Run) -> None:
    """Carry out a queued run of the workspace, recording it in its directory.

    Files, in the order in which they appear: job.json, log.txt, encoder (for new rows), pca.npy
    (the first map, all rows), map.json (key of the UMAP that is asked for), what `Recorder`
    writes, nearest.npy (per source row the ids of the four nearest target rows; a row that is target in another rotation
    is its own nearest). A stop, and the end of the process, keep what was computed.

    Raises:
        InputError: what is wrong with the data or the choices, in one line.
    """
    from dvgs_core.neighbours import layout_key, nearest_among, pca_layout

    job = Job.model_validate(run.job)
    (run.directory / "job.json").write_text(job.model_dump_json(indent=1), encoding="utf-8")
    table = workspace.load_table(run.dataset)
    target = workspace.load_table(job.target_dataset) if job.target_dataset else None
    prepared = prepare(table, job, target)
    _log(run, *table.notes, *prepared.notes)
    for number, split in enumerate(prepared.splits, start=1):
        _log(
            run,
            f"Turn {number}: {len(split.source):,} source rows, {len(split.target):,} target "
            f"rows, {len(split.holdout):,} holdout rows, {prepared.X.shape[1]:,} features.",
        )
    prepared.encoder.save(run.directory / "encoder")
    _replace_array(run.directory / "pca.npy", pca_layout(prepared.X[: prepared.rows]))
    key = layout_key(prepared.X[: prepared.rows], {"seed": job.seed})
    workspace.request_map(key, prepared.X[: prepared.rows], seed=job.seed)
    (run.directory / "map.json").write_text(json.dumps({"key": key}), encoding="utf-8")

    recorder = Recorder(run.directory, prepared)
    reported = time.monotonic()
    last: Outcome | None = None

    def on_step(outcome: Outcome) -> bool:
        nonlocal reported, last
        recorder.step(outcome)
        last = outcome
        if outcome.index == 0 or time.monotonic() - reported > 0.25:
            reported = time.monotonic()
            workspace.report_progress(run.id, outcome.index + 1, outcome.total)
        return not workspace.stop_requested(run.id)

    try:
        outcome = finish(valuate(prepared), on_step)
    except BaseException as ending:
        # the process is to end: what was computed can be reviewed all the same
        if last is not None and not isinstance(ending, Exception):
            recorder.finish(last)
        raise
    workspace.report_progress(run.id, outcome.index + 1, outcome.total)
    targets = np.unique(np.concatenate([split.target for split in prepared.splits]))
    found = nearest_among(prepared.X[prepared.source], prepared.X[targets], min(4, len(targets)))
    _replace_array(run.directory / "nearest.npy", targets[found.indices])
    recorder.finish(outcome)
    _log(run, f"{outcome.index + 1:,} of {outcome.total:,} checkpoints scored.")


def _log(run: Run, *lines: str) -> None:
    """Append lines, each with the time, to the run's log."""
    with run.log.open("a", encoding="utf-8") as log:
        for line in lines:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")
