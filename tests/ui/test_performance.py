"""The Performance page: curves, detection and runs compared, from the run's own files."""

import os
import re

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import infer_schema
from dvgs_core.engine.curves import execute
from dvgs_core.engine.worker import do
from dvgs_core.evaluation.cut import recommended_cut
from dvgs_core.evaluation.detection import detection
from dvgs_core.evaluation.filtering import curve_bands
from dvgs_core.paper.svg import Line, Panel
from ui import performance, performance_runs, style
from ui.panels import cut_of
from ui.panels.component import drawn

from .test_pages import start_small


@pytest.fixture
def valued(app):
    """The digits demo, a fifth of it as holdout, and one small run."""
    app.go("data")
    app.press("Handwritten digits")
    app.go("target")
    next(r for r in app.tab.radio if r.label == "Which rows do you trust?").set_value("share")
    app.run()
    next(s for s in app.tab.slider if s.key == "target.holdout").set_value(0.2)
    app.run()
    start_small(app, epochs=20)
    assert app.work().status == "done"
    return app


def work_on_curves(app):
    study = app.space.claim_next("curve", os.getpid())
    assert study is not None
    do(app.space, study, execute)
    app.run()
    return study


def test_curves_are_asked_for_drawn_and_cut(valued):
    valued.go("performance")
    for key, value in (("points", 4), ("replicates", 2), ("epochs", 5)):
        box = next(n for n in valued.tab.number_input if n.key == f"performance.curve.{key}")
        box.set_value(value)
    valued.run()
    valued.press("Draw the curves")
    assert "Draw the curves" not in valued.labels and "Stop" in valued.labels
    study = work_on_curves(valued)
    points = pd.read_parquet(study.directory / "points.parquet")
    # 3 points besides nothing removed, of four orders, twice; nothing removed stands in each
    assert len(points) == 4 * 4 * 2 and set(points["which"]) == {
        "lowest",
        "highest",
        "random",
        "oracle",
    }
    assert points["score"].between(0, 1).all()
    run = valued.space.runs()[0]
    source = (pd.read_parquet(run.directory / "values.parquet")["value"].notna()).sum()
    assert points["rows"].max() == source
    said = style.plain(recommended_cut(points).conclusion)
    assert [m.value for m in valued.tab.markdown].count(said) == 1
    # what the browser says when the line is let go
    moved = {"cut": {"token": f"run {run.id}", "at": 20.0}}
    valued.tab.session_state["performance.filtering"] = moved
    valued.run()
    valued.go("review")
    assert f"/ {round(0.2 * source):,}" in valued.said


def test_rows_without_a_value_are_said_to_take_no_part_in_the_curves(app):
    rng = np.random.default_rng(0)
    score = np.where(np.arange(120) % 4 > 0, rng.normal(size=120), np.nan)
    rows = pd.DataFrame({"a": rng.normal(size=120), "score": score, "y": np.arange(120) % 2})
    app.go("data")
    app.upload("rows.csv", rows.to_csv(index=False).encode())
    app.go("target")
    app.tab.radio(key="target.way").set_value("share")
    app.run()
    app.tab.slider(key="target.holdout").set_value(0.25)
    app.run()
    app.go("value")
    app.choose("Method", "column")
    app.choose("Column", "score")
    app.tab.button(key="value.start").click()
    app.run()
    run = app.work()
    app.go("performance")
    box = next(n for n in app.tab.number_input if n.key == "performance.curve.epochs")
    box.set_value(3)
    app.run()
    app.press("Draw the curves")
    work_on_curves(app)
    values = pd.read_parquet(run.directory / "values.parquet")
    without = int((values["role"].eq("source") & values["value"].isna()).sum())
    assert without > 5
    assert f"{without} source rows without a value take no part in the curves." in app.said


