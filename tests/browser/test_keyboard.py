"""The whole job with the keyboard alone, from the demo to the cleaned file."""

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from dvgs_core.store import Workspace
from tests.browser.waiting import settled

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser
# the name of what has the focus, also inside a component of ours, and whether the eye can find it
FOCUSED = """() => {
  let at = document.activeElement;
  while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return ["", false];
  const drawn = element => {
    const style = getComputedStyle(element);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
      || style.boxShadow !== "none";
  };
  // what scrolls can be focused too, and holds all names there are
  const own = at.matches("button, a, input, select, textarea, canvas, [role]") ? at.innerText : "";
  const said = (at.getAttribute("aria-label") || own || "").trim();
  // a field's frame, not the field, changes its colour
  return [said, drawn(at) || at.matches("input, select, textarea")];
}"""


def reach(page: Page, name: str | re.Pattern) -> None:
    """Press Tab until what has this name has the focus; on the way all that has it can be seen."""
    settled(page)
    passed = []
    for _ in range(120):
        page.keyboard.press("Tab")
        said, visible = page.evaluate(FOCUSED)
        assert visible or not said, f"{said!r} has the focus, and nothing shows it"
        if re.search(name, said):
            return
        passed.append(said)
    pytest.fail(f"{name!r} cannot be reached with the Tab key; these can: {passed}")


def press(page: Page, name: str | re.Pattern) -> None:
    reach(page, name)
    page.keyboard.press("Enter")


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_from_the_demo_to_the_cleaned_file_with_the_keyboard_alone(
    page: Page, start_server, tmp_path
):
    space = tmp_path / "workspace"
    app = start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(space)})
    page.goto(app.url)
    expect(page.get_by_role("button", name="Breast cancer")).to_be_visible()
    press(page, "Breast cancer")
    expect(page.get_by_text("569", exact=True)).to_be_visible()
    press(page, "Choose the target")
    heading(page, "Target")
    press(page, "^Value 569 rows|Value 569 rows$")
    heading(page, "Value")
    press(page, "Value 569 rows$")
    expect(page.get_by_text(re.compile("^Finished"))).to_be_visible(timeout=240_000)
    press(page, "Review the lowest$")
    heading(page, "Review")
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    settled(page)
    for count, key in enumerate("dkdz", start=1):
        page.keyboard.press(key)
        decided = {1: 1, 2: 2, 3: 3, 4: 2}[count]
        expect(page.get_by_text(re.compile(f"decided {decided}\\b"))).to_be_visible()
    press(page, "Export")
    heading(page, "Export")
    settled(page)
    reach(page, "Download the cleaned data")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "clean.csv")
    (dataset,) = Workspace(space).datasets()
    original = Workspace(space).load_table(dataset.id).frame
    cleaned = pd.read_csv(tmp_path / "clean.csv")
    assert len(cleaned) == len(original) - 1
