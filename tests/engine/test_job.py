"""From a table to its values: rotations, target files, tasks, and what a run leaves on disk."""

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dvgs_core import DVGS, Samples
from dvgs_core.cli import main
from dvgs_core.data import (
    Encoder,
    EncodingSettings,
    SplitSettings,
    draw_splits,
    load,
    read_labels,
)
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.recorder import Recorder
from dvgs_core.engine.valuate import finish, valuate
from dvgs_core.engine.values import value_table, write_values
from dvgs_core.errors import InputError
from dvgs_core.settings import fields
from tests.engine.jobs import LONGER, SMALL, TWICE, job_for, steps_of

STEPS = 4  # one full batch an epoch


def by_hand(table, job):
    """Encoded rows, codes and one `Valuation` a rotation, without `dvgs_core.engine`."""
    labels = read_labels(table.frame, job.columns)
    splits = draw_splits(table.frame, labels, job.columns, job.split)
    used = np.unique(np.concatenate([np.r_[s.source, s.target] for s in splits]))
    encoder = Encoder.fit(table.frame.iloc[used], job.columns, job.encoding, seed=job.seed)
    X = encoder.transform(table.frame)
    method = DVGS(seed=job.seed, device="cpu", **job.settings)
    valuations = []
    for split in splits:
        source = Samples(X[split.source], labels.y[split.source], split.source)
        target = Samples(X[split.target], labels.y[split.target], split.target)
        valuations.append(method.value(source, target, classes=len(labels.classes)))
    return X, labels, splits, valuations


def test_rows_are_encoded_by_source_and_target_alone(table_path):
    table = load(table_path)
    table.frame.loc[10, "b"] = 1e6  # a holdout row must not stretch the scale
    split = {"holdout_query": "b > 1000"}
    job = job_for(table, split=split).model_copy(
        update={"encoding": EncodingSettings(numeric="minmax")}
    )
    prepared = prepare(table, job)
    column = prepared.X[:, prepared.encoded.encoder.feature_names.index("b")]
    assert column[10] > 100
    assert np.delete(column, 10).min() == 0 and np.delete(column, 10).max() == 1
    assert prepared.rows == len(prepared.X) == 90 and np.isfinite(prepared.X).all()


def test_samples_carry_their_row_ids_and_codes(table_path):
    table = load(table_path)
    prepared = prepare(table, job_for(table))
    rows = np.array([4, 70, 12])
    samples = prepared.samples(rows)
    assert samples.ids.tolist() == rows.tolist() and samples.task == "classification"
    assert samples.y.tolist() == table.frame["y"].iloc[rows].tolist()
    np.testing.assert_array_equal(samples.X, prepared.X[rows])
    unlabelled = prepare(table, job_for(table, label=None))
    assert unlabelled.samples(rows).y is None


@pytest.mark.parametrize("split", [{}, {"rotations": 2, "target_size": 0.5}, {"rotations": 3}])
def test_a_value_is_the_mean_over_the_draws_in_which_the_row_was_source(table_path, split):
    table = load(table_path)
    job = job_for(table, split=split, seed=3)
    X, labels, splits, valuations = by_hand(table, job)
    prepared = prepare(table, job)
    np.testing.assert_array_equal(prepared.X, X)
    outcomes = list(valuate(prepared))
    last = outcomes[-1]

    source = np.unique(np.concatenate([s.source for s in splits]))
    assert last.ids.tolist() == source.tolist() == prepared.source.tolist()
    for i, row in enumerate(source):
        of_row = [
            (v.values[s.source == row][0], v.standard_error[s.source == row][0])
            for s, v in zip(splits, valuations, strict=True)
            if row in s.source
        ]
        values, errors = np.array(of_row).T
        assert last.values[i] == pytest.approx(values.mean(), abs=1e-12)
        expected = np.sqrt((errors**2).sum()) / len(errors)
        assert last.standard_error[i] == pytest.approx(expected, abs=1e-12)

    by_label = np.full((len(splits), 90, len(labels.classes)), np.nan)
    for r, (s, v) in enumerate(zip(splits, valuations, strict=True)):
        by_label[r, s.source] = v.label_values
    expected = np.nanmean(by_label[:, source], axis=0)
    np.testing.assert_allclose(last.label_values, expected, atol=1e-12)

    assert [o.index for o in outcomes] == list(range(STEPS * len(splits)))
    assert {o.total for o in outcomes} == {STEPS * len(splits)}
    for outcome in outcomes:
        rotation, step = divmod(outcome.index, STEPS)
        inside = np.isin(source, splits[rotation].source)
        np.testing.assert_array_equal(np.isfinite(outcome.similarity), inside)
        np.testing.assert_array_equal(outcome.similarity[inside], valuations[rotation].trace[step])
        assert outcome.target_loss == valuations[rotation].target_loss[step]


