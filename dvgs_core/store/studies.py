"""Studies: looks at a dataset that take a worker, kept under what they were asked.

A study is a job like a run, but nobody names or numbers it: the same question about the same
dataset has the same key, and its answer is read again instead of computed again. The answer is
files in a folder inside the dataset's, and goes with it.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from dvgs_core.errors import InputError
from dvgs_core.store.clock import now
from dvgs_core.store.runs import Claimed, JobKind, RunStore, Status, job_columns

StudyKind = Literal["look", "sensitivity", "holdout", "curve"]


@dataclass(frozen=True)
class Study:
    """A look at a dataset: asked for, going on, or ended.

    Attributes:
        id: its number in the workspace.
        kind: one of `StudyKind`.
        dataset: id of the dataset it is about.
        key: hash of dataset, kind and job; the same key is the same answer.
        status: as for a run.
        directory: its files; exists from the beginning.
        job: what was asked, as JSON.
        message: one line for a person, mostly why it failed.
        created, started, finished: when.
        pid, heartbeat, stop_requested: as for a run.
        step, total: how far it is, where the work has said so.
    """

    id: int
    kind: JobKind
    dataset: str
    key: str
    status: Status
    directory: Path
    job: dict[str, Any]
    message: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    pid: int | None
    heartbeat: float | None
    stop_requested: bool
    step: int | None
    total: int | None

    @property
    def active(self) -> bool:
        """Queued or running."""
        return self.status in ("queued", "running")

    @property
    def log(self) -> Path:
        """Where the full account of a failure is written."""
        return self.directory / "log.txt"


class StudyStore(RunStore):
    """The part of a workspace that keeps jobs: runs, maps and studies."""

    def request_study(self, dataset_id: str, kind: StudyKind, job: dict[str, Any]) -> Study:
        """Queue a study, or find the one that is queued, running or done.

        Args:
            dataset_id: the dataset it is about.
            kind: what does it.
            job: what is asked, as JSON; handed to the worker as it is.

        Raises:
            InputError: there is no such dataset, or the disk is full.
        """
        key = study_key(dataset_id, kind, job)
        with self.database.writing() as connection:
            row = _newest(connection, key)
            if row is not None and row["status"] in ("queued", "running", "done"):
                return self._study(row)
            if not connection.execute(
                "SELECT 1 FROM datasets WHERE id = ?", (dataset_id,)
            ).fetchone():
                raise InputError(
                    f"There is no dataset {dataset_id!r} in this workspace; add its file again."
                )
            row = connection.execute(
                "INSERT INTO jobs (kind, dataset, key, job, status, created) "
                "VALUES (?, ?, ?, ?, 'queued', ?) RETURNING *",
                (kind, dataset_id, key, json.dumps(job, ensure_ascii=False), now()),
            ).fetchone()
            study = self._study(row)
            study.directory.mkdir(parents=True, exist_ok=True)
        return study

    def study(self, dataset_id: str, kind: StudyKind, job: dict[str, Any]) -> Study | None:
        """The newest study of this question, or None if it was never asked."""
        with self.database.reading() as connection:
            row = _newest(connection, study_key(dataset_id, kind, job))
        return None if row is None else self._study(row)

    def studies(self, dataset_id: str, kind: StudyKind) -> list[Study]:
        """Every study of a kind about a dataset, the newest first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM jobs WHERE dataset = ? AND kind = ? ORDER BY id DESC",
                (dataset_id, kind),
            ).fetchall()
        return [self._study(row) for row in rows]

    def _job(self, row: sqlite3.Row) -> Claimed:
        return self._study(row) if row["kind"] in get_args(StudyKind) else super()._job(row)

    def _study(self, row: sqlite3.Row) -> Study:
        return Study(
            dataset=row["dataset"],
            key=row["key"],
            directory=self.root / "datasets" / row["dataset"] / "studies" / row["key"],
            step=row["step"],
            total=row["total"],
            **job_columns(row),
        )


def study_key(dataset_id: str, kind: StudyKind, job: dict[str, Any]) -> str:
    """32 hexadecimal digits: the same for the same question about the same dataset."""
    text = json.dumps([dataset_id, kind, job], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _newest(connection: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    return connection.execute(
        "SELECT * FROM jobs WHERE key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
