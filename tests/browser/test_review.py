"""Reviewing in a real browser: by keyboard, in bulk, by lasso, in two tabs, through restarts."""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from dvgs_core.data import infer_schema
from dvgs_core.data.demos import DEMOS
from dvgs_core.data.query import matching_rows
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.review import DecisionLog
from dvgs_core.store import Workspace
from tests.browser.waiting import downloaded, settled
from ui.map import selected_rows

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"restarts": 1, "epochs": 15, "width": 32, "normalise": True, "stop_when_settled": None}
PARTS = ("revalue_place", "review_queue", "card_row", "review-map_frame")
pytestmark = pytest.mark.browser


def value(space: Workspace, dataset: str) -> None:
    """Value a dataset with a small network, in this process, and ask for no UMAP."""
    space.set_setting(None, "dataset", dataset)
    roles = infer_schema(space.load_table(dataset))
    split = SplitSettings()
    space.set_setting(dataset, "schema", roles.model_dump(mode="json"))
    space.set_setting(dataset, "split", split.model_dump(mode="json"))
    job = Job(columns=roles, split=split, settings=SMALL, device="cpu")
    space.create_run(dataset, job.model_dump(mode="json"))
    run = space.claim_next("valuation", os.getpid())
    assert run is not None
    do(space, run, execute)
    assert space.run(run.id).status == "done", space.run(run.id).message
    asked = space.claim_next("map", os.getpid())
    assert asked is not None
    space.finish(asked.id, "stopped")


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """A workspace with the digits demo, valued."""
    folder = tmp_path_factory.mktemp("digits")
    space = Workspace(folder / "workspace")
    files = DEMOS["digits"].write(folder)
    value(space, space.add_dataset(files.path, "digits.csv", truth=files.truth).id)
    space.close()
    return folder / "workspace"


@pytest.fixture(scope="module")
def sites(tmp_path_factory) -> Path:
    """A workspace with 900 rows of three sites, valued; the small site is mostly mislabelled."""
    folder = tmp_path_factory.mktemp("sites")
    rng = np.random.default_rng(5)
    X = rng.normal(size=(900, 3))
    site = rng.choice(["north", "south", "<b>east</b>"], 900, p=[0.5, 0.42, 0.08])
    y = np.where(X[:, 0] + 0.5 * X[:, 1] > 0, "yes", "no")
    wrong = (site == "<b>east</b>") & (rng.random(900) < 0.9)
    y[wrong] = np.where(y[wrong] == "yes", "no", "yes")
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(site=site, y=y)
    frame.to_csv(folder / "sites.csv", index=False)
    space = Workspace(folder / "workspace")
    value(space, space.add_dataset(folder / "sites.csv", "sites.csv").id)
    space.close()
    return folder / "workspace"


def bar_of(page: Page):
    """The review bar of a page."""
    return page.get_by_role("toolbar", name="Review decisions")


class Review:
    """The Review page of an app on a copy of a workspace."""

    def __init__(self, page: Page, server, folder: Path) -> None:
        self.page, self.server = page, server
        self.space = Workspace(folder)
        (self.dataset,) = [one.id for one in self.space.datasets()]
        self.run = self.space.runs(self.dataset)[0]
        self.values = pd.read_parquet(self.run.directory / "values.parquet").set_index("row")
        self.log = DecisionLog(self.space, self.dataset)
        page.set_viewport_size({"width": 1440, "height": 900})
        self.open("/review")

    def open(self, path: str, page: Page | None = None) -> Page:
        shown = page or self.page
        shown.goto(f"{self.server.url}{path}")
        expect(shown.locator(".bar .which")).to_be_visible(timeout=180_000)
        return shown

    @property
    def bar(self):
        return bar_of(self.page)

    def answered(self) -> None:
        """Until every press was acknowledged."""
        expect(self.bar).to_have_attribute("data-pending", "0")

    def says(self, words: str, page: Page | None = None) -> None:
        expect((page or self.page).get_by_text(re.compile(words)).first).to_be_visible()

    def rapidly(self, keys: str, every: int = 60) -> None:
        self.page.evaluate(
            """([keys, every]) => new Promise((done) => {
                let at = 0;
                const timer = setInterval(() => {
                    if (at === keys.length) { clearInterval(timer); done(); return; }
                    const options = { key: keys[at++], bubbles: true, cancelable: true };
                    document.body.dispatchEvent(new KeyboardEvent("keydown", options));
                }, every);
            })""",
            [keys, every],
        )

    def lowest(self) -> pd.DataFrame:
        return self.values.dropna(subset=["rank"]).sort_values("rank")

    def decided(self) -> dict[int, tuple]:
        current = self.log.current()
        lines = zip(current["row"], current["decision"], current["label"], strict=True)
        return {int(row): (str(decision), label) for row, decision, label in lines}

    def choose(self, box: str, option: str) -> None:
        self.page.get_by_role("combobox", name=re.compile(box)).click()
        self.page.get_by_role("option", name=option, exact=True).click()


