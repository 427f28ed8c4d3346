"""The linked map in a real browser: what is lassoed, kept, clicked and shown."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from dvgs_core.errors import InputError
from tests.data.test_wording import WRITTEN
from ui import map as map_package
from ui.map import (
    MapHover,
    MapPoints,
    class_colours,
    decision_colours,
    map_events,
    selected_rows,
    value_colours,
)
from ui.map.points import HOVER_BYTES


def inside_one_by_one(polygon, x: float, y: float) -> bool:
    """Even-odd rule as it stands in the books, one point, plain Python."""
    odd = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


# -- in Python --------------------------------------------------------------------------------

corner = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
place = st.tuples(st.integers(-40, 40), st.integers(-40, 40))


@given(polygon=st.lists(corner, max_size=12), places=st.lists(place, max_size=40))
def test_selected_rows_are_those_of_the_even_odd_rule_taken_point_by_point(polygon, places):
    xy = np.array(places, dtype=np.float32).reshape(-1, 2) / 8
    expected = [len(polygon) > 2 and inside_one_by_one(polygon, x, y) for x, y in xy.tolist()]
    assert selected_rows(polygon, xy).tolist() == expected


def test_no_lasso_selects_nothing_and_a_broken_one_is_refused():
    xy = np.zeros((3, 2), dtype=np.float32)
    assert not selected_rows(None, xy).any()
    with pytest.raises(InputError, match="finite"):
        selected_rows([(0, 0), (1, math.inf), (1, 1)], xy)
    with pytest.raises(InputError, match=r"\(n, 2\)"):
        selected_rows([(0, 0), (1, 0), (1, 1)], np.zeros((3, 3)))


def test_points_that_are_not_finite_or_repeat_a_row_are_refused():
    with pytest.raises(InputError, match="first: row 7"):
        MapPoints.of([[0, 1], [np.nan, 2]], [3, 7])
    with pytest.raises(InputError, match="distinct"):
        MapPoints.of([[0, 1], [1, 2]], [3, 3])


def test_rows_that_are_not_drawn_are_left_out_of_a_subset():
    points = MapPoints.of(np.random.default_rng(0).normal(size=(4, 2)), [40, 10, 30, 20])
    assert points.positions([10, 25, 40, 99, -1]).tolist() == [1, 0]
    assert points.subset([30]) == {"at": [2]}


def test_equal_content_has_equal_versions_and_other_content_others():
    values = np.linspace(-1, 1, 9)
    assert value_colours(values).version == value_colours(values.copy()).version
    assert value_colours(values).version != value_colours(values + 1e-9).version
    xy = np.arange(6.0).reshape(3, 2)
    assert MapPoints.of(xy).version == MapPoints.of(xy.copy()).version
    assert MapPoints.of(xy).version != MapPoints.of(xy, [0, 1, 3]).version


def test_value_scale_is_grey_at_the_median_and_muted_where_a_value_is_missing():
    values = np.r_[np.arange(101.0), np.nan]
    colours = value_colours(values)
    assert colours.light[colours.index[50]] == "#C9CDD3"
    assert colours.dark[colours.index[50]] == "#3A4048"
    assert (colours.light[colours.index[0]], colours.light[colours.index[100]]) == (
        "#D55E00",
        "#0072B2",
    )
    assert colours.legend[-1] == ("no value", colours.index[-1])
    assert (np.diff(colours.index[:101].astype(int)) >= 0).all()


def test_equal_values_are_all_grey():
    colours = value_colours(np.full(5, 0.25))
    assert {colours.light[at] for at in colours.index} == {"#C9CDD3"}


def test_past_twelve_classes_the_most_frequent_keep_a_colour():
    codes = np.r_[np.repeat(np.arange(14), np.arange(14) + 1), -1]
    colours = class_colours(codes, [f"c{i}" for i in range(14)])
    names = [name for name, _ in colours.legend]
    assert names == [*(f"c{i}" for i in range(3, 14)), "other (3 classes)", "no label"]
    assert (
        len(set(colours.index[(codes >= 0) & (codes < 3)])) == 1
    )  # the three rare ones share one colour
    assert len(colours.light) == len(colours.dark) == 13


def test_unknown_decisions_and_missing_pictures_are_refused():
    with pytest.raises(InputError, match="'remove'"):
        decision_colours(["keep", "remove"])
    with pytest.raises(InputError, match="got 1 for 2"):
        MapHover.of(pd.DataFrame({"a": [1, 2]}), pictures=["data:image/png;base64,"])


def test_cells_of_the_hover_card_are_numbers_or_places_among_the_different_texts():
    frame = pd.DataFrame(
        {
            "n": [1.5, np.nan, -2.0],
            "big": [2**40 + 1, 0, 1],
            "who": ["b", None, "b"],
            "yes": [True, False, True],
        }
    )
    numbers, big, who, yes = MapHover.of(frame).fields
    np.testing.assert_array_equal(numbers.cells, np.float32([1.5, np.nan, -2]))
    assert numbers.texts is None and big.cells.tolist() == [2**40 + 1, 0, 1]
    assert [who.texts[at] for at in who.cells] == ["b", "–", "b"]
    assert [yes.texts[at] for at in yes.cells] == ["True", "False", "True"]
    assert MapHover.of(frame).version != MapHover.of(frame.fillna({"who": "c"})).version


def test_columns_that_would_make_the_map_slow_to_open_are_left_out():
    rows = 150_000
    unlike = [f"{row:060d}" for row in range(rows)]
    hover = MapHover.of(pd.DataFrame({"a": 1.0, "text": unlike, "few": "x" * 500}, range(rows)))
    assert [field.name for field in hover.fields] == ["a", "few"]
    assert sum(field.bytes for field in hover.fields) <= HOVER_BYTES
    assert hover.fields[1].texts == ("x" * 80,)


def test_a_lasso_of_another_layout_is_left_out():
    view = {
        "version": "a",
        "polygon": [[0, 0], [1, 0], [1, 1]],
        "lasso": 5,
        "clicked": 3,
        "click": 2,
    }
    assert map_events({"view": view}, "a").polygon == ((0, 0), (1, 0), (1, 1))
    other = map_events({"view": view}, "b")
    assert (other.polygon, other.lasso, other.clicked) == (None, 0, 3)
    assert map_events(None, "a").polygon is None


# -- in the browser ---------------------------------------------------------------------------


def test_the_browser_writes_numbers_as_python_does(page):
    shared = Path(map_package.__file__).parents[1] / "shared.js"
    values = list(WRITTEN)
    said = page.evaluate(
        "([code, values]) => values.map(new Function(`${code}; return numberText;`)())",
        [shared.read_text(encoding="utf-8"), values],
    )
    assert dict(zip(values, said, strict=True)) == WRITTEN


class Map:
    """The map on a page, as a person meets it."""

    def __init__(self, page: Page, url: str):
        self.page = page
        self.root = page.locator(".map")
        self.canvas = page.locator("canvas.over")
        page.goto(url)
        self.settle()

    def ask(self, expression: str, *arguments):
        """Evaluate JavaScript with `map` and `arguments`."""
        function = f"(root, args) => {{ const map = root.linkedMap; return {expression}; }}"
        return self.root.evaluate(function, list(arguments))

    def settle(self) -> None:
        """Until the picture is drawn in full and the page has finished running."""
        expect(self.root).to_have_attribute("data-frames", re.compile(r"\d+"))
        done = "(root) => !root.linkedMap.moving && !root.linkedMap.frameAsked"
        self.page.wait_for_function(done, arg=self.root.element_handle())
        self.idle()

    def idle(self) -> None:
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")

    def place(self, row: int) -> tuple[float, float]:
        """Where a row is on the page, in pixels."""
        x, y = self.ask(
            "map.toScreen(map.points.xy[2 * args[0]], map.points.xy[2 * args[0] + 1])", row
        )
        box = self.canvas.bounding_box()
        return box["x"] + x, box["y"] + y

    def lonely_row(self, suitable=lambda name: True) -> int:
        """The row farthest from all others, so that it is clear which one is meant."""
        names = self.ask("Array.from(map.texts.field0).map((at) => map.texts.fields[0].texts[at])")
        xy = np.array(self.ask("Array.from(map.points.xy)")).reshape(-1, 2)
        distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
        np.fill_diagonal(distance, np.inf)
        order = np.argsort(-distance.min(axis=1))
        return next(int(row) for row in order if suitable(names[row]))

    def lasso(self, centre=(0.55, 0.4), radius=0.22) -> None:
        """Draw a lobed outline, in shares of the canvas."""
        self.page.get_by_role("button", name="Lasso select").click()
        box = self.canvas.bounding_box()
        places = []
        for turn in np.arange(24) * math.tau / 24:
            reach = radius * (1 + 0.3 * math.sin(5 * turn))
            x, y = centre[0] + reach * math.cos(turn), centre[1] + reach * math.sin(turn)
            places.append((box["x"] + x * box["width"], box["y"] + y * box["height"]))
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place)
        self.page.mouse.up()

    def zoom_in(self) -> None:
        box = self.canvas.bounding_box()
        self.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
        self.page.mouse.wheel(0, -400)
        expect(self.root).not_to_have_attribute("data-view", re.compile(",1$"))
        self.settle()

    def view(self) -> str:
        return self.root.get_attribute("data-view")

    def inside(self) -> list[int]:
        """Rows that the browser shows as selected."""
        return self.ask("[...(map.inside ?? [])].flatMap((yes, i) => (yes ? [i] : []))")

    def sent(self) -> dict:
        """What Python has: the polygon, and the rows that it holds."""
        return json.loads(self.page.get_by_test_id("stCode").inner_text())

    def said(self, name: str) -> str:
        """The rest of the line of text that begins with a name."""
        return self.page.get_by_text(re.compile(f"^{name} ")).inner_text().split()[1]


@pytest.fixture
def linked(page: Page, serve, apps) -> Map:
    return Map(page, serve(apps / "map_app.py"))


def test_lasso_selects_exactly_the_rows_of_a_point_in_polygon_test(linked):
    linked.lasso()
    expect(linked.page.get_by_text("selected 0", exact=True)).to_have_count(0)
    linked.settle()
    sent = linked.sent()
    xy = np.array(linked.ask("Array.from(map.points.xy)")).reshape(-1, 2)
    expected = [row for row, (x, y) in enumerate(xy) if inside_one_by_one(sent["polygon"], x, y)]
    assert 100 < len(expected) < 1000
    assert sent["rows"] == expected
    assert linked.inside() == expected
    expect(linked.page.get_by_text(f"{len(expected)} points in the lasso")).to_be_visible()


def test_box_selects_what_it_encloses_until_escape_or_the_page_clears_it(linked):
    linked.page.get_by_role("button", name="Box select").click()
    box = linked.canvas.bounding_box()
    linked.page.mouse.move(box["x"] + 200, box["y"] + 150)
    linked.page.mouse.down()
    linked.page.mouse.move(box["x"] + 420, box["y"] + 330, steps=4)
    linked.page.mouse.up()
    expect(linked.page.get_by_text("selected 0", exact=True)).to_have_count(0)
    linked.settle()
    (left, top), (right, low) = (linked.sent()["polygon"][at] for at in (0, 2))
    xy = np.array(linked.ask("Array.from(map.points.xy)")).reshape(-1, 2)
    enclosed = (xy[:, 0] > left) & (xy[:, 0] < right) & (xy[:, 1] < top) & (xy[:, 1] > low)
    assert linked.inside() == np.flatnonzero(enclosed).tolist() != []
    linked.page.keyboard.press("Escape")
    expect(linked.page.get_by_text("selected 0", exact=True)).to_be_visible()
    assert linked.inside() == []
    linked.lasso()
    expect(linked.page.get_by_text("selected 0", exact=True)).to_have_count(0)
    linked.page.get_by_role("button", name="Forget the lasso").click()
    expect(linked.root).to_have_attribute("data-inside", "")
    assert linked.inside() == []


def test_zoom_and_lasso_survive_reruns_new_colours_page_switches_and_a_reload(linked):
    page = linked.page
    linked.zoom_in()
    linked.lasso()
    expect(page.get_by_text("selected 0", exact=True)).to_have_count(0)
    linked.settle()
    view, rows, number = linked.view(), linked.inside(), linked.said("lasso")
    colours = linked.root.get_attribute("data-colours")
    assert rows and linked.sent()["rows"] == rows

    def unchanged():
        expect(page.get_by_text(f"selected {len(rows)}", exact=True)).to_be_visible()
        linked.settle()
        assert (linked.view(), linked.inside(), linked.said("lasso")) == (view, rows, number)

    page.get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("runs 3", exact=True)).to_be_visible()
    unchanged()

    page.get_by_role("combobox").click()
    page.get_by_role("option", name="label").click()
    expect(linked.root).not_to_have_attribute("data-colours", colours)
    unchanged()

    page.get_by_text("Select every tenth row").click()
    expect(linked.root).to_have_attribute("data-outlined", "200")
    unchanged()

    for name, heading in (
        ("Second", "page second"),
        ("Empty", "page empty"),
        ("First", "page first"),
    ):
        page.get_by_role("link", name=name).click()
        expect(page.get_by_text(heading, exact=True)).to_be_visible()
        if name != "Empty":
            unchanged()

    page.reload()
    unchanged()


def test_hover_card_shows_texts_as_they_are_and_never_as_markup(linked):
    row = linked.lonely_row(lambda name: "<b>" in name)
    linked.page.mouse.move(*linked.place(row))
    card = linked.page.locator(".card")
    expect(card).to_be_visible()
    expect(card).to_contain_text(f"#{row}")
    expect(card).to_contain_text("income <i>")
    expect(card).to_contain_text("<b>bold</b> & co")
    expect(card.locator("dd").nth(2)).to_have_text(f"{row:,}")
    expect(card.locator("b, i")).to_have_count(0)
    linked.page.mouse.move(1, 1)
    expect(card).to_be_hidden()


def test_rows_damaged_on_purpose_are_crossed_and_legend_and_description_say_so(linked):
    expect(linked.root).to_have_attribute("data-starred", "34")
    expect(linked.page.locator(".legend .starred")).to_have_text("×damaged on purpose")
    said = linked.canvas.get_attribute("aria-label")
    assert "A cross marks the rows damaged on purpose, 34 of them." in said
    linked.ask("(map.stars = [2], map.rings = [], map.colours.index.fill(0), map.draw())")
    x, y = linked.ask("map.toScreen(map.points.xy[4], map.points.xy[5])")
    ink = linked.ask(
        "[0, 1.5].map((d) => [...map.picture.getContext('2d').getImageData("
        "(args[0] + d) * devicePixelRatio, (args[1] + d) * devicePixelRatio, 1, 1).data])",
        x, y,
    )  # fmt: skip
    bare = linked.ask("map.palette[0] & 255")
    assert all(abs(pixel[0] - bare) > 40 for pixel in ink)


def test_click_picks_the_nearest_point_and_a_drag_does_not(linked):
    row = linked.lonely_row()
    x, y = linked.place(row)
    linked.page.mouse.click(x + 3, y + 2)
    expect(linked.page.get_by_text(f"clicked {row}", exact=True)).to_be_visible()
    linked.settle()
    before = linked.view()
    linked.page.mouse.move(x, y)
    linked.page.mouse.down()
    linked.page.mouse.move(x + 80, y + 30, steps=5)
    linked.page.mouse.up()
    expect(linked.root).not_to_have_attribute("data-view", before)
    linked.settle()
    moved = linked.place(row)
    assert moved == pytest.approx((x + 80, y + 30), abs=0.01)
    assert linked.said("clicked") == str(row) and linked.said("runs") == "2"


def test_wheel_zooms_about_the_pointer_and_double_click_shows_all(linked):
    whole = linked.view()
    row = linked.lonely_row()
    linked.page.mouse.move(*linked.place(row))
    before = linked.place(row)
    linked.page.mouse.wheel(0, -300)
    expect(linked.root).not_to_have_attribute("data-view", whole)
    linked.settle()
    assert linked.place(row) == pytest.approx(before, abs=0.5)
    linked.canvas.dblclick(position={"x": 5, "y": 5})
    expect(linked.root).to_have_attribute("data-view", whole)


def test_keyboard_alone_moves_zooms_picks_and_selects(linked):
    page = linked.page
    linked.canvas.focus()
    label = linked.canvas.get_attribute("aria-label")
    assert label.startswith("2000 rows by likeness.") and "Escape clears" in label
    start = linked.view()
    page.keyboard.press("ArrowRight")
    expect(linked.root).not_to_have_attribute("data-view", start)
    page.keyboard.press("+")
    page.keyboard.press("Enter")
    expect(page.get_by_text("clicked None", exact=True)).to_have_count(0)
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("selected 0", exact=True)).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_text("selected 0", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pan", exact=True)).to_be_focused()


def test_two_fingers_zoom_whatever_the_mode(linked):
    linked.page.get_by_role("button", name="Lasso select").click()
    box = linked.canvas.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    session = linked.page.context.new_cdp_session(linked.page)

    def touch(kind: str, spread: float | None) -> None:
        ends = () if spread is None else (-spread, spread)
        points = [{"x": middle[0] + end, "y": middle[1], "id": at} for at, end in enumerate(ends)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 40)
    for spread in (50, 60, 70, 80):
        touch("touchMove", spread)
    touch("touchEnd", None)
    expect(linked.root).not_to_have_attribute("data-view", re.compile(",1$"))
    linked.settle()
    assert float(linked.view().split(",")[2]) == pytest.approx(2, rel=0.05)
    assert linked.said("runs") == "1"  # nothing was lassoed on the way


def test_nothing_shifts_when_lasso_and_colours_change_and_legend_names_are_text(linked):
    page = linked.page
    before = linked.root.bounding_box()
    linked.lasso()
    expect(page.get_by_text("selected 0", exact=True)).to_have_count(0)
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="label").click()
    legend = page.locator(".legend")
    expect(legend).to_contain_text("<b>bold</b> & co")
    expect(legend).to_contain_text("عربي")
    expect(legend.locator("b")).to_have_count(0)
    assert linked.root.bounding_box() == before


def test_a_hundred_thousand_points_are_sent_once(page, serve, apps):
    sizes = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))),
    )
    linked = Map(page, serve(apps / "map_app.py", {"MAP_ROWS": "100000"}))
    assert sum(sizes) > 800_000
    sizes.clear()
    page.get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("runs 2", exact=True)).to_be_visible()
    linked.settle()
    assert sum(sizes) < 60_000
    linked.lasso(radius=0.3)
    expect(page.get_by_text("selected 0", exact=True)).to_have_count(0)
    linked.settle()
    assert linked.said("selected") == str(len(linked.inside()))


def test_points_stay_in_the_browser_however_often_their_colours_change(linked):
    # they are not sent again, and another map of the same rows must find them
    for times in range(1, 15):
        linked.page.get_by_role("button", name="New values").click()
        linked.page.get_by_text(f"runs {times + 1}", exact=True).wait_for()
        linked.settle()
    kept = linked.ask("[...window[Symbol.for('dvgs.map')].arrays.keys()]")
    for kind in ("points", "colours", "hover"):
        assert f"{kind}:{linked.ask(f'map.data.{kind}')}" in kept
