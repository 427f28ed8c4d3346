"""Waiting for what a person would wait for: a page that has answered, a file that is there."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect


def settled(page: Page) -> None:
    """Until the script has ended and nothing of the page before it is left."""
    page.wait_for_function(
        """() => document.querySelector("[data-testid=stApp]").dataset.testScriptState
        === "notRunning" && !document.querySelector("[data-stale=true]")"""
    )


def fill(page: Page, label: str, text: str) -> None:
    """Write into a field and wait for the answer."""
    settled(page)
    box = page.get_by_label(label, exact=True).first
    box.fill(text)
    box.press("Enter")
    settled(page)


def downloaded(button: Locator, folder: Path) -> Path:
    """Press a download button; the file as the browser saved it, under its own name.

    Streamlit gives the file of such a button a new address with each answer, so a press in the
    middle of one meets an address that is gone.
    """
    expect(button).to_be_enabled()
    settled(button.page)
    with button.page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