def test_values_so_far_are_those_of_the_finished_draws_and_the_running_one(table_path):
    table = load(table_path)
    job = job_for(table, split={"rotations": 2, "target_size": 0.5})
    _, _, (first, second), (done, running) = by_hand(table, job)
    outcomes = list(valuate(prepare(table, job)))
    halfway = outcomes[STEPS - 1]  # all of the first draw, none of the second
    assert np.isfinite(halfway.values).sum() == 45
    np.testing.assert_allclose(halfway.values[first.source], done.values, atol=1e-12)
    assert np.isnan(halfway.values[second.source]).all()
    np.testing.assert_allclose(outcomes[STEPS].values[second.source], running.trace[0], atol=1e-6)


def test_a_table_of_values_has_a_line_a_row_and_says_both_labels(table_path):
    table = load(table_path)
    prepared = prepare(table, job_for(table, split={"target_size": 30}))
    outcome = finish(valuate(prepared), lambda _: True)
    values = value_table(prepared, outcome)
    assert values["row"].tolist() == list(range(90))
    assert values["label"].tolist() == table.frame["y"].astype(str).tolist()
    source = values["role"] == "source"
    assert source.sum() == 60 and values.loc[~source, "value"].isna().all()
    best = outcome.label_values.argmax(axis=1)
    assert values.loc[source, "suggested_label"].tolist() == best.astype(str).tolist()
    own = outcome.label_values[np.arange(60), table.frame["y"][source]]
    np.testing.assert_allclose(values.loc[source, "value"], own, atol=1e-6)
    margin = outcome.label_values.max(axis=1) - own
    np.testing.assert_allclose(values.loc[source, "margin"], margin, atol=1e-6)


def test_equal_values_are_ranked_by_row_id(table_path):
    table = load(table_path)
    prepared = prepare(table, job_for(table, split={"target_size": 30}))
    outcome = finish(valuate(prepared), lambda _: False)
    level = replace(outcome, values=np.zeros(60))
    values = value_table(prepared, level).dropna(subset=["value"])
    assert values["rank"].tolist() == list(range(1, 61))


def test_a_target_file_defines_the_task_and_every_row_is_valued(table_path):
    table = load(table_path)
    trusted = replace(table, frame=table.frame.iloc[20:60].reset_index(drop=True), name="t.csv")
    prepared = prepare(table, job_for(table), trusted)
    (split,) = prepared.splits
    assert prepared.rows == 90 and len(prepared.X) == 130
    assert split.target.tolist() == list(range(90, 130))
    assert split.source.tolist() == list(range(90))
    np.testing.assert_array_equal(prepared.X[90:], prepared.X[20:60])
    outcome = finish(valuate(prepared), lambda _: True)
    values = value_table(prepared, outcome)
    assert len(values) == 90 and set(values["role"]) == {"source"}
    assert values["value"].notna().all()


