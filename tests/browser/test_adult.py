"""The main job in a real browser, on real data: from an uploaded CSV to a cleaned one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from dvgs_core.data.corrupt import corrupt_labels
from dvgs_core.data.csvfile import read_cells
from dvgs_core.data.load import load
from tests.browser.waiting import downloaded, fill, settled

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture
def adult(real_data, tmp_path) -> Path:
    """ADULT as CSV, the labels of a fifth of the rows with split == 'train' replaced."""
    frame = pd.read_parquet(real_data / "adult.parquet")
    train = (frame["split"] == "train").to_numpy()
    labels, _ = corrupt_labels(frame["income"].to_numpy()[train].astype(object), 0.2, seed=0)
    frame.loc[train, "income"] = labels
    path = tmp_path / "adult.csv"
    frame.to_csv(path, index=False)
    return path


def press(page: Page, key: str, cursor_from: str) -> str:
    """Press a key and wait until the bar shows another row under review; returns it."""
    page.keyboard.press(key)
    expect(bar_row(page)).not_to_have_text(cursor_from)
    return bar_row(page).inner_text()


def bar_row(page: Page):
    return page.locator(".bar .which").first


def lasso(page: Page) -> None:
    """Draw a lasso around the middle of the map."""
    page.get_by_role("button", name=re.compile("lasso", re.IGNORECASE)).first.click()
    canvas = page.locator("canvas.over")
    box = canvas.bounding_box()
    x, y, w, h = box["x"], box["y"], box["width"], box["height"]
    corners = [(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95), (0.05, 0.1)]
    page.mouse.move(x + corners[0][0] * w, y + corners[0][1] * h)
    page.mouse.down()
    for across, down in corners[1:]:
        page.mouse.move(x + across * w, y + down * h, steps=8)
    page.mouse.up()


def test_from_an_uploaded_csv_to_a_cleaned_one(page: Page, start_server, adult, tmp_path):
    server = start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(tmp_path / "workspace")})
    page.set_default_timeout(120_000)
    expect.set_options(timeout=120_000)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(server.url)

    # Data: upload, and the label is found
    page.locator("input[type=file]").first.set_input_files(adult)
    expect(page.get_by_text("48,842", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name=re.compile("Label"))).to_have_value("income")

    # Target: 400 random rows of the test part; source: 1,000 of the training part
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_text("Rows that match a condition").click()
    page.get_by_text("Write the query").click()
    fill(page, "Condition", "split == 'test'")
    fill(page, "Take this many of them at random", "400")
    page.get_by_text("Which rows are valued, holdout, seed").click()
    fill(page, "Value only rows that match", "split == 'train'")
    fill(page, "Value this many of them, at random", "1000")
    expect(page.get_by_text("400 target rows · 1,000 source rows")).to_be_visible()

    # Value: start, and the trace moves while it runs
    page.get_by_role("button", name="Value 1,000 rows").click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Value 1,000 rows").click()
    progress = page.get_by_text(re.compile(r"\d+ / 100 checkpoints"))
    expect(progress).to_be_visible()
    first = progress.inner_text()
    expect(page.get_by_text("Similarity traces")).to_be_visible()
    expect(progress).not_to_have_text(first)
    expect(page.get_by_text(re.compile("Finished"))).to_be_visible()

    # Review: lasso on the map, then decide by key
    page.get_by_role("button", name="Review the lowest").click()
    expect(page.get_by_text(re.compile(r"lowest values: 1 / 1,000"))).to_be_visible()
    expect(page.get_by_text(re.compile("UMAP of 48,842 rows"))).to_be_visible(timeout=180_000)
    lasso(page)
    expect(page.get_by_text(re.compile(r"rows in the lasso: 1 / "))).to_be_visible()
    at = bar_row(page).inner_text()
    visited = [at]
    for key in ("w", "d", "w", "d", "d"):
        at = press(page, key, at)
        visited.append(at)
    expect(page.get_by_text(re.compile(r"decided 5 .*2 relabel .*3 drop"))).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text(re.compile(r"decided 4 .*2 relabel .*2 drop"))).to_be_visible()
    rows = [int(text.lstrip("#").replace(",", "")) for text in visited[:5]]
    relabelled, dropped = [rows[0], rows[2]], [rows[1], rows[3]]

    # Export: the file is the original, cell by cell, but for what was decided
    page.get_by_role("link", name="Export").first.click()
    button = page.get_by_role("button", name="Download the cleaned data")
    cleaned = downloaded(button, tmp_path)
    recipe = downloaded(page.get_by_role("button", name="Recipe"), tmp_path)

    table = load(adult)
    expected = read_cells(adult, table.format)
    other = {"<=50K": ">50K", ">50K": "<=50K"}
    for row in relabelled:
        expected.loc[row, "income"] = other[expected.loc[row, "income"]]
    expected = expected.drop(index=dropped).reset_index(drop=True)
    pd.testing.assert_frame_equal(read_cells(cleaned, load(cleaned).format), expected)
    assert list(json.loads(recipe.read_text())["dropped"]) == sorted(dropped)

    # and the command line gives the same bytes
    again = tmp_path / "again.csv"
    command = [sys.executable, "-m", "dvgs_core", "apply", recipe, adult, "--out", again]
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT, capture_output=True)
    assert again.read_bytes() == cleaned.read_bytes()
    assert np.isin(rows, np.flatnonzero(table.frame["split"] == "train")).all()
