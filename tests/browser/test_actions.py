"""The review bar in a real browser: no press is lost, doubled, or bound to another row."""

import json

import pytest
from playwright.sync_api import Page, expect

from dvgs_core.errors import InputError
from ui.actions import ActionEvent, action_events
from ui.actions.component import digit_keys

QUEUE = [20_000 + 7 * place for place in range(300)]

# -- in Python ---------------------------------------------------------------------------------


def sent(batch, token="adult", cursor=9):
    return {"events": {"token": token, "client": "tab", "cursor": cursor, "batch": batch}}


def test_presses_up_to_the_acknowledged_one_are_left_out():
    batch = [{"sequence": n, "action": "keep", "row": n * 10} for n in (5, 6, 7)]
    pressed = action_events(sent(batch), token="adult", acknowledged=6)
    assert pressed.events == (ActionEvent("tab-7", 7, "keep", 70),)
    assert (pressed.cursor, pressed.last) == (9, 7)


def test_presses_made_for_another_dataset_are_left_out():
    batch = [{"sequence": 5, "action": "drop", "row": 1}]
    assert action_events(sent(batch, "blog"), token="adult", acknowledged=0).events == ()
    assert action_events(None, token="adult", acknowledged=0).cursor is None


def test_an_unknown_action_is_refused():
    with pytest.raises(InputError, match="reload"):
        action_events(sent([{"sequence": 5, "action": "explode"}]), token="adult", acknowledged=0)


def test_a_class_called_by_a_digit_is_on_that_digit():
    assert digit_keys(range(10)) == list("0123456789")
    assert digit_keys(["0", "1"]) == ["0", "1"]
    assert digit_keys(["-1", "1"]) == ["2", "1"]


def test_other_classes_take_the_digits_that_are_left_in_order():
    assert digit_keys(["no", "yes"]) == ["1", "2"]
    assert digit_keys([str(n) for n in range(12)]) == [*"0123456789", "", ""]
    assert digit_keys([f"class {n}" for n in range(11)]) == [*"123456789", "", ""]
    assert digit_keys(["²", "x"]) == ["1", "2"]  # a digit that no key writes


# -- in the browser ----------------------------------------------------------------------------


