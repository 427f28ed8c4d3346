"""A worker process: waits for jobs of its kinds and does them, one after the other.

    python -m dvgs_core.engine.worker WORKSPACE NAME [--execute MODULE:FUNCTION]

What is slow to import is imported once, before the first job; memory that a job needed goes back to
the system after it. The worker belongs to the workspace,
not to the app that started it: closing the app, or its death, does not touch a job that is going
on. A worker that nobody wants any more, and for which nothing waits, ends by itself.

`--execute` names the function that does a job: `function(workspace, job)`. It may return "done",
"stopped" or nothing, which means done, or stopped (or paused) if that was asked for before the last
step.
"""

import argparse
import gc
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dvgs_core.engine.heap import give_back_memory
from dvgs_core.engine.kinds import EXECUTE, TAKEN, WORKERS
from dvgs_core.errors import InputError
from dvgs_core.store.runs import INTERRUPTED, Claimed, JobKind, Run, Status
from dvgs_core.store.workers import WorkerName
from dvgs_core.store.workspace import Workspace

Execute = Callable[[Workspace, Any], str | None]

POLL_SECONDS = 0.05
BEAT_SECONDS = 1.0


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def main(arguments: list[str] | None = None) -> int:
    """Be a worker until nobody wants one.

    Returns:
        The exit status: 0, or `TAKEN` if the workspace has a worker of this name already.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dvgs_core.engine.worker", description="A worker process."
    )
    parser.add_argument("workspace", type=Path, help="folder of the workspace")
    parser.add_argument("name", choices=tuple(WORKERS), help="which worker to be")
    parser.add_argument(
        "--execute",
        metavar="MODULE:FUNCTION",
        help="what does a job; then nothing is imported beforehand",
    )
    options = parser.parse_args(arguments)
    name, post = options.name, WORKERS[options.name]
    workspace = Workspace(options.workspace)
    pid = os.getpid()
    if not workspace.register_worker(name, pid):
        print(f"Another process already does the {name} jobs of {workspace.root}.")
        return TAKEN
    signal.signal(signal.SIGTERM, _terminate)
    # Ctrl-C in the app's terminal is meant for the app.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stand_back(post.nice)
    try:
        with _heart(workspace, name, pid):
            for library in () if options.execute else post.libraries:
                importlib.import_module(library)
            # what the libraries made stays: no use looking for waste in it after every job
            gc.collect()
            gc.freeze()
            execute = {kind: _function(options.execute or EXECUTE[kind]) for kind in post.kinds}
            ahead = None if options.execute or post.ahead is None else _function(post.ahead)
            _work(workspace, name, pid, execute, ahead)
    except Terminated:
        workspace.end_jobs_of(pid, "interrupted", INTERRUPTED)
    finally:
        workspace.unregister_worker(name, pid)
    return 0


def stand_back(nice: int) -> None:
    """Let other processes compute first; where the system knows no niceness, nothing happens.

    Linux may share the cores among sessions (autogroups) before it looks at niceness, and a worker
    is a session of its own: without a niceness of the whole session a busy worker took half the
    machine from the page, whatever its own.
    """
    if hasattr(os, "nice"):
        os.nice(nice)
    session = Path("/proc/self/autogroup")
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid() and session.exists():
        for _ in range(10):
            try:
                session.write_text(str(nice), encoding="ascii")
                return
            except OSError:  # the kernel takes one such wish in a tenth of a second, from anyone
                time.sleep(0.15)


def _work(
    workspace: Workspace,
    name: WorkerName,
    pid: int,
    execute: Mapping[JobKind, Execute],
    ahead: Callable[[], None] | None,
) -> None:
    workspace.worker_beat(name, pid, "ready")
    print(f"Worker {pid} is ready for {name} jobs.", flush=True)
    patience, idle_since = WORKERS[name].idle_seconds, time.monotonic()
    worked = False
    while True:
        job = next(filter(None, (workspace.claim_next(kind, pid) for kind in execute)), None)
        if job is not None:
            workspace.worker_beat(name, pid, "busy")
            do(workspace, job, execute[job.kind])
            workspace.worker_beat(name, pid, "ready")
            give_back_memory()
            idle_since, worked = time.monotonic(), True
        elif patience is not None and time.monotonic() - idle_since > patience:
            return  # another one starts when there is work
        elif not workspace.supervised() and not any(map(workspace.waiting, execute)):
            return
        elif worked and ahead is not None:
            try:
                ahead()
            except Exception:  # a job that needs it will say so to a person
                traceback.print_exc()
            ahead = None
        else:
            time.sleep(POLL_SECONDS)


def do(workspace: Workspace, job: Claimed, execute: Execute) -> None:
    """Do a job that was claimed, and record how it ended.

    Args:
        workspace: where it is recorded.
        job: the job, running.
        execute: what does it.
    """
    status: Status
    try:
        status, message = _ended(workspace, job, execute(workspace, job)), ""
    except Exception as error:
        status, message = "failed", told(error)
        with suppress(OSError), job.log.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
    workspace.finish(job.id, status, message)


def told(error: BaseException) -> str:
    """What went wrong, in one line for a person."""
    text = " ".join(str(error).split())
    out_of_memory = isinstance(error, MemoryError) or (
        type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text
    )
    if isinstance(error, InputError):
        return text
    if out_of_memory:
        return (
            "The memory did not suffice for this run; value fewer rows at a time, choose a "
            f"smaller network or close other programs{f' ({text[:200]})' if text else ''}."
        )
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


def _ended(workspace: Workspace, job: Claimed, said: str | None) -> Status:
    if said == "done":
        return "done"
    if said == "stopped":
        return "stopped"
    if said is not None:
        raise ValueError(f"a job ends as done or stopped; its function returned {said!r}")
    if not isinstance(job, Run) or not workspace.stop_requested(job.id):
        return "done"
    run = workspace.run(job.id)
    # a wish that came with the last step changed nothing
    if run.step is not None and run.step == run.total:
        return "done"
    return "paused" if run.pause_requested else "stopped"


@contextmanager
def _heart(workspace: Workspace, name: WorkerName, pid: int) -> Iterator[None]:
    """A thread that says every second that this process is there."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(Exception):  # a full disk, say, which the job itself will report
                workspace.worker_beat(name, pid)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _terminate(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; let it finish cleanly
    raise Terminated


if __name__ == "__main__":
    sys.exit(main())