def test_what_is_known_of_the_damage_is_shown(valued):
    valued.go("performance")
    assert "of the 180 damaged" not in valued.said  # some of them are target or holdout
    assert "damaged ones (by chance" in valued.said
    assert "finds most for the effort" in valued.said
    table = next(d.value for d in valued.tab.dataframe if "inspected" in d.value)
    assert [name.split(" ")[0] for name in table["inspected"]][:3] == ["5", "10", "20"]
    run = valued.space.runs()[0]
    lines = performance_runs.compared((run.id,))
    values = pd.read_parquet(run.directory / "values.parquet").dropna(subset="value")
    wrong = valued.space.truth(run.dataset).set_index("row")["corrupted"].loc[values["row"]]
    low = np.sort(values["value"][wrong.to_numpy()].to_numpy())
    high = values["value"][~wrong.to_numpy()].to_numpy()
    below = np.searchsorted(low, high, side="left").sum() / (len(low) * len(high))
    assert lines["auroc"].iloc[0] == pytest.approx(below, abs=1e-6)
    tenth = values["value"].nsmallest(round(len(values) / 10)).index
    among = wrong.to_numpy()[values.index.get_indexer(tenth)].mean()
    assert table["precision"].iloc[1] == pytest.approx(100 * among)


def test_two_runs_are_compared_and_their_disagreement_reviewed(valued):
    start_small(valued, epochs=2)
    valued.work()
    valued.go("performance")
    first, second = valued.space.runs()[0], valued.space.runs()[1]
    told = performance_runs.differing_settings((first.id, second.id))
    assert told.set_index("setting").loc["Epochs"].tolist() == ["2 passes", "20 passes"]
    assert not valued.errors
    lines = performance_runs.compared((first.id, second.id))
    quick = lines.loc[lines["seconds"].idxmin(), "run"]
    assert f"{quick} was the quickest with" in performance_runs.cost_sentence(lines)
    assert performance_runs.cost_sentence(lines) in valued.said
    assert (lines["memory"] >= 0).all()
    shown = next(d.value for d in valued.tab.dataframe if "rows_per_second" in d.value)
    assert shown["memory"].tolist() == pytest.approx((lines["memory"] / 2**20).tolist())
    valued.press("Review the rows they disagree on")
    assert valued.title == "Review"
    assert next(b for b in valued.tab.selectbox if b.label == "Queue").value == "disagreement"


def value_by_auto(app):
    """From the Value page to the end of a run of `auto` with two quick candidates."""
    app.go("value")
    app.choose("Method", "auto")
    app.tab.text_input(key="settings.auto.auto.candidates").set_value("knn-shapley, random")
    app.run()
    app.tab.button(key="value.start").click()
    app.run()
    assert app.work().status == "done"
    app.go("value")
    (bar,) = app.tab.get("progress")
    # a candidate that was given up is done with
    assert re.match(r"Finished · (\d+) / \1 trials · ", bar.proto.text), bar.proto.text


@pytest.mark.parametrize("role", ["feature", "ignore"])
def test_auto_shows_a_rate_unless_a_column_tells_source_from_target(app, role):
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    rows = pd.DataFrame(rng.normal(size=(300, 3)) + 2 * y[:, None], columns=list("abc"))
    rows = rows.assign(y=y, part=np.where(np.arange(300) < 200, "old", "new"))
    rows["y"] = np.where((np.arange(300) < 200) & (np.arange(300) % 5 == 0), 1 - y, y)
    app.go("data")
    app.upload("rows.csv", rows.to_csv(index=False).encode())
    (dataset,) = [one.id for one in app.space.datasets()]
    roles = infer_schema(app.space.load_table(dataset), "y").with_role("part", role)
    app.space.set_setting(dataset, "schema", roles.model_dump(mode="json"))
    app.go("target")
    app.tab.radio(key="target.way").set_value("query")
    app.run()
    app.pick("target.mode", "write")
    app.tab.text_input(key="target.query").set_value("part == 'new'")
    app.run()
    value_by_auto(app)
    app.go("performance")
    warned = [one.value.replace("\\", "") for one in app.tab.warning]
    reviewing = [label for label in app.labels if re.fullmatch(r"Review \d+ rows?", label)]
    html = " ".join(one.proto.body for one in app.tab.get("html"))
    (share,) = re.findall("<b>([^<]*)</b><span>estimated share of damaged rows", html)
    (among,) = re.findall("<b>([^<]*)</b><span>expected damaged among them", html)
    if role == "ignore":
        assert not warned and reviewing and share.endswith("%")
        middle, low, high = map(int, re.fullmatch(r"(\d+) % \((\d+) to (\d+) %\)", among).groups())
        assert low <= middle <= high and low < high
        values = pd.read_parquet(app.space.runs()[0].directory / "values.parquet")["value"]
        damaged = int((values < 0.5).sum())
        assert reviewing == [f"Review {damaged} rows"]
        app.press(reviewing[0])
        assert app.title == "Review" and f"/ {damaged}" in app.said
    else:
        assert among == "–"
        assert warned[0].startswith("The column 'part' tells source rows from target rows")
        assert not reviewing and share == "not estimated"


