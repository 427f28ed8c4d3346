"""Would another target change the ranking: how targets are drawn anew, and what is concluded."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import EncodingSettings, SplitSettings, infer_schema
from dvgs_core.engine import sensitivity as study_of
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.worker import do
from dvgs_core.errors import InputError
from dvgs_core.evaluation.sensitivity import sensitivity
from dvgs_core.store import Workspace

TINY = {"restarts": 1, "max_steps": 8, "width": 8, "suggest": False}


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path / "space")


@pytest.fixture
def dataset(space, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    frame["label"] = np.where(frame["a"] > 0, "p", "q")
    frame.to_csv(tmp_path / "t.csv", index=False)
    return space.add_dataset(tmp_path / "t.csv", "t.csv")


def asked(space, dataset, target_dataset=None, **split):
    roles = infer_schema(space.load_table(dataset.id))
    return study_of.sensitivity_job(
        roles, EncodingSettings(), SplitSettings(**split), target_dataset
    )


def answer(space, dataset, job):
    space.request_study(dataset.id, "sensitivity", job)
    do(space, space.claim_next("sensitivity", os.getpid()), study_of.execute)
    return space.study(dataset.id, "sensitivity", job)


def test_other_draws_keep_the_manner_and_change_the_rows(space, dataset):
    table = space.load_table(dataset.id)
    split = SplitSettings(target_query="b > 0", target_size=30)
    prepared = prepare(table, Job(columns=infer_schema(table), split=split))
    draws = study_of.other_draws(table, prepared, 4)
    targets = [draw.target for draw in draws]
    np.testing.assert_array_equal(targets[0], prepared.splits[0].target)
    assert {len(target) for target in targets} == {30}
    assert len({tuple(target) for target in targets}) == 4
    assert all((table.frame["b"].to_numpy()[target] > 0).all() for target in targets)
    rows = study_of.shared_source(draws, 0)
    assert not np.isin(rows, np.concatenate(targets)).any()
    for fixed in (SplitSettings(target_query="b > 0"), SplitSettings(target_rows=(1, 2, 5, 9))):
        prepared = prepare(table, Job(columns=infer_schema(table), split=fixed))
        assert study_of.other_draws(table, prepared, 4) == []


def test_the_study_compares_targets_and_starts(space, dataset, monkeypatch):
    monkeypatch.setattr(study_of, "SETTINGS", TINY)
    done = answer(space, dataset, asked(space, dataset, target_size=40))
    assert done.status == "done", done.message
    found = json.loads((done.directory / "result.json").read_text())
    assert (found["how"], found["targets"], found["starts"]) == ("drawn", 4, 3)
    pairs = pd.read_parquet(done.directory / "pairs.parquet")
    assert len(pairs) == 6 and found["spearman"] == pytest.approx(pairs["spearman"].mean())
    assert found["conclusion"].count("rank correlation") == 1 and done.step == done.total == 6


def test_a_target_file_is_halved(space, dataset, monkeypatch, tmp_path):
    monkeypatch.setattr(study_of, "SETTINGS", TINY)
    frame = space.load_table(dataset.id).frame
    frame.head(60).to_csv(tmp_path / "trusted.csv", index=False)
    trusted = space.add_dataset(tmp_path / "trusted.csv", "trusted.csv")
    done = answer(space, dataset, asked(space, dataset, trusted.id))
    assert done.status == "done", done.message
    found = json.loads((done.directory / "result.json").read_text())
    assert found["how"] == "halved" and found["rows"] == 200


def test_too_few_rows_are_one_line(space, dataset):
    done = answer(space, dataset, asked(space, dataset, target_rows=tuple(range(5))))
    assert done.status == "failed" and "5 rows, too few to be halved" in done.message
    table = space.load_table(dataset.id)
    prepared = prepare(table, Job(columns=infer_schema(table), split=SplitSettings(source_size=20)))
    with pytest.raises(InputError, match="Only 20 rows are source"):
        study_of.shared_source(prepared.splits, 0)


def test_it_stops_when_asked(space, dataset, monkeypatch):
    monkeypatch.setattr(study_of, "SETTINGS", TINY)
    job = asked(space, dataset, target_size=40)
    study = space.request_study(dataset.id, "sensitivity", job)
    claimed = space.claim_next("sensitivity", os.getpid())
    space.request_stop(study.id)
    do(space, claimed, study_of.execute)
    stopped = space.study(dataset.id, "sensitivity", job)
    assert stopped.status == "stopped" and stopped.step == 1


def test_the_conclusion_blames_the_target_only_beyond_what_the_start_does():
    rng = np.random.default_rng(0)
    base = rng.normal(size=400)

    def alike(noise: float):
        return sensitivity(np.stack([base + noise * rng.normal(size=400) for _ in range(3)]))

    steady, middling, loose = alike(0.05), alike(0.4), alike(2.0)
    assert study_of.conclusion(steady, steady).startswith("Hardly")
    assert study_of.conclusion(middling, middling).startswith("No more than by chance")
    assert study_of.conclusion(loose, loose).startswith("Not because of the target")
    assert study_of.conclusion(loose, steady).startswith("Yes")
