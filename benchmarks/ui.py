"""The pages at size: 50,000 rows of 100 columns, then 1,000,000 rows of 10, in a real browser.

    python -m benchmarks.ui                                 needs Chromium, the test requirements
    python -m benchmarks.ui --rows 1000000 --columns 10

Starts the real app on a generated table of numbers, categories, dates and missing cells, values it
with 2,000 rows as target, and prints, each beside what is wanted: how long every page takes to be
whole after a click in the sidebar, a decision by key until the next row is shown, the first trace
after the start with a warm worker, the map of principal components, and the UMAP in the background.
Beside seconds of the clock stand the app's processor seconds, which a busy machine changes little,
and a matrix product timed before and after.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from benchmarks.clicks import CARD, DRAWN, FINISHED, SIGNS, STOPPED, answer, choose_target, upload
from benchmarks.machine import load, peak_memory, processor_seconds, product_seconds
from benchmarks.real_app import real_app, real_browser
from benchmarks.tables import mixed_table
from dvgs_core.store import MapJob, Workspace
from ui.jobs import RunFiles

PORT = 8742
TARGET = 2000
PAUSE = 0.3  # seconds before a click; nobody clicks in the instant in which a page is drawn
CURSOR = "[role=toolbar][aria-label='Review decisions']"
#: Seconds wanted at 50,000 × 100 on two idle cores.
WANTED = {"page": 0.5, "decision": 0.2, "first trace": 1.0, "PCA map": 1.0, "UMAP": 20.0}
MAP = ".map[data-points]"
# looked for at every frame: what `expect` looks for is found up to half a second late
FIRST_TRACE = """() => document.querySelector(".st-key-panel_lowest")
    ?.textContent.includes("rows that hurt most so far")"""


@dataclass
class Times:
    """Seconds of one kind of answer: by the clock, and of the app's processor time."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, clock: float, processor: float) -> None:
        self.clock.append(clock)
        self.processor.append(processor)


class Visit:
    """A browser on the app, with a stop watch.

    Args:
        page: on the app.
        pid: the app's process.
    """

    def __init__(self, page: Page, pid: int) -> None:
        self.page, self.pid, self.lost = page, pid, 0

    def pages(self, names: Sequence[str]) -> dict[str, Times]:
        """Click each page once."""
        found = {}
        for name in names:
            time.sleep(PAUSE)
            before = processor_seconds(self.pid)
            _, whole, lost = answer(self.page, name)
            found[name] = Times([whole], [processor_seconds(self.pid) - before])
            self.lost += lost
        return found

    def rounds(self, names: Sequence[str], count: int) -> dict[str, Times]:
        """Click all pages, `count` times over."""
        found = {name: Times() for name in names}
        for _ in range(count):
            for name, times in self.pages(names).items():
                found[name].add(times.clock[0], times.processor[0])
        return found

    def decisions(self, count: int) -> Times:
        """Press K until the next row's card is there, `count` times."""
        answer(self.page, "review")
        expect(self.page.locator(CURSOR)).to_be_visible()
        times = Times()
        for _ in range(count):
            time.sleep(PAUSE)
            shown = self.page.evaluate(CARD)
            used, started = processor_seconds(self.pid), time.perf_counter()
            self.page.keyboard.press("k")
            self.page.wait_for_function(f"before => ({CARD})() !== before", arg=shown)
            seconds = time.perf_counter() - started
            self.page.wait_for_function(DRAWN)
            times.add(seconds, processor_seconds(self.pid) - used)
        return times


def pca_map(page: Page, space: Workspace) -> tuple[float, float]:
    """Seconds from the wish to circle rows to the drawn map; and of its computing beforehand.

    The map is computed while one reads the Data page, as soon as its columns are known.
    """
    (dataset,) = space.datasets()
    study = space.studies(dataset.id, "look")[0]
    layout = study.directory / "layout.npy"
    while not layout.exists():
        time.sleep(0.1)
    study = space.studies(dataset.id, "look")[0]
    assert study.started is not None
    computed = layout.stat().st_mtime - study.started.timestamp()
    started = time.perf_counter()
    page.get_by_text("Rows I circle on the map").click()
    page.locator(MAP).wait_for()
    return time.perf_counter() - started, computed


