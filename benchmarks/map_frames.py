"""Frames of the linked map in a real browser, while a hand pans, zooms and draws a lasso.

    python -m benchmarks.map_frames [--rows 100000 1000000]     needs Chromium

Shows the map alone, moves a real mouse over it and notes when the browser was ready for each next
frame: 16.7 ms at 60 frames a second, which is as many as a browser draws. While the hand moves, a
picture that takes longer is drawn of fewer points; the whole one, drawn once the hand rests, is
given in milliseconds of its own.
"""

import argparse
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from playwright.sync_api import Page, expect

from benchmarks.machine import load, product_seconds
from benchmarks.real_app import ROOT, answering, real_browser

MOVES = 150
RECORD = """() => {
  window.ticks = [];
  const tick = (now) => { window.ticks.push(now); window.asked = requestAnimationFrame(tick); };
  window.asked = requestAnimationFrame(tick);
}"""
STOP = "() => { cancelAnimationFrame(window.asked); return window.ticks; }"


@contextmanager
def served(rows: int) -> Iterator[str]:
    """The address of a page with the map of so many rows."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = ROOT / "tests" / "browser" / "apps" / "map_app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.headless=true"]
    command += [f"--server.port={port}", "--server.fileWatcherType=none"]
    environment = {**os.environ, "MAP_ROWS": str(rows), "PYTHONPATH": str(ROOT)}
    url = f"http://localhost:{port}"
    with answering(command, url, environment):
        yield url


def intervals(page: Page, motion: str) -> np.ndarray:
    """(frames,) milliseconds between frames while the hand does something."""
    box = page.locator("canvas.over").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    turns = np.linspace(0, 4 * np.pi, MOVES)
    page.mouse.move(x, y)
    if motion == "lasso":
        page.keyboard.down("Shift")
    if motion != "zoom":
        page.mouse.down()
    page.evaluate(RECORD)
    for turn in turns.tolist():
        if motion == "zoom":
            page.mouse.wheel(0, 40 * np.cos(turn))
        else:
            page.mouse.move(x + 90 * np.sin(turn), y + 90 * (1 - np.cos(turn)))
    ticks = page.evaluate(STOP)
    if motion != "zoom":
        page.mouse.up()
    if motion == "lasso":
        page.keyboard.up("Shift")
    root = page.locator(".map").element_handle()
    page.wait_for_function("(root) => !root.linkedMap.moving", arg=root)
    return np.diff(np.array(ticks))


def measure(rows: int) -> None:
    """Print a line a motion."""
    with served(rows) as url, real_browser() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(url)
        picture = page.locator(".map")
        expect(picture).to_have_attribute("data-frames", re.compile(r"\d+"), timeout=120_000)
        page.wait_for_timeout(2_000)
        for motion in ("pan", "zoom", "lasso"):
            before = int(picture.get_attribute("data-frames") or 0)
            found = intervals(page, motion)
            drawn = int(picture.get_attribute("data-frames") or 0) - before
            print(
                f"{rows:>9,} points, {motion:5}: {np.median(found):5.1f} ms a frame (median), "
                f"{np.quantile(found, 0.95):5.1f} (95 of 100 are no longer); all points drawn anew "
                f"{drawn} times in {len(found)} frames"
            )
        page.wait_for_timeout(1_000)
        print(f"{rows:>9,} points, at rest: {picture.get_attribute('data-cost')} ms a picture")


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames of the linked map in a real browser.")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    asked = parser.parse_args()
    print(f"2048 × 2048 product: {1000 * product_seconds():.0f} ms; load {load()}")
    for rows in asked.rows:
        measure(rows)


if __name__ == "__main__":
    main()
