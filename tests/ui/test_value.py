"""The Value page: presets, pause and resume, the queue, differences of runs, groups of rows."""

import os
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dvgs_core.engine import first
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare_in
from dvgs_core.engine.worker import do
from ui import live, watching
from ui.run_settings import differences, not_default
from ui.trace_groups import quartiles

from .test_pages import start_small


@pytest.fixture
def opened(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    return app


def first_step(app, ask):
    """Let a worker begin the run that waits and hear `ask` after its first step."""
    run = app.space.claim_next("valuation", os.getpid())
    asked = app.space.stop_requested
    app.space.stop_requested = lambda run_id: bool(ask(run_id)) or asked(run_id)
    do(app.space, run, execute)
    app.space.stop_requested = asked
    app.run()
    return app.space.run(run.id)


def test_a_paused_run_says_so_keeps_its_panels_and_goes_on_to_the_same_values(opened):
    start_small(opened)
    whole = opened.work()
    start_small(opened)
    assert {"Pause", "Stop"} <= set(opened.labels) and "Resume" not in opened.labels
    run = first_step(opened, opened.space.request_pause)
    assert (run.status, run.step) == ("paused", 1)
    (bar,) = opened.tab.get("progress")
    assert bar.proto.text.startswith("Paused · 10 % · 1 / 10 checkpoints")
    assert {"Resume", "Stop", "Review the lowest"} <= set(opened.labels)
    assert "Pause" not in opened.labels and "Lowest rows" in opened.said
    opened.tab.button(key="value.resume").click()
    opened.run()
    assert "Pause" in opened.labels and "Resume" not in opened.labels
    done = opened.work()
    assert done.status == "done"
    values = [pd.read_parquet(one.directory / "values.parquet")["value"] for one in (whole, done)]
    np.testing.assert_array_equal(*values)


def test_until_all_rows_are_scored_the_page_shows_a_few(opened, monkeypatch):
    monkeypatch.setattr(first, "FIRST_ROWS", 10)
    start_small(opened)
    run = opened.space.claim_next("valuation", os.getpid())
    prepared = prepare_in(opened.space, run.dataset, Job.model_validate(run.job))
    first.record_first(run.directory, prepared)
    opened.run()
    (bar,) = opened.tab.get("progress")
    assert bar.proto.text == "10 rows for a first look; all are being scored …"
    assert "Lowest rows" in opened.said
    do(opened.space, run, execute)
    opened.run()
    (bar,) = opened.tab.get("progress")
    assert bar.proto.text.startswith("Finished")


def test_a_run_that_waits_can_be_paused_and_a_paused_one_stopped(opened):
    start_small(opened)
    opened.tab.button(key="value.pause").click()
    opened.run()
    (run,) = opened.space.runs()
    assert run.status == "paused" and "Resume" in opened.labels
    opened.tab.button(key="value.stop").click()
    opened.run()
    assert opened.space.run(run.id).status == "stopped"


def test_a_method_that_cannot_go_on_from_the_middle_is_stopped_not_paused(opened):
    opened.go("target")
    opened.go("value")
    opened.choose("Method", "random")
    opened.tab.button(key="value.start").click()
    opened.run()
    assert opened.tab.button(key="value.pause").disabled
    assert not opened.tab.button(key="value.stop").disabled


def test_presets_are_those_of_the_method_and_the_run_records_what_they_come_to(opened):
    opened.go("target")
    opened.go("value")
    (box,) = [b for b in opened.tab.selectbox if b.label == "Preset"]
    assert box.options == ["Auto", "Quick", "Thorough", "Paper"]
    opened.choose("Preset", "quick")
    opened.tab.button(key="value.start").click()
    opened.run()
    (run,) = opened.space.runs()
    assert (run.job["settings"]["restarts"], run.job["settings"]["epochs"]) == (1, 50)
    assert not_default(Job.model_validate(run.job)) == (
        "restarts 1 networks, epochs 50 passes, most steps 50 steps"
    )
    opened.choose("Method", "knn-shapley")
    (box,) = [b for b in opened.tab.selectbox if b.label == "Preset"]
    assert box.options == ["Auto"] and box.disabled


def test_what_is_found_out_by_itself_can_be_said_too(opened):
    opened.go("target")
    opened.go("value")
    (box,) = [b for b in opened.tab.selectbox if b.label == "Normalise rows"]
    assert box.options == ["automatic", "yes", "no"] and box.value is None
    opened.choose("Normalise rows", False)
    opened.tab.button(key="value.start").click()
    opened.run()
    (run,) = opened.space.runs()
    assert run.job["settings"]["normalise"] is False
    opened.choose("Preset", "paper")
    (box,) = [b for b in opened.tab.selectbox if b.label == "Normalise rows"]
    assert box.value is True


def runs_of(opened):
    start_small(opened, epochs=4)
    opened.work()
    for epochs in (5, 6):
        start_small(opened, epochs=epochs)
    opened.pick("value.view", "runs")
    return opened.space.runs()


def select(app, runs, rows):
    app.tab.session_state[f"value.runs.{runs[0].id}.{len(runs)}"] = {
        "selection": {"rows": rows, "columns": [], "cells": []}
    }
    app.run()


def test_runs_that_wait_are_listed_put_first_and_taken_off(opened):
    runs = runs_of(opened)
    table = opened.tab.dataframe[0].value
    assert table["run"].tolist() == ["dvgs#3", "dvgs#2", "dvgs#1"]
    assert table["state"].tolist() == ["waits", "waits", "done"]
    assert "epochs 6 passes" in table["settings"].iloc[0]
    select(opened, runs, [0])
    opened.press("Run next")
    select(opened, runs, [1])
    opened.press("Take off the queue")
    assert [one.status for one in opened.space.runs()] == ["queued", "stopped", "done"]
    assert opened.space.claim_next("valuation", os.getpid()).id == runs[0].id


def test_what_differs_between_two_runs_and_deleting_one(opened):
    runs = runs_of(opened)
    select(opened, runs, [0, 1])
    assert "1 setting of dvgs#3 and dvgs#2 differs." in opened.said
    found = opened.tab.dataframe[1].value
    assert found.to_numpy().tolist() == [["Epochs", "6 passes", "5 passes"]]
    one, other = (Job.model_validate(run.job) for run in runs[:2])
    other = other.model_copy(update={"seed": 7, "columns": other.columns.with_label(None)})
    assert set(differences(one, other)["setting"]) == {"Epochs", "Seed", "Label"}
    another = differences(one, one.model_copy(update={"method": "auto", "settings": {}}))
    assert len(another) > 5 and (another["one"] != another["other"]).all()
    select(opened, runs, [2])
    opened.press("Delete it")
    assert [one.name for one in opened.space.runs()] == ["dvgs#3", "dvgs#2"]


def test_the_log_and_every_setting_of_a_run(opened):
    start_small(opened)
    opened.work()
    opened.pick("value.view", "log")
    assert "10 of 10 checkpoints scored" in opened.tab.code[0].value
    settings = opened.tab.dataframe[0].value.set_index("setting")["chosen"]
    assert settings["Restarts"] == "1 networks" and settings["Width"] == "8 features"


def test_traces_by_class_and_of_damaged_rows_where_the_truth_is_known(app):
    app.press("Handwritten digits")
    start_small(app)
    app.work()
    (key,) = [one.key for one in app.tab.segmented_control if "value.by" in one.key]
    control = app.tab.segmented_control(key=key)
    assert control.options == ["All rows", "By class", "Damaged and clean"]
    assert control.value == "truth"
    for by in ("class", "all"):
        app.pick(key, by)
        assert not app.errors and "Similarity traces" in app.said


def test_quartiles_are_of_the_rows_that_have_a_number():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 401)).astype(np.float32)
    values[1, 100:] = np.nan
    values[4] = np.nan
    found = quartiles(values)
    for step in range(4):
        there = values[step][np.isfinite(values[step])]
        expected = np.quantile(there, [0.25, 0.5, 0.75], method="nearest")
        np.testing.assert_allclose(found[step], expected, atol=0.06)
    assert np.isnan(found[4]).all()


