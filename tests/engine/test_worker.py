"""A worker does what it claimed, says how it ended, and leaves when nobody wants it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dvgs_core.data import EncodingSettings, infer_schema
from dvgs_core.engine import courtesy, look, maps
from dvgs_core.engine.kinds import EXECUTE, TAKEN, WORKERS
from dvgs_core.engine.worker import _work, do, main, told
from dvgs_core.neighbours import layout
from dvgs_core.neighbours.layout import pca_layout
from dvgs_core.store import Workspace
from dvgs_core.store.runs import JobKind
from dvgs_core.store.workers import WorkerName

STUB = "tests.engine.stub_jobs:by_job"
ROOT = Path(__file__).parents[2]


def claimed(workspace, dataset, job=None):
    workspace.create_run(dataset.id, job or {"method": "dvgs"})
    return workspace.claim_next("valuation", os.getpid())


def start_worker(workspace, name="valuation", stub=STUB):
    command = [sys.executable, "-m", "dvgs_core.engine.worker", str(workspace.root), name]
    return subprocess.Popen([*command, "--execute", stub], cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.parametrize(
    ("stop", "progress", "said", "status"),
    [
        (False, None, None, "done"),
        (True, None, None, "stopped"),
        (True, (3, 10), None, "stopped"),
        (True, (10, 10), None, "done"),
        (True, (3, 10), "done", "done"),
        (False, None, "stopped", "stopped"),
        (False, None, "nonsense", "failed"),
    ],
)
def test_a_run_ends_as_its_function_and_the_stop_say(
    workspace, dataset, stop, progress, said, status
):
    run = claimed(workspace, dataset)
    if stop:
        workspace.request_stop(run.id)

    def execute(workspace, run):
        if progress is not None:
            workspace.report_progress(run.id, *progress)
        return said

    do(workspace, run, execute)
    assert workspace.run(run.id).status == status


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("refuse", "The target has no rows; choose another target."),
        ("fail", "KeyError: 'a fault of ours'"),
        ("run out of memory", "The memory did not suffice"),
    ],
)
def test_a_failure_is_one_line_for_a_person_and_all_of_it_in_the_log(
    workspace, dataset, what, message
):
    from tests.engine.stub_jobs import by_job

    run = claimed(workspace, dataset, {"do": what})
    do(workspace, run, by_job)
    ended = workspace.run(run.id)
    assert ended.status == "failed"
    assert ended.message.startswith(message) and "\n" not in ended.message
    assert "Traceback" in run.log.read_text() and "by_job" in run.log.read_text()


def test_memory_is_told_plainly_whoever_ran_out_of_it():
    class OutOfMemoryError(RuntimeError):
        pass

    for error in (
        MemoryError(),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
    ):
        assert told(error).startswith("The memory did not suffice")
    assert told(ValueError("two\nlines")) == "ValueError: two lines"
    assert told(ValueError()) == "ValueError"


def test_a_worker_nobody_wants_does_what_waits_and_leaves(workspace, dataset):
    runs = [workspace.create_run(dataset.id, {"do": "nothing"}) for _ in range(2)]
    with start_worker(workspace) as process:
        assert process.wait(timeout=20) == 0
        said = process.stdout.read().decode()
    assert [workspace.run(run.id).status for run in runs] == ["done", "done"]
    assert workspace.run(runs[0].id).pid == process.pid
    assert "ready for valuation jobs" in said
    assert workspace.worker("valuation") is None


def test_a_second_worker_of_a_name_leaves_at_once(workspace, dataset, eventually):
    run = workspace.create_run(dataset.id, {"do": "wait for the file"})
    with start_worker(workspace) as first:
        eventually((run.directory / "began").exists)
        assert main([str(workspace.root), "valuation", "--execute", STUB]) == TAKEN
        assert workspace.worker("valuation").pid == first.pid
        assert workspace.worker("valuation").state == "busy"
        (run.directory / "go on").touch()
        assert first.wait(timeout=20) == 0


def test_a_worker_that_is_told_to_end_leaves_its_run_interrupted(workspace, dataset, eventually):
    run = workspace.create_run(dataset.id, {"do": "wait for the file"})
    with start_worker(workspace) as process:
        eventually((run.directory / "began").exists)
        process.terminate()
        assert process.wait(timeout=20) == 0
    ended = workspace.run(run.id)
    assert (ended.status, ended.pid) == ("interrupted", process.pid)
    assert "kept" in ended.message
    assert workspace.worker("valuation") is None


def test_a_stop_is_seen_by_the_worker(workspace, dataset, eventually):
    run = workspace.create_run(dataset.id, {"do": "wait for the stop"})
    with start_worker(workspace) as process:
        eventually((run.directory / "began").exists)
        workspace.request_stop(run.id)
        assert process.wait(timeout=20) == 0
    assert workspace.run(run.id).status == "stopped"


def test_every_kind_names_a_function_that_is_there():
    import importlib

    ahead = [post.ahead for post in WORKERS.values() if post.ahead is not None]
    for function in (*EXECUTE.values(), *ahead):
        module, _, name = function.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_every_kind_is_done_by_one_worker():
    kinds = [kind for post in WORKERS.values() for kind in post.kinds]
    assert sorted(kinds) == sorted(EXECUTE) == sorted(get_args(JobKind))
    assert set(WORKERS) == set(get_args(WorkerName))


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_slow_once_is_done_when_nothing_waits_after_the_first_job(
    workspace, dataset, fails, capsys
):
    pid, done = os.getpid(), []
    workspace.register_supervisor(pid)
    workspace.register_worker("valuation", pid)
    for _ in range(2):
        workspace.create_run(dataset.id, {"method": "dvgs"})

    def ahead():
        done.append("ahead")
        workspace.unregister_supervisor(pid)
        if fails:
            raise RuntimeError("no compiler")

    _work(workspace, "valuation", pid, {"valuation": lambda _, job: done.append("job")}, ahead)
    assert done == ["job", "job", "ahead"]
    assert ("no compiler" in capsys.readouterr().err) == fails


def test_a_look_comes_before_a_map_that_was_asked_for_earlier(workspace, dataset):
    workspace.request_map("k1", np.eye(30))
    workspace.request_map("k2", np.eye(30))
    workspace.request_study(dataset.id, "look", {})
    with start_worker(workspace, "map", "tests.engine.stub_jobs:noted") as process:
        assert process.wait(timeout=20) == 0
    assert (workspace.root / "noted").read_text().split() == ["look", "map", "map"]


def test_a_look_comes_in_between_while_a_map_is_laid_out(workspace, dataset, monkeypatch):
    ended = []

    def laid_out(X, *, progress, **settings):
        progress(0.1)
        assert not ended
        study = workspace.request_study(dataset.id, "look", {"of": "another table"})
        progress(0.2)
        ended.append(workspace.study(dataset.id, "look", study.job).status)
        progress(0.3)
        return X

    monkeypatch.setattr(layout, "umap_layout", laid_out)
    monkeypatch.setattr(look, "execute", lambda space, study: None)
    workspace.request_map("k1", np.eye(30))
    do(workspace, workspace.claim_next("map", os.getpid()), maps.execute)
    assert ended == ["done"] and workspace.waiting("look") == 0
    assert workspace.map_job("k1").status == "done"


@pytest.mark.parametrize("kind", ["map", "look"])
def test_a_map_and_a_look_stand_back_while_a_run_begins(workspace, dataset, monkeypatch, kind):
    run = workspace.create_run(dataset.id, {})
    workspace.claim_next("valuation", os.getpid())
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            workspace.report_progress(run.id, 1, 10)

    monkeypatch.setattr(courtesy, "BEGINS_SECONDS", 600)  # however busy the machine is
    monkeypatch.setattr(courtesy.time, "sleep", wait)
    if kind == "map":
        monkeypatch.setattr(layout, "umap_layout", lambda X, *, progress, **_: progress(0.1) or X)
        workspace.request_map("k1", np.eye(30))
        do(workspace, workspace.claim_next("map", os.getpid()), maps.execute)
        assert workspace.map_job("k1").status == "done"
    else:
        asked = look.look_job(infer_schema(workspace.load_table(dataset.id)), EncodingSettings())
        workspace.request_study(dataset.id, "look", asked)
        do(workspace, workspace.claim_next("look", os.getpid()), look.execute)
        assert workspace.study(dataset.id, "look", asked).status == "done"
    assert len(waits) == 3


def test_a_map_comes_before_the_near_pairs_of_a_look(workspace, dataset, monkeypatch):
    asked = look.look_job(infer_schema(workspace.load_table(dataset.id)), EncodingSettings())
    study = workspace.request_study(dataset.id, "look", asked)
    drawn = []

    def laid_out(X, *, progress, **_):
        drawn.append((study.directory / "layout.npy").exists())
        drawn.append((study.directory / "near.npz").exists())
        return X

    monkeypatch.setattr(layout, "umap_layout", laid_out)
    workspace.request_map("k1", np.eye(30))
    do(workspace, workspace.claim_next("look", os.getpid()), look.execute)
    assert drawn == [True, False] and workspace.map_job("k1").status == "done"
    assert (study.directory / "near.npz").exists()


def test_a_run_without_a_step_after_a_while_is_not_waited_for(workspace, dataset):
    workspace.create_run(dataset.id, {})
    assert not workspace.run_begins(60)  # it waits for its worker, who may be busy
    workspace.claim_next("valuation", os.getpid())
    assert workspace.run_begins(60) and not workspace.run_begins(-1)


def test_a_map_is_kept_under_its_key_and_its_input_goes(workspace):
    X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    workspace.request_map("k1", X, seed=1, neighbours=5)
    job = workspace.claim_next("map", os.getpid())
    do(workspace, job, maps.execute)
    assert workspace.map_job("k1").status == "done"
    np.testing.assert_array_equal(Workspace(workspace.root).map_layout("k1"), pca_layout(X))
    assert [path.name for path in (workspace.root / "maps").iterdir()] == ["k1.npz"]


def test_a_map_can_be_given_up(workspace):
    workspace.request_map("k1", np.eye(30))
    job = workspace.claim_next("map", os.getpid())
    workspace.request_stop(job.id)
    do(workspace, job, maps.execute)
    assert workspace.map_job("k1").status == "stopped"
    assert workspace.map_layout("k1") is None
    assert workspace.request_map("k1", np.eye(30)).status == "queued"


def test_points_that_cannot_be_laid_out_are_told(workspace):
    workspace.request_map("k1", np.full((30, 3), np.nan))
    job = workspace.claim_next("map", os.getpid())
    do(workspace, job, maps.execute)
    assert workspace.map_job("k1").status == "failed"
    assert "InputError" not in workspace.map_job("k1").message
    assert job.log.exists()


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system knows no niceness")
def test_a_worker_and_its_whole_session_stand_back():
    code = (
        "import os; from dvgs_core.engine.worker import stand_back; stand_back(7)\n"
        "print(os.nice(0)); print(open('/proc/self/autogroup').read())"
    )
    autogroup = Path("/proc/self/autogroup").exists()
    if not autogroup:
        code = code.rpartition("\n")[0] + "\nprint(os.nice(0))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ended.stdout.split("\n")
    assert int(lines[0]) == os.nice(0) + 7
    assert not autogroup or lines[1].endswith("nice 7")


def test_the_page_comes_before_values_and_values_before_maps():
    assert 0 < WORKERS["valuation"].nice < WORKERS["map"].nice
