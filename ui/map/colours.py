"""Colours of the map: always the same colour for the same meaning, for every eye."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvgs_core.data.wording import number
from dvgs_core.errors import InputError
from ui.map.points import digest, pack
from ui.names import told_apart
from ui.value_scale import ValueScale

LEGEND_LIMIT = 12
LOW, HIGH = "#D55E00", "#0072B2"
MIDDLE_LIGHT, MIDDLE_DARK = "#C9CDD3", "#3A4048"
MISSING_LIGHT, MISSING_DARK = "#98A2B3", "#667085"
CLASSES = (  # Okabe and Ito's eight, then four that keep their distance from them
    ("#0072B2", "#0072B2"),
    ("#E69F00", "#E69F00"),
    ("#009E73", "#009E73"),
    ("#CC79A7", "#CC79A7"),
    ("#56B4E9", "#56B4E9"),
    ("#D55E00", "#D55E00"),
    ("#F0E442", "#F0E442"),
    ("#000000", "#E6E8EB"),
    ("#882255", "#B4497F"),
    ("#999933", "#999933"),
    ("#8C564B", "#A9746A"),
    ("#44AA99", "#44AA99"),
)
DECISIONS = {  # name: colour on light, on dark
    "keep": ("#009E73", "#009E73"),
    "relabel": ("#7A5AF8", "#7A5AF8"),
    "drop": ("#D55E00", "#D55E00"),
    "undecided": (MIDDLE_LIGHT, MIDDLE_DARK),
}
_SHADES = 255  # steps of the value scale; the last palette index stands for "no value"


@dataclass(frozen=True, eq=False)
class MapColours:
    """One colour a point.

    Attributes:
        index: (n,) uint8, place in the palette, in the order of the points.
        light, dark: palettes of CSS colours, up to 256 each, equally long.
        legend: (name, palette index) entries; for a scale the names of its low and high end.
        continuous: True draws a bar from the legend's first entry to its last.
        title: what the colours mean, as one or two words.
        version: changes when a colour does.
        values: (n,) float32 shown on hover where no hover texts are given, or None.
    """

    index: NDArray[np.uint8]
    light: tuple[str, ...]
    dark: tuple[str, ...]
    legend: tuple[tuple[str, int], ...]
    continuous: bool
    title: str
    version: str
    values: NDArray[np.float32] | None = None

    @cached_property
    def payload(self) -> bytes:
        """What the browser is sent, once."""
        arrays: dict[str, NDArray] = {}
        if self.values is not None:
            arrays["values"] = self.values.astype("<f4")
        arrays["index"] = self.index
        header = {
            "kind": "colours",
            "version": self.version,
            "light": self.light,
            "dark": self.dark,
            "legend": self.legend,
            "continuous": self.continuous,
            "title": self.title,
        }
        return pack(header, arrays)


def value_colours(values: ArrayLike, *, title: str = "value") -> MapColours:
    """Low to high: vermillion, grey at the median, blue.

    Where the ends of the scale are, `ValueScale` says. Rows without a value (NaN) are drawn muted.

    Args:
        values: (n,) float, in the order of the points.
        title: what the number is called.

    Raises:
        InputError: an infinite value.
    """
    numbers = np.asarray(values, dtype=np.float64).ravel()
    known = numbers[~np.isnan(numbers)]
    if np.isinf(known).any():
        raise InputError("Map values must be finite or missing, got infinite ones.")
    scale = ValueScale.of(known)
    half = (_SHADES - 1) // 2
    shade = half + half * scale.place(numbers)
    index = np.where(np.isnan(numbers), _SHADES, np.rint(shade)).astype(np.uint8)
    ends = ((scale.low, 0), (scale.middle, half), (scale.high, _SHADES - 1))
    legend = [(number(end), at) for end, at in ends]
    if len(known) < len(numbers):
        legend.append(("no value", _SHADES))
    return MapColours(
        index=index,
        light=(*_scale(MIDDLE_LIGHT), MISSING_LIGHT),
        dark=(*_scale(MIDDLE_DARK), MISSING_DARK),
        legend=tuple(legend),
        continuous=True,
        title=title,
        version=digest(b"value", title.encode(), numbers.tobytes()),
        values=numbers.astype(np.float32),
    )


def class_colours(
    codes: ArrayLike,
    names: Sequence[object],
    *,
    title: str = "label",
    values: ArrayLike | None = None,
) -> MapColours:
    """One colour a class.

    Past twelve classes the eleven most frequent keep a colour and the rest share one; the hover
    card names the class where hover texts are given.

    Args:
        codes: (n,) int, index into names; negative: no label.
        names: the classes.
        values: (n,) float shown on hover, or None.

    Raises:
        InputError: a code past the end of names.
    """
    coded = np.asarray(codes, dtype=np.int64).ravel()
    if coded.size and coded.max() >= len(names):
        raise InputError(f"Class code {coded.max()} has no name: {len(names)} names were given.")
    counts = np.bincount(coded[coded >= 0], minlength=len(names))
    shown = np.arange(len(names))
    if len(names) > LEGEND_LIMIT:
        shown = np.sort(np.argsort(-counts, kind="stable")[: LEGEND_LIMIT - 1])
    other, missing = len(shown), len(shown) + 1
    place = np.full(len(names) + 1, other)
    place[shown] = np.arange(len(shown))
    place[-1] = missing  # a code of -1 falls here
    short = told_apart(names, 18)
    legend = [(short[str(names[code])], at) for at, code in enumerate(shown.tolist())]
    if len(shown) < len(names):
        legend.append((f"other ({len(names) - len(shown)} classes)", other))
    if (coded < 0).any():
        legend.append(("no label", missing))
    numbers = None if values is None else np.asarray(values, dtype=np.float32).ravel()
    chosen = CLASSES[: len(shown)]
    return MapColours(
        index=place[np.maximum(coded, -1)].astype(np.uint8),
        light=(*(light for light, _ in chosen), "#B7BEC9", MISSING_LIGHT),
        dark=(*(dark for _, dark in chosen), "#4A525D", MISSING_DARK),
        legend=tuple(legend),
        continuous=False,
        title=title,
        version=digest(
            b"class",
            repr((title, [str(name) for name in names])).encode(),
            coded.tobytes(),
            b"" if numbers is None else numbers.tobytes(),
        ),
        values=numbers,
    )


def decision_colours(
    decisions: Sequence[str] | NDArray, *, values: ArrayLike | None = None
) -> MapColours:
    """keep, relabel, drop or undecided, in the colours they have everywhere.

    Args:
        decisions: (n,) names; anything empty counts as undecided.

    Raises:
        InputError: an unknown decision.
    """
    names = list(DECISIONS)
    given = [str(name) if name else "undecided" for name in decisions]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InputError(f"Unknown decision {unknown[0]!r}: use one of {', '.join(names)}.")
    codes = np.array([names.index(name) for name in given], dtype=np.uint8)
    numbers = None if values is None else np.asarray(values, dtype=np.float32).ravel()
    return MapColours(
        index=codes,
        light=tuple(light for light, _ in DECISIONS.values()),
        dark=tuple(dark for _, dark in DECISIONS.values()),
        legend=tuple((name, at) for at, name in enumerate(names)),
        continuous=False,
        title="decision",
        version=digest(b"decision", codes.tobytes(), b"" if numbers is None else numbers.tobytes()),
        values=numbers,
    )


def _scale(middle: str) -> tuple[str, ...]:
    """LOW to middle to HIGH in _SHADES steps, as CSS colours."""
    ends = np.array([_rgb(LOW), _rgb(middle), _rgb(HIGH)], dtype=float)
    at = np.linspace(0, 2, _SHADES)
    mixed = np.stack([np.interp(at, [0, 1, 2], ends[:, part]) for part in range(3)], axis=1)
    return tuple("#" + bytes(row).hex().upper() for row in np.rint(mixed).astype(int).tolist())


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.lstrip("#")))
