"""Workers are there while the app is, one of a name, and a death is noticed and told."""

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from dvgs_core.engine import supervisor as module
from dvgs_core.engine.supervisor import Supervisor
from dvgs_core.store import Workspace
from dvgs_core.store.processes import birth

STUB = {"valuation": "tests.engine.stub_jobs:by_job"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def supervise(workspace):
    started = []

    def start(execute=STUB, space=workspace):
        one = Supervisor(space, workers=tuple(execute), execute=execute)
        started.append(one)
        one.start()
        return one

    yield start
    for one in started:
        one.stop(terminate=True)


def ended(workspace, run):
    def look():
        now = workspace.run(run.id)
        return None if now.active else now

    return look


def test_a_killed_worker_fails_its_run_and_the_next_is_done_by_another(
    workspace, dataset, supervise, eventually
):
    supervise()
    doomed = workspace.create_run(dataset.id, {"do": "die"})
    following = workspace.create_run(dataset.id, {"do": "nothing"})
    dead = eventually(ended(workspace, doomed))
    assert dead.status == "failed"
    assert dead.message == (
        "The worker process died (exit code -9: killed, perhaps out of memory). "
        "What was computed until then is kept."
    )
    assert (doomed.directory / "began").exists()
    done = eventually(ended(workspace, following))
    assert done.status == "done" and done.pid != dead.pid


def test_two_apps_share_one_worker_and_one_may_leave(workspace, dataset, supervise, eventually):
    first = supervise()
    worker = eventually(lambda: workspace.worker("valuation"))
    second = supervise(space=Workspace(workspace.root))
    runs = [workspace.create_run(dataset.id, {"do": "nothing"}) for _ in range(3)]
    pids = {eventually(ended(workspace, run)).pid for run in runs}
    assert pids == {worker.pid}
    first.stop(terminate=True)
    last = workspace.create_run(dataset.id, {"do": "nothing"})
    assert eventually(ended(workspace, last)).pid != worker.pid
    assert second.problem("valuation") is None


def test_a_worker_for_studies_is_there_only_when_one_waits(
    workspace, dataset, supervise, eventually
):
    supervise(execute=STUB | {"study": "tests.engine.stub_jobs:noted"})
    eventually(lambda: workspace.worker("valuation"))
    assert workspace.worker("study") is None
    for kind in ("curve", "holdout", "sensitivity"):
        workspace.request_study(dataset.id, kind, {})
    eventually(lambda: not any(map(workspace.waiting, ("curve", "holdout", "sensitivity"))))
    pids = {workspace.study(dataset.id, kind, {}).pid for kind in ("curve", "holdout")}
    assert pids == {workspace.worker("study").pid}


def test_starting_twice_starts_one_worker(workspace, supervise, eventually):
    one = supervise()
    one.start()
    worker = eventually(lambda: workspace.worker("valuation"))
    one.stop(terminate=True)
    assert workspace.worker("valuation") is None
    assert birth(worker.pid) is None
    assert not workspace.supervised()


def test_an_ended_app_interrupts_what_its_worker_was_told_to_leave(
    workspace, dataset, supervise, eventually
):
    one = supervise()
    run = workspace.create_run(dataset.id, {"do": "wait for the file"})
    eventually((run.directory / "began").exists)
    one.stop(terminate=True)
    assert workspace.run(run.id).status == "interrupted"


APP = """
import sys
from dvgs_core.engine.supervisor import Supervisor
from dvgs_core.store import Workspace
supervisor = Supervisor(
    Workspace(sys.argv[1]), workers=("valuation",), execute={"valuation": sys.argv[2]}
)
supervisor.start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def app(workspace):
    command = [sys.executable, "-c", APP, str(workspace.root), STUB["valuation"]]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"started\n"
        yield process
        process.kill()


def test_a_run_outlives_the_app_and_then_its_worker_leaves(workspace, dataset, app, eventually):
    run = workspace.create_run(dataset.id, {"do": "wait for the file"})
    eventually((run.directory / "began").exists)
    pid = workspace.run(run.id).pid
    app.kill()
    app.wait()
    assert birth(pid) is not None
    assert workspace.mark_interrupted() == []
    (run.directory / "go on").touch()
    assert eventually(ended(workspace, run)).status == "done"
    eventually(lambda: birth(pid) is None)
    assert workspace.worker("valuation") is None


@pytest.mark.parametrize("kill", [True, False])
def test_an_idle_worker_leaves_with_its_app(workspace, app, eventually, kill):
    pid = eventually(lambda: workspace.worker("valuation")).pid
    if kill:
        app.kill()
    else:
        app.stdin.close()
    eventually(lambda: birth(pid) is None)


def test_the_next_app_takes_over_a_worker_that_is_busy(
    workspace, dataset, app, supervise, eventually
):
    run = workspace.create_run(dataset.id, {"do": "wait for the file"})
    eventually((run.directory / "began").exists)
    app.kill()
    app.wait()
    supervise()
    assert workspace.run(run.id).status == "running"
    (run.directory / "go on").touch()
    following = workspace.create_run(dataset.id, {"do": "nothing"})
    assert eventually(ended(workspace, following)).pid == workspace.run(run.id).pid


def test_a_worker_that_cannot_start_is_told_to_those_who_wait(
    workspace, dataset, supervise, eventually, monkeypatch
):
    monkeypatch.setattr(module, "HOPELESS_DEATHS", 1)
    run = workspace.create_run(dataset.id, {"do": "nothing"})
    one = supervise(execute={"valuation": "tests.engine.is_not_there:by_job"})
    failed = eventually(ended(workspace, run))
    assert failed.status == "failed"
    assert "exit code 1" in failed.message and "is_not_there" in failed.message
    assert "\n" not in failed.message
    assert "is_not_there" in one.problem("valuation")


def test_a_worker_that_dies_at_once_is_started_less_and_less_often(workspace, monkeypatch):
    clock = [0.0]
    spawned = []

    class Dead:
        pid, returncode = 2**22 + 1, 1

        def __init__(self, *args, **kwargs):
            spawned.append(clock[0])

        def poll(self):
            return 1

    monkeypatch.setattr(module.subprocess, "Popen", Dead)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    one = Supervisor(workspace, workers=("valuation",))
    for tick in range(2000):
        clock[0] = tick * 0.25
        one._tend("valuation")
    pauses = [later - earlier for earlier, later in pairwise(spawned)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 2 and 59 < pauses[-1] < 62


def test_a_signal_is_told_by_its_name():
    assert module._meaning(-signal.SIGKILL) == ": killed, perhaps out of memory"
    assert module._meaning(-signal.SIGSEGV) == ": SIGSEGV"
    assert module._meaning(3) == ""


def test_the_worker_does_not_share_the_terminal_of_the_app(workspace, supervise, eventually):
    supervise()
    worker = eventually(lambda: workspace.worker("valuation"))
    assert os.getsid(worker.pid) == worker.pid != os.getsid(0)