@pytest.fixture
def review(page: Page, start_server, tmp_path):
    """review(folder, env={}) -> Review on a copy of that workspace."""

    def start(folder: Path, env: dict[str, str] | None = None) -> Review:
        copy = tmp_path / "workspace"
        shutil.copytree(folder, copy)
        server = start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(copy), **(env or {})})
        return Review(page, server, copy)

    return start


def expected_of(lines: pd.DataFrame, keys: str) -> list[tuple[int, tuple]]:
    """What keys pressed one row after the other decide; W without a suggestion stays on its row."""
    found, at = [], 0
    for key in keys:
        line = lines.iloc[at]
        label, best = int(line["label"]), int(line["suggested_label"])
        if key == "w" and label == best:
            continue
        if key in "w1":
            new = best if key == "w" else 1
            choice = ("keep", None) if new == label else ("relabel", new)
        else:
            choice = ({"k": "keep", "d": "drop", "u": "undecided"}[key], None)
        found.append((int(line.name), choice))
        at += 1
    return found


def test_fifty_decisions_by_keyboard_alone_with_undo(review, digits):
    seen = review(digits)
    keys = "kwdu1" * 10
    expected = expected_of(seen.lowest(), keys)
    assert len(expected) > 40
    seen.rapidly(keys)
    seen.answered()
    assert seen.decided() == dict(expected)

    next_row = int(seen.lowest().index[len(expected)])
    expect(seen.bar).to_have_attribute("data-cursor", str(next_row))
    counts = pd.Series([choice[0] for _, choice in expected]).value_counts()
    done = len(expected) - counts.get("undecided", 0)
    seen.says(rf"decided {done} · .*{counts['drop']} drop")

    for back in (1, 2, 3):
        seen.page.keyboard.press("z")
        row = expected[-back][0]
        expect(seen.bar).to_have_attribute("data-cursor", str(row))
    seen.answered()
    assert seen.decided() == dict(expected[:-3])
    seen.page.keyboard.press("y")
    seen.answered()
    assert seen.decided() == dict(expected[:-2])
    seen.page.keyboard.press("d")  # the row that was done again is under review
    seen.answered()
    assert seen.decided() == dict(expected[:-3]) | {expected[-3][0]: ("drop", None)}
    # the card tells what was decided before, and what was taken back
    seen.page.keyboard.press("ArrowUp")
    seen.says("taken back")


def test_the_row_under_review_stays_in_view_and_in_the_address(review, digits):
    seen = review(digits)
    seen.rapidly("k" * 30, 40)
    seen.answered()
    row = int(seen.lowest().index[30])
    expect(seen.page).to_have_url(re.compile(rf"[?&]row={row}(&|$)"))
    top = seen.page.locator(".st-key-review_queue .dvn-scroller").evaluate("(e) => e.scrollTop")
    height = seen.page.locator(".st-key-review_queue .dvn-scroller").evaluate(
        "(e) => e.clientHeight"
    )
    assert top < 31 * 38 < top + height


