"""The workspace's SQLite file: connections, transactions, schema.

Several processes and many threads use it at once: write-ahead logging lets readers go on while one
writes, `synchronous=FULL` keeps what was acknowledged through a power cut, and every write takes
the lock at once (`BEGIN IMMEDIATE`), so that what it read before writing is still true.

Connections wait in a pool. Opening one each time would cost a checkpoint at every close, and one a
thread would leave as many behind as the pages have had threads.
"""

import queue
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvgs_core.errors import InputError
from dvgs_core.store.files import full_disk_told

BUSY_SECONDS = 30.0

# One entry a schema version; entries are never changed, only added.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE datasets (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            file TEXT NOT NULL,
            labels_file TEXT,
            sha256 TEXT NOT NULL,
            rows INTEGER NOT NULL,
            columns INTEGER NOT NULL,
            created TEXT NOT NULL
        ) STRICT
        """,
        # dataset '' holds what belongs to the workspace as a whole
        """
        CREATE TABLE settings (
            dataset TEXT NOT NULL,
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (dataset, name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('valuation', 'map')),
            dataset TEXT REFERENCES datasets (id) ON DELETE CASCADE,
            method TEXT NOT NULL DEFAULT '',
            number INTEGER NOT NULL DEFAULT 0,
            key TEXT,
            job TEXT NOT NULL,
            status TEXT NOT NULL CHECK (
                status IN ('queued', 'running', 'done', 'stopped', 'failed', 'interrupted')
            ),
            message TEXT NOT NULL DEFAULT '',
            created TEXT NOT NULL,
            started TEXT,
            finished TEXT,
            pid INTEGER,
            born TEXT,
            heartbeat REAL,
            stop_requested INTEGER NOT NULL DEFAULT 0,
            step INTEGER,
            total INTEGER
        ) STRICT
        """,
        "CREATE INDEX jobs_by_status ON jobs (status, kind)",
        "CREATE INDEX jobs_by_dataset ON jobs (dataset)",
        "CREATE INDEX jobs_by_key ON jobs (key) WHERE key IS NOT NULL",
        """
        CREATE TABLE workers (
            kind TEXT PRIMARY KEY,
            pid INTEGER NOT NULL,
            born TEXT,
            heartbeat REAL NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('starting', 'ready', 'busy'))
        ) STRICT
        """,
        """
        CREATE TABLE supervisors (
            pid INTEGER PRIMARY KEY,
            born TEXT,
            heartbeat REAL NOT NULL
        ) STRICT
        """,
        # No reference to datasets: a decision is never deleted, and a file that comes back finds
        # the decisions made about it.
        """
        CREATE TABLE decision_events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('decide', 'undo', 'redo')),
            token TEXT,
            rows TEXT,
            decision TEXT CHECK (decision IN ('keep', 'relabel', 'drop', 'undecided')),
            label TEXT,
            note TEXT NOT NULL,
            reviewer TEXT NOT NULL,
            at TEXT NOT NULL,
            subject INTEGER,
            parent INTEGER,
            head INTEGER,
            CHECK ((kind = 'decide') = (rows IS NOT NULL AND decision IS NOT NULL)),
            CHECK ((label IS NOT NULL) = (decision IS NOT NULL AND decision = 'relabel'))
        ) STRICT
        """,
        "CREATE INDEX decision_events_by_dataset ON decision_events (dataset, id)",
        """
        CREATE UNIQUE INDEX decision_events_by_token ON decision_events (dataset, token)
        WHERE token IS NOT NULL
        """,
        """
        CREATE TRIGGER decision_events_never_change BEFORE UPDATE ON decision_events
        BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
        """,
        """
        CREATE TRIGGER decision_events_never_go BEFORE DELETE ON decision_events
        BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
        """,
        # INSERT OR REPLACE would delete without asking the trigger above
        """
        CREATE TRIGGER decision_events_never_replace BEFORE INSERT ON decision_events
        WHEN EXISTS (
            SELECT 1 FROM decision_events
            WHERE id = NEW.id OR (dataset = NEW.dataset AND token = NEW.token)
        )
        BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
        """,
    ),
    # The kinds of jobs are the program's to know: a table made anew forgets the list it had. Its
    # count of ids is carried over, so that no number is given twice.
    (
        """
        CREATE TABLE jobs_of_any_kind (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            dataset TEXT REFERENCES datasets (id) ON DELETE CASCADE,
            method TEXT NOT NULL DEFAULT '',
            number INTEGER NOT NULL DEFAULT 0,
            key TEXT,
            job TEXT NOT NULL,
            status TEXT NOT NULL CHECK (
                status IN ('queued', 'running', 'done', 'stopped', 'failed', 'interrupted')
            ),
            message TEXT NOT NULL DEFAULT '',
            created TEXT NOT NULL,
            started TEXT,
            finished TEXT,
            pid INTEGER,
            born TEXT,
            heartbeat REAL,
            stop_requested INTEGER NOT NULL DEFAULT 0,
            step INTEGER,
            total INTEGER
        ) STRICT
        """,
        "INSERT INTO jobs_of_any_kind SELECT * FROM jobs",
        "DELETE FROM sqlite_sequence WHERE name = 'jobs_of_any_kind'",
        """
        INSERT INTO sqlite_sequence
        SELECT 'jobs_of_any_kind', seq FROM sqlite_sequence WHERE name = 'jobs'
        """,
        "DROP TABLE jobs",
        "ALTER TABLE jobs_of_any_kind RENAME TO jobs",
        "CREATE INDEX jobs_by_status ON jobs (status, kind)",
        "CREATE INDEX jobs_by_dataset ON jobs (dataset)",
        "CREATE INDEX jobs_by_key ON jobs (key) WHERE key IS NOT NULL",
    ),
    # A run can be paused, and one that waits can be put before the others: the lowest place is
    # next. The list of ways to end is the program's to know too.
    (
        """
        CREATE TABLE jobs_that_pause (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            dataset TEXT REFERENCES datasets (id) ON DELETE CASCADE,
            method TEXT NOT NULL DEFAULT '',
            number INTEGER NOT NULL DEFAULT 0,
            key TEXT,
            job TEXT NOT NULL,
            status TEXT NOT NULL,
            message TEXT NOT NULL DEFAULT '',
            created TEXT NOT NULL,
            started TEXT,
            finished TEXT,
            pid INTEGER,
            born TEXT,
            heartbeat REAL,
            stop_requested INTEGER NOT NULL DEFAULT 0,
            step INTEGER,
            total INTEGER,
            pause_requested INTEGER NOT NULL DEFAULT 0,
            place INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        """
        INSERT INTO jobs_that_pause (
            id, kind, dataset, method, number, key, job, status, message, created, started,
            finished, pid, born, heartbeat, stop_requested, step, total
        ) SELECT
            id, kind, dataset, method, number, key, job, status, message, created, started,
            finished, pid, born, heartbeat, stop_requested, step, total
        FROM jobs
        """,
        "DELETE FROM sqlite_sequence WHERE name = 'jobs_that_pause'",
        """
        INSERT INTO sqlite_sequence
        SELECT 'jobs_that_pause', seq FROM sqlite_sequence WHERE name = 'jobs'
        """,
        "DROP TABLE jobs",
        "ALTER TABLE jobs_that_pause RENAME TO jobs",
        "CREATE INDEX jobs_by_status ON jobs (status, kind)",
        "CREATE INDEX jobs_by_dataset ON jobs (dataset)",
        "CREATE INDEX jobs_by_key ON jobs (key) WHERE key IS NOT NULL",
    ),
)


