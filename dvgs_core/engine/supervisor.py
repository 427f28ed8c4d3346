"""Keeping worker processes there while the app is.

The app's one supervisor starts a worker of each kind (of some only when there is work), notices
within a quarter of a second when one dies, says so on the run it was doing, and starts another.
Several apps may share a workspace: the first worker of a kind that registers stays the only one,
and the other supervisors watch it.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dvgs_core.engine.kinds import KINDS, TAKEN
from dvgs_core.store.runs import JobKind
from dvgs_core.store.workspace import Workspace

LOOK_SECONDS = 0.25
CENSUS_SECONDS = 2.0

#: A worker that lived this long did not die because it could not start.
SETTLED_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 60.0
#: After so many deaths at the start, what waits is told that nobody will come.
HOPELESS_DEATHS = 3

_LARGEST_LOG_BYTES = 1_000_000


@dataclass
class _Post:
    """The place of one worker."""

    process: subprocess.Popen | None = None
    started: float = 0.0
    deaths: int = 0
    not_before: float = 0.0
    problem: str | None = None
    log: Path = field(default_factory=Path)


class Supervisor:
    """Starts and watches the workers of a workspace, from a thread of its own.

    Args:
        workspace: whose jobs are to be done.
        kinds: the kinds of jobs to keep a worker for.
        execute: for a kind, the MODULE:FUNCTION that does its jobs instead of the usual one.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        kinds: Sequence[JobKind] = tuple(KINDS),
        execute: Mapping[JobKind, str] | None = None,
    ):
        self.workspace = workspace
        self._execute = dict(execute or {})
        self._posts = {
            kind: _Post(log=workspace.root / "logs" / f"worker-{kind}.log") for kind in kinds
        }
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to keep workers; does nothing if it does already."""
        with self._lock:
            if self._thread is not None:
                return
            self._ended.clear()
            self._census()
            for kind in self._posts:
                self._tend(kind)
            self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
            self._thread.start()
        atexit.register(self.stop)

    def stop(self, *, terminate: bool = False) -> None:
        """Leave. Workers finish what they do, then end, unless another app wants them.

        Args:
            terminate: end the workers this supervisor started at once; a job that is going on
                becomes interrupted, and what it computed stays.
        """
        atexit.unregister(self.stop)
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            thread.join()
            self.workspace.unregister_supervisor(os.getpid())
        if not terminate:
            return
        processes = [post.process for post in self._posts.values() if post.process is not None]
        for process in processes:
            process.terminate()
        for kind, post in self._posts.items():
            if post.process is not None:
                try:
                    post.process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    post.process.kill()
                    post.process.wait()
                self._bury(kind, post, post.process)

    def problem(self, kind: JobKind) -> str | None:
        """Why there is no worker of a kind, in one line; None while all is well."""
        return self._posts[kind].problem

    def _watch(self) -> None:
        census = time.monotonic()
        while not self._ended.wait(LOOK_SECONDS):
            # a full disk or a locked database now is no reason to stop watching
            with suppress(Exception):
                if time.monotonic() - census > CENSUS_SECONDS:
                    census = time.monotonic()
                    self._census()
                for kind in self._posts:
                    self._tend(kind)

    def _census(self) -> None:
        """Say that this app is there; find the jobs of processes that are not."""
        self.workspace.register_supervisor(os.getpid())
        self.workspace.mark_interrupted()

    def _tend(self, kind: JobKind) -> None:
        post = self._posts[kind]
        if post.process is not None:
            if post.process.poll() is None:
                if post.problem is not None and self._settled(kind, post.process):
                    post.problem = None
                return
            self._bury(kind, post, post.process)
        wanted = KINDS[kind].idle_seconds is None or self.workspace.waiting(kind)
        if wanted and time.monotonic() >= post.not_before and self.workspace.worker(kind) is None:
            self._spawn(kind, post)

    def _settled(self, kind: JobKind, process: subprocess.Popen) -> bool:
        worker = self.workspace.worker(kind)
        return worker is not None and worker.pid == process.pid and worker.state != "starting"

    def _spawn(self, kind: JobKind, post: _Post) -> None:
        command = [sys.executable, "-m", "dvgs_core.engine.worker"]
        command += [str(self.workspace.root), kind]
        if kind in self._execute:
            command += ["--execute", self._execute[kind]]
        fresh = not post.log.exists() or post.log.stat().st_size > _LARGEST_LOG_BYTES
        with post.log.open("wb" if fresh else "ab") as log:
            post.process = subprocess.Popen(
                command,
                # where this package lies, so that it is found when it is not installed
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # its own session: what ends the app's terminal does not end a job
                start_new_session=True,
                # threads that wait must sleep: spinning ones starve each other on a busy machine
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
            )
        post.started = time.monotonic()

    def _bury(self, kind: JobKind, post: _Post, process: subprocess.Popen) -> None:
        """Record the end of a worker, and decide when the next one starts."""
        code = process.returncode
        post.process = None
        self.workspace.unregister_worker(kind, process.pid)
        if code in (0, TAKEN):
            post.not_before = time.monotonic() + (1.0 if code == TAKEN else 0.0)
            return
        words = f"The worker process died (exit code {code}{_meaning(code)})"
        lost = self.workspace.end_jobs_of(
            process.pid, "failed", f"{words}. What was computed until then is kept."
        )
        if lost or time.monotonic() - post.started > SETTLED_SECONDS:
            post.deaths, post.not_before = 0, 0.0  # it could work: the job was too much for it
            return
        post.deaths += 1
        pause = min(0.5 * 2**post.deaths, LONGEST_PAUSE_SECONDS)
        post.not_before = time.monotonic() + pause
        post.problem = f"{words}: {_last_line(post.log)}"
        if post.deaths >= HOPELESS_DEATHS:
            self.workspace.fail_waiting(kind, f"{post.problem} (all of it: {post.log})")


def _meaning(code: int) -> str:
    if code == -signal.SIGTERM:
        return ": ended from outside"
    if code == -getattr(signal, "SIGKILL", 9):
        return ": killed, perhaps out of memory"
    if code < 0:
        with suppress(ValueError):
            return f": {signal.Signals(-code).name}"
    return ""


def _last_line(log: Path) -> str:
    """The last thing a worker said, mostly the error that ended it."""
    with suppress(OSError):
        lines = log.read_bytes()[-4000:].decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return "it said nothing"
