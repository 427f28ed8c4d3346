"""Numeric columns that together are a picture."""

import math
import re

import numpy as np
import pandas as pd

_NUMBERED = re.compile(r"(?P<prefix>.*?)[_ .-]?(?P<number>\d+)")
_CELL = re.compile(
    r"(?P<prefix>.*?)[_ .-]?(?:r(?:ow)?)?(?P<row>\d+)(?:[_ .x,-]|[_ ]?c(?:ol)?)(?P<column>\d+)"
)
_PIXEL_WORDS = frozenset(["pixel", "pixels", "pix", "px", "p", "image", "img"])
_FEWEST = 16
_SAMPLE = 500


def find_pixels(
    frame: pd.DataFrame, *, without: set
) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """The largest block of columns that is a picture.

    Columns named pixel_0_0 .. pixel_7_7, or pixel0 .. pixel63: numbers without a gap, as many as
    a square or three squares (colours) have cells, at least 16. Under a name that does not say
    so (V1 .. V784) the values must also be whole numbers from 0 to 255.

    Returns:
        The columns in the order of the picture's cells, and its shape: (height, width),
        (height, width, 3) or (3, height, width); () and None if there is none.
    """
    names = [name for name in frame.columns if name not in without]
    names = [name for name in names if frame[name].dtype.kind in "iuf"]
    found: list[tuple[tuple[str, ...], tuple[int, ...]]] = [*_cells(names), *_series(names, frame)]
    found = [block for block in found if _plausible(block[0], frame)]
    return max(found, key=lambda block: len(block[0]), default=((), None))


def _cells(names: list[str]):
    blocks: dict[str, dict[tuple[int, int], str]] = {}
    for name in names:
        match = _CELL.fullmatch(name)
        if match:
            at = int(match["row"]), int(match["column"])
            blocks.setdefault(match["prefix"], {})[at] = name
    for block in blocks.values():
        rows, columns = sorted({r for r, _ in block}), sorted({c for _, c in block})
        full = len(block) == len(rows) * len(columns) >= _FEWEST
        if full and _gapless(rows) and _gapless(columns) and min(len(rows), len(columns)) > 1:
            order = tuple(block[r, c] for r in rows for c in columns)
            yield order, (len(rows), len(columns))


def _series(names: list[str], frame: pd.DataFrame):
    blocks: dict[str, dict[int, str]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match:
            blocks.setdefault(match["prefix"], {})[int(match["number"])] = name
    for block in blocks.values():
        numbers = sorted(block)
        if len(numbers) < _FEWEST or not _gapless(numbers) or numbers[0] not in (0, 1):
            continue
        order = tuple(block[number] for number in numbers)
        side = math.isqrt(len(order))
        if side * side == len(order):
            yield order, (side, side)
        elif len(order) % 3 == 0 and math.isqrt(len(order) // 3) ** 2 * 3 == len(order):
            side = math.isqrt(len(order) // 3)
            yield order, _colour_shape(frame[list(order)], side)


def _colour_shape(block: pd.DataFrame, side: int) -> tuple[int, int, int]:
    """Colours of a cell side by side, or one plane after another: neighbours tell."""
    values = block.head(_SAMPLE).to_numpy(dtype="float64")
    beside = np.nanmean(np.abs(np.diff(values, axis=1)))
    third = np.nanmean(np.abs(values[:, 3:] - values[:, :-3]))
    return (side, side, 3) if third < beside else (3, side, side)


def _gapless(numbers: list[int]) -> bool:
    return numbers[-1] - numbers[0] + 1 == len(numbers)


def _plausible(order: tuple[str, ...], frame: pd.DataFrame) -> bool:
    prefix = _NUMBERED.fullmatch(order[0])
    assert prefix is not None
    words = set(re.split(r"[\W_\d]+", prefix["prefix"].lower()))
    if words & _PIXEL_WORDS:
        return True
    values = frame[list(order)].to_numpy(dtype="float64", na_value=np.nan)
    low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    whole = bool(np.all((values == np.floor(values)) | np.isnan(values)))
    return whole and low >= 0 and 1 < high <= 255