class Database:
    """The SQLite file of a workspace; made or brought up to date when opened.

    Safe to share between threads. Every `reading` and `writing` block is one transaction.

    Raises:
        InputError: the file is not a workspace, is newer than this version, or cannot be opened.
    """

    def __init__(self, path: Path):
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        try:
            self._migrate()
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"The workspace file {path} cannot be opened ({error}). "
                "Check that it is readable and on a disk with space, or choose another folder."
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which several reads see one and the same moment."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection that alone may write; committed when the block ends, else undone.

        Args:
            durable: wait for the disk. False is for heartbeats, which a power cut may take.

        Raises:
            InputError: the disk is full; nothing was written.
        """
        with self._transaction("BEGIN IMMEDIATE", durable) as connection:
            yield connection

    def close(self) -> None:
        """Close the connections that wait; the database opens new ones when used again."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    @contextmanager
    def _transaction(self, begin: str, durable: bool = True) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            if not durable:
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with full_disk_told(self.path.parent), _sqlite_full_told(self.path.parent):
                    connection.execute(begin)
                    yield connection
                    connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if not durable:
                    connection.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._open()
        try:
            yield connection
        except sqlite3.Error:
            connection.close()  # whatever state it is in, nobody else shall have it
            raise
        except BaseException:
            self._idle.put(connection)
            raise
        self._idle.put(connection)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self) -> None:
        with self.reading() as connection:
            if _version(connection) == len(_MIGRATIONS):
                return
        with self.writing() as connection:
            version = _version(connection)  # another process may have been faster
            if version > len(_MIGRATIONS):
                raise InputError(
                    f"The workspace {self.path.parent} was made by a newer version of this "
                    f"program (format {version}; this one knows {len(_MIGRATIONS)}). "
                    "Update the program, or choose another folder."
                )
            for statements in _MIGRATIONS[version:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Two processes that open a new file together get "locked" at once here, whatever the timeout.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def _sqlite_full_told(place: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
            raise
        raise InputError(
            f"The disk that holds {place} is full and nothing was changed. "
            "Free some space, then try again."
        ) from error