class Bar:
    """The bar on a page, as a reviewer meets it, and the book that the page writes."""

    def __init__(self, page: Page, url: str, book: str):
        self.page = page
        self.root = page.locator(".bar")
        page.goto(f"{url}/?book={book}")
        expect(self.root).to_have_attribute("data-cursor", str(QUEUE[0]))
        self.idle()

    def idle(self) -> None:
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")

    def answered(self) -> dict:
        """The book, once the page has acknowledged every press."""
        expect(self.root).to_have_attribute("data-pending", "0", timeout=15_000)
        self.idle()
        return self.book()

    def book(self) -> dict:
        return json.loads(self.page.get_by_test_id("stCode").inner_text())

    def press(self, keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def rapidly(self, keys: str, every: int) -> None:
        """Presses at a steady pace, as the browser gets them from a fast hand."""
        self.page.evaluate(
            """([keys, every]) => new Promise((done) => {
                let at = 0;
                const timer = setInterval(() => {
                    if (at === keys.length) { clearInterval(timer); done(); return; }
                    const options = { key: keys[at++], bubbles: true, cancelable: true };
                    document.body.dispatchEvent(new KeyboardEvent("keydown", options));
                }, every);
            })""",
            [keys, every],
        )

    def switch(self, name: str) -> None:
        self.page.get_by_text(name, exact=True).click()
        self.idle()


@pytest.fixture
def bar(page: Page, serve, apps, request) -> Bar:
    return Bar(page, serve(apps / "actions_app.py"), request.node.name)


def rows(book: dict) -> list[int]:
    return [decision["row"] for decision in book["decisions"]]


def test_each_key_does_what_its_button_says(bar):
    bar.press("kwd3w")
    expect(bar.page.get_by_text(f"No other label is suggested for #{QUEUE[4]}")).to_be_visible()
    bar.press("u")
    book = bar.answered()
    actions = [(d["row"], d["action"], d["label"]) for d in book["decisions"]]
    assert actions == [
        (QUEUE[0], "keep", None),
        (QUEUE[1], "relabel", 1),  # the label suggested for it
        (QUEUE[2], "drop", None),
        (QUEUE[3], "relabel", 2),
        # the fifth row has no suggestion: W did nothing there
        (QUEUE[4], "undecided", None),
    ]
    expect(bar.root).to_have_attribute("data-cursor", str(QUEUE[5]))
    expect(bar.page.get_by_text(f"#{QUEUE[4]} set to undecided")).to_be_visible()


def test_buttons_do_the_same_as_keys(bar):
    button = bar.page.locator(".bar").get_by_role
    button("button", name="K Keep").click()
    button("button", name="2 <b>bold</b> & co").click()
    button("button", name="D Drop").click()
    bar.page.get_by_label("Relabel as another class").select_option("class 12")
    bar.press("k")  # the list has given the keyboard back
    book = bar.answered()
    assert [(d["action"], d["label"]) for d in book["decisions"]] == [
        ("keep", None),
        ("relabel", 1),
        ("drop", None),
        ("relabel", 11),
        ("keep", None),
    ]
    assert rows(book) == QUEUE[:5]
    expect(bar.root.locator("b")).to_have_count(0)


def test_fifty_presses_at_thirty_milliseconds_land_on_fifty_rows_once_each(bar):
    keys = "kdu1k" * 10
    bar.rapidly(keys, 30)
    book = bar.answered()
    assert rows(book) == QUEUE[:50]
    meaning = {"k": "keep", "d": "drop", "u": "undecided", "1": "relabel"}
    assert [d["action"] for d in book["decisions"]] == [meaning[key] for key in keys]
    assert book["seen"] == 50
    assert book["cursor"] == QUEUE[50]


def test_presses_during_a_slow_run_are_neither_lost_nor_doubled(bar):
    bar.switch("Slow")
    # "idle" can be seen before the toggle's own run begins; presses would then meet a fast page
    expect(bar.page.get_by_test_id("stCode")).to_contain_text('"slow": true')
    bar.idle()
    before = bar.book()["runs"]
    bar.rapidly("kd" * 8, 90)
    book = bar.answered()
    assert rows(book) == QUEUE[:16]
    # 16 presses in 1.4 s, acknowledged 0.4 s after they come: those of meanwhile go as one batch
    assert book["runs"] - before <= 8


def test_typing_in_a_text_field_decides_nothing_and_enter_or_escape_leaves_it(bar):
    note = bar.page.get_by_label("Note")
    note.click()
    bar.page.keyboard.type("kdw keeps 1 drop")
    bar.page.keyboard.press("Enter")
    expect(note).not_to_be_focused()
    bar.idle()
    assert bar.book()["decisions"] == []
    assert note.input_value() == "kdw keeps 1 drop"
    note.click()
    bar.page.keyboard.press("Escape")
    expect(note).not_to_be_focused()
    bar.press("k")
    assert rows(bar.answered()) == [QUEUE[0]]


def test_combinations_held_keys_and_arrows_decide_nothing(bar):
    for keys in ("Control+k", "Alt+d", "Meta+u"):
        bar.page.keyboard.press(keys)
    bar.page.keyboard.down("k")
    for _ in range(5):
        bar.page.keyboard.down("k")  # the browser marks these as repeats
    bar.page.keyboard.up("k")
    for key in ("ArrowDown", "ArrowDown", "j", "ArrowUp"):
        bar.page.keyboard.press(key)
    book = bar.answered()
    assert rows(book) == [QUEUE[0]] and book["cursor"] == QUEUE[3]
    bar.press("k")
    assert rows(bar.answered()) == [QUEUE[0], QUEUE[3]]


def test_a_selection_is_decided_as_one_and_a_stale_one_is_refused(bar):
    bar.switch("Many selected")
    expect(bar.page.locator(".which")).to_have_text("37 rows")
    bar.press("dw")
    book = bar.answered()
    assert [(d["action"], d["row"], d["selection"]) for d in book["decisions"]] == [
        ("drop", None, "lasso-1"),
        ("relabel", None, "lasso-1"),
    ]
    assert book["cursor"] == QUEUE[0]
    expect(bar.page.get_by_text("37 rows relabelled as suggested")).to_be_visible()
    # the selection changes on the server while a press made on the old one is on its way
    bar.root.evaluate("(bar) => (bar.reviewBar.data.selection.version = 'lasso-0')")
    bar.press("k")
    book = bar.answered()
    assert book["refused"] == 1 and len(book["decisions"]) == 2


def test_undo_brings_back_the_row_and_presses_wait_for_it(bar):
    bar.press("kkk")
    bar.answered()
    bar.press("zzd")  # back to the second row, which is then dropped
    book = bar.answered()
    assert [(d["row"], d["action"]) for d in book["decisions"]] == [
        (QUEUE[0], "keep"),
        (QUEUE[1], "drop"),
    ]
    expect(bar.root).to_have_attribute("data-cursor", str(QUEUE[2]))
    bar.press("z")
    assert bar.answered()["cursor"] == QUEUE[1]
    bar.press("y")
    assert len(bar.answered()["decisions"]) == 2


def test_what_was_not_acknowledged_is_sent_again_after_page_switch_and_reload(bar):
    page = bar.page
    bar.switch("Do not acknowledge")
    bar.press("kdk")
    expect(page.get_by_text("3 not saved yet")).to_be_visible()
    page.get_by_role("link", name="Other").click()
    expect(page.get_by_text("page other")).to_be_visible()
    page.get_by_role("link", name="Review").click()
    # leaving the page has reset its switches: this visit acknowledges
    book = bar.answered()
    assert rows(book) == QUEUE[:3] and book["seen"] == 3

    bar.switch("Do not acknowledge")
    bar.press("uu")
    expect(page.get_by_text("2 not saved yet")).to_be_visible()
    page.reload()
    book = bar.answered()
    assert [d["action"] for d in book["decisions"]] == [
        "keep",
        "drop",
        "keep",
        "undecided",
        "undecided",
    ]
    assert rows(book) == QUEUE[:5] and book["seen"] == 5
    assert len(set(book["arrivals"])) == 5


def test_a_server_that_restarts_loses_no_press(page, start_server, apps):
    server = start_server(apps / "actions_app.py")
    bar = Bar(page, server.url, "restart")
    bar.press("kk")
    assert rows(bar.answered()) == QUEUE[:2]
    server.stop()
    bar.press("dd")
    expect(page.get_by_text("2 not saved yet")).to_be_visible()
    start_server(apps / "actions_app.py", port=server.port)
    expect(bar.root).to_have_attribute("data-pending", "0", timeout=30_000)
    book = bar.answered()
    # the new server's book began empty; the old one's first two presses may have come again
    dropped = [d["row"] for d in book["decisions"] if d["action"] == "drop"]
    assert dropped == QUEUE[2:4]


def test_nothing_shifts_whatever_is_pressed(bar):
    before = bar.root.bounding_box()
    names = ("which", "said", "classes")
    places = [bar.page.locator(f".{name}").bounding_box() for name in names]
    bar.press("kw4dz")
    bar.answered()
    bar.switch("Many selected")
    assert bar.root.bounding_box() == before
    after = [bar.page.locator(f".{name}").bounding_box() for name in names]
    assert [(box["x"], box["y"]) for box in after] == [(box["x"], box["y"]) for box in places]