@pytest.mark.parametrize(
    ("number", "words", "width"),
    [(None, "–", "0.0%"), (0.9, "0.900<", "33.3%"), (0.995, "▲", "76.7%")],
)
def test_the_gauge_says_how_settled_the_ranking_is(number, words, width):
    asked = SimpleNamespace(job={"settings": {"stop_when_settled": 0.99}})
    html = live.settledness(asked, pd.DataFrame({"settled": [number]}, dtype=object))
    assert words in html and f"width:{width}" in html and 'left:66.7%"' in html


def test_a_look_at_a_run_that_begins_waits_for_its_first_trace(opened, monkeypatch):
    start_small(opened)
    run, slept = opened.space.runs()[0], []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            np.save(run.directory / "values.npy", np.zeros(3))

    monkeypatch.setattr(watching, "the_run", lambda: run)
    monkeypatch.setattr(watching, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: 0.0))
    watching._await_first_trace()
    assert len(slept) == 3
    (run.directory / "values.npy").unlink()
    seconds = iter([0.0, 0.1, 9.0])
    monkeypatch.setattr(
        watching, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: next(seconds))
    )
    watching._await_first_trace()
    assert len(slept) == 4


def test_a_run_is_looked_at_often_only_while_its_first_trace_may_come_at_once(opened, monkeypatch):
    start_small(opened)
    run = opened.space.runs()[0]
    monkeypatch.setattr(watching, "workspace", lambda: opened.space)
    at_once = watching._pace(run)
    later = watching._pace(replace(run, created=run.created - timedelta(seconds=10)))
    start_small(opened)
    opened.space.claim_next("valuation", os.getpid())
    behind = watching._pace(opened.space.runs()[0])
    assert at_once < later < behind
    opened.space.request_stop(opened.space.runs()[0].id)
    assert watching._pace(opened.space.runs()[0]) is None