def open_many_at_once(seen: Review, amount: str):
    seen.page.get_by_role("button", name="Many at once").click()
    dialog = seen.page.get_by_role("dialog")
    box = dialog.get_by_label("Up to", exact=True)
    box.fill(amount)
    box.press("Enter")
    return dialog


def test_a_bulk_drop_warns_of_the_group_that_loses_more_than_its_share(review, sites):
    seen = review(sites)
    dialog = open_many_at_once(seen, "40")
    warning = dialog.get_by_test_id("stAlert")
    expect(warning).to_contain_text("More than their share")
    expect(warning).to_contain_text("<b>east</b> of site loses")
    expect(warning.locator("b")).to_have_count(0)
    assert seen.decided() == {}  # a look decides nothing
    dialog.get_by_label("Note").fill("wrong at this site")
    dialog.get_by_label("Note").press("Enter")
    dialog.get_by_role("button", name="Drop 40 rows").click()
    seen.says("40 rows dropped")
    seen.says("decided 40 · 40 drop")
    lowest = seen.lowest().index[:40].tolist()
    assert seen.decided() == dict.fromkeys(lowest, ("drop", None))
    assert set(seen.log.current()["note"]) == {"wrong at this site"}
    seen.page.keyboard.press("z")
    seen.says("decided 0")
    assert seen.decided() == {}

    # rows decided one by one are spared, and each row gets its own suggestion, as one action
    seen.log.decide([lowest[0]], "keep")
    dialog = open_many_at_once(seen, "200")
    dialog.get_by_text("Relabel as suggested").click()
    lines = seen.lowest().iloc[1:200]
    other = lines[lines["suggested_label"] != lines["label"]]
    dialog.get_by_role("button", name=f"Relabel {len(other)} rows").click()
    seen.says(f"{len(other)} rows relabelled as suggested")
    wanted = {int(row): ("relabel", new) for row, new in other["suggested_label"].items()}
    assert len(set(other["suggested_label"])) == 2
    assert seen.decided() == wanted | {lowest[0]: ("keep", None)}
    seen.page.keyboard.press("z")
    seen.says("decided 1 · 1 keep")


def test_a_lasso_takes_rows_that_are_not_drawn_and_keys_decide_about_all(review, sites, tmp_path):
    seen = review(sites, {"DVGS_MAP_POINTS": "200"})
    page = seen.page
    seen.says("PCA of 900 rows, 200 of them drawn")
    canvas = page.locator("canvas.over")
    page.get_by_role("button", name="Lasso select").click()
    box = canvas.bounding_box()
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.35)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    seen.says(r"rows in the lasso: 1 / \d+")
    root = page.locator(".map")
    polygon = root.evaluate("(map) => map.linkedMap.lasso.polygon")
    inside = np.flatnonzero(selected_rows(polygon, np.load(seen.run.directory / "pca.npy")))
    rows = [row for row in inside.tolist() if seen.values["value"].notna()[row]]
    assert len(rows) > int(root.get_attribute("data-inside"))
    seen.says(rf"rows in the lasso: 1 / {len(rows)}")

    # put aside under a name, to be found again when the lasso is gone
    page.get_by_role("button", name="Selections").click()
    page.get_by_label("Name", exact=True).fill("<b>odd</b>")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Put aside under this name")).to_be_enabled()
    file = downloaded(page.get_by_role("button", name="These rows as CSV"), tmp_path)
    taken = pd.read_csv(file)
    assert sorted(taken["row"]) == rows and "site" in taken
    page.get_by_role("button", name="Put aside under this name").click()
    seen.says(f"<b>odd</b>: {len(rows)} rows")

    zoom = root.get_attribute("data-view")
    page.get_by_text(f"Select all {len(rows)} rows of this queue").click()
    expect(page.locator(".bar .which")).to_have_text(f"{len(rows)} rows")
    seen.says(f"{len(rows)} rows selected")
    page.keyboard.press("d")
    seen.says(rf"decided {len(rows)} · {len(rows)} drop")
    assert seen.decided() == dict.fromkeys(rows, ("drop", None))
    # the selection is gone, the lasso and the zoom stay
    expect(page.locator(".bar .which")).to_have_text(re.compile("^#"))
    assert root.get_attribute("data-view") == zoom
    assert root.evaluate("(map) => map.linkedMap.lasso.polygon") == polygon
    page.keyboard.press("z")
    seen.says("decided 0")

    page.get_by_role("button", name="Clear the lasso").click()
    seen.says(f"lowest values: .* / {seen.values['value'].notna().sum()} ")
    seen.choose("Queue", "a named selection")
    seen.says(rf"a named selection: \d+ / {len(rows)} ")
    expect(page).to_have_url(re.compile("named=%3Cb%3Eodd"))
    page.get_by_role("button", name="Selections").click()
    page.get_by_role("button", name="Forget the selection").click()
    seen.says("lowest values: ")


