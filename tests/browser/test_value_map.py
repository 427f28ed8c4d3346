"""The Value page's map: values so far while a run goes on, the Review page's map afterwards."""

import os
import re
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dvgs_core.data import infer_schema
from dvgs_core.data.demos import DEMOS
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.store import Workspace
from tests.browser.waiting import settled

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"restarts": 1, "epochs": 12, "width": 16, "stop_when_settled": None}


@pytest.fixture
def space(tmp_path) -> Workspace:
    """The digits demo."""
    space = Workspace(tmp_path / "workspace")
    dataset = space.add_dataset(DEMOS["digits"].write(tmp_path).path, "digits.csv").id
    space.set_setting(None, "dataset", dataset)
    roles, split = infer_schema(space.load_table(dataset)), SplitSettings()
    space.set_setting(dataset, "schema", roles.model_dump(mode="json"))
    space.set_setting(dataset, "split", split.model_dump(mode="json"))
    job = Job(columns=roles, split=split, settings=SMALL, device="cpu")
    space.create_run(dataset, job.model_dump(mode="json"))
    return space


@pytest.fixture
def to_the_end(space) -> Iterator[threading.Event]:
    """A run of it that stands after its second checkpoint until this is set."""
    run, going_on = space.claim_next("valuation", os.getpid()), threading.Event()
    asked, looks = space.stop_requested, count()

    def stop_requested(run_id: int) -> bool:
        if next(looks) > 0:
            going_on.wait()
        return asked(run_id)

    space.stop_requested = stop_requested
    worker = threading.Thread(target=do, args=(space, run, execute))
    worker.start()
    yield going_on
    going_on.set()
    worker.join()


def test_points_are_followed_by_a_click_and_the_zoom_goes_along_to_the_review(
    page: Page, serve, space, to_the_end
):
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{serve(ROOT / 'app.py', {'DVGS_WORKSPACE': str(space.root)})}/value")
    page.get_by_role("radio", name="Map").or_(page.get_by_text("Map", exact=True)).first.click()
    expect(page.get_by_text("by their value so far")).to_be_visible()
    root = page.locator(".map")
    expect(root).to_have_attribute("data-frames", re.compile(r"\d+"))
    settled(page)
    canvas = page.locator("canvas.over")
    row, x, y = root.evaluate(
        """(root) => {
            const map = root.linkedMap, { xy, n } = map.points;
            let right = 0;  // the point farthest to the right lies by itself
            for (let at = 1; at < n; at++) if (xy[2 * at] > xy[2 * right]) right = at;
            return [map.idOf(right), ...map.toScreen(xy[2 * right], xy[2 * right + 1])];
        }"""
    )
    followed = page.get_by_role("textbox", name="Follow rows")
    canvas.click(position={"x": x, "y": y})
    expect(followed).to_have_value(str(row))
    settled(page)
    canvas.click(position={"x": x, "y": y})
    expect(followed).to_have_value("")
    to_the_end.set()
    expect(page.get_by_text("Finished ·")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^(PCA|UMAP) of 1,797 rows"))).to_be_visible()
    settled(page)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, -400)
    expect(root).not_to_have_attribute("data-view", re.compile(",1$"))
    place = root.get_attribute("data-view")
    page.get_by_role("link", name="Review").first.click()
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    settled(page)
    expect(page.locator(".map")).to_have_attribute("data-view", place)