def value(page: Page, button: str, space: Workspace, seconds: float) -> tuple[float, float]:
    """Start, and wait for the end; (seconds to the first trace, to the end).

    A run that takes longer than it may is stopped by the page's own button.
    """
    while (worker := space.worker("valuation")) is None or worker.state != "ready":
        time.sleep(0.2)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    page.wait_for_function(DRAWN)
    started = time.perf_counter()
    page.get_by_role("button", name=button).click()
    page.wait_for_function(FIRST_TRACE)
    first = time.perf_counter() - started
    ended = page.get_by_text(FINISHED).or_(page.get_by_text(STOPPED))
    while not ended.first.is_visible():
        if time.perf_counter() - started > seconds and not space.runs()[0].stop_requested:
            page.get_by_role("button", name="Stop").click()
        time.sleep(0.2)
    return first, time.perf_counter() - started


def umap(space: Workspace) -> MapJob:
    """The UMAP of the newest run, once it is there."""
    key = RunFiles(space.runs()[0].directory).map_key()
    while (job := space.map_job(key)) is None or job.active:
        time.sleep(0.5)
    assert job.status == "done", job.message
    return job


def line(what: str, times: Times, wanted: float) -> str:
    """One line of the table of answers."""
    clock, processor = np.array(times.clock), np.array(times.processor)
    return (
        f"{what:<24} {np.median(clock):8.2f} {np.quantile(clock, 0.9):8.2f} {clock.max():8.2f}"
        f" {np.median(processor):10.2f} {wanted:8.1f} {len(clock):5d}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=8, help="clicks on each page")
    parser.add_argument("--decisions", type=int, default=40)
    parser.add_argument("--run-seconds", type=float, default=900.0, help="then it is stopped")
    parser.add_argument("--port", type=int, default=PORT)
    asked = parser.parse_args()
    busy, before = load(), product_seconds()
    expect.set_options(timeout=600_000)
    with real_app(asked.port) as (url, pid, folder), real_browser() as browser:
        file = Path(folder) / "generated.parquet"
        mixed_table(asked.rows, asked.columns).to_parquet(file, index=False)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(600_000)
        space, visit = Workspace(folder / "workspace"), Visit(page, pid)
        with peak_memory(pid) as peak:
            started = time.perf_counter()
            upload(page, url, file, asked.rows)
            uploaded = time.perf_counter() - started
            fresh = visit.pages(["target", "corrupt", "data", "target"])
            drawn, computed = pca_map(page, space)
            visit.pages(["data"])
            button = choose_target(page, "number_0 > -1000000", TARGET, asked.rows)
            first_trace, run = value(page, button, space, asked.run_seconds)
            layout = umap(space)
            fresh |= visit.pages(["performance", "review", "export"])
            warm = visit.rounds(list(SIGNS), asked.rounds)
            pressed = visit.decisions(asked.decisions)
            said = page.locator(".map .drawn").first.text_content()
    after = product_seconds()
    assert layout.started is not None and layout.finished is not None
    print(f"{asked.rows:,} rows x {asked.columns} columns, uploaded and read in {uploaded:.1f} s")
    print(f"{'seconds':<24} {'median':>8} {'p90':>8} {'slowest':>8}", end="")
    print(f" {'processor':>10} {'wanted':>8} {'n':>5}")
    for name, times in fresh.items():
        print(line(f"{name}, first visit", times, WANTED["page"]))
    for name, times in warm.items():
        print(line(name, times, WANTED["page"]))
    print(line("decision by key", pressed, WANTED["decision"]))
    waited = (layout.finished - layout.created).total_seconds()
    taken = (layout.finished - layout.started).total_seconds()
    for what, seconds, wanted in (
        ("first trace, warm worker", first_trace, WANTED["first trace"]),
        ("PCA map drawn", drawn, WANTED["PCA map"]),
        ("UMAP, from the wish for it", waited, WANTED["UMAP"]),
    ):
        print(f"{what:<28} {seconds:8.2f} s   wanted {wanted:.0f}")
    print(f"PCA map, computed beforehand {computed:8.2f} s   UMAP without waiting {taken:.1f} s")
    print(f"run, click to its end        {run:8.1f} s   {run / before:,.0f} matrix products")
    print(f"map                          {said or 'all rows drawn'}")
    print(f"clicks lost                  {visit.lost:8d}")
    print(peak.lines())
    print(f"2048 matrix product          {before * 1e3:8.1f} ms before, {after * 1e3:.1f} ms after")
    print(f"load before                  {busy:>8}")


if __name__ == "__main__":
    main()
