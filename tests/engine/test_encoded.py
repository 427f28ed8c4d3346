"""Encoded rows are computed once for all who ask for the same, and for nobody else."""

import os

import numpy as np
import pytest

from dvgs_core.data import Encoder, EncodingSettings, infer_schema, load
from dvgs_core.engine import encoded as module
from dvgs_core.engine import look
from dvgs_core.engine.encoded import encode
from dvgs_core.engine.recorder import Recorder
from dvgs_core.engine.worker import do
from tests.engine.jobs import job_for, resumed

QUICK = EncodingSettings()


@pytest.fixture
def table(table_path):
    return load(table_path)


@pytest.fixture
def ask(table, tmp_path):
    def call(columns=None, settings=QUICK, rows=range(90), **more):
        columns = columns or infer_schema(table, "y")
        rows = np.array(rows)
        return encode(table.frame, columns, settings, rows=rows, folder=tmp_path, **more)

    return call


def test_rows_that_were_kept_are_found_and_are_the_same(ask, table):
    first = ask(rows=range(60))
    first.keep()
    again = ask(rows=range(60))
    assert not first.found and again.found
    np.testing.assert_array_equal(first.X, again.X)
    fresh = Encoder.fit(table.frame[:60], infer_schema(table, "y"))
    np.testing.assert_array_equal(again.X, fresh.transform(table.frame))
    np.testing.assert_array_equal(again.encoder.transform(table.frame), first.X)
    assert again.encoder.feature_names == first.encoder.feature_names
    with pytest.raises(ValueError, match="read-only"):
        again.X[0] = 0


def test_whatever_changes_the_numbers_is_encoded_anew(ask, table):
    ask().keep()
    others = [
        dict(settings=EncodingSettings(numeric="minmax")),
        dict(settings=EncodingSettings(rare_below=30)),
        dict(columns=infer_schema(table, "y").with_role("a", "ignore")),
        dict(columns=infer_schema(table, "y").with_role("count", "feature", "category")),
        dict(rows=range(89)),
        dict(seed=1),
        dict(beside="another dataset"),
    ]
    assert [ask(**other).found for other in others] == [False] * len(others)
    assert ask().found


def test_rows_that_a_look_is_about_to_keep_are_waited_for(ask, monkeypatch):
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0)
    of_the_look, asked = ask(), []

    def looked_at():
        asked.append(True)
        if len(asked) == 2:
            of_the_look.keep()
        return True

    assert ask(looked_at=looked_at).found and len(asked) == 2


@pytest.mark.parametrize(
    "other", [dict(rows=range(60)), dict(seed=1), dict(beside="another dataset")]
)
def test_a_look_that_keeps_other_rows_is_not_waited_for(ask, other):
    def looked_at():
        raise AssertionError("nobody should ask")

    assert not ask(**other, looked_at=looked_at).found


def test_a_look_that_ends_without_its_rows_is_waited_for_no_longer(ask, monkeypatch):
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0)
    going_on = [False, True, True]
    assert not ask(looked_at=going_on.pop).found
    assert not going_on


def test_the_label_is_no_part_of_what_is_encoded(ask, table):
    columns = infer_schema(table, "y")
    ask(columns).keep()
    assert ask(columns.with_role("y", "ignore")).found
    assert ask(columns.only_features).found


def test_nothing_is_kept_without_a_folder(table, tmp_path):
    alone = encode(table.frame, infer_schema(table, "y"), QUICK, rows=np.arange(90))
    alone.keep()
    alone.write(tmp_path, 50)
    np.testing.assert_array_equal(np.load(tmp_path / "encoded.npy"), alone.X[:50])
    assert {path.name for path in tmp_path.iterdir()} >= {"encoder", "encoded.npy"}
    assert not (tmp_path / "encoded").exists()


@pytest.mark.parametrize("left", [0, 40, 1000])
def test_half_a_file_is_encoded_anew(ask, left):
    first = ask()
    first.keep()
    os.truncate(first.kept, left)
    again = ask()
    assert not again.found
    again.keep()
    assert ask().found


def test_those_used_last_are_kept_and_a_run_keeps_its_own(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    run = tmp_path / "run"
    run.mkdir()
    first, second, third = (ask(seed=seed) for seed in range(3))
    first.write(run, 90)
    second.keep()
    for age, one in enumerate((first, second)):
        os.utime(one.kept, (age, age))
    assert ask(seed=0).found  # used again, and so younger than the second
    third.keep()
    assert [ask(seed=seed).found for seed in range(3)] == [True, False, True]
    assert len(list((tmp_path / "encoded").iterdir())) == 4
    first.kept.unlink()
    np.testing.assert_array_equal(np.load(run / "encoded.npy"), first.X)


def test_a_run_keeps_its_rows_where_files_have_one_name_only(ask, tmp_path, monkeypatch):
    def refused(*names):
        raise OSError("no such thing on this disk")

    monkeypatch.setattr(os, "link", refused)
    one = ask()
    one.write(tmp_path, 90)
    np.testing.assert_array_equal(np.load(tmp_path / "encoded.npy"), one.X)
    assert Encoder.load(tmp_path / "encoder").feature_names == one.encoder.feature_names


def fits(monkeypatch):
    """Counts how often an encoder is fitted."""
    count, fit = [], Encoder.fit.__func__

    def counted(cls, *args, **named):
        count.append(1)
        return fit(cls, *args, **named)

    monkeypatch.setattr(Encoder, "fit", classmethod(counted))
    return count


def test_a_run_after_the_first_look_encodes_nothing_and_so_does_the_next(
    workspace, table_path, table, ran, monkeypatch
):
    dataset = workspace.add_dataset(table_path, table_path.name)
    job = job_for(table)
    asked = look.look_job(job.columns, job.encoding)
    workspace.request_study(dataset.id, "look", asked)
    count = fits(monkeypatch)
    do(workspace, workspace.claim_next("look", os.getpid()), look.execute)
    assert len(count) == 1
    runs = [ran(job), ran(job)]
    assert [run.status for run in runs] == ["done", "done"] and len(count) == 1
    kept = next((dataset.directory / "encoded").glob("*.npy"))
    assert all(kept.samefile(run.directory / "encoded.npy") for run in runs)
    values = [(run.directory / "values.parquet").read_bytes() for run in runs]
    assert values[0] == values[1]


def test_the_first_trace_comes_before_all_that_can_wait(ran, table, workspace, monkeypatch):
    there, step = [], Recorder.step

    def seen(self, outcome):
        step(self, outcome)
        there.append({path.name for path in self.directory.iterdir()})

    monkeypatch.setattr(Recorder, "step", seen)
    run = ran(job_for(table))
    waits = {"encoder", "encoded.npy", "pca.npy", "map.json"}
    assert not waits & there[0] and {"trace.f32", "steps.jsonl", "values.npy"} <= there[0]
    assert waits <= there[1]
    assert run.status == "done"


def test_a_run_that_is_stopped_at_its_first_step_has_its_rows_and_map(ran, table, workspace):
    stopped = ran(job_for(table), before=lambda run: workspace.request_stop(run.id))
    assert stopped.status == "stopped"
    names = {path.name for path in stopped.directory.iterdir()}
    assert {"encoder", "encoded.npy", "pca.npy", "map.json", "values.parquet"} <= names
    assert resumed(workspace, stopped).status == "done"
