"""Before and after on the holdout."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import SplitSettings, infer_schema
from dvgs_core.data.frame import from_frame
from dvgs_core.engine.holdout import (
    HoldoutScores,
    _sides,
    execute,
    has_holdout,
    holdout_job,
    holdout_scores,
    read_scores,
)
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.worker import do
from dvgs_core.errors import InputError
from dvgs_core.review import DecisionLog, make_recipe
from dvgs_core.store import Workspace

WRONG = np.arange(0, 300, 3)


@pytest.fixture
def table():
    """300 rows whose label `a` decides; every third one is wrong."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300))
    true = np.where(a > 0, "yes", "no")
    given = true.copy()
    given[WRONG] = np.where(true[WRONG] == "yes", "no", "yes")
    return from_frame(pd.DataFrame({"a": a, "b": b, "y": given, "true": true}), "data")


def job_of(table, label="y", **split):
    schema = infer_schema(table, label) if label else infer_schema(table).with_label(None)
    for name in {"y", "true"} - {label}:
        schema = schema.with_role(name, "ignore")
    chosen = {"holdout_size": 60, "holdout_query": "y == true", **split}
    return Job(columns=schema, split=SplitSettings(**chosen), device="cpu")


def test_without_decisions_both_sides_are_the_same(table):
    found = holdout_scores(table, job_of(table), (), {}, seeds=2)
    assert found.before == found.after and found.change == 0 and found.standard_error == 0
    assert found.rows_before == found.rows_after and found.holdout == 60
    assert "leave AUROC as it was" in found.sentence


def test_taking_wrong_labels_out_or_right_helps_and_more_wrong_ones_hurt(table):
    job, true = job_of(table), table.frame["true"]
    without = holdout_scores(table, job, WRONG.tolist(), {}, seeds=3)
    right = holdout_scores(table, job, (), {int(r): true[r] for r in WRONG}, seeds=3)
    assert without.before == right.before
    for found in (without, right):
        assert found.change > 0.01 and "raise AUROC" in found.sentence
    flipped = {int(r): {"yes": "no", "no": "yes"}[true[r]] for r in range(1, 300, 3)}
    worse = holdout_scores(table, job, (), flipped, seeds=3)
    assert worse.change < -0.1 and "lower AUROC" in worse.sentence and "−" in worse.sentence


def test_after_is_the_same_as_training_on_the_cleaned_source(table):
    prepared = prepare(table, job_of(table))
    source = prepared.source
    dropped, moved = source[:5], source[5:8]
    new = {int(row): "yes" for row in moved}
    rows, before, after = _sides(prepared, dropped, new)
    assert rows.ids[before].tolist() == source.tolist()
    assert sorted(rows.ids[after].tolist()) == sorted(source[5:].tolist())
    names = np.array(prepared.labels.names)
    given = prepared.labels.y[source]
    assert (rows.y[before] == given).all()
    labels = dict(zip(rows.ids[after].tolist(), names[rows.y[after]], strict=True))
    for row in source[5:].tolist():
        assert labels[row] == ("yes" if row in new else names[prepared.labels.y[row]])


def test_decisions_about_the_holdout_change_nothing_and_are_counted(table):
    job = job_of(table)
    holdout = prepare(table, job).splits[0].holdout[:4]
    none = holdout_scores(table, job, (), {}, seeds=2)
    some = holdout_scores(table, job, holdout[:3], {int(holdout[3]): "yes"}, seeds=2)
    assert (some.before, some.after) == (none.before, none.after)
    assert (none.decided_holdout, some.decided_holdout) == (0, 4)


@pytest.mark.parametrize(("label", "metric"), [("b", "r2"), (None, "r2")])
def test_numbers_and_data_without_a_label_have_their_metric(table, label, metric):
    job = job_of(table, label, holdout_query="")
    found = holdout_scores(table, job, [0, 1], {5: 2.5} if label else {}, seeds=2)
    assert found.metric == metric and np.isfinite(found.after).all()
    assert found.uninformed == 0


def test_what_cannot_be_scored_is_one_line(table):
    job = job_of(table)
    with pytest.raises(InputError, match="no holdout"):
        holdout_scores(table, job_of(table, holdout_size=0, holdout_query=""), (), {})
    with pytest.raises(InputError, match="nothing to train on"):
        holdout_scores(table, job, range(300), {})


def test_the_worker_keeps_the_scores_under_the_decisions(table, tmp_path):
    path = tmp_path / "data.csv"
    table.frame.to_csv(path, index=False)
    space = Workspace(tmp_path / "workspace")
    dataset = space.add_dataset(path, "data.csv")
    run = space.create_run(dataset.id, job_of(table).model_dump(mode="json"))
    log = DecisionLog(space, dataset.id)
    log.decide([0, 3], "drop")
    log.decide([6], "relabel", label="yes")
    recipe = make_recipe(dataset, log, label="y", run=run)
    asked = holdout_job(recipe)
    assert json.loads(json.dumps(asked)) == asked and has_holdout(recipe)
    study = space.request_study(dataset.id, "holdout", asked)
    assert read_scores(study) is None
    claimed = space.claim_next("holdout", os.getpid())
    assert claimed.id == study.id
    do(space, claimed, execute)
    found = read_scores(space.study(dataset.id, "holdout", asked))
    expected = holdout_scores(space.load_table(dataset.id), job_of(table), [0, 3], {6: "yes"})
    assert found == expected
    log.decide([9], "drop")
    again = holdout_job(make_recipe(dataset, log, label="y", run=run))
    assert space.study(dataset.id, "holdout", again) is None


def test_a_recipe_without_run_or_holdout_asks_nothing(table, tmp_path):
    path = tmp_path / "data.csv"
    table.frame.to_csv(path, index=False)
    space = Workspace(tmp_path / "workspace")
    dataset = space.add_dataset(path, "data.csv")
    log = DecisionLog(space, dataset.id)
    assert holdout_job(make_recipe(dataset, log)) is None
    job = job_of(table, holdout_size=0, holdout_query="")
    run = space.create_run(dataset.id, job.model_dump(mode="json"))
    assert holdout_job(make_recipe(dataset, log, run=run)) is None


def test_the_sentence_counts_what_is_beyond_chance():
    def scores(before, after):
        return HoldoutScores("accuracy", before, after, 10, 9, 5, 0, 0.5).sentence

    assert "raise accuracy from 0.800 to 0.850" in scores((0.8, 0.8), (0.85, 0.85))
    assert "as it was" in scores((0.8, 0.8), (0.9, 0.72))
    assert "as it was" in scores((0.8, 0.8), (0.8005, 0.8005))