def test_reload_second_tab_and_restart_in_the_middle_lose_nothing(
    review, digits, start_server, tmp_path
):
    seen = review(digits)
    seen.choose("Queue", "another label suggested")
    lines = seen.lowest()
    lines = lines[lines["suggested_label"] != lines["label"]]
    queue = lines.sort_values("margin", ascending=False, kind="stable").index.tolist()
    expect(seen.bar).to_have_attribute("data-cursor", str(queue[0]))
    seen.rapidly("wd")
    seen.answered()
    expect(seen.page).to_have_url(re.compile(rf"row={queue[2]}(&|$)"))
    asked = parse_qs(urlsplit(seen.page.url).query)
    assert asked["queue"] == ["suggested"] and asked["dataset"] == [seen.dataset]

    seen.page.reload()
    seen.says(rf"another label suggested: 3 / {len(queue):,} · decided 2")
    expect(seen.bar).to_have_attribute("data-cursor", str(queue[2]))

    second = seen.open(seen.page.url.removeprefix(seen.server.url), seen.page.context.new_page())
    seen.says(rf"another label suggested: 3 / {len(queue):,} · decided 2", second)
    second.keyboard.press("k")
    seen.says("decided 3", second)
    # the first tab learns of it by itself, and goes on where it stood
    seen.says(r"decided 3 · 1 keep")
    expect(seen.bar).to_have_attribute("data-cursor", str(queue[2]))
    second.close()

    seen.server.stop()
    seen.rapidly("dd")
    expect(seen.page.get_by_text("2 not saved yet")).to_be_visible()
    start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(tmp_path / "workspace")}, seen.server.port)
    expect(seen.bar).to_have_attribute("data-pending", "0", timeout=60_000)
    seen.says(r"decided 4 · .*3 drop")
    assert {row: choice[0] for row, choice in seen.decided().items()} == {
        queue[0]: "relabel",
        queue[1]: "drop",
        queue[2]: "drop",
        queue[3]: "drop",
    }
    history = [entry.decision for entry in seen.log.history(queue[2])]
    assert history == ["drop", "keep"]


def test_a_link_opened_elsewhere_shows_the_same_rows(review, sites, browser):
    seen = review(sites)
    seen.choose("Queue", "a condition")
    box = seen.page.get_by_label("Condition", exact=True)
    box.fill("site ==")
    box.press("Enter")
    seen.says("cannot be read")
    box.fill("a > 0 and value < 0.02")
    box.press("Enter")
    seen.choose("Label", "no")
    table = seen.space.load_table(seen.dataset).frame
    frame = table.assign(value=seen.values["value"].to_numpy())
    wanted = matching_rows(frame, "a > 0 and value < 0.02") & (table["y"] == "no").to_numpy()
    wanted &= seen.values["value"].notna().to_numpy()
    seen.says(rf"a condition: 1 / {wanted.sum()} ")
    first_row, second_row = [row for row in seen.lowest().index if wanted[row]][:2]
    expect(seen.bar).to_have_attribute("data-cursor", str(first_row))
    seen.page.keyboard.press("ArrowDown")  # the list box has given the keyboard back
    expect(seen.bar).to_have_attribute("data-cursor", str(second_row))
    expect(seen.page).to_have_url(re.compile(rf"row={second_row}(&|$)"))
    elsewhere = browser.new_context(viewport={"width": 1440, "height": 900})
    other = seen.open(seen.page.url.removeprefix(seen.server.url), elsewhere.new_page())
    seen.says(rf"a condition: 2 / {wanted.sum()} ", other)
    expect(other.get_by_label("Condition", exact=True)).to_have_value("a > 0 and value < 0.02")
    expect(bar_of(other)).to_have_attribute("data-cursor", str(second_row))
    seen.open(f"/review?dataset={seen.dataset}&queue=cut&cut=10%25", other)
    seen.says(rf"up to a cut: 1 / {round(0.1 * seen.values['value'].notna().sum())} ", other)
    elsewhere.close()


