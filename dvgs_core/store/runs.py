"""Runs and map jobs: what is to be computed, by whom, how far it is, how it ended.

Both are rows of one table, so that one rule holds for both: a job is queued, one worker claims it,
and it ends as done, stopped, failed or interrupted. A run can be paused too: it leaves its worker
to others and goes on where it was, from what it kept. A run's results are files in its directory;
a map's result is one file named by the content it was computed from.
"""

import json
import shutil
import sqlite3
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from dvgs_core.errors import InputError
from dvgs_core.store.base import Store
from dvgs_core.store.clock import now, parsed
from dvgs_core.store.files import replacing
from dvgs_core.store.processes import birth, there

JobKind = Literal["valuation", "map", "look", "sensitivity", "holdout", "curve"]
Status = Literal["queued", "running", "paused", "done", "stopped", "failed", "interrupted"]
_ENDS = ("paused", "done", "stopped", "failed", "interrupted")

INTERRUPTED = "The program ended before the run did; what was computed until then is kept."


class Claimed(Protocol):
    """What every kind of job has for the worker that does it."""

    @property
    def id(self) -> int:
        """Its number in the workspace."""

    @property
    def kind(self) -> JobKind:
        """Which worker does it."""

    @property
    def job(self) -> dict[str, Any]:
        """What was asked for, as JSON."""

    @property
    def log(self) -> Path:
        """Where the full account of a failure is written."""


@dataclass(frozen=True)
class Run:
    """A valuation: asked for, going on, or ended.

    Attributes:
        id: its number in the workspace.
        kind: "valuation".
        dataset: id of the dataset it belongs to.
        method, number: what its name is made of; number counts within the dataset.
        status: queued, running, paused, done, stopped, failed or interrupted.
        directory: its files; exists from the beginning.
        job: what was asked for, as JSON.
        created, started, finished: when.
        message: one line for a person, mostly why it failed.
        pid: the worker's process, once there is one.
        heartbeat: when the worker last showed itself, in seconds since 1970.
        stop_requested: someone wants it to stop, or to pause.
        pause_requested: what it is to do is to pause.
        step, total: how far it is, where the method has said so.
        place: of runs that wait, the lowest is next; of equal ones, the oldest.
    """

    id: int
    kind: JobKind
    dataset: str
    method: str
    number: int
    status: Status
    directory: Path
    job: dict[str, Any]
    created: datetime
    started: datetime | None
    finished: datetime | None
    message: str
    pid: int | None
    heartbeat: float | None
    stop_requested: bool
    pause_requested: bool
    step: int | None
    total: int | None
    place: int

    @property
    def name(self) -> str:
        """What a person calls it, like dvgs#3."""
        return f"{self.method}#{self.number}"

    @property
    def active(self) -> bool:
        """Queued or running."""
        return self.status in ("queued", "running")

    @property
    def log(self) -> Path:
        """Where the full account of a failure is written."""
        return self.directory / "log.txt"


@dataclass(frozen=True)
class MapJob:
    """A layout that is to be computed.

    Attributes:
        id: its number in the workspace.
        kind: "map".
        key: hash of the content and settings; the same key is the same layout.
        status: as for a run.
        job: seed and neighbours.
        input: float32 matrix (n, d) as .npy, there until the job is done.
        result: .npz with `layout`, (n, 2) float32, there once it is done.
        message: one line for a person, mostly why it failed.
        created, started, finished: when.
        pid, heartbeat, stop_requested: as for a run.
    """

    id: int
    kind: JobKind
    key: str
    status: Status
    job: dict[str, Any]
    input: Path
    result: Path
    message: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    pid: int | None
    heartbeat: float | None
    stop_requested: bool

    @property
    def active(self) -> bool:
        """Queued or running."""
        return self.status in ("queued", "running")

    @property
    def log(self) -> Path:
        """Where the full account of a failure is written."""
        return self.result.with_suffix(".log.txt")


