"""Runs: queued, claimed by exactly one, stopped, ended once, and found after a death."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dvgs_core.errors import InputError
from dvgs_core.store import Workspace


@pytest.fixture
def dataset(workspace, table_file):
    return workspace.add_dataset(table_file, "table.csv")


def a_dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_runs_are_numbered_within_their_dataset(workspace, dataset, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n3,4\n")
    elsewhere = workspace.add_dataset(other, "other.csv")
    for method in ("dvgs", "random", "dvgs"):
        workspace.create_run(dataset.id, {"method": method})
    workspace.create_run(elsewhere.id, {"method": "dvgs"})
    assert [run.name for run in workspace.runs(dataset.id)] == ["dvgs#3", "random#2", "dvgs#1"]
    assert [run.name for run in workspace.runs(elsewhere.id)] == ["dvgs#1"]


def test_a_run_has_its_directory_and_its_job(workspace, dataset):
    job = {"method": "dvgs", "seed": 3, "columns": ["ä", None]}
    run = Workspace(workspace.root).run(workspace.create_run(dataset.id, job).id)
    assert run.directory.is_dir()
    assert run.job == job
    assert (run.status, run.active, run.started, run.message) == ("queued", True, None, "")


def test_the_oldest_waiting_run_is_claimed_first_and_only_by_its_kind(workspace, dataset):
    first, second = (workspace.create_run(dataset.id, {"method": "dvgs"}) for _ in range(2))
    assert workspace.claim_next("map", 1) is None
    claimed = workspace.claim_next("valuation", os.getpid())
    assert (claimed.id, claimed.status, claimed.pid) == (first.id, "running", os.getpid())
    assert workspace.claim_next("valuation", os.getpid()).id == second.id
    assert workspace.claim_next("valuation", os.getpid()) is None


def test_each_run_goes_to_exactly_one_of_many_claimers(workspace, dataset):
    runs = [workspace.create_run(dataset.id, {"method": "dvgs"}).id for _ in range(40)]
    others = [Workspace(workspace.root) for _ in range(4)]

    def claim_all(one):
        mine = []
        while (run := one.claim_next("valuation", os.getpid())) is not None:
            mine.append(run.id)
        return mine

    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(claim_all, others))
    assert sorted(run for mine in claimed for run in mine) == runs


def test_stopping_a_waiting_run_ends_it_and_a_running_one_is_asked(workspace, dataset):
    running, waiting = (workspace.create_run(dataset.id, {"method": "dvgs"}) for _ in range(2))
    workspace.claim_next("valuation", os.getpid())
    assert not workspace.stop_requested(running.id)
    workspace.request_stop(running.id)
    workspace.request_stop(waiting.id)
    assert workspace.stop_requested(running.id)
    assert workspace.run(running.id).status == "running"
    assert workspace.run(waiting.id).status == "stopped"
    assert workspace.claim_next("valuation", os.getpid()) is None


def test_the_first_word_on_how_a_run_ended_counts(workspace, dataset):
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    workspace.claim_next("valuation", os.getpid())
    assert workspace.finish(run.id, "failed", "no target rows")
    assert not workspace.finish(run.id, "done")
    ended = workspace.run(run.id)
    assert (ended.status, ended.message) == ("failed", "no target rows")
    assert ended.created <= ended.started <= ended.finished
    with pytest.raises(ValueError, match="not as 'queued'"):
        workspace.finish(run.id, "queued")


def test_progress_is_seen_by_others(workspace, dataset):
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    workspace.claim_next("valuation", os.getpid())
    workspace.report_progress(run.id, 3, 10)
    seen = Workspace(workspace.root).run(run.id)
    assert (seen.step, seen.total) == (3, 10)


def test_only_runs_of_dead_processes_are_interrupted(workspace, dataset):
    lost, going_on, waiting = (
        workspace.create_run(dataset.id, {"method": "dvgs"}) for _ in range(3)
    )
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        workspace.claim_next("valuation", process.pid)
        workspace.claim_next("valuation", os.getpid())
        assert workspace.mark_interrupted() == []
        (workspace.run(lost.id).directory / "values.npy").write_bytes(b"so far")
        process.kill()
    assert workspace.mark_interrupted() == [lost.id]
    assert workspace.run(lost.id).status == "interrupted"
    assert (workspace.run(lost.id).directory / "values.npy").read_bytes() == b"so far"
    assert workspace.run(going_on.id).status == "running"
    assert workspace.run(waiting.id).status == "queued"


def test_a_process_of_another_machine_is_judged_by_its_silence(workspace, dataset):
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    workspace.claim_next("valuation", a_dead_process())
    with workspace.database.writing() as connection:
        connection.execute("UPDATE jobs SET born = 'elsewhere/1'")
    assert workspace.mark_interrupted() == []
    with workspace.database.writing() as connection:
        connection.execute("UPDATE jobs SET heartbeat = heartbeat - 60")
    assert workspace.mark_interrupted() == [run.id]


def test_an_unknown_run_or_dataset_is_told_in_one_line(workspace):
    with pytest.raises(InputError, match="no run 7"):
        workspace.run(7)
    with pytest.raises(InputError, match="no dataset 'x'"):
        workspace.create_run("x", {})


def test_a_map_is_asked_for_once(workspace, dataset):
    X = np.eye(3)
    job = workspace.request_map("k1", X, seed=4, neighbours=2)
    assert (job.status, job.job) == ("queued", {"seed": 4, "neighbours": 2})
    assert np.load(job.input).dtype == np.float32
    assert workspace.request_map("k1", X).id == job.id
    claimed = workspace.claim_next("map", os.getpid())
    assert workspace.request_map("k1", X).id == claimed.id == job.id
    assert workspace.map_layout("k1") is None
    layout = np.zeros((3, 2), np.float32)
    np.savez(claimed.result, layout=layout)
    workspace.finish(job.id, "done")
    assert workspace.request_map("k1", X).status == "done"
    np.testing.assert_array_equal(workspace.map_layout("k1"), layout)


def test_a_map_that_failed_or_was_lost_is_computed_again(workspace):
    first = workspace.request_map("k1", np.eye(3))
    workspace.claim_next("map", os.getpid())
    workspace.finish(first.id, "failed", "no memory")
    second = workspace.request_map("k1", np.eye(3))
    assert second.id != first.id
    workspace.claim_next("map", os.getpid())
    workspace.finish(second.id, "done")  # but no result is there
    assert workspace.request_map("k1", np.eye(3)).id != second.id


def test_a_map_key_is_a_plain_word(workspace):
    with pytest.raises(ValueError, match="letters and digits"):
        workspace.request_map("../x", np.eye(3))


def test_a_run_can_be_deleted_unless_it_goes_on(workspace, dataset):
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    workspace.claim_next("valuation", os.getpid())
    with pytest.raises(InputError, match="going on"):
        workspace.delete_run(run.id)
    workspace.finish(run.id, "done")
    workspace.delete_run(run.id)
    assert workspace.runs() == []
    assert not run.directory.exists()
    assert workspace.create_run(dataset.id, {}).id > run.id


@pytest.mark.parametrize("status", ["paused", "stopped", "failed", "interrupted"])
def test_a_run_that_ended_early_is_queued_again_with_its_files(workspace, dataset, status):
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    (run.directory / "kept").write_text("so far")
    workspace.claim_next("valuation", os.getpid())
    workspace.request_stop(run.id)
    workspace.finish(run.id, status, "why")
    again = workspace.resume_run(run.id)
    assert (again.id, again.status, again.message) == (run.id, "queued", "")
    assert not again.stop_requested and again.finished is None and again.pid is None
    assert (again.directory / "kept").read_text() == "so far"
    claimed = workspace.claim_next("valuation", os.getpid())
    assert (claimed.id, claimed.status) == (run.id, "running")


def test_a_run_that_waits_goes_on_or_is_complete_is_not_resumed(workspace, dataset):
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    with pytest.raises(InputError, match="dvgs#1 is queued"):
        workspace.resume_run(run.id)
    workspace.claim_next("valuation", os.getpid())
    with pytest.raises(InputError, match="dvgs#1 is running"):
        workspace.resume_run(run.id)
    workspace.finish(run.id, "done")
    with pytest.raises(InputError, match="dvgs#1 is done"):
        workspace.resume_run(run.id)


def test_a_pause_leaves_the_worker_to_the_next_run_and_goes_on_first(workspace, dataset):
    first, second = (workspace.create_run(dataset.id, {"method": "dvgs"}) for _ in range(2))
    workspace.claim_next("valuation", os.getpid())
    workspace.request_pause(first.id)
    assert workspace.stop_requested(first.id) and workspace.run(first.id).pause_requested
    workspace.finish(first.id, "paused")
    paused = workspace.run(first.id)
    assert (paused.status, paused.active) == ("paused", False)
    assert workspace.mark_interrupted() == []
    assert workspace.claim_next("valuation", os.getpid()).id == second.id
    assert workspace.claim_next("valuation", os.getpid()) is None

    third = workspace.create_run(dataset.id, {"method": "dvgs"})
    again = workspace.resume_run(first.id)
    assert (again.status, again.stop_requested, again.pause_requested) == ("queued", False, False)
    assert workspace.claim_next("valuation", os.getpid()).id == first.id
    assert workspace.run(third.id).status == "queued"


def test_stop_after_pause_ends_the_run(workspace, dataset):
    going, paused, waiting = (
        workspace.create_run(dataset.id, {"method": "dvgs"}) for _ in range(3)
    )
    workspace.claim_next("valuation", os.getpid())
    workspace.request_pause(going.id)
    workspace.request_stop(going.id)
    assert workspace.stop_requested(going.id) and not workspace.run(going.id).pause_requested
    workspace.claim_next("valuation", os.getpid())
    workspace.report_progress(paused.id, 2, 9)
    workspace.finish(paused.id, "paused")
    workspace.request_stop(paused.id)
    stopped = workspace.run(paused.id)
    assert (stopped.status, stopped.message, stopped.step) == ("stopped", "", 2)
    workspace.request_pause(waiting.id)
    assert workspace.run(waiting.id).status == "paused"
    workspace.request_stop(waiting.id)
    assert workspace.run(waiting.id).message == "Stopped before it began."


def test_a_run_that_waits_can_be_put_before_the_others(workspace, dataset):
    runs = [workspace.create_run(dataset.id, {"method": "dvgs"}).id for _ in range(4)]
    workspace.run_next(runs[2])
    workspace.run_next(runs[3])
    order = [workspace.claim_next("valuation", os.getpid()).id for _ in range(4)]
    assert order == [runs[3], runs[2], runs[0], runs[1]]
    workspace.run_next(runs[1])  # it goes on already
    assert workspace.run(runs[1]).place == 0