def test_every_turn_of_auto_is_told_and_the_cut_is_over_all_of_them(app):
    rng = np.random.default_rng(0)
    y = np.arange(240) % 2
    rows = pd.DataFrame(rng.normal(size=(240, 3)) + 2 * y[:, None], columns=list("abc"))
    rows["y"] = np.where(np.arange(240) % 8 == 0, 1 - y, y)
    app.go("data")
    app.upload("rows.csv", rows.to_csv(index=False).encode())
    app.go("target")
    value_by_auto(app)
    first, second = performance.calibrations(app.space.runs()[0])
    app.go("performance")
    assert "2 targets took turns" in app.said
    assert first.conclusion[0] in app.said
    app.pick("performance.turn", 1)
    assert second.conclusion[0] in app.said
    values = pd.read_parquet(app.space.runs()[0].directory / "values.parquet")["value"]
    damaged, valued = int((values < 0.5).sum()), int(values.notna().sum())
    assert f"Over all turns, {damaged} rows of {valued} are more likely damaged" in app.said


def test_the_numbers_of_detection_hold_all_three_charts():
    found = detection(np.array([True, False, True, False]), np.array([0.1, 0.2, 0.3, 0.4]))
    numbers = performance.detection_numbers(found)
    assert numbers["inspected"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert numbers["found"].tolist() == [0, 0.5, 0.5, 1, 1]
    assert numbers["false_positive"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert numbers["precision"].tolist()[1:] == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])


def test_the_numbers_of_panels_are_what_they_draw():
    one = Panel("A", "x", "y", [Line("a", [0, 1], [2, 3]), Line("b", [4], [5], dots=True)])
    two = Panel("B", "x", "y", [Line("a", [6], [7])])
    lines = performance.panel_numbers([one, two])
    assert lines.to_csv(index=False, lineterminator="\n") == (
        "chart,line,x,y\nA,a,0,2\nA,a,1,3\nA,b,4,5\nB,a,6,7\n"
    )


def test_without_a_holdout_the_page_says_how_to_get_one(app):
    app.go("data")
    app.press("Breast cancer")
    start_small(app)
    app.work()
    app.go("performance")
    assert "this run has none" in app.said and "nobody knows which are damaged" in app.said
    app.press("Choose a holdout")
    assert app.title == "Target"


def test_panels_draw_what_the_frame_holds():
    lines = [
        (which, removed, replicate, 10 - int(10 * removed), 0.5 + removed, "accuracy")
        for which in ("lowest", "highest", "random")
        for removed in (0.0, 0.5)
        for replicate in (0, 1)
    ]
    columns = ["which", "removed", "replicate", "rows", "score", "metric"]
    points = pd.DataFrame(lines, columns=columns)
    first, second = drawn(performance.curve_panels(points))
    line = next(line for line in first["lines"] if line["name"] == "lowest values first")
    assert line["x"] == [0.0, 50.0]
    expected = curve_bands(points).query("which == 'lowest'")["score"]
    np.testing.assert_allclose(line["y"], expected)
    assert first["x_range"] == (0, 50) and first["y_range"] == second["y_range"]


def test_a_line_moved_for_another_run_is_not_taken_for_this_one():
    value = {"cut": {"token": "run 1", "at": 7.5}}
    assert cut_of(value, "run 1") == 7.5
    assert cut_of(value, "run 2") is None and cut_of(None, "run 1") is None


def test_a_line_of_many_points_is_drawn_by_a_thousand_with_both_ends():
    x = np.linspace(0, 1, 30_001)
    (panel,) = drawn([Panel("", "", "", [Line("a", x, x**2)])])
    (line,) = panel["lines"]
    assert len(line["x"]) == 1_000 and (line["x"][0], line["x"][-1]) == (0.0, 1.0)
    np.testing.assert_allclose(line["y"], np.square(line["x"]), atol=1e-5)
