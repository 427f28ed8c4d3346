"""Keeping worker processes there while the app is.

The app's one supervisor starts the few workers there are (of some only when there is work), notices
within a quarter of a second when one dies, says so on the run it was doing, and starts another.
Several apps may share a workspace: the first worker of a name that registers stays the only one,
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
from dataclasses import dataclass
from pathlib import Path

from dvgs_core.engine.kinds import TAKEN, WORKERS, Post
from dvgs_core.store.workers import WorkerName
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
class _Place:
    """Where one worker is, or is to be."""

    post: Post
    log: Path
    process: subprocess.Popen | None = None
    started: float = 0.0
    deaths: int = 0
    not_before: float = 0.0
    problem: str | None = None


class Supervisor:
    """Starts and watches the workers of a workspace, from a thread of its own.

    Args:
        workspace: whose jobs are to be done.
        workers: those to keep.
        execute: for a worker, the MODULE:FUNCTION that does its jobs instead of the usual ones.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        workers: Sequence[WorkerName] = tuple(WORKERS),
        execute: Mapping[WorkerName, str] | None = None,
    ):
        self.workspace = workspace
        self._execute = dict(execute or {})
        self._places = {
            name: _Place(WORKERS[name], workspace.root / "logs" / f"worker-{name}.log")
            for name in workers
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
            for name in self._places:
                self._tend(name)
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
        processes = [place.process for place in self._places.values() if place.process is not None]
        for process in processes:
            process.terminate()
        for name, place in self._places.items():
            if place.process is not None:
                try:
                    place.process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    place.process.kill()
                    place.process.wait()
                self._bury(name, place, place.process)

    def problem(self, name: WorkerName) -> str | None:
        """Why a worker is not there, in one line; None while all is well."""
        return self._places[name].problem

    def _watch(self) -> None:
        census = time.monotonic()
        while not self._ended.wait(LOOK_SECONDS):
            # a full disk or a locked database now is no reason to stop watching
            with suppress(Exception):
                if time.monotonic() - census > CENSUS_SECONDS:
                    census = time.monotonic()
                    self._census()
                for name in self._places:
                    self._tend(name)

    def _census(self) -> None:
        """Say that this app is there; find the jobs of processes that are not."""
        self.workspace.register_supervisor(os.getpid())
        self.workspace.mark_interrupted()

    def _tend(self, name: WorkerName) -> None:
        place = self._places[name]
        if place.process is not None:
            if place.process.poll() is None:
                if place.problem is not None and self._settled(name, place.process):
                    place.problem = None
                return
            self._bury(name, place, place.process)
        wanted = place.post.idle_seconds is None or any(
            map(self.workspace.waiting, place.post.kinds)
        )
        if wanted and time.monotonic() >= place.not_before and self.workspace.worker(name) is None:
            self._spawn(name, place)

    def _settled(self, name: WorkerName, process: subprocess.Popen) -> bool:
        worker = self.workspace.worker(name)
        return worker is not None and worker.pid == process.pid and worker.state != "starting"

    def _spawn(self, name: WorkerName, place: _Place) -> None:
        command = [sys.executable, "-m", "dvgs_core.engine.worker"]
        command += [str(self.workspace.root), name]
        if name in self._execute:
            command += ["--execute", self._execute[name]]
        fresh = not place.log.exists() or place.log.stat().st_size > _LARGEST_LOG_BYTES
        with place.log.open("wb" if fresh else "ab") as log:
            place.process = subprocess.Popen(
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
        place.started = time.monotonic()

    def _bury(self, name: WorkerName, place: _Place, process: subprocess.Popen) -> None:
        """Record the end of a worker, and decide when the next one starts."""
        code = process.returncode
        place.process = None
        self.workspace.unregister_worker(name, process.pid)
        if code in (0, TAKEN):
            place.not_before = time.monotonic() + (1.0 if code == TAKEN else 0.0)
            return
        words = f"The worker process died (exit code {code}{_meaning(code)})"
        lost = self.workspace.end_jobs_of(
            process.pid, "failed", f"{words}. What was computed until then is kept."
        )
        if lost or time.monotonic() - place.started > SETTLED_SECONDS:
            place.deaths, place.not_before = 0, 0.0  # it could work: the job was too much for it
            return
        place.deaths += 1
        pause = min(0.5 * 2**place.deaths, LONGEST_PAUSE_SECONDS)
        place.not_before = time.monotonic() + pause
        place.problem = f"{words}: {_last_line(place.log)}"
        if place.deaths >= HOPELESS_DEATHS:
            for kind in place.post.kinds:
                self.workspace.fail_waiting(kind, f"{place.problem} (all of it: {place.log})")


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
