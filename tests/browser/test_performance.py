"""The Performance page in a real browser: the line on the curves, by hand and by key; the files."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dvgs_core.data import infer_schema
from dvgs_core.data.demos import DEMOS
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.curves import curve_job
from dvgs_core.engine.curves import execute as draw_curves
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.store import Workspace
from tests.browser.waiting import downloaded

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"restarts": 1, "epochs": 8, "width": 16, "stop_when_settled": None}
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> Workspace:
    """The digits demo, a fifth of it as holdout, valued, with its filtering curves."""
    folder = tmp_path_factory.mktemp("performance")
    space = Workspace(folder / "workspace")
    files = DEMOS["digits"].write(folder)
    dataset = space.add_dataset(files.path, "digits.csv", truth=files.truth).id
    space.set_setting(None, "dataset", dataset)
    roles, split = infer_schema(space.load_table(dataset)), SplitSettings(holdout_size=0.2)
    job = Job(columns=roles, split=split, settings=SMALL, device="cpu")
    space.create_run(dataset, job.model_dump(mode="json"))
    run = space.claim_next("valuation", os.getpid())
    do(space, run, execute)
    space.finish(space.claim_next("map", os.getpid()).id, "stopped")
    # as the page asks for them unless the form is changed
    space.request_study(dataset, "curve", curve_job(run, {}))
    study = space.claim_next("curve", os.getpid())
    do(space, study, draw_curves)
    assert space.runs()[0].status == "done"
    return space


@pytest.fixture
def performance(page: Page, serve, space) -> Page:
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{serve(ROOT / 'app.py', {'DVGS_WORKSPACE': str(space.root)})}/performance")
    expect(line_of(page)).to_be_visible()
    return page


def line_of(page: Page):
    """The line on the curve of the lowest values."""
    return page.get_by_role("slider", name="Cut: the lowest share of the source")


def rows_below(space: Workspace, percent: float) -> str:
    values = pd.read_parquet(space.runs()[0].directory / "values.parquet")["value"]
    return f"{round(values.notna().sum() * percent / 100):,}"


def test_the_line_is_moved_by_hand_and_sets_the_queue_of_the_review(performance, space):
    page, line = performance, line_of(performance)
    chart = page.locator(".panels").first
    left, wide = chart.evaluate("(e) => [e.chart.frames[0].left, e.chart.frames[0].wide]")
    box = chart.bounding_box()
    most = float(line.get_attribute("aria-valuemax"))
    grip = line.locator(".grip").bounding_box()
    start = (grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 3)
    page.mouse.move(*start)
    page.mouse.down()
    for share in (0.05, 0.2, 20 / most):
        page.mouse.move(box["x"] + left + share * wide, start[1])
        # what the line stands for is read beside it while it moves
        expect(page.locator(".panels .card").first).to_contain_text("lowest values first")
    page.mouse.up()
    expect(line).to_have_attribute("aria-valuenow", "20")
    expect(line).to_have_attribute("aria-valuetext", f"20 %, {rows_below(space, 20)} rows")
    expect(page.get_by_role("button", name="Review the lowest 20 %")).to_be_enabled()
    # no button pressed: the queue is that of the line
    page.get_by_role("link", name=re.compile("^Review")).first.click()
    expect(page.get_by_text(f"up to a cut: 1 / {rows_below(space, 20)} ")).to_be_visible()
    page.get_by_role("link", name="Performance").click()
    expect(line).to_have_attribute("aria-valuenow", "20")


def test_the_line_is_moved_by_keys_alone(performance, space):
    page, line = performance, line_of(performance)
    usual = float(line.get_attribute("aria-valuenow"))
    line.focus()
    page.keyboard.press("Home")
    for key in ("PageUp", "ArrowRight", "ArrowRight", "ArrowLeft", "Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(line).to_have_attribute("aria-valuenow", "10.5")
    page.get_by_role("button", name="Review the lowest 10.5 %").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"up to a cut: 1 / {rows_below(space, 10.5)} ")).to_be_visible()
    page.get_by_role("link", name="Performance").click()
    expect(line).to_have_attribute("aria-valuenow", "10.5")
    line.focus()
    page.keyboard.press("r")
    expect(line).to_have_attribute("aria-valuenow", f"{usual:g}")
    page.keyboard.press("End")
    expect(line).to_have_attribute("aria-valuenow", line.get_attribute("aria-valuemax"))


def test_each_chart_has_words_a_picture_a_drawing_and_its_numbers(performance, space, tmp_path):
    page = performance
    charts = page.locator(".panels")
    expect(charts).to_have_count(2)
    for at, name in enumerate(("filtering", "detection")):
        sentence = charts.nth(at).locator("svg").first.get_attribute("aria-label")
        expect(page.get_by_text(sentence, exact=True).first).to_be_visible()
        taken = {}
        for ending, button in (
            ("png", charts.nth(at).get_by_role("button", name="Save as PNG")),
            ("svg", page.locator(f".st-key-take_{name}").get_by_role("button", name="SVG")),
            ("csv", page.locator(f".st-key-take_{name}").get_by_role("button", name="CSV")),
        ):
            taken[ending] = downloaded(button, tmp_path)
            assert taken[ending].name == f"{name}.{ending}"
        picture = Image.open(taken["png"]).convert("RGB")
        box = charts.nth(at).bounding_box()
        assert picture.width == pytest.approx(2 * box["width"], abs=4)
        colours = {colour for _, colour in picture.getcolors(1 << 20)}
        assert {(255, 255, 255), (0, 114, 178)} <= colours  # the ground, and the curve
        assert taken["svg"].read_text().startswith("<svg")
        assert len(pd.read_csv(taken["csv"])) > 30
    study = space.studies(space.runs()[0].dataset, "curve")[0]
    points = pd.read_parquet(study.directory / "points.parquet")
    numbers = pd.read_csv(tmp_path / "filtering.csv")
    assert numbers["score"].tolist() == pytest.approx(points["score"].tolist())


def test_words_follow_a_switch_to_the_dark_ground_at_once(performance):
    muted = performance.locator(".note").first
    expect(muted).to_have_css("color", "rgb(102, 112, 133)")
    performance.emulate_media(color_scheme="dark")
    expect(muted).to_have_css("color", "rgb(152, 162, 179)")


PLACES = """(heading) => {
    window.places = [];
    const look = () => {
        window.places.push(Math.round(heading.getBoundingClientRect().top));
        requestAnimationFrame(look);
    };
    look();
}"""


def test_nothing_below_moves_while_the_curves_come_and_when_they_are_there(performance):
    page = performance
    page.get_by_role("button", name="How they are made").click()
    # with these settings none have been drawn yet
    for name, number in (("points", 3), ("replicates", 1), ("epochs", 30)):
        box = page.locator(f".st-key-performance-curve-{name} input").first
        box.fill(str(number))
        box.press("Enter")
    draw = page.get_by_role("button", name="Draw the curves")
    expect(draw).to_be_visible()
    page.keyboard.press("Escape")
    draw.click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    below = page.get_by_role("heading", name="Do low values find the damage?")
    below.evaluate(PLACES)
    expect(page.get_by_role("button", name="Review the lowest")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    places = page.evaluate("() => window.places")
    assert max(places) - min(places) <= 8
