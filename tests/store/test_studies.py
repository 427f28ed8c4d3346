"""Studies: the same question is answered once, and goes with its dataset."""

import os
import sqlite3

import pytest

from dvgs_core.engine.worker import do
from dvgs_core.errors import InputError
from dvgs_core.store import Workspace
from dvgs_core.store import database as database_module


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path / "space")


@pytest.fixture
def dataset(space, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4\n5,6\n")
    return space.add_dataset(path, "t.csv")


def test_the_same_question_is_the_same_study(space, dataset):
    first = space.request_study(dataset.id, "look", {"x": 1})
    assert space.request_study(dataset.id, "look", {"x": 1}).id == first.id
    assert space.study(dataset.id, "look", {"x": 1}) == first and first.status == "queued"
    assert space.request_study(dataset.id, "look", {"x": 2}).id != first.id
    assert space.request_study(dataset.id, "sensitivity", {"x": 1}).id != first.id
    assert space.study(dataset.id, "look", {"x": 3}) is None
    assert first.directory.is_dir()


def test_a_study_is_done_by_its_worker_and_is_no_run(space, dataset):
    space.request_study(dataset.id, "look", {"x": 1})
    assert space.claim_next("valuation", 1) is None and space.runs() == []
    study = space.claim_next("look", os.getpid())
    do(space, study, lambda workspace, job: (job.directory / "answer").write_text("42") and None)
    done = space.study(dataset.id, "look", {"x": 1})
    assert done.status == "done" and (done.directory / "answer").read_text() == "42"
    assert space.request_study(dataset.id, "look", {"x": 1}).id == done.id


def test_a_study_that_failed_can_be_asked_again(space, dataset):
    def fails(workspace, job):
        raise InputError("no")

    space.request_study(dataset.id, "look", {})
    do(space, space.claim_next("look", os.getpid()), fails)
    failed = space.study(dataset.id, "look", {})
    assert (failed.status, failed.message) == ("failed", "no")
    assert space.request_study(dataset.id, "look", {}).status == "queued"


def test_a_study_goes_with_its_dataset_even_while_it_is_computed(space, dataset):
    space.request_study(dataset.id, "look", {})
    study = space.claim_next("look", os.getpid())
    space.delete_dataset(dataset.id)
    assert not study.directory.exists() and space.study(dataset.id, "look", {}) is None
    assert space.finish(study.id, "done") is False
    with pytest.raises(InputError, match="There is no dataset"):
        space.request_study(dataset.id, "look", {})


INSERT_RUN = (
    "INSERT INTO jobs (kind, dataset, method, number, job, status, created, step, total) "
    "VALUES ('valuation', ?, 'dvgs', ?, '{}', 'stopped', '2026-01-02T03:04:05+00:00', 4, 9)"
)


@pytest.mark.parametrize("version", [1, 2])
def test_a_workspace_of_an_older_format_keeps_its_jobs_and_counts_on(
    tmp_path, monkeypatch, version
):
    now = database_module._MIGRATIONS
    monkeypatch.setattr(database_module, "_MIGRATIONS", now[:version])
    old = Workspace(tmp_path / "space")
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    dataset = old.add_dataset(path, "t.csv")
    with old.database.writing() as connection:
        connection.execute(INSERT_RUN, (dataset.id, 1))
        connection.execute(INSERT_RUN, (dataset.id, 2))
        connection.execute("DELETE FROM jobs WHERE number = 2")
    with pytest.raises(sqlite3.IntegrityError), old.database.writing() as connection:
        connection.execute("UPDATE jobs SET status = 'paused'")
    old.close()

    monkeypatch.setattr(database_module, "_MIGRATIONS", now)
    new = Workspace(tmp_path / "space")
    (kept,) = new.runs()
    assert (kept.id, kept.name, kept.status, kept.step) == (1, "dvgs#1", "stopped", 4)
    assert (kept.place, kept.pause_requested) == (0, False)
    new.resume_run(kept.id)
    new.request_pause(kept.id)
    assert new.run(kept.id).status == "paused"
    assert new.create_run(dataset.id, {"method": "dvgs"}).id == 3  # no number is given twice
    assert new.request_study(dataset.id, "look", {}).status == "queued"
    new.delete_dataset(dataset.id)
    assert new.runs() == []