def test_a_target_file_without_a_column_is_refused_and_further_columns_do_not_matter(table_path):
    table = load(table_path)
    job = job_for(table)
    more = replace(table, frame=table.frame.assign(extra=1.0), name="more.csv")
    assert len(prepare(table, job, more).X) == 180
    less = replace(table, frame=table.frame.drop(columns=["b", "y"]), name="less.csv")
    with pytest.raises(InputError, match=r"less\.csv lacks 'b', 'y'"):
        prepare(table, job, less)


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("b", ["1.5", "see text"], "'b' holds text, in the data numbers"),
        ("y", ["0", "1"], "'y' holds text, in the data numbers"),
        ("member", [1, 0], "'member' holds numbers, in the data truth values"),
        ("since", ["in spring", "later"], "'since' holds text, in the data dates"),
    ],
)
def test_a_target_file_that_holds_other_values_is_refused(table_path, column, cells, words):
    table = load(table_path)
    other = table.frame.assign(**{column: cells * 45})
    with pytest.raises(InputError, match=rf"other\.csv the column {words}"):
        prepare(table, job_for(table), replace(table, frame=other, name="other.csv"))


def test_a_column_without_values_and_other_ways_to_store_them_are_no_hindrance(table_path):
    table = load(table_path)
    other = table.frame.assign(colour=np.nan, since=pd.to_datetime(table.frame["since"]))
    other = other.astype({"count": "float64", "member": "boolean", "y": "Int64"})
    prepared = prepare(table, job_for(table), replace(table, frame=other, name="other.csv"))
    same = prepare(table, job_for(table), table)
    assert len(prepared.labels.classes) == 3
    kept = [
        i for i, name in enumerate(prepared.encoded.encoder.feature_names) if "colour" not in name
    ]
    alike = [i for i, name in enumerate(same.encoded.encoder.feature_names) if "colour" not in name]
    np.testing.assert_allclose(prepared.X[:, kept], same.X[:, alike], atol=1e-6)


def test_rows_of_a_target_file_without_a_label_are_no_target(table_path):
    table = load(table_path)
    frame = table.frame.astype({"y": "Int64"})
    frame.loc[[0, 1], "y"] = pd.NA
    prepared = prepare(table, job_for(table), replace(table, frame=frame, name="gaps.csv"))
    assert prepared.splits[0].target.tolist() == list(range(92, 180))
    assert prepared.source.tolist() == list(range(90))
    assert prepared.notes == ("2 rows without a label: not valued, marked unused.",)


def test_a_regression_values_rows_with_a_number(table_path):
    table = load(table_path)
    frame = table.frame.assign(y=table.frame["a"] * 2 + 0.125)
    frame.loc[[2, 50], "y"] = np.nan
    numeric = replace(table, frame=frame)
    job = job_for(numeric, split={"rotations": 2, "target_size": 0.5})
    assert job.columns.task == "regression"
    prepared = prepare(numeric, job)
    outcome = finish(valuate(prepared), lambda _: True)
    values = value_table(prepared, outcome)
    assert outcome.label_values is None
    assert values["value"].notna().sum() == 88
    assert values.loc[[2, 50], ["value", "label"]].isna().all(axis=None)
    kept = frame["y"].dropna()
    assert values["label"].dropna().astype(float).tolist() == kept.tolist()
    assert values[["suggested_label", "margin"]].isna().all(axis=None)


def test_without_a_label_rows_are_valued_by_reconstruction(table_path):
    table = load(table_path)
    prepared = prepare(table, job_for(table, label=None, split={"target_size": 0.5}))
    source, target = (
        prepared.samples(rows) for rows in (prepared.source, prepared.splits[0].target)
    )
    expected = DVGS(seed=0, device="cpu", **SMALL).value(source, target)
    values = value_table(prepared, finish(valuate(prepared), lambda _: True))
    np.testing.assert_allclose(values["value"].dropna(), expected.values, atol=1e-12)
    assert values[["label", "suggested_label", "margin"]].isna().all(axis=None)


def test_finish_stops_where_it_is_told(table_path):
    table = load(table_path)
    outcome = finish(valuate(prepare(table, job_for(table))), lambda o: o.index < 1)
    assert (outcome.index, outcome.total) == (1, STEPS)


def test_a_job_survives_its_journey_as_json(table_path):
    table = load(table_path)
    job = job_for(table, split={"target_query": "a > 0", "rotations": 2}, target_dataset="x")
    assert Job.model_validate(json.loads(json.dumps(job.model_dump(mode="json")))) == job


