"""Every way of choosing a target in a real browser, and every way of bringing data."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from dvgs_core.data.split import SplitSettings
from dvgs_core.store import Workspace
from tests.browser.waiting import fill, settled

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 40_000


def people(n: int = 400) -> pd.DataFrame:
    """Two clouds apart along the map's first axis, in columns of several kinds."""
    rng = np.random.default_rng(0)
    far = np.repeat([0, 1], n // 2)
    frame = pd.DataFrame(rng.normal(size=(n, 4)) + 6 * far[:, None], columns=list("abcd"))
    frame = frame.round(3)
    frame["age"] = rng.integers(18, 80, n)
    frame["place"] = rng.choice(["home", "office", "road"], n)
    frame["label"] = rng.choice(["yes", "no"], n)
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("target")
    people().to_csv(place / "people.csv", index=False)
    people().iloc[:50].to_csv(place / "trusted.csv", index=False)
    (place / "root" / "parts").mkdir(parents=True)
    for number, part in enumerate(np.array_split(np.arange(400), 3)):
        people().iloc[part].to_parquet(place / "root" / "parts" / f"{number}.parquet", index=False)
    return place


@pytest.fixture(scope="module")
def server(start_server, folder):
    environment = {
        "DVGS_WORKSPACE": str(folder / "workspace"),
        "DVGS_ROOT": str(folder / "root"),
    }
    return start_server(ROOT / "app.py", environment)


@pytest.fixture
def space(folder) -> Workspace:
    return Workspace(folder / "workspace")


@pytest.fixture
def data(page: Page, server) -> Page:
    """The Data page with nothing open."""
    page.set_default_timeout(SECONDS)
    expect.set_options(timeout=SECONDS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(server.url)
    another = page.get_by_role("button", name="Another file")
    expect(another.or_(page.get_by_text("Or try it on a demo"))).to_be_visible()
    if another.is_visible():
        another.click()
    expect(page.get_by_text("Or try it on a demo")).to_be_visible()
    return page


@pytest.fixture
def target(data: Page, folder) -> Page:
    """The Target page of people.csv."""
    data.locator("input[type=file]").first.set_input_files(folder / "people.csv")
    forward = data.get_by_role("button", name="Choose the target")
    expect(forward).to_be_visible()
    settled(data)
    forward.click()
    expect(data.get_by_text("Which rows do you trust?")).to_be_visible()
    return data


def way(page: Page, words: str) -> None:
    page.get_by_test_id("stRadioOption").filter(has_text=words).first.click()
    settled(page)


def pick(page: Page, label: str, value: str) -> None:
    """Choose from the last list of this name."""
    box = page.get_by_role("combobox", name=label).last
    box.click()
    box.fill(value)
    page.get_by_role("option", name=re.compile(re.escape(value))).first.click()
    settled(page)


def counts(page: Page, target: int, source: int) -> None:
    expect(page.get_by_text(f"{target:,} target rows · {source:,} source rows")).to_be_visible()


def chosen(space: Workspace, check) -> None:
    """Wait until what is remembered on disk is what is shown."""
    (dataset,) = [one for one in space.datasets() if one.name == "people.csv"]
    split = SplitSettings.model_validate(space.get_setting(dataset.id, "split"))
    assert check(split), split


def test_every_row_takes_its_turn(target: Page, space):
    way(target, "every row takes its turn")
    counts(target, 240, 400)
    fill(target, "Turns", "3")
    counts(target, 360, 400)
    chosen(space, lambda split: split.rotations == 3)


def test_random_rows(target: Page, space):
    way(target, "Random rows")
    counts(target, 120, 280)
    fill(target, "Or exactly this many", "50")
    counts(target, 50, 350)
    chosen(space, lambda split: split.target_size == 50)


def test_conditions_from_lists_and_the_same_as_text(target: Page, space):
    frame = people()
    way(target, "Rows that match a condition")
    target.get_by_text("Choose conditions").click()
    pick(target, "Column", "age")
    low, high = frame["age"].min(), frame["age"].max()
    expect(target.get_by_placeholder(f"{low} to {high}")).to_be_visible()
    fill(target, "Value", "40")
    old = int((frame["age"] >= 40).sum())
    counts(target, old, 400 - old)
    expect(target.get_by_text(f"{old} of 400 rows match")).to_be_visible()

    target.get_by_role("button", name="Add a condition").click()
    expect(target.get_by_role("combobox", name="Column")).to_have_count(2)
    pick(target, "Column", "place")
    expect(target.get_by_role("combobox", name="Values")).to_be_visible()
    pick(target, "Values", "home")
    target.keyboard.press("Escape")
    both = int(((frame["age"] >= 40) & (frame["place"] == "home")).sum())
    counts(target, both, 400 - both)
    expect(target.get_by_text("age >= 40 and place in ['home']")).to_be_visible()
    target.get_by_text("any of them", exact=True).click()
    either = int(((frame["age"] >= 40) | (frame["place"] == "home")).sum())
    counts(target, either, 400 - either)

    # gone and back, and with a new tab: nothing is lost
    settled(target)
    target.locator(".st-key-steps a").first.click()
    expect(target.get_by_role("button", name="Choose the target")).to_be_visible()
    target.get_by_role("button", name="Choose the target").click()
    counts(target, either, 400 - either)
    target.reload()
    expect(target.get_by_text("age >= 40 or place in ['home']")).to_be_visible()

    target.get_by_text("Write the query").click()
    fill(target, "Condition", "age > 60")
    older = int((frame["age"] > 60).sum())
    counts(target, older, 400 - older)
    target.get_by_text("Command", exact=True).click()
    expect(target.get_by_text("--target-query 'age > 60'")).to_be_visible()
    chosen(space, lambda split: split.target_query == "age > 60")


def test_the_same_number_from_each_group(target: Page, space):
    way(target, "The same number from each group")
    pick(target, "Groups are the values of", "place")
    fill(target, "Rows in all", "60")
    counts(target, 60, 340)
    chosen(space, lambda split: split.balance_by == "place" and split.target_size == 60)


def lasso(page: Page, left: float, right: float) -> None:
    """A lasso over a part of the map's width."""
    page.get_by_role("button", name=re.compile("^Lasso", re.IGNORECASE)).click()
    box = page.locator("canvas.over").bounding_box()
    corners = [(left, 0.02), (right, 0.02), (right, 0.98), (left, 0.98), (left, 0.04)]
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def test_rows_circled_on_the_map(target: Page, space):
    way(target, "Rows I circle on the map")
    expect(target.get_by_text("PCA of 400 rows")).to_be_visible()
    expect(target.locator("canvas.over")).to_be_visible()
    lasso(target, 0.01, 0.5)
    counts(target, 200, 200)  # one of the two clouds
    expect(target.get_by_text("200 rows circled")).to_be_visible()
    target.get_by_text("Add", exact=True).click()
    lasso(target, 0.5, 0.99)
    expect(target.get_by_text("400 rows circled")).to_be_visible()
    expect(target.get_by_text(re.compile("The source is empty"))).to_be_visible()
    target.get_by_text("Take away", exact=True).click()
    lasso(target, 0.01, 0.5)
    counts(target, 200, 200)
    chosen(space, lambda split: len(split.target_rows) == 200)
    first = set(range(200))
    (dataset,) = [one for one in space.datasets() if one.name == "people.csv"]
    rows = set(SplitSettings.model_validate(space.get_setting(dataset.id, "split")).target_rows)
    assert rows in (first, set(range(400)) - first)

    target.reload()
    counts(target, 200, 200)
    target.get_by_role("button", name="Clear", exact=True).click()
    expect(target.get_by_text("0 rows circled")).to_be_visible()


def test_listed_rows(target: Page, space):
    way(target, "Rows I list")
    box = target.get_by_label("Row ids", exact=True)
    box.fill("5, 10-29\n200-204")
    box.press("Control+Enter")
    counts(target, 26, 374)
    box.fill("5, many")
    box.press("Control+Enter")
    expect(target.get_by_text("'many' is neither")).to_be_visible()


def test_a_file_of_trusted_rows(target: Page, folder, space):
    way(target, "A separate file")
    target.locator("input[type=file]").first.set_input_files(folder / "trusted.csv")
    expect(target.get_by_text("In use: trusted.csv, 50 rows")).to_be_visible()
    counts(target, 50, 400)
    target.get_by_text("In common", exact=True).click()
    expect(
        target.get_by_text(re.compile("50 source rows of 400 equal a target row"))
    ).to_be_visible()


def test_would_another_target_change_the_ranking(target: Page):
    way(target, "Random rows")
    target.get_by_text("Another target?").click()
    target.get_by_role("button", name="Would the ranking change").click()
    expect(target.get_by_text(re.compile("rank correlation -?\\d"))).to_be_visible(timeout=240_000)
    expect(target.get_by_text("4 targets (other draws in the same manner)")).to_be_visible()


def test_several_files_are_one_dataset(data: Page, folder, space):
    halves = [folder / "first.csv", folder / "second.csv"]
    for path, part in zip(halves, (people()[:150], people()[150:]), strict=True):
        part.to_csv(path, index=False)
    data.locator("input[type=file]").first.set_input_files(halves)
    expect(
        data.get_by_text("2 tables, stacked in this order: first.csv, second.csv")
    ).to_be_visible()
    data.get_by_role("button", name="Open 2 files as one dataset").click()
    expect(data.get_by_text("first.csv (rows 0–149), second.csv (rows 150–399)")).to_be_visible()


def test_a_folder_by_path_and_deleting_it_again(data: Page, space):
    fill(data, "Or a file or folder of Parquet on this machine", "../people.csv")
    expect(data.get_by_text("outside the folder that may be opened")).to_be_visible()
    fill(data, "Or a file or folder of Parquet on this machine", "parts")
    expect(data.get_by_text("3 files, 400 rows, 7 columns")).to_be_visible()
    data.get_by_role("button", name="Open it").click()
    expect(data.get_by_text("parts.parquet").first).to_be_visible()
    data.get_by_role("button", name="Another file").click()
    (dataset,) = [one for one in space.datasets() if one.name == "parts.parquet"]
    data.locator(f".st-key-recent-menu-{dataset.id} button").first.click()
    data.locator(f".st-key-recent-delete-{dataset.id} button").first.click()
    expect(data.get_by_text("parts.parquet is deleted.")).to_be_visible()
    settled(data)
    assert dataset.id not in [one.id for one in space.datasets()]


def test_views_of_the_data_page(data: Page, folder):
    data.locator("input[type=file]").first.set_input_files(folder / "people.csv")
    expect(data.get_by_role("button", name="Choose the target")).to_be_visible()
    data.get_by_text("Distributions", exact=True).click()
    expect(data.locator(".multiples figure")).to_have_count(7)
    expect(data.locator(".multiples .hist").first).to_be_visible()
    data.get_by_text("What the network sees", exact=True).click()
    expect(data.get_by_text(re.compile("6 columns become 8 inputs"))).to_be_visible()
    data.get_by_text("Equal rows", exact=True).click()
    expect(data.get_by_text("No two rows have the same features.")).to_be_visible()
    expect(data.get_by_text(re.compile("nearly the same without|lie closer than"))).to_be_visible()


def test_the_sidebar_names_the_target_as_soon_as_it_is_chosen(target):
    foot = target.locator(".st-key-job_lines")
    way(target, "No rows in particular: every row takes its turn")
    expect(foot).to_contain_text(re.compile(r"target in \d turns"))
    way(target, "Random rows, classes in proportion")
    expect(foot).to_contain_text("at random")
    expect(target.locator(".st-key-steps a").nth(1)).to_have_text(re.compile("Target.*✓"))