def test_valuing_again_with_the_decisions_shows_what_moved(review, digits):
    seen = review(digits)
    lowest = seen.lowest()
    dropped = lowest.index[:60].tolist()
    seen.log.decide(dropped, "drop")
    other = lowest[60:120].query("suggested_label != label")
    labels = [int(label) for label in other["suggested_label"]]
    seen.log.decide(other.index.tolist(), "relabel", labels=labels)
    seen.page.get_by_role("button", name="Re-value").click()
    dialog = seen.page.get_by_role("dialog")
    expect(dialog).to_contain_text("60 rows will be left out")
    dialog.get_by_role("button", name="Start").click()
    seen.page.get_by_role("button", name="What moved").click(timeout=120_000)
    again = seen.space.runs(seen.dataset)[0]
    values = pd.read_parquet(again.directory / "values.parquet").set_index("row")
    assert again.status == "done" and values.loc[dropped, "value"].isna().all()
    assert values.loc[other.index, "label"].tolist() == [str(label) for label in labels]
    low = values.dropna(subset=["rank"]).sort_values("rank").index[:100]
    entered = len(set(low) - set(lowest.index[:100]))
    expect(dialog).to_contain_text(f"Of the 100 lowest rows of {seen.run.name}: 60 dropped")
    expect(dialog).to_contain_text(f"{entered} others took their place")
    dialog.get_by_role("button", name=f"Review {again.name}").click()
    valued = int(values["value"].notna().sum())
    seen.says(rf"lowest values: 1 / {valued:,} ")
    # keeping a row that was relabelled keeps it as it is seen
    row = int(other.index[0])
    seen.open(f"/review?dataset={seen.dataset}&run={again.id}&row={row}")
    expect(seen.bar).to_have_attribute("data-cursor", str(row))
    seen.says("in the file")
    seen.page.keyboard.press("k")
    seen.answered()
    assert seen.decided()[row] == ("relabel", labels[0])


@pytest.mark.parametrize("width", [1440, 1024])
def test_nothing_moves_while_a_review_goes_on_and_rows_are_valued_again(review, digits, width):
    seen = review(digits)
    page = seen.page
    page.set_viewport_size({"width": width, "height": 900})

    def places() -> dict[str, dict[str, float]]:
        settled(page)
        there = {
            name: page.get_by_role("button", name=name).first
            for name in ("Many at once", "What moved", "Selections")
        }
        there |= {name: page.locator(f".st-key-{name}").first for name in PARTS}
        return {name: one.bounding_box() for name, one in there.items()}

    before = places()
    line = page.locator(".progress")
    seen.rapidly("d" * 12, 120)
    seen.answered()
    expect(line).to_contain_text("decisions a minute")
    expect(line).to_contain_text("12 flagged rows are damaged")
    assert places() == before
    assert line.evaluate("(e) => e.scrollHeight <= e.clientHeight")  # all of it is seen

    expect(page.get_by_role("button", name="What moved")).to_be_disabled()
    page.get_by_role("button", name="Re-value").click()
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name=re.compile("Waits|Valued"))).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert places() == before
    expect(page.get_by_role("button", name="What moved")).to_be_enabled(timeout=120_000)
    assert places() == before
