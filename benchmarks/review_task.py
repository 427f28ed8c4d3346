"""A reviewer's task: find and fix 100 of the 180 wrong labels in the digits demo.

    python -m benchmarks.review_task        needs Chromium and the test requirements

Starts the real app and a real browser and does what a person would: open the demo, value it with
the default settings, and go through the queue "another label suggested" by keyboard. The reviewer's
eye is the demo's truth: W where the suggested label is the right one, K where the given one is, a
digit's key where it is a third. Every press waits until the card of the next row is there, as
someone must who looks at it. Prints the machine's seconds, by the clock and of its processors, the
clicks and keys, and how many labels are right afterwards.
"""

import tempfile
import time
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect

from benchmarks.clicks import CARD, FINISHED
from benchmarks.machine import load, processor_seconds, product_seconds
from benchmarks.real_app import real_app, real_browser
from dvgs_core.data.demos import DEMOS
from dvgs_core.review import DecisionLog
from dvgs_core.store import Workspace

PORT = 8681
WANTED = 100
BAR = "[role=toolbar][aria-label='Review decisions']"


class Hand:
    """Clicks and presses keys, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks, self.keys = page, 0, 0

    def click(self, role: str, name: str) -> None:
        self.page.get_by_role(role, name=name, exact=True).click()
        self.clicks += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def choose(self, box: str, option: str) -> None:
        self.page.get_by_role("combobox", name=box).click()
        self.page.get_by_role("option", name=option, exact=True).click()
        self.clicks += 2


def truth() -> tuple[pd.Series, pd.Series]:
    """The label each row was given, and the right one, by row id."""
    with tempfile.TemporaryDirectory() as folder:
        files = DEMOS["digits"].write(Path(folder))
        given = pd.read_csv(files.path)["label"]
    assert files.truth is not None
    return given, files.truth.set_index("row")["original_label"]


def review(hand: Hand, given: pd.Series, right: pd.Series) -> tuple[int, int]:
    """Decide row after row until enough labels are fixed; (fixed, rows looked at)."""
    page, fixed, seen = hand.page, 0, 0
    bar = page.locator(BAR)
    while fixed < WANTED:
        row = int(bar.get_attribute("data-cursor"))
        suggested = page.locator(f"{BAR} [data-suggested=true]").first
        offered = int(suggested.get_attribute("data-label")) if suggested.count() else None
        seen += 1
        if right[row] == given[row]:
            hand.press("k")
        elif right[row] == offered:
            hand.press("w")
        else:
            hand.press(str(right[row]))
        fixed += int(right[row] != given[row])
        expect(bar).not_to_have_attribute("data-cursor", str(row))
        shown = f"Row #{bar.get_attribute('data-cursor')}"
        page.wait_for_function(f"shown => ({CARD})() === shown", arg=shown)
    expect(bar).to_have_attribute("data-pending", "0")
    return fixed, seen


def corrected(given: pd.Series, workspace: Path) -> pd.Series:
    """The labels after the decisions that the app has kept."""
    space = Workspace(workspace)
    (dataset,) = space.datasets()
    current = DecisionLog(space, dataset.id).current()
    relabelled = current[current["decision"] == "relabel"]
    labels = given.copy()
    labels[relabelled["row"].to_numpy()] = relabelled["label"].astype(int).to_numpy()
    return labels


def main() -> None:
    given, right = truth()
    busy, product = load(), product_seconds()
    expect.set_options(timeout=60_000)
    with real_app(PORT) as (url, pid, folder), real_browser() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        hand = Hand(page)
        started = time.perf_counter()
        page.goto(url)
        hand.click("button", "Handwritten digits")
        hand.click("button", "Choose the target")
        hand.click("button", "Value 1,797 rows")
        expect(page.get_by_role("heading", name="Value")).to_be_visible()
        hand.click("button", "Value 1,797 rows")
        expect(page.get_by_text(FINISHED)).to_be_visible(timeout=600_000)
        valued, computed = time.perf_counter(), processor_seconds(pid, descendants=True)
        hand.click("button", "Review the lowest")
        expect(page.locator(BAR)).to_be_visible()
        hand.choose("Queue", "another label suggested")
        expect(page.get_by_text("another label suggested: 1 /")).to_be_visible()
        page.wait_for_function("() => document.activeElement === document.body")
        begun, drawn = time.perf_counter(), processor_seconds(pid)
        fixed, seen = review(hand, given, right)
        ended, used = time.perf_counter(), processor_seconds(pid) - drawn
        cleaned = corrected(given, folder / "workspace")
    wrong = int((given != right).sum())
    left = int((cleaned.to_numpy() != right.to_numpy()).sum())
    broken = int(((given == right).to_numpy() & (cleaned.to_numpy() != right.to_numpy())).sum())
    print(f"wrong labels before            {wrong:6d}")
    print(f"wrong labels after             {left:6d}  (fixed {wrong - left}, broken {broken})")
    print(f"rows looked at                 {seen:6d}  ({fixed / seen:.0%} of them wrong)")
    print(f"clicks                         {hand.clicks:6d}")
    print(f"keys                           {hand.keys:6d}")
    print(f"seconds, open to valued        {valued - started:8.1f}", end="")
    print(f"  (of processors, app and workers: {computed:.1f})")
    print(f"seconds, reviewing             {ended - begun:8.1f}", end="")
    print(f"  ({(ended - begun) / seen:.2f} a row; of the app's processor {used / seen:.2f})")
    print(f"seconds, whole                 {ended - started:8.1f}  (wanted: under 180)")
    print(f"2048 matrix product            {product * 1e3:8.1f} ms; load before {busy}")
    assert fixed >= WANTED and wrong - left >= WANTED and not broken


if __name__ == "__main__":
    main()