class RunStore(Store):
    """The part of a workspace that keeps runs and map jobs."""

    def create_run(self, dataset_id: str, job: dict[str, Any]) -> Run:
        """Queue a valuation.

        Args:
            dataset_id: the dataset to value.
            job: what to do, as JSON; handed to the worker as it is. Its "method" gives the run
                its name.

        Raises:
            InputError: there is no such dataset, or the disk is full.
        """
        with self.database.writing() as connection:
            if not connection.execute(
                "SELECT 1 FROM datasets WHERE id = ?", (dataset_id,)
            ).fetchone():
                raise InputError(
                    f"There is no dataset {dataset_id!r} in this workspace; add its file again."
                )
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM jobs WHERE dataset = ?", (dataset_id,)
            ).fetchone()[0]
            identity = connection.execute(
                "INSERT INTO jobs (kind, dataset, method, number, job, status, created) "
                "VALUES ('valuation', ?, ?, ?, ?, 'queued', ?)",
                (dataset_id, str(job.get("method", "run")), last + 1, _json(job), now()),
            ).lastrowid
            directory = self.root / "runs" / str(identity)
            # left by a transaction that was undone after this point
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        assert identity is not None
        return self.run(identity)

    def runs(self, dataset_id: str | None = None) -> list[Run]:
        """The runs of one dataset, or of all, the newest first."""
        where, values = ("", ()) if dataset_id is None else ("AND dataset = ?", (dataset_id,))
        with self.database.reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM jobs WHERE kind = 'valuation' {where} ORDER BY id DESC", values
            ).fetchall()
        return [self._run(row) for row in rows]

    def run(self, run_id: int) -> Run:
        """One run, as it stands now.

        Raises:
            InputError: there is none with this id.
        """
        row = self._job_row(run_id)
        if row is None or row["kind"] != "valuation":
            raise InputError(f"There is no run {run_id} in this workspace; choose one of its list.")
        return self._run(row)

    def resume_run(self, run_id: int) -> Run:
        """Queue a run that is paused or ended early; its files stay, and it goes on from them.

        Raises:
            InputError: there is no such run, or it waits, goes on or is complete.
        """
        run = self.run(run_id)
        with self.database.writing() as connection:
            queued = connection.execute(
                "UPDATE jobs SET status = 'queued', stop_requested = 0, pause_requested = 0, "
                "message = '', pid = NULL, born = NULL, heartbeat = NULL, started = NULL, "
                "finished = NULL "
                "WHERE id = ? AND status IN ('paused', 'stopped', 'failed', 'interrupted')",
                (run_id,),
            ).rowcount
        if not queued:
            raise InputError(
                f"{run.name} is {run.status}; only a run that was paused, stopped or interrupted, "
                "or that failed, can be resumed."
            )
        return self.run(run_id)

    def delete_run(self, run_id: int) -> None:
        """Forget a run and its files.

        Raises:
            InputError: there is no such run, or it is going on.
        """
        run = self.run(run_id)
        with self.database.writing() as connection:
            gone = connection.execute(
                "DELETE FROM jobs WHERE id = ? AND status <> 'running'", (run_id,)
            ).rowcount
        if not gone:
            raise InputError(f"{run.name} is going on; stop it, then delete it.")
        shutil.rmtree(run.directory, ignore_errors=True)

    def request_stop(self, run_id: int) -> None:
        """Ask a job to end. One that waits ends here; one that runs, when its worker looks.

        What a paused run, or one that waits to go on, has computed stays as it is.
        """
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'stopped', finished = ?, stop_requested = 1, "
                "pause_requested = 0, "
                "message = CASE WHEN step IS NULL THEN 'Stopped before it began.' ELSE '' END "
                "WHERE id = ? AND status IN ('queued', 'paused')",
                (now(), run_id),
            )
            connection.execute(
                "UPDATE jobs SET stop_requested = 1, pause_requested = 0 "
                "WHERE id = ? AND status = 'running'",
                (run_id,),
            )

    def request_pause(self, run_id: int) -> None:
        """Ask a run to make room. One that waits pauses here; one that runs, when its worker looks.

        `resume_run` lets it go on.
        """
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'paused' WHERE id = ? AND status = 'queued'", (run_id,)
            )
            connection.execute(
                "UPDATE jobs SET stop_requested = 1, pause_requested = 1 "
                "WHERE id = ? AND status = 'running'",
                (run_id,),
            )

    def run_next(self, run_id: int) -> None:
        """Put a run that waits before all others; one that does not wait stays as it is."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET place = ("
                "SELECT min(place) - 1 FROM jobs WHERE kind = 'valuation' AND status = 'queued'"
                ") WHERE id = ? AND status = 'queued'",
                (run_id,),
            )

    def stop_requested(self, run_id: int) -> bool:
        """Whether someone asked this job to stop; False for one that is not there."""
        row = self._job_row(run_id)
        return bool(row is not None and row["stop_requested"])

    def report_progress(self, run_id: int, step: int, total: int) -> None:
        """Say how far a running job is.

        Args:
            run_id: the job.
            step, total: `step` of `total` are done, 0 <= step <= total.
        """
        with self.database.writing(durable=False) as connection:
            connection.execute(
                "UPDATE jobs SET step = ?, total = ?, heartbeat = ? "
                "WHERE id = ? AND status = 'running'",
                (step, total, time.time(), run_id),
            )

    def request_map(
        self, key: str, X: np.ndarray, *, seed: int = 0, neighbours: int = 15
    ) -> MapJob:
        """Queue a layout, or find the one that is queued, running or done.

        Args:
            key: hash of the content and the settings; letters and digits only.
            X: (n, d) floats; kept as float32 until the layout is there.
            seed, neighbours: handed to the layout.

        Raises:
            ValueError: the key is not a plain word.
            InputError: the disk is full.
        """
        if not (key.isascii() and key.isalnum()):
            raise ValueError(f"a map's key is letters and digits, not {key!r}")
        known = self.map_job(key)
        if known is not None and _wanted(known):
            return known
        path = self.root / "maps" / f"{key}.input.npy"
        with replacing(path) as temporary:
            np.save(temporary, np.ascontiguousarray(X, dtype=np.float32), allow_pickle=False)
        with self.database.writing() as connection:
            row = _newest_map(connection, key)
            if row is not None and _wanted(self._map_job(row)):
                return self._map_job(row)
            row = connection.execute(
                "INSERT INTO jobs (kind, key, job, status, created) "
                "VALUES ('map', ?, ?, 'queued', ?) RETURNING *",
                (key, _json({"seed": seed, "neighbours": neighbours}), now()),
            ).fetchone()
        return self._map_job(row)

    def map_job(self, key: str) -> MapJob | None:
        """The newest job for a layout, or None if it was never asked for."""
        with self.database.reading() as connection:
            row = _newest_map(connection, key)
        return None if row is None else self._map_job(row)

    def map_layout(self, key: str) -> np.ndarray | None:
        """A layout that has been computed.

        Returns:
            (n, 2) float32, or None while it is not there.
        """
        path = self.root / "maps" / f"{key}.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["layout"]

    def waiting(self, kind: JobKind) -> int:
        """How many jobs of a kind wait for a worker."""
        with self.database.reading() as connection:
            return connection.execute(
                "SELECT count(*) FROM jobs WHERE kind = ? AND status = 'queued'", (kind,)
            ).fetchone()[0]

    def run_begins(self, seconds: float) -> bool:
        """Whether a run was begun less than so many seconds ago and has taken no step yet."""
        earliest = now(seconds_ago=seconds)
        with self.database.reading() as connection:
            return bool(
                connection.execute(
                    "SELECT count(*) FROM jobs WHERE kind = 'valuation' AND status = 'running' "
                    "AND step IS NULL AND started > ?",
                    (earliest,),
                ).fetchone()[0]
            )

    def claim_next(self, kind: JobKind, pid: int) -> Claimed | None:
        """Take the job that is next, mostly the oldest; no other process will get it.

        Args:
            kind: which jobs to look at.
            pid: the process that will do it.

        Returns:
            The job, now running; or None if nothing waits.
        """
        if not self.waiting(kind):
            return None  # a look costs others nothing; the lock below does
        with self.database.writing() as connection:
            row = connection.execute(
                "UPDATE jobs SET status = 'running', pid = ?, born = ?, started = ?, heartbeat = ? "
                "WHERE id = (SELECT id FROM jobs WHERE kind = ? AND status = 'queued' "
                "ORDER BY place, id LIMIT 1) RETURNING *",
                (pid, birth(pid), now(), time.time(), kind),
            ).fetchone()
        return None if row is None else self._job(row)

    def finish(self, run_id: int, status: Status, message: str = "") -> bool:
        """Say how a running job ended; the first word counts.

        Args:
            run_id: the job.
            status: done, paused, stopped, failed or interrupted.
            message: one line for a person.

        Returns:
            Whether it was running until now.

        Raises:
            ValueError: that is not a way to end.
        """
        if status not in _ENDS:
            raise ValueError(f"a job ends as one of {', '.join(_ENDS)}, not as {status!r}")
        with self.database.writing() as connection:
            return bool(
                connection.execute(
                    "UPDATE jobs SET status = ?, message = ?, finished = ? "
                    "WHERE id = ? AND status = 'running'",
                    (status, message, now(), run_id),
                ).rowcount
            )

    def end_jobs_of(self, pid: int, status: Status, message: str) -> list[int]:
        """Say how everything that a process was doing ended; results stay.

        Returns:
            The ids of the jobs it was doing.
        """
        return self._end_where("pid = ?", (pid,), status, message)

    def fail_waiting(self, kind: JobKind, message: str) -> list[int]:
        """Mark all jobs of a kind that wait as failed: nobody will come for them.

        Returns:
            Their ids.
        """
        return self._end_where("kind = ?", (kind,), "failed", message, status="queued")

    def mark_interrupted(self) -> list[int]:
        """Find running jobs whose process is gone, and mark them interrupted; results stay.

        Returns:
            The ids of the jobs that were marked.
        """
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT id, pid, born, heartbeat FROM jobs WHERE status = 'running'"
            ).fetchall()
        marked = []
        for row in rows:
            if not there(row["pid"], row["born"], row["heartbeat"]):
                marked += self._end_where("id = ?", (row["id"],), "interrupted", INTERRUPTED)
        return marked

    def _end_where(
        self, condition: str, values: tuple, end: Status, message: str, status: Status = "running"
    ) -> list[int]:
        with self.database.writing() as connection:
            rows = connection.execute(
                "UPDATE jobs SET status = ?, message = ?, finished = ? "
                f"WHERE status = ? AND {condition} RETURNING id",
                (end, message, now(), status, *values),
            ).fetchall()
        return [row["id"] for row in rows]

    def _job_row(self, job_id: int) -> sqlite3.Row | None:
        with self.database.reading() as connection:
            return connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()

    def _job(self, row: sqlite3.Row) -> Claimed:
        return self._run(row) if row["kind"] == "valuation" else self._map_job(row)

    def _run(self, row: sqlite3.Row) -> Run:
        return Run(
            dataset=row["dataset"],
            method=row["method"],
            number=row["number"],
            directory=self.root / "runs" / str(row["id"]),
            pause_requested=bool(row["pause_requested"]),
            step=row["step"],
            total=row["total"],
            place=row["place"],
            **job_columns(row),
        )

    def _map_job(self, row: sqlite3.Row) -> MapJob:
        return MapJob(
            key=row["key"],
            input=self.root / "maps" / f"{row['key']}.input.npy",
            result=self.root / "maps" / f"{row['key']}.npz",
            **job_columns(row),
        )


def job_columns(row: sqlite3.Row) -> dict[str, Any]:
    """What every kind of job has, from its line in the database."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "status": row["status"],
        "job": json.loads(row["job"]),
        "message": row["message"],
        "created": parsed(row["created"]),
        "started": parsed(row["started"]),
        "finished": parsed(row["finished"]),
        "pid": row["pid"],
        "heartbeat": row["heartbeat"],
        "stop_requested": bool(row["stop_requested"]),
    }


def _newest_map(connection: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    return connection.execute(
        "SELECT * FROM jobs WHERE key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()


def _wanted(job: MapJob) -> bool:
    """Whether a map job is, or will be, what was asked for."""
    return job.active or (job.status == "done" and job.result.exists())


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
