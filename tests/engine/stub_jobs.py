"""Jobs that do what a test asks of them; run by worker processes, which are given their names."""

import os
import signal
import time

from dvgs_core.errors import InputError
from dvgs_core.store import Run, Workspace
from dvgs_core.store.runs import Claimed


def by_job(workspace: Workspace, run: Run) -> str | None:
    """What `job["do"]` says; run.directory/began tells that it began."""
    (run.directory / "began").write_text(str(os.getpid()))
    match run.job["do"]:
        case "nothing":
            return None
        case "refuse":
            raise InputError("The target has no rows; choose another target.")
        case "fail":
            raise KeyError("a fault of ours")
        case "run out of memory":
            raise MemoryError
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait for the stop":
            while not workspace.stop_requested(run.id):
                time.sleep(0.005)
            return None
        case "wait for the file":
            while not (run.directory / "go on").exists():
                time.sleep(0.005)
            return "done"
    raise ValueError(run.job["do"])


def noted(workspace: Workspace, job: Claimed) -> None:
    """Writes its kind at the end of the file `noted`."""
    with (workspace.root / "noted").open("a") as file:
        file.write(f"{job.kind}\n")
