"""The animated tour at the README's top: the digits demo from the upload to the export.

Pictures are taken of the real app while it works. Where the pointer pressed, a ring is drawn; keys
are shown as they are pressed.
"""

import io
import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Locator, Page, expect

from benchmarks.clicks import FINISHED

SIZE, SHOWN = (1280, 800), (960, 600)
ACCENT, INK = (47, 111, 222), (27, 31, 36)
#: Pictures of the run that are kept, and how long each is shown.
MOVING, MOVING_MS = 18, 180


class Tour:
    """Pictures with how long each is shown.

    Args:
        page: the app, `SIZE` large.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[tuple[Image.Image, int]] = []

    def picture(self) -> Image.Image:
        """What the page shows now."""
        png = self.page.screenshot()
        return Image.open(io.BytesIO(png)).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)

    def show(self, milliseconds: int, key: str = "") -> None:
        """Add what the page shows now, with a key that was just pressed."""
        picture = self.picture()
        self.frames.append((_with_key(picture, key) if key else picture, milliseconds))

    def press(self, target: Locator, milliseconds: int = 500) -> None:
        """Show where the pointer is going to press, then press."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box is not None
        scale = SHOWN[0] / SIZE[0]
        centre = ((box["x"] + box["width"] / 2) * scale, (box["y"] + box["height"] / 2) * scale)
        self.frames.append((_with_ring(self.picture(), centre), milliseconds))
        target.click()

    def save(self, path: Path) -> None:
        """Write an animated WebP that repeats; pictures that are the same become one."""
        joined: list[tuple[Image.Image, int]] = []
        for picture, milliseconds in self.frames:
            if joined and joined[-1][0].tobytes() == picture.tobytes():
                joined[-1] = (picture, joined[-1][1] + milliseconds)
            else:
                joined.append((picture, milliseconds))
        first, *rest = [picture for picture, _ in joined]
        first.save(
            path,
            save_all=True,
            append_images=rest,
            duration=[milliseconds for _, milliseconds in joined],
            loop=0,
            quality=72,
            method=4,
        )


def record(page: Page, url: str, path: Path) -> None:
    """Take the tour and write it.

    Args:
        page: a light one, `SIZE` large.
        url: of the app, on a workspace without data.
        path: of the animation, ending in .webp.
    """
    tour = Tour(page)
    page.goto(url)
    demo = page.get_by_role("button", name="Handwritten digits")
    expect(demo).to_be_visible()
    tour.show(700)
    tour.press(demo)
    choose = page.get_by_role("button", name="Choose the target")
    expect(choose).to_be_visible()
    _settled(page)
    tour.show(900)
    tour.press(choose)
    value = page.get_by_role("button", name="Value 1,797 rows")
    expect(value).to_be_visible()
    _settled(page)
    tour.show(900)
    tour.press(value)
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    expect(value).to_be_visible()
    tour.press(value)
    _run(tour)
    tour.press(page.get_by_role("button", name="Review the lowest"))
    expect(page.get_by_text(re.compile("UMAP of"))).to_be_visible()
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    page.locator(".map[data-points]").wait_for()
    _settled(page)
    tour.show(1000)
    for count, key in enumerate("wwdwkw", start=1):
        page.keyboard.press(key)
        expect(page.get_by_text(re.compile(f"decided {count}"))).to_be_visible()
        tour.show(420, key=key.upper())
    tour.press(page.get_by_role("link", name="Export").first)
    expect(page.get_by_role("button", name="Report")).to_be_visible()
    expect(page.get_by_text("Effect on each class")).to_be_visible()
    _settled(page)
    tour.show(2200)
    tour.save(path)


def _run(tour: Tour) -> None:
    """The run as it goes, thinned to a few pictures."""
    page, taken, pause = tour.page, [], 150
    expect(page.get_by_text("rows that hurt most")).to_be_visible()
    while not page.get_by_text(FINISHED).is_visible():
        taken.append(tour.picture())
        if len(taken) > 8 * MOVING:  # a long run: half of them tell as much
            del taken[1::2]
            pause *= 2
        page.wait_for_timeout(pause)
    _settled(page)
    step = max(1, len(taken) / MOVING)
    kept = [taken[int(at * step)] for at in range(int(len(taken) / step))]
    tour.frames += [(picture, MOVING_MS) for picture in kept]
    tour.show(900)


def _settled(page: Page) -> None:
    """Wait until charts and tables have been drawn."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(700)


def _with_ring(picture: Image.Image, centre: tuple[float, float]) -> Image.Image:
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    for radius, opacity in ((20, 60), (11, 170)):
        x, y = centre
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*ACCENT, opacity))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _with_key(picture: Image.Image, key: str) -> Image.Image:
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    x, y, side = SHOWN[0] // 2, SHOWN[1] - 190, 34
    box = (x - side, y - side, x + side, y + side)
    draw.rounded_rectangle(box, radius=12, fill=(255, 255, 255), outline=INK, width=2)
    draw.text((x, y), key, fill=INK, anchor="mm", font=ImageFont.load_default(34))
    return drawn
