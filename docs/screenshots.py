"""Pictures of the real app for the README and the guide: `make screenshots`.

Starts the app on an empty workspace, takes the digits demo through every page, and writes
docs/images/<page>-<light|dark>.png, and map-<light|dark>.png of the Value page's map; then
docs/images/tour.webp on another empty workspace.
"""

import re

from playwright.sync_api import Page, expect

from benchmarks.clicks import DRAWN, FINISHED
from benchmarks.real_app import ROOT, real_app, real_browser
from docs import tour

IMAGES = ROOT / "docs" / "images"
PORT = 8699
#: What shows that a page has been drawn, by its name in the address.
PAGES = {
    "data": "1,797",
    "target": "target rows",
    "corrupt": "What do you fear?",
    "value": "^Finished",
    "performance": "Review the lowest",
    "review": "UMAP of",
    "export": "holdout rows the decisions",
}


def prepare(page: Page, url: str) -> None:
    """The digits demo with a holdout, valued, its filtering curves drawn, six rows decided."""
    page.goto(url)
    page.get_by_role("button", name="Handwritten digits").click()
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_text("Which rows are valued, holdout, seed").click()
    share = page.get_by_role("slider", name="Share kept aside as holdout")
    share.focus()
    for _ in range(4):
        share.press("ArrowRight")
    value = page.get_by_role("button", name=re.compile(r"Value 1,[34]\d\d rows"))
    expect(value).to_be_visible()
    value.click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    value.click()
    expect(page.get_by_text(FINISHED)).to_be_visible()
    page.get_by_role("link", name="Performance").first.click()
    page.get_by_role("button", name="Draw the curves").click()
    # offered once all networks are trained
    expect(page.get_by_role("button", name=re.compile("Review the lowest"))).to_be_visible()
    page.get_by_role("link", name="Review").first.click()
    expect(page.get_by_text(re.compile("UMAP of"))).to_be_visible()
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    for count, key in enumerate("wwdwwk", start=1):
        page.keyboard.press(key)
        expect(page.get_by_text(re.compile(f"decided {count}"))).to_be_visible()


def drawn(page: Page, name: str) -> None:
    """Wait until all of a page is there, what its components draw included."""
    expect(page.get_by_text(re.compile(PAGES[name])).first).to_be_visible()
    if name == "review":
        page.locator(".map[data-points]").wait_for()
        page.get_by_role("toolbar", name="Review decisions").wait_for()
    page.wait_for_function(DRAWN)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # charts draw after their data has come


def main() -> None:
    """Write all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=900_000)
    with real_app(PORT) as (url, _, _), real_browser() as browser:
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 1440, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            page.set_default_timeout(900_000)
            if scheme == "light":
                prepare(page, url)
            for name in PAGES:
                page.goto(url if name == "data" else f"{url}/{name}")
                drawn(page, name)
                page.screenshot(path=IMAGES / f"{name}-{scheme}.png")
                if name == "value":
                    page.get_by_text("Map", exact=True).click()
                    page.locator(".map[data-points]").wait_for()
                    page.wait_for_timeout(1500)
                    page.screenshot(path=IMAGES / f"map-{scheme}.png")
            context.close()
    with real_app(PORT + 1) as (url, _, _), real_browser() as browser:
        width, height = tour.SIZE
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="light"
        )
        page = context.new_page()
        page.set_default_timeout(900_000)
        tour.record(page, url, IMAGES / "tour.webp")
        context.close()


if __name__ == "__main__":
    main()
