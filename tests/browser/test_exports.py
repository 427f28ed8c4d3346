"""Every file of the Export page, downloaded in a real browser, opened again and compared."""

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from dvgs_core.data import SplitSettings, infer_schema
from dvgs_core.data.csvfile import read_cells
from dvgs_core.data.load import load
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.review import DecisionLog, Recipe, apply_recipe
from dvgs_core.store import Dataset, Workspace
from tests.browser.waiting import downloaded

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser

DROPPED, RELABELLED = [1, 4, 9, 30], {2: "ja", 7: "<b>nein</b>"}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """200 rows in someone's own taste: numbers with gaps, dates, formulas, markup, umlauts."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200))
    return pd.DataFrame(
        {
            "Schlüssel": [f"{i:05d}" for i in range(200)],
            "a": a.round(3),
            "Größe": np.where(rng.random(200) < 0.1, np.nan, b.round(2)),
            "Tag": pd.date_range("2024-01-01", periods=200).strftime("%Y-%m-%d"),
            "sagt": rng.choice(["=1+1", "@x", "-5", 'ein "Wort"; noch eins'], 200),
            "y": np.where(a > 0, "ja", "<b>nein</b>"),
        }
    )


@pytest.fixture(scope="module")
def space(tmp_path_factory, frame) -> Workspace:
    """A workspace with two reviewed datasets, the second damaged on purpose."""
    folder = tmp_path_factory.mktemp("exports")
    space = Workspace(folder / "workspace")
    truth = pd.DataFrame(
        {"row": range(200), "corrupted": np.arange(200) < 20, "original_label": frame["y"]}
    )
    for name, known in (("daten.csv", None), ("kaputt.csv", truth)):
        path = folder / name
        text = frame.assign(a=frame["a"] + (known is not None)).to_csv(
            index=False, sep=";", decimal=",", lineterminator="\r\n"
        )
        path.write_bytes(text.encode("cp1252"))
        dataset = space.add_dataset(path, name, truth=known)
        columns = infer_schema(space.load_table(dataset.id), "y")
        job = Job(columns=columns, split=SplitSettings(), method="random", device="cpu")
        space.create_run(dataset.id, job.model_dump(mode="json"))
        do(space, space.claim_next("valuation", os.getpid()), execute)
        log = DecisionLog(space, dataset.id)
        log.decide(DROPPED, "drop", reviewer="Ada", note="=1+1")
        for row, label in RELABELLED.items():
            log.decide([row], "relabel", label=label)
    return space


@pytest.fixture(scope="module")
def url(start_server, space) -> str:
    return start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(space.root)}).url


def dataset_of(space: Workspace, name: str) -> Dataset:
    return next(dataset for dataset in space.datasets() if dataset.name == name)


def saved(page: Page, label: str, folder: Path) -> Path:
    return downloaded(page.get_by_role("button", name=label, exact=True), folder)


def choose(page: Page, form: str) -> None:
    page.get_by_role("radiogroup", name="Form").get_by_text(form, exact=True).click()
    expect(page.get_by_text(re.compile(rf"clean\.{form}\b")).first).to_be_visible()


def typed(space: Workspace, dataset: Dataset) -> pd.DataFrame:
    clean = space.load_table(dataset.id).frame.copy()
    for row, label in RELABELLED.items():
        clean.loc[row, "y"] = label
    return clean.drop(index=DROPPED).reset_index(drop=True)


def test_every_file_is_what_it_says(page: Page, url, space, tmp_path):
    page.set_default_timeout(30_000)
    dataset = dataset_of(space, "daten.csv")
    page.goto(f"{url}/export?dataset={dataset.id}")
    expect(page.get_by_role("button", name="Report")).to_be_visible()

    # the recipe, and with it everything that follows can be made again
    recipe_path = saved(page, "Recipe", tmp_path)
    assert recipe_path.name == "recipe.json"
    recipe = Recipe.load(recipe_path)
    assert list(recipe.dropped) == DROPPED and recipe.relabelled == RELABELLED

    # CSV: the original's cells, letter for letter, but for what was decided
    csv = saved(page, "Download the cleaned data", tmp_path)
    assert csv.name == "daten.clean.csv"
    cells = read_cells(dataset.path, load(dataset.path).format)
    for row, label in RELABELLED.items():
        cells.loc[row, "y"] = label
    wanted = cells.drop(index=DROPPED).reset_index(drop=True)
    pd.testing.assert_frame_equal(read_cells(csv, load(csv).format), wanted)
    assert csv.read_bytes().decode("cp1252").startswith("Schlüssel;a;Größe;Tag;sagt;y\r\n00000;")
    apply_recipe(recipe, dataset.path, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == csv.read_bytes()

    # Parquet and XLSX: the typed table, cell by cell
    choose(page, "parquet")
    parquet = saved(page, "Download the cleaned data", tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), typed(space, dataset))
    choose(page, "xlsx")
    book = saved(page, "Download the cleaned data", tmp_path)
    head, *rows = openpyxl.load_workbook(book).active.values
    expected = typed(space, dataset).astype(object)
    assert list(head) == list(expected.columns)
    for name, column in zip(head, zip(*rows, strict=True), strict=True):
        assert list(column) == [None if pd.isna(v) else v for v in expected[name]], name

    # the full table follows the form; decisions and report
    whole = saved(page, "Full table", tmp_path)
    assert whole.name == "daten.valued.xlsx"
    lines = pd.read_excel(whole)
    assert len(lines) == 200 and lines["decision"].value_counts()["drop"] == len(DROPPED)
    run = space.runs(dataset.id)[0]
    values = pd.read_parquet(run.directory / "values.parquet")["value"]
    np.testing.assert_allclose(lines["value"], values, rtol=1e-14)
    log = pd.read_csv(saved(page, "Decisions", tmp_path))
    assert log["row"].tolist() == [*DROPPED, *RELABELLED]
    assert log["note"].head(4).tolist() == ["=1+1"] * 4

    # the report opens by itself: it asks for nothing and runs nothing
    report = saved(page, "Report", tmp_path)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", name="Review of daten.csv")).to_be_visible()
    assert asked == [report.as_uri()]
    assert page.locator("script, link, img, iframe").count() == 0
    assert page.locator("b", has_text="nein").count() == 0  # data is text
    expect(page.get_by_text("<b>nein</b>").first).to_be_visible()
    assert page.locator("figure svg").count() == 1
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(15, 18, 22)")):
        page.emulate_media(color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == ground
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_safe_for_spreadsheets_and_damage_need_to_be_asked_for(page: Page, url, space, tmp_path):
    page.set_default_timeout(30_000)
    dataset = dataset_of(space, "kaputt.csv")
    page.goto(f"{url}/export?dataset={dataset.id}")
    expect(page.get_by_text("This data was damaged on purpose (20 of 200 rows).")).to_be_visible()
    button = page.get_by_role("button", name="Download the damaged data")
    expect(button).to_be_disabled()
    page.get_by_text("Export it all the same").click()
    expect(button).to_be_enabled()
    page.get_by_text("Safe for spreadsheets").click()
    expect(page.get_by_role("checkbox", name=re.compile("Safe for"))).to_be_checked()
    page.wait_for_load_state("networkidle")
    recipe_path = saved(page, "Recipe", tmp_path)
    assert json.loads(recipe_path.read_text(encoding="utf-8"))["spreadsheet_safe"] is True
    csv = saved(page, "Download the damaged data", tmp_path)
    assert csv.name == "damaged-kaputt.clean.csv"
    recipe = Recipe.load(recipe_path)
    apply_recipe(recipe, dataset.path, tmp_path / "again.csv", damaged=True)
    assert (tmp_path / "again.csv").read_bytes() == csv.read_bytes()
    text = csv.read_bytes().decode("cp1252")
    cells = pd.read_csv(io.StringIO(text), sep=";", dtype=str, keep_default_na=False)
    before = pd.read_csv(dataset.path, sep=";", dtype=str, keep_default_na=False, encoding="cp1252")
    said = before.drop(index=DROPPED)["sagt"]
    assert cells["sagt"].tolist() == [f"'{t}" if t[0] in "=@" else t for t in said]
    assert saved(page, "Report", tmp_path).name == "damaged-kaputt.report.html"