def trace_of(directory, n):
    return np.fromfile(directory / "trace.f32", dtype=np.float32).reshape(-1, n)


def test_a_recorder_writes_each_step_as_it_comes(table_path, tmp_path):
    table, directory = load(table_path), tmp_path / "run"
    directory.mkdir()
    prepared = prepare(table, job_for(table, split={"rotations": 2, "target_size": 0.5}))
    recorder, similarities = Recorder(directory, prepared), []
    for outcome in valuate(prepared):
        recorder.step(outcome)
        similarities.append(outcome.similarity)
        # whoever looks now finds everything up to this step
        np.testing.assert_array_equal(trace_of(directory, 90), np.stack(similarities))
        line = steps_of(directory)[-1]
        scored = outcome.similarity[np.isfinite(outcome.similarity)]
        assert (line["index"], line["total"], line["rows"]) == (outcome.index, 2 * STEPS, 45)
        assert line["target_loss"] == outcome.target_loss
        np.testing.assert_allclose(line["quantiles"], np.quantile(scored, Recorder.QUANTILES))
        assert not (directory / "values.parquet").exists()
    assert np.load(directory / "ids.npy").tolist() == prepared.source.tolist()
    recorder.finish(outcome)

    trace = trace_of(directory, 90)
    assert trace.shape == (2 * STEPS, 90)
    for rotation, split in enumerate(prepared.splits):
        rows = slice(rotation * STEPS, (rotation + 1) * STEPS)
        outside = np.setdiff1d(np.arange(90), split.source)
        assert np.isfinite(trace[rows][:, split.source]).all()
        assert np.isnan(trace[rows][:, outside]).all()
    seconds = [line["seconds"] for line in steps_of(directory)]
    assert seconds == sorted(seconds)
    np.testing.assert_array_equal(np.load(directory / "values.npy"), outcome.values)
    np.testing.assert_array_equal(np.load(directory / "label_values.npy"), outcome.label_values)
    pd.testing.assert_frame_equal(
        pd.read_parquet(directory / "values.parquet"), value_table(prepared, outcome)
    )
    assert not list(directory.glob("*.part"))


def test_every_few_seconds_there_is_something_to_review(table_path, tmp_path):
    table = load(table_path)
    prepared = prepare(table, job_for(table, split={"rotations": 2, "target_size": 0.5}))
    recorder, outcomes = Recorder(tmp_path, prepared), valuate(prepared)
    recorder.step(next(outcomes))
    assert not (tmp_path / "values.parquet").exists()
    recorder.tabled = -10.0  # as if that were so long ago
    second = next(outcomes)
    recorder.step(second)
    # whoever kills the process now finds these
    values = pd.read_parquet(tmp_path / "values.parquet")
    pd.testing.assert_frame_equal(values, value_table(prepared, second))
    np.testing.assert_array_equal(np.load(tmp_path / "label_values.npy"), second.label_values)


def test_a_loss_that_is_not_there_is_null(table_path, tmp_path):
    table = load(table_path)
    prepared = prepare(table, job_for(table, method="random", settings={}))
    recorder = Recorder(tmp_path, prepared)
    recorder.finish(finish(valuate(prepared), lambda o: recorder.step(o) or True))
    (line,) = steps_of(tmp_path)
    assert line["target_loss"] is None and not (tmp_path / "label_values.npy").exists()


