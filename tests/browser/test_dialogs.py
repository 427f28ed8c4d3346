"""A dialog is closed by a person, never by what ends behind it."""

import pytest
from playwright.sync_api import expect

expect.set_options(timeout=45_000)


@pytest.fixture
def ended(tmp_path):
    return tmp_path / "ended"


@pytest.fixture
def dialogs(page, apps, ended, start_server):
    page.goto(start_server(apps / "dialog_app.py", {"DVGS_TEST_ENDED": str(ended)}).url)
    expect(page.get_by_text("It goes on.")).to_be_visible()
    return page


def test_what_ends_behind_a_dialog_leaves_it_open_and_shows_once_it_is_closed(dialogs, ended):
    dialogs.get_by_role("button", name="Open").click()
    box = dialogs.get_by_role("dialog")
    box.get_by_label("A word").fill("half a sen")
    ended.touch()
    expect(dialogs.get_by_text("Noticed.")).to_be_attached()
    dialogs.wait_for_timeout(700)  # three more ticks
    expect(box).to_be_visible()
    expect(box.get_by_label("A word")).to_have_value("half a sen")
    expect(dialogs.get_by_text("It goes on.")).to_be_attached()
    box.get_by_label("A word").press("Tab")  # said, before the dialog goes
    dialogs.wait_for_timeout(700)
    box.get_by_label("Close").click()
    expect(dialogs.get_by_text("It has ended.")).to_be_visible()
    expect(box).to_be_hidden()


def test_without_a_dialog_the_page_is_drawn_again_at_once(dialogs, ended):
    ended.touch()
    expect(dialogs.get_by_text("It has ended.")).to_be_visible()
