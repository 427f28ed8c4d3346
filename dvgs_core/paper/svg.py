"""Line charts and scatters as SVG text: no library, small files, readable on light and dark pages.

A figure is a row of panels that share a legend. The same panels give the same text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 300, 230, 52, 34, 44, 12
_LEGEND_ROW = 20
_COLOURS = ("#3489d6", "#e06c1a", "#22a37d", "#cf4a9b", "#8f8f8f", "#9b78d0", "#bd9020", "#1fa8be")
_STYLE = """
.back { fill: #ffffff } .ink { fill: #24292f } .axis { stroke: #8c959f } .grid { stroke: #e1e4e8 }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117 } .ink { fill: #e6edf3 } .axis { stroke: #8b949e } .grid { stroke: #30363d }
}
text { font: 11px system-ui, sans-serif } .title { font-weight: 600; font-size: 12px }
"""

Numbers = Sequence[float] | NDArray


@dataclass(frozen=True)
class Line:
    """One series of a panel.

    Attributes:
        name: its entry in the legend; the same name has the same colour in every panel.
        x, y: points, in the order they are joined in.
        low, high: a band around y, or empty.
        dashed: for what is there to compare with.
        dots: points alone, not joined.
        bars: bars from `low` to `high`, evenly spaced around x; y is not drawn.
        colour: instead of the one that its name would get.
    """

    name: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    dashed: bool = False
    dots: bool = False
    bars: bool = False
    colour: str = ""


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title, x_label, y_label: what stands above, below and left.
        lines: drawn in their order.
        x_range, y_range: ends of the axes; None: of the data, with a little air.
        log: x in powers of ten.
        x_names: what stands below x = 0, 1, ... instead of numbers.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    log: bool = False
    x_names: Sequence[str] = ()


def figure(
    panels: Sequence[Panel], description: str, *, columns: int = 3, embedded: bool = False
) -> str:
    """The panels as one SVG document.

    Args:
        panels: at least one; lines must be finite.
        description: what there is to be seen, for who cannot.
        columns: panels side by side.
        embedded: leave style and ground to the page around it.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines if line.name))
    colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
    colours |= {line.name: line.colour for p in panels for line in p.lines if line.colour}
    legend, legend_rows = _legend(names, colours, panels, columns * _WIDTH)
    width, height = columns * _WIDTH, rows * _HEIGHT + legend_rows * _LEGEND_ROW + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(description)}</title>",
    ]
    if not embedded:
        parts.append(
            f'<style>{_STYLE}</style><rect class="back" width="{width}" height="{height}"/>'
        )
    for i, panel in enumerate(panels):
        x, y = i % columns * _WIDTH, i // columns * _HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(panel, colours)}</g>')
    parts.append(f'<g transform="translate(0 {rows * _HEIGHT})">{legend}</g></svg>')
    return "\n".join(parts) + "\n"


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers from `low` to `high`, both inside."""
    step = 10.0 ** np.floor(np.log10((high - low) / 4))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= 6:
            step *= factor
            break
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    # adding 0 turns -0 into 0
    return [float(round(i * step, 12)) + 0.0 for i in np.arange(first, last + 1)]


def _panel(panel: Panel, colours: dict[str, str]) -> str:
    xs = [v for line in panel.lines for v in line.x]
    ys = [v for line in panel.lines for v in (*line.y, *line.low, *line.high)]
    scale = np.log10 if panel.log else np.asarray
    x_range = (-0.3, len(panel.x_names) - 0.7) if panel.x_names else panel.x_range
    x0, x1 = (float(v) for v in scale(np.array(x_range or _ends(xs, panel.log))))
    y0, y1 = panel.y_range or _ends(ys, False)
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def across(values: Numbers) -> np.ndarray:
        return _LEFT + (scale(np.asarray(values, dtype=float)) - x0) / (x1 - x0) * inner_width

    def up(values: Numbers) -> np.ndarray:
        return _TOP + (y1 - np.asarray(values, dtype=float)) / (y1 - y0) * inner_height

    parts = [f'<text class="ink title" x="{_LEFT}" y="20">{escape(panel.title)}</text>']
    bottom = _TOP + inner_height
    for mark in ticks(y0, y1):
        y = float(up([mark])[0])
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}h{inner_width}"/>')
        parts.append(
            f'<text class="ink" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{mark:g}</text>'
        )
    named = [(float(i), name) for i, name in enumerate(panel.x_names)]
    for mark, name in named or [(mark, f"{mark:g}") for mark in _marks(x0, x1, panel.log)]:
        x = float(across([mark])[0])
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}v{inner_height}"/>')
        parts.append(
            f'<text class="ink" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">'
            f"{escape(name)}</text>"
        )
    parts.append(f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{bottom}h{inner_width}"/>')
    for line in panel.lines:
        parts.append(_line(line, across, up, colours.get(line.name, _COLOURS[0])))
    parts.append(
        f'<text class="ink" x="{_LEFT + inner_width / 2:g}" y="{bottom + 30}" '
        f'text-anchor="middle">{escape(panel.x_label)}</text>'
    )
    middle = _TOP + inner_height / 2
    parts.append(
        f'<text class="ink" transform="translate(13 {middle:g}) rotate(-90)" '
        f'text-anchor="middle">{escape(panel.y_label)}</text>'
    )
    return "".join(parts)


def _line(line: Line, across, up, colour: str) -> str:
    x, y = across(line.x), up(line.y)
    if line.dots:
        dots = "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.2"/>' for a, b in zip(x, y, strict=True)
        )
        return f'<g fill="{colour}" fill-opacity="0.6">{dots}</g>'
    if line.bars:
        half = 0.46 * float(np.median(np.diff(x))) if len(x) > 1 else 8.0
        bars = "".join(
            f"M{a - half:.1f} {b:.1f}H{a + half:.1f}V{t:.1f}H{a - half:.1f}Z"
            for a, b, t in zip(x, up(line.low), up(line.high), strict=True)
            if b - t > 0.05
        )
        return f'<path fill="{colour}" d="{bars}"/>'
    drawn = ""
    if len(line.low):
        edge = [*zip(x, up(line.high), strict=True), *zip(x[::-1], up(line.low)[::-1], strict=True)]
        drawn = f'<path fill="{colour}" fill-opacity="0.18" d="{_path(edge)}Z"/>'
    dash = ' stroke-dasharray="4 3"' if line.dashed else ""
    path = _path(list(zip(x, y, strict=True)))
    return drawn + f'<path fill="none" stroke="{colour}" stroke-width="1.8"{dash} d="{path}"/>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _ends(values: Sequence[float], log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        return low / 1.3, high * 1.3
    air = 0.04 * (high - low) or 0.5
    return low - air, high + air


def _marks(low: float, high: float, log: bool) -> list[float]:
    if not log:
        return ticks(low, high)
    powers = [10.0**p for p in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    return powers if len(powers) > 1 else [float(f"{10**v:.1g}") for v in (low, high)]


def _legend(
    names: Sequence[str], colours: dict[str, str], panels: Sequence[Panel], width: int
) -> tuple[str, int]:
    lines = {line.name: line for panel in panels for line in panel.lines}
    parts: list[str] = []
    x, row = float(_LEFT), 0
    for name in names:
        needed = 34 + 6.4 * len(name)
        if x + needed > width and x > _LEFT:
            x, row = float(_LEFT), row + 1
        y = row * _LEGEND_ROW + 10
        if lines[name].dots:
            parts.append(f'<circle fill="{colours[name]}" cx="{x + 9:g}" cy="{y}" r="3.5"/>')
        elif lines[name].bars:
            parts.append(f'<path fill="{colours[name]}" d="M{x + 4:g} {y - 5}h10v10h-10Z"/>')
        else:
            dash = ' stroke-dasharray="4 3"' if lines[name].dashed else ""
            parts.append(
                f'<path stroke="{colours[name]}" stroke-width="2.5"{dash} d="M{x:g} {y}h18"/>'
            )
        parts.append(f'<text class="ink" x="{x + 23:g}" y="{y + 4}">{escape(name)}</text>')
        x += needed
    return "".join(parts), row + 1
