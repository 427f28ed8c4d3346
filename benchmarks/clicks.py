"""Clicks on the pages of the real app, and how long each takes to be answered."""

import re
import time
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, expect

from ui.sidebar import STEPS

#: What shows that a page has come, by its name in the address: its own first text.
SIGNS = {
    "data": "Say which column is the label",
    "target": "Which rows do you trust?",
    "corrupt": "Damage a copy in known places",
    "value": "Which rows hurt?",
    "performance": "See how far the values can be trusted",
    "review": "Decide about the rows",
    "export": "Cleaned data",
}
# all of the page is there once its script has ended and nothing of another page is left
DRAWN = """() => document.querySelector("[data-testid=stApp]").dataset.testScriptState
    === "notRunning" && !document.querySelector("[data-stale=true]")"""
#: What the Value page says of a run that went to its end, and of one that was stopped.
FINISHED, STOPPED = re.compile("^Finished"), re.compile("^Stopped; what was computed")
#: The row that the card of the Review page shows, as "Row #12".
CARD = "() => document.querySelector('.st-key-card_row strong')?.textContent ?? ''"


def answer(page: Page, name: str) -> tuple[float, float, int]:
    """Seconds from a click in the sidebar until the page's own text is there, until all of it is,
    and lost clicks.

    Streamlit can lose a click that meets a timer's tick in the same instant; it is clicked again
    after 3 seconds, which count.
    """
    started, lost = time.perf_counter(), 0
    while True:
        page.locator(".st-key-steps a").nth(list(STEPS).index(name)).click()
        try:
            page.get_by_text(SIGNS[name]).first.wait_for(timeout=3000)
            break
        except TimeoutError:
            lost += 1
    answered = time.perf_counter() - started
    page.wait_for_function(DRAWN)
    return answered, time.perf_counter() - started, lost


def upload(page: Page, url: str, file: Path, rows: int) -> None:
    """Bring a file, and wait until its page is there."""
    page.goto(url)
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text(f"{rows:,}", exact=True).first).to_be_visible()
    page.wait_for_function(DRAWN)


def choose_target(page: Page, condition: str, number: int, rows: int) -> str:
    """From the Data page: target some of the rows that match; the name of the button that values.

    Args:
        page: on the Data page.
        condition: that every row meets.
        number: target rows, drawn at random.
        rows: of the data.
    """
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_text("Rows that match a condition").click()
    page.get_by_text("Write the query").click()
    box = page.get_by_label("Condition", exact=True)
    box.fill(condition)
    box.press("Enter")
    box = page.get_by_label("Take this many of them at random", exact=True)
    box.fill(str(number))
    box.press("Enter")
    expect(
        page.get_by_text(f"{number:,} target rows · {rows - number:,} source rows")
    ).to_be_visible()
    return f"Value {rows - number:,} rows"
