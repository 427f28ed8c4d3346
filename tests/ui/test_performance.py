"""The Performance page: curves, detection and runs compared, from the run's own files."""

import os

import numpy as np
import pandas as pd
import pytest

from dvgs_core.engine.curves import execute
from dvgs_core.engine.worker import do
from dvgs_core.evaluation.filtering import curve_bands
from ui import performance
from ui.panel_charts import panels_figure

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
    assert any(m.value.startswith("Removing the lowest") for m in valued.tab.markdown)
    (slider,) = [s for s in valued.tab.slider if s.key.startswith("performance.cut")]
    slider.set_value(20.0)
    valued.run()
    valued.press("Review the lowest 20 %")
    assert valued.title == "Review"
    assert f"/ {round(0.2 * source):,}" in valued.said


def test_what_is_known_of_the_damage_is_shown(valued):
    valued.go("performance")
    assert "of the 180 damaged" not in valued.said  # some of them are target or holdout
    assert "damaged ones (by chance" in valued.said
    run = valued.space.runs()[0]
    lines = performance.compared((run.id,))
    values = pd.read_parquet(run.directory / "values.parquet").dropna(subset="value")
    wrong = valued.space.truth(run.dataset).set_index("row")["corrupted"].loc[values["row"]]
    low = np.sort(values["value"][wrong.to_numpy()].to_numpy())
    high = values["value"][~wrong.to_numpy()].to_numpy()
    below = np.searchsorted(low, high, side="left").sum() / (len(low) * len(high))
    assert lines["auroc"].iloc[0] == pytest.approx(below, abs=1e-6)


def test_two_runs_are_compared_and_their_disagreement_reviewed(valued):
    start_small(valued, epochs=2)
    valued.work()
    valued.go("performance")
    first, second = valued.space.runs()[0], valued.space.runs()[1]
    told = performance.differing_settings((first.id, second.id))
    assert told.set_index("setting").loc["epochs"].tolist() == ["2", "20"]
    assert not valued.errors
    valued.press("Review the rows they disagree on")
    assert valued.title == "Review"
    assert next(b for b in valued.tab.selectbox if b.label == "Queue").value == "disagreement"


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
    figure = panels_figure(performance.curve_panels(points), cut=0.5)
    drawn = [t for t in figure.data if t.name == "lowest values first" and t.mode == "lines"]
    assert list(drawn[0].x) == [0.0, 0.5]
    expected = curve_bands(points).query("which == 'lowest'")["score"]
    np.testing.assert_allclose(drawn[0].y, expected)
    assert len(figure.layout.shapes) == 2
