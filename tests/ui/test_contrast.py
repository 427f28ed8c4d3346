"""Colours can be read and told apart: WCAG's contrast, and the eyes of deuteranopes."""

import re
import tomllib
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from ui import style
from ui.map import colours
from ui.panels.component import COLOURS

ROOT = Path(__file__).resolve().parents[2]
THEMES = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]
SHEETS = [*sorted((ROOT / "ui").rglob("*.css"))]
READABLE, SEEN = 4.5, 3.0  # WCAG 2.2 AA: text, and parts of drawings
# Machado, Oliveira and Fernandes 2009, severity 1, linear light
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
_COLOUR = "#[0-9a-fA-F]{6}"


def light_of(colour: str) -> np.ndarray:
    """Linear red, green, blue, 0 to 1."""
    values = np.frombuffer(bytes.fromhex(colour.lstrip("#")), np.uint8) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(light_of(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear light, white D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ np.clip(light, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(one: str, other: str) -> float:
    """How far apart a deuteranope sees two colours; 2 is just noticed side by side."""
    a, b = (lab(DEUTERANOPIA @ light_of(colour)) for colour in (one, other))
    return float(np.linalg.norm(a - b))


def grounds(theme: str) -> list[str]:
    return [THEMES[theme]["backgroundColor"], THEMES[theme]["secondaryBackgroundColor"]]


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_links_and_muted_words_are_readable_on_both_grounds(theme):
    muted = {"light": style.MUTED_LIGHT, "dark": style.MUTED_DARK}[theme]
    for ground in grounds(theme):
        for ink in (THEMES[theme]["textColor"], THEMES[theme]["linkColor"], muted):
            assert contrast(ink, ground) >= READABLE, (ink, ground)
    assert contrast(THEMES[theme]["primaryColor"], grounds(theme)[0]) >= READABLE


def test_words_on_the_accent_are_readable():
    sheet = (ROOT / "ui/style.css").read_text()
    (pair,) = re.findall(
        rf"stBaseButton-primary[^{{]*p {{ color: light-dark\(({_COLOUR}), ({_COLOUR})\)",
        sheet,
    )
    (pointed,) = re.findall(
        r"stBaseButton-primary[^{]*hover[^{]*{\s*"
        rf"background: light-dark\(({_COLOUR}), ({_COLOUR})\)",
        sheet,
    )
    for theme, ink, under_pointer in zip(("light", "dark"), pair, pointed, strict=True):
        assert contrast(ink, THEMES[theme]["primaryColor"]) >= READABLE
        assert contrast(ink, under_pointer) >= READABLE


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_colours_of_words_in_style_sheets_are_readable(sheet):
    text = sheet.read_text()
    pairs = re.findall(rf"[^-]color: light-dark\(({_COLOUR}), ({_COLOUR})\)", text)
    pairs += re.findall(rf"-text: light-dark\(({_COLOUR}), ({_COLOUR})\)", text)
    muted = re.findall(rf"--muted: ({_COLOUR})", text)
    pairs += [tuple(muted)] if muted else []
    for pair in pairs:
        if pair == ("#FFFFFF", "#0F1216"):
            continue  # on the accent, see above
        for theme, ink in zip(("light", "dark"), pair, strict=True):
            assert contrast(ink, grounds(theme)[0]) >= READABLE, (theme, ink)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_decisions_and_the_ends_of_the_value_scale_stand_out_from_the_ground(theme):
    ground = grounds(theme)[0]
    for colour in (style.KEEP, style.RELABEL, style.DROP, style.VALUE_LOW, style.VALUE_HIGH):
        assert contrast(colour, ground) >= SEEN, colour


def test_a_deuteranope_tells_low_from_high_and_decisions_and_curves_apart():
    for middle in (colours.MIDDLE_LIGHT, colours.MIDDLE_DARK):
        for one, other in combinations((colours.LOW, middle, colours.HIGH), 2):
            assert apart(one, other) > 25
    for one, other in combinations((style.KEEP, style.RELABEL, style.DROP), 2):
        assert apart(one, other) > 20
    for one, other in combinations(COLOURS[:4], 2):
        assert apart(one, other) > 10


@pytest.mark.parametrize("middle", [colours.MIDDLE_LIGHT, colours.MIDDLE_DARK])
def test_a_deuteranope_sees_the_value_scale_go_one_way(middle):
    scale = [lab(DEUTERANOPIA @ light_of(colour)) for colour in colours._scale(middle)[::16]]
    yellow_to_blue = [b for _, _, b in scale]
    assert all(later < earlier for earlier, later in pairwise(yellow_to_blue))