def test_the_same_table_of_values_is_written_as_the_same_bytes(table_path, tmp_path):
    table = load(table_path)
    for name in ("one", "two"):
        prepared = prepare(table, job_for(table))
        values = value_table(prepared, finish(valuate(prepared), lambda _: True))
        write_values(values, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def options_of(job):
    """The same job on the command line."""
    words = ["--label", job.columns.label, "--seed", job.seed, "--device", "cpu"]
    words += ["--numeric", job.encoding.numeric]
    shown = [s for s in fields(SplitSettings) if s.name not in ("stratify", "target_rows", "seed")]
    for setting in shown:
        if getattr(job.split, setting.name) != setting.default:
            value = getattr(job.split, setting.name)
            words += [f"--{setting.name.replace('_', '-')}", value]
    for name, value in job.settings.items():
        words += ["--set", f"{name}={value}"]
    return [str(word) for word in words]


@pytest.mark.parametrize(
    "split",
    [{"target_size": 0.4}, {"rotations": 2, "target_size": 0.3}, {"target_query": "b > 0"}],
)
def test_page_and_command_line_write_the_same_values(ran, table_path, tmp_path, monkeypatch, split):
    job = job_for(load(table_path), split=split, seed=2)
    run = ran(job)
    assert (run.status, run.message) == ("done", "")
    out = tmp_path / "values.parquet"
    arguments = ["value", str(table_path), *options_of(job), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["dvgs", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert out.read_bytes() == (run.directory / "values.parquet").read_bytes()


def test_a_run_leaves_what_the_pages_need(ran, workspace, table_path):
    table = load(table_path)
    job = job_for(table, split={"rotations": 2, "target_size": 0.3})
    run = ran(job)
    prepared = prepare(table, job)
    total = 2 * STEPS
    assert (run.step, run.total) == (total, total)
    names = {path.name for path in run.directory.iterdir()}
    assert names == {
        *("encoder", "encoded.npy", "pca.npy", "map.json", "trace.f32", "steps.jsonl", "ids.npy"),
        *("values.npy", "label_values.npy", "nearest.npy", "values.parquet"),
        *("job.json", "log.txt", "cost.json"),
    }
    memory = json.loads((run.directory / "cost.json").read_text())["memory"]
    assert memory is None or memory >= 0
    assert Job.model_validate_json((run.directory / "job.json").read_text("utf-8")) == job
    # each line begins with its time
    told = {line[20:] for line in run.log.read_text(encoding="utf-8").splitlines()}
    rows = "63 source rows, 27 target rows, 0 holdout rows"
    features = f"{prepared.X.shape[1]} features."
    assert {f"Turn 1: {rows}, {features}", f"Turn 2: {rows}, {features}"} < told
    assert {
        "Read as utf-8, comma between cells.",
        "8 of 8 checkpoints scored; all checkpoints.",
    } < told
    assert trace_of(run.directory, len(prepared.source)).shape == (total, 90)
    assert len(steps_of(run.directory)) == total

    encoder = Encoder.load(run.directory / "encoder")
    np.testing.assert_array_equal(encoder.transform(table.frame), prepared.X)
    assert np.load(run.directory / "pca.npy").shape == (90, 2)

    key = json.loads((run.directory / "map.json").read_text())["key"]
    asked = workspace.map_job(key)
    assert asked.status == "queued"
    np.testing.assert_array_equal(np.load(asked.input), prepared.X)

    targets = np.unique(np.concatenate([split.target for split in prepared.splits]))
    nearest = np.load(run.directory / "nearest.npy")
    assert nearest.shape == (90, 4)
    X = prepared.X.astype(np.float64)
    distances = np.linalg.norm(X[:, None] - X[targets][None], axis=2)
    expected = np.sort(distances, axis=1)[:, :4]
    found = np.linalg.norm(X[:, None] - X[nearest], axis=2)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert (nearest[targets, 0] == targets).all()


def test_a_stop_keeps_what_was_computed(ran, workspace, table_path):
    job = job_for(load(table_path), split={"rotations": 2, "target_size": 0.5})
    run = ran(job, before=lambda run: workspace.request_stop(run.id))
    assert run.status == "stopped" and (run.step, run.total) == (1, 2 * STEPS)
    assert trace_of(run.directory, 90).shape == (1, 90)
    values = pd.read_parquet(run.directory / "values.parquet")
    whole = prepare(load(table_path), job)
    first = next(iter(valuate(whole)))
    np.testing.assert_array_equal(values["value"], first.values)
    # a row that no draw has come to yet has neither value nor rank, and is no target either
    assert values["value"].notna().sum() == 45
    assert values["rank"].dropna().sort_values().tolist() == list(range(1, 46))
    assert set(values["role"]) == {"both"}
    assert (run.directory / "nearest.npy").exists()


def test_the_end_of_the_process_keeps_what_was_computed(workspace, ran, table_path, monkeypatch):
    class Ended(BaseException):
        pass

    def end(run_id):
        if workspace.run(run_id).step is not None:
            raise Ended
        return False

    job = job_for(load(table_path))
    monkeypatch.setattr(workspace, "stop_requested", end)
    with pytest.raises(Ended):
        ran(job)
    (run,) = workspace.runs()
    values = pd.read_parquet(run.directory / "values.parquet")
    assert values["value"].notna().sum() == 63
    assert np.load(run.directory / "label_values.npy").shape == (63, 3)


def test_a_run_with_a_target_file_values_all_rows_of_the_data(ran, workspace, table_path, tmp_path):
    trusted = tmp_path / "trusted.csv"
    load(table_path).frame.iloc[:40].to_csv(trusted, index=False)
    target = workspace.add_dataset(trusted, "trusted.csv")
    run = ran(job_for(load(table_path), target_dataset=target.id))
    values = pd.read_parquet(run.directory / "values.parquet")
    assert run.status == "done" and values["value"].notna().all() and len(values) == 90
    assert np.load(run.directory / "pca.npy").shape == (90, 2)
    nearest = np.load(run.directory / "nearest.npy")
    assert nearest.min() >= 90 and nearest.max() < 130
    assert nearest[:40, 0].tolist() == list(range(90, 130))


def test_what_is_at_fault_ends_the_run_with_one_line(ran, table_path):
    run = ran(job_for(load(table_path), split={"target_query": "a > 100"}))
    assert run.status == "failed"
    assert run.message.startswith("The target is empty: 'a > 100' matches none of the 90 rows")
    assert "\n" not in run.message and run.log.exists()
    assert not (run.directory / "values.parquet").exists()


def test_a_turn_that_ends_early_counts_in_full_and_the_next_begins(table_path):
    # without dropout and with small steps the checkpoints are alike, and the lowest rows stay
    settings = LONGER | dict(stop_when_settled=0.0, dropout=0.0, learning_rate=1e-5)
    table = load(table_path)
    outcomes = list(valuate(prepare(table, job_for(table, split=TWICE, settings=settings))))
    ends = [o for o in outcomes if o.stopped_because is not None]
    assert [o.rotation for o in ends] == [0, 1]
    assert {o.total for o in outcomes} == {80}
    assert [o.scored for o in outcomes] == list(range(1, len(outcomes) + 1))
    assert (ends[0].stopped_because, ends[0].done) == ("ranking settled", 40)
    assert ends[0].index < 39 and ends[1].done == 80
    done = [o.done for o in outcomes]
    assert done == sorted(done)
    first_of_second = next(o for o in outcomes if o.rotation == 1)
    assert (first_of_second.index, first_of_second.done) == (40, 41)


def test_a_time_budget_is_for_the_whole_and_every_turn_gets_a_checkpoint(table_path):
    table = load(table_path)
    settings = LONGER | dict(time_budget=1e-6)
    outcomes = list(valuate(prepare(table, job_for(table, split=TWICE, settings=settings))))
    assert [(o.rotation, o.stopped_because) for o in outcomes] == [
        (0, "time budget"),
        (1, "time budget"),
    ]
    assert outcomes[-1].done == outcomes[-1].total == 80
    assert np.isfinite(outcomes[-1].values).all()


def test_a_recorder_writes_how_settled_the_ranking_is(table_path, tmp_path):
    prepared = prepare(load(table_path), job_for(load(table_path), settings=LONGER))
    recorder = Recorder(tmp_path, prepared)
    outcome = finish(valuate(prepared), lambda o: recorder.step(o) or True)
    lines = steps_of(tmp_path)
    assert lines[14]["settled"] is None and lines[-1]["settled"] == outcome.settled
    assert [line["done"] for line in lines] == list(range(1, 41))
    reasons = [line["stopped_because"] for line in lines]
    assert reasons == [None] * 39 + ["all checkpoints"]
