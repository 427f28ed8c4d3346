"""The main job at full size: all 48,842 rows of ADULT, target 2,000, default settings.

    python -m benchmarks.main_job        needs DVGS_DATA, Chromium and the test requirements

Starts the real app and a real browser, values the rows, and meanwhile goes from page to page and
times each answer. Prints the run's seconds, also as a multiple of a matrix product timed before and
after on the same machine, the slowest answers, and the peak memory of app and workers together.
"""

import itertools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, TimeoutError, expect

from benchmarks.real_app import real_app, real_browser
from ui.frame import PAGES

PORT = 8677
PAUSES = (0.5, 0.0)  # seconds; someone who looks before clicking again, and someone who does not


def product_seconds() -> float:
    """Seconds of one 2048 × 2048 float32 matrix product, best of 5, in a process of its own."""
    code = (
        "import time, torch; a = torch.randn(2048, 2048); times = []\n"
        "for _ in range(5):\n"
        "    t = time.perf_counter(); a @ a; times.append(time.perf_counter() - t)\n"
        "print(min(times))"
    )
    return float(subprocess.check_output([sys.executable, "-c", code]))


def family_memory(root: int) -> tuple[float, float]:
    """MB resident (proportional share) of a process and all its descendants, and of it alone."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    family, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        grown, family = bool(more), family | more

    def share(pid: int) -> float:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return 0.0
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    return sum(map(share, family)), share(root)


def choose(page: Page, url: str, data: Path) -> None:
    """Upload, label as found, target 2,000 rows at random."""
    page.goto(url)
    page.locator("input[type=file]").first.set_input_files(data)
    expect(page.get_by_text("48,842", exact=True)).to_be_visible()
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_text("Rows that match a condition").click()
    page.get_by_text("Write the query").click()
    box = page.get_by_label("Condition", exact=True)
    box.fill("age > 0")
    box.press("Enter")
    box = page.get_by_label("Take this many of them at random", exact=True)
    box.fill("2000")
    box.press("Enter")
    expect(page.get_by_text("2,000 target rows · 46,842 source rows")).to_be_visible()
    page.get_by_role("button", name="Value 46,842 rows").click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()


SIGNS = {
    "data": "Say which column is the label",
    "target": "Which rows do you trust?",
    "export": "Cleaned data",
    "review": "Decide about the rows",
    "value": "Which rows hurt?",
}
# all of the page is there once its script has ended and nothing of another page is left
DRAWN = """() => document.querySelector("[data-testid=stApp]").dataset.testScriptState
    === "notRunning" && !document.querySelector("[data-stale=true]")"""


def answer(page: Page, name: str) -> tuple[float, float, int]:
    """Seconds from a click in the sidebar until the page's own text is there, until all of it is,
    and lost clicks.

    Streamlit can lose a click that meets a timer's tick in the same instant; it is clicked again
    after 3 seconds, which count.
    """
    started, lost = time.perf_counter(), 0
    while True:
        page.locator("[data-testid=stSidebarNav] a").nth(list(PAGES).index(name)).click()
        try:
            page.get_by_text(SIGNS[name]).first.wait_for(timeout=3000)
            break
        except TimeoutError:
            lost += 1
    answered = time.perf_counter() - started
    page.wait_for_function(DRAWN)
    return answered, time.perf_counter() - started, lost


def main() -> None:
    data = Path(os.environ["DVGS_DATA"]) / "adult.parquet"
    before = product_seconds()
    expect.set_options(timeout=60_000)
    with real_app(PORT) as (url, pid, folder), real_browser() as browser:
        csv = folder / "adult.csv"
        pd.read_parquet(data).to_csv(csv, index=False)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        choose(page, url, csv)
        peak, watching = [0.0, 0.0], threading.Event()
        watching.set()

        def watch() -> None:
            while watching.is_set():
                peak[:] = map(max, peak, family_memory(pid))
                time.sleep(0.25)

        watcher = threading.Thread(target=watch)
        watcher.start()
        started = time.perf_counter()
        page.get_by_role("button", name="Value 46,842 rows").click()
        expect(page.get_by_text("rows that hurt most so far")).to_be_visible()
        first_trace = time.perf_counter() - started
        times: dict[tuple[str, float], list[tuple[float, float]]] = {}
        lost = 0
        pauses = itertools.cycle(PAUSES)
        while page.get_by_text("Finished.").count() == 0:
            pause = next(pauses)
            for name in SIGNS:
                time.sleep(pause)
                answered, drawn, missed = answer(page, name)
                times.setdefault((name, pause), []).append((answered, drawn))
                lost += missed
        seconds = time.perf_counter() - started
        watching.clear()
        watcher.join()
    after = product_seconds()
    product = (before + after) / 2
    print(f"run, click to finished     {seconds:8.1f} s   {seconds / product:10,.0f} products")
    print(f"first trace after          {first_trace:8.1f} s")
    print(
        "page     pause before the click   answer: median  slowest   whole: median  slowest     n"
    )
    for (name, pause), each in sorted(times.items()):
        answered, drawn = (np.array(column) for column in zip(*each, strict=True))
        print(
            f"{name:<8} {pause:20.1f} s {np.median(answered):14.2f} s {answered.max():6.2f} s"
            f" {np.median(drawn):14.2f} s {drawn.max():6.2f} s {len(each):5d}"
        )
    print(f"clicks lost                {lost:8d}")
    print(f"peak memory, all           {peak[0]:8.0f} MB  (app alone {peak[1]:.0f} MB)")
    print(f"2048 matrix product        {before * 1e3:8.1f} ms before, {after * 1e3:.1f} ms after")


if __name__ == "__main__":
    main()
