"""Who works and who watches: at most one worker of each name, any number of app processes."""

import sqlite3
import time
from dataclasses import dataclass
from typing import Literal

from dvgs_core.store.base import Store
from dvgs_core.store.processes import birth, there

WorkerName = Literal["valuation", "map", "study"]
WorkerState = Literal["starting", "ready", "busy"]


@dataclass(frozen=True)
class Worker:
    """One of the worker processes.

    Attributes:
        name: which one; what it does is the engine's to know.
        pid: its process.
        state: starting (still importing), ready, or busy.
        heartbeat: when it last showed itself, in seconds since 1970.
    """

    name: WorkerName
    pid: int
    state: WorkerState
    heartbeat: float


class WorkerStore(Store):
    """The part of a workspace that knows its processes."""

    def register_worker(self, name: WorkerName, pid: int) -> bool:
        """Become the one worker of a name.

        Returns:
            False if another process is that already; then there is nothing to do but leave.
        """
        with self.database.writing() as connection:
            row = connection.execute("SELECT * FROM workers WHERE kind = ?", (name,)).fetchone()
            if row is not None and row["pid"] != pid and _there(row):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO workers VALUES (?, ?, ?, ?, 'starting')",
                (name, pid, birth(pid), time.time()),
            )
        return True

    def worker_beat(self, name: WorkerName, pid: int, state: WorkerState | None = None) -> None:
        """Say that a worker, and what it is doing, is there; and its state if that changed."""
        with self.database.writing(durable=False) as connection:
            connection.execute(
                "UPDATE workers SET heartbeat = ?, state = coalesce(?, state) "
                "WHERE kind = ? AND pid = ?",
                (time.time(), state, name, pid),
            )
            connection.execute(
                "UPDATE jobs SET heartbeat = ? WHERE pid = ? AND status = 'running'",
                (time.time(), pid),
            )

    def unregister_worker(self, name: WorkerName, pid: int) -> None:
        """Say that a worker is gone, so that the next need not wait."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM workers WHERE kind = ? AND pid = ?", (name, pid))

    def worker(self, name: WorkerName) -> Worker | None:
        """The living worker of a name, or None."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT * FROM workers WHERE kind = ?", (name,)).fetchone()
        if row is None or not _there(row):
            return None
        return Worker(row["kind"], row["pid"], row["state"], row["heartbeat"])

    def register_supervisor(self, pid: int) -> None:
        """Say that a process wants workers to be there; again from time to time."""
        with self.database.writing(durable=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO supervisors VALUES (?, ?, ?)",
                (pid, birth(pid), time.time()),
            )

    def unregister_supervisor(self, pid: int) -> None:
        """Say that a process no longer wants workers."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM supervisors WHERE pid = ?", (pid,))

    def supervised(self) -> bool:
        """Whether any living process wants workers to be there."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT * FROM supervisors").fetchall()
        return any(_there(row) for row in rows)


def _there(row: sqlite3.Row) -> bool:
    return there(row["pid"], row["born"], row["heartbeat"])
