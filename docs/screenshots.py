"""Pictures of the real app for the README: `make screenshots`.

Starts the app on an empty workspace, takes the digits demo through every page, and writes
docs/images/<page>-<light|dark>.png.
"""

import re

from playwright.sync_api import Page, expect

from benchmarks.real_app import ROOT, real_app, real_browser

IMAGES = ROOT / "docs" / "images"
PORT = 8699
PAGES = {
    "data": "Columns",
    "target": "Target rows, the first 50",
    "value": "Finished.",
    "review": "UMAP of",
    "export": "Effect on each class",
}


def prepare(page: Page, url: str) -> None:
    """The digits demo, valued with default settings, six rows decided."""
    page.goto(url)
    page.get_by_role("button", name="Handwritten digits").click()
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_role("button", name="Value 1,797 rows").click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    page.get_by_role("button", name="Value 1,797 rows").click()
    expect(page.get_by_text("Finished.")).to_be_visible()
    page.get_by_role("button", name="Review the lowest").click()
    expect(page.get_by_text(re.compile("UMAP of"))).to_be_visible()
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    for count, key in enumerate("wwdwwk", start=1):
        page.keyboard.press(key)
        expect(page.get_by_text(re.compile(f"decided {count}"))).to_be_visible()


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=60_000)
    with real_app(PORT) as (url, _, _), real_browser() as browser:
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 1440, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            if scheme == "light":
                prepare(page, url)
            for name, sign in PAGES.items():
                page.goto(url if name == "data" else f"{url}/{name}")
                expect(page.get_by_text(sign).first).to_be_visible()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=IMAGES / f"{name}-{scheme}.png")
            context.close()


if __name__ == "__main__":
    main()
