"""The main job at full size: all 48,842 rows of ADULT, target 2,000, default settings.

    python -m benchmarks.main_job        needs DVGS_DATA, Chromium and the test requirements

Starts the real app and a real browser, values the rows, and meanwhile goes from page to page and
times each answer. Prints the run's seconds, also as a multiple of a matrix product timed before and
after on the same machine, the slowest answers, and the peak memory of app and workers, together and
each.
"""

import itertools
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import expect

from benchmarks.clicks import FINISHED, answer, choose_target, upload
from benchmarks.machine import load, peak_memory, product_seconds
from benchmarks.real_app import real_app, real_browser

PORT = 8677
ROWS, TARGET = 48_842, 2000
VISITED = ("data", "target", "export", "review", "value")
PAUSES = (0.5, 0.0)  # seconds; someone who looks before clicking again, and someone who does not


def main() -> None:
    data = Path(os.environ["DVGS_DATA"]) / "adult.parquet"
    busy, before = load(), product_seconds()
    expect.set_options(timeout=60_000)
    with real_app(PORT) as (url, pid, folder), real_browser() as browser:
        csv = folder / "adult.csv"
        pd.read_parquet(data).to_csv(csv, index=False)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        upload(page, url, csv, ROWS)
        value = choose_target(page, "age > 0", TARGET, ROWS)
        page.get_by_role("button", name=value).click()
        expect(page.get_by_role("heading", name="Value")).to_be_visible()
        with peak_memory(pid) as peak:
            started = time.perf_counter()
            page.get_by_role("button", name=value).click()
            expect(page.get_by_text("rows that hurt most")).to_be_visible()
            first_trace = time.perf_counter() - started
            times: dict[tuple[str, float], list[tuple[float, float]]] = {}
            lost = 0
            pauses = itertools.cycle(PAUSES)
            while page.get_by_text(FINISHED).count() == 0:
                pause = next(pauses)
                for name in VISITED:
                    time.sleep(pause)
                    answered, drawn, missed = answer(page, name)
                    times.setdefault((name, pause), []).append((answered, drawn))
                    lost += missed
            seconds = time.perf_counter() - started
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
    print(peak.lines())
    print(f"2048 matrix product        {before * 1e3:8.1f} ms before, {after * 1e3:.1f} ms after")
    print(f"load before                {busy:>8}")


if __name__ == "__main__":
    main()
