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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
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
from dvgs_core.stopping import ASKED_TO_STOP

if TYPE_CHECKING:
    from dvgs_core.store.runs import Run
    from dvgs_core.store.workspace import Workspace

State = dict[str, NDArray]

STATE = "state.safetensors"
_STATE_FORMAT = 2  # 1 drew other dropout masks


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
        rotation: which one is going on, from 0.
        scored: checkpoints scored so far, over all rotations.
        done: how far the whole is, of `total`; a rotation that ended early counts in full.
        settled: how settled this rotation's ranking is; NaN while too early.
        stopped_because: on the last step of a rotation, why there are no more; else None. On the
            one that `finish` returns, why the whole ended.
        state: gives what `valuate` needs to go on after this step, as arrays by name; None where
            the method cannot. To be called before the next outcome is asked for.
    """

    index: int
    total: int
    ids: NDArray[np.int64]
    values: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    label_values: NDArray[np.float64] | None
    similarity: NDArray[np.float32]
    target_loss: float
    rotation: int
    scored: int
    done: int
    settled: float
    stopped_because: str | None
    state: Callable[[], State] | None = None


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

    def arrays(self) -> State:
        labels = {} if self.label_values is None else {"done.label_values": self.label_values}
        return labels | {
            "done.count": self.count,
            "done.values": self.values,
            "done.variance": self.variance,
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        self.count, self.values = state["done.count"], state["done.values"]
        self.variance, self.label_values = state["done.variance"], state.get("done.label_values")


def valuate(prepared: Prepared, kept: Mapping[str, NDArray] | None = None) -> Iterator[Outcome]:
    """Run the job's method on every rotation; one outcome a step.

    Each rotation ends early on its own; what it leaves of a time budget goes to those after it.

    Args:
        prepared: the rows.
        kept: what `Outcome.state` gave; goes on with the step after it.
    """
    job = prepared.job
    ids = prepared.source
    classes = len(prepared.labels.classes) if job.columns.task == "classification" else None
    done, first, scored, spent = _Rotations(ids), 0, 0, 0.0
    inside: State = {}
    if kept is not None:
        done.restore(kept)
        first, scored, spent = int(kept["rotation"]), int(kept["scored"]), float(kept["spent"])
        start = len(_INSIDE)
        inside = {name[start:]: kept[name] for name in kept if name.startswith(_INSIDE)}
    rotations = len(prepared.splits)
    for rotation in range(first, rotations):
        split = prepared.splits[rotation]
        at = np.searchsorted(ids, split.source)
        source, target = prepared.samples(split.source), prepared.samples(split.target)
        settings = _within_budget(job.settings, spent, rotations - rotation)
        method = methods.create(job.method, seed=job.seed, device=job.device, **settings)
        steps: Callable[..., Iterator[Step]] = method.steps
        more = {"resume": inside} if inside else {}
        begun = time.monotonic() - float(inside.get("seconds", 0.0))
        inside, running = {}, done
        for step in steps(source, target, classes=classes, **more):
            running = done.with_step(at, step)
            similarity = np.full(len(ids), np.nan, dtype=np.float32)
            similarity[at] = step.similarity
            scored += 1
            over = step.stopped_because is not None
            now = spent + time.monotonic() - begun
            state = None
            if over:
                state = partial(_between, running, rotation + 1, scored, now)
            elif step.state is not None:
                state = partial(_during, step.state, done, rotation, scored, spent)
            yield Outcome(
                index=rotation * step.total + step.index,
                total=rotations * step.total,
                ids=ids,
                values=running.mean(running.values),
                standard_error=running.mean(np.sqrt(running.variance)),
                label_values=None
                if running.label_values is None
                else running.mean(running.label_values),
                similarity=similarity,
                target_loss=step.target_loss,
                rotation=rotation,
                scored=scored,
                done=rotation * step.total + (step.total if over else step.index + 1),
                settled=step.settled,
                stopped_because=step.stopped_because,
                state=state,
            )
        done = running
        spent += time.monotonic() - begun


_INSIDE = "inside."


def _between(done: _Rotations, rotation: int, scored: int, spent: float) -> State:
    """What is to be kept where a rotation is about to begin."""
    numbers = {"rotation": rotation, "scored": scored, "spent": spent}
    return done.arrays() | {name: np.array(number) for name, number in numbers.items()}


def _during(
    method: Callable[[], State], done: _Rotations, rotation: int, scored: int, spent: float
) -> State:
    """What is to be kept inside a rotation."""
    inside = {_INSIDE + name: array for name, array in method().items()}
    return _between(done, rotation, scored, spent) | inside


def _within_budget(settings: dict[str, Any], spent: float, rotations: int) -> dict[str, Any]:
    """The settings of the next rotation: its share of the time that is left."""
    budget = settings.get("time_budget")
    if budget is None:
        return settings
    # a rotation that has no time left still scores one checkpoint
    return settings | {"time_budget": max((budget - spent) / rotations, 1e-9)}


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
    if outcome.done < outcome.total:
        return replace(outcome, stopped_because=ASKED_TO_STOP)
    return outcome


class Recorder:
    """Writes a running valuation into its directory, for a page in another process to read.

    trace.f32     (steps, n) float32, a row appended at every step; NaN where a row is not source
    steps.jsonl   a line a step: loss, quantiles of the similarities, seconds since the start, how
                  settled the ranking is
    ids.npy, values.npy   the latest, replaced whole, at most twice a second
    values.parquet, label_values.npy   the same with all that goes with them, every few seconds, so
                  that even a killed run leaves something to review
    state.safetensors   what `valuate` needs to go on, every few seconds and at a stop, until the
                  run is complete

    Args:
        directory: where to.
        prepared: the rows.
        kept: what `read_state` gave; the files are cut back to that step and continued.
    """

    QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
    KEEP_SECONDS = 5.0

    def __init__(
        self, directory: Path, prepared: Prepared, kept: Mapping[str, NDArray] | None = None
    ) -> None:
        self.directory, self.prepared = directory, prepared
        before = 0.0
        if kept is None:
            (directory / STATE).unlink(missing_ok=True)
            self.trace = (directory / "trace.f32").open("wb")
            self.steps = (directory / "steps.jsonl").open("w", encoding="utf-8")
        else:
            lines = _cut(directory, int(kept["scored"]), len(prepared.source))
            before = float(json.loads(lines[-1])["seconds"])
            self.trace = (directory / "trace.f32").open("ab")
            self.steps = (directory / "steps.jsonl").open("a", encoding="utf-8")
        self.started = time.monotonic() - before
        self.written, self.tabled, self.keep_at = -1.0, before, before + self.KEEP_SECONDS
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
            "done": outcome.done,
            "settled": outcome.settled if np.isfinite(outcome.settled) else None,
            "stopped_because": outcome.stopped_because,
        }
        self.steps.write(json.dumps(line) + "\n")
        self.steps.flush()
        if self.written < 0 or seconds - self.written > 0.5:
            self.written = seconds
            _replace_array(self.directory / "values.npy", outcome.values)
        if seconds - self.tabled > 5.0:
            self.tabled = seconds
            self._tables(outcome)
        if seconds >= self.keep_at:
            self.keep(outcome)
            cost = time.monotonic() - self.started - seconds
            self.keep_at = seconds + max(self.KEEP_SECONDS, 20 * cost)

    def keep(self, outcome: Outcome) -> None:
        """Write what is needed to go on after this step, where the method can."""
        if outcome.state is None or outcome.done == outcome.total:
            return
        from safetensors.numpy import save_file

        temporary = self.directory / f"{STATE}.part"
        arrays = outcome.state() | {"format": np.array(_STATE_FORMAT)}
        save_file({name: np.asarray(a, order="C") for name, a in arrays.items()}, temporary)
        temporary.replace(self.directory / STATE)

    def finish(self, outcome: Outcome) -> None:
        """Write the final tables."""
        self.trace.close()
        self.steps.close()
        _replace_array(self.directory / "values.npy", outcome.values)
        self._tables(outcome)
        if outcome.done == outcome.total:
            (self.directory / STATE).unlink(missing_ok=True)

    def _tables(self, outcome: Outcome) -> None:
        if outcome.label_values is not None:
            _replace_array(self.directory / "label_values.npy", outcome.label_values)
        temporary = self.directory / "values.parquet.part"
        write_values(value_table(self.prepared, outcome), temporary)
        temporary.replace(self.directory / "values.parquet")


def read_state(directory: Path, rows: int) -> State | None:
    """What a run that ended early needs to go on, or None if it has to begin anew.

    Args:
        directory: the run's.
        rows: how many are source in some rotation.
    """
    path = directory / STATE
    if not path.exists():
        return None
    from safetensors.numpy import load_file

    state = load_file(path)
    if int(state["format"]) != _STATE_FORMAT:
        return None
    # only a power cut can leave fewer steps on the disk than the state counts
    scored, trace, lines = int(state["scored"]), directory / "trace.f32", directory / "steps.jsonl"
    written = trace.exists() and trace.stat().st_size >= 4 * rows * scored
    whole = lines.exists() and lines.read_bytes().count(b"\n") >= scored
    return state if written and whole else None


def _cut(directory: Path, steps: int, rows: int) -> list[str]:
    """Forget what was recorded after so many steps; the lines of steps.jsonl that are left."""
    with (directory / "trace.f32").open("r+b") as trace:
        trace.truncate(4 * rows * steps)
    path = directory / "steps.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()[:steps]
    temporary = path.with_suffix(".part")
    temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    temporary.replace(path)
    return lines


def _replace_array(path: Path, array: NDArray) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    temporary.replace(path)


def execute(workspace: Workspace, run: Run) -> None:
    """Carry out a queued run of the workspace, recording it in its directory.

    Files, in the order in which they appear: job.json, log.txt, encoder (for new rows), pca.npy
    (the first map, all rows), map.json (key of the UMAP that is asked for), what `Recorder`
    writes, nearest.npy (per source row the ids of the four nearest target rows; a row that is
    target in another rotation is its own nearest). A stop, and the end of the process, keep what
    was computed.

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

    kept = read_state(run.directory, len(prepared.source))
    if kept is not None:
        _log(run, f"Goes on after {int(kept['scored']):,} checkpoints.")
    recorder = Recorder(run.directory, prepared, kept)
    reported = time.monotonic()
    last: Outcome | None = None

    def on_step(outcome: Outcome) -> bool:
        nonlocal reported, last
        recorder.step(outcome)
        last = outcome
        if outcome.index == 0 or time.monotonic() - reported > 0.25:
            reported = time.monotonic()
            workspace.report_progress(run.id, outcome.done, outcome.total)
        if outcome.stopped_because is not None:
            _log(run, f"Turn {outcome.rotation + 1} ended: {_why(outcome)}.")
        if workspace.stop_requested(run.id):
            recorder.keep(outcome)
            return False
        return True

    try:
        outcome = finish(valuate(prepared, kept), on_step)
    except BaseException as ending:
        # the process is to end: what was computed can be reviewed all the same
        if last is not None and not isinstance(ending, Exception):
            recorder.finish(last)
        raise
    workspace.report_progress(run.id, outcome.done, outcome.total)
    targets = np.unique(np.concatenate([split.target for split in prepared.splits]))
    found = nearest_among(prepared.X[prepared.source], prepared.X[targets], min(4, len(targets)))
    _replace_array(run.directory / "nearest.npy", targets[found.indices])
    recorder.finish(outcome)
    _log(run, f"{outcome.scored:,} of {outcome.total:,} checkpoints scored; {_why(outcome)}.")


def _why(outcome: Outcome) -> str:
    """Why it ended, and how settled the ranking is."""
    reason = outcome.stopped_because or ""
    return f"{reason} ({outcome.settled:.3f})" if np.isfinite(outcome.settled) else reason


def _log(run: Run, *lines: str) -> None:
    """Append lines, each with the time, to the run's log."""
    with run.log.open("a", encoding="utf-8") as log:
        for line in lines:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")
