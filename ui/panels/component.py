"""Mounting a row of panels; `dvgs_core.paper.svg` writes the same panels as a file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dvgs_core.paper.svg import Panel

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#98A2B3", "#7A5AF8", "#E69F00", "#56B4E9")
_MOST_POINTS = 1_000  # of a line: more cannot be seen, and would only be sent

_HERE = Path(__file__).parent
_chart = st.components.v2.component(
    "dvgs_panels",
    css=(_HERE / "panels.css").read_text(encoding="utf-8"),
    js="\n".join(
        (_HERE / name).read_text(encoding="utf-8")
        for name in ("../shared.js", "axes.js", "picture.js", "cut.js", "panels.js")
    ),
)


@dataclass(frozen=True)
class Cut:
    """An upright line in the first panel that a person moves.

    Attributes:
        at: where it stands, in units of x.
        usual: where it is recommended to stand; a double-click or R brings it back.
        rows: how many rows x = 100 % is, so that the line can say how many it takes.
        most: the largest x it may have.
        token: names what is cut; a line moved for anything else is not taken for this one.
    """

    at: float
    usual: float
    rows: int
    most: float
    token: str


def cut_of(value: Any, token: str) -> float | None:
    """Where a person has put the line, or None if it was not moved.

    Args:
        value: the component's state, as the session keeps it under the component's key.
        token: names what is cut.
    """
    moved = value.get("cut") if isinstance(value, Mapping) else None
    if not isinstance(moved, Mapping) or moved.get("token") != token:
        return None
    return float(moved["at"])


def panels_chart(
    panels: Sequence[Panel],
    *,
    key: str,
    name: str,
    description: str,
    height: int = 340,
    cut: Cut | None = None,
) -> None:
    """Draw panels beside each other, with their legend, a readout under the pointer, and a PNG.

    Args:
        panels: lines must be finite.
        key: names the chart, and its value in the session (see `cut_of`).
        name: of the PNG file.
        description: what the chart shows, for people who do not see it.
        height: pixels.
        cut: a line to move in the first panel, or None.
    """
    _chart(
        key=key,
        data={
            "panels": drawn(panels),
            "name": name,
            "description": description,
            "cut": None if cut is None else vars(cut),
        },
        height=height,
        on_cut_change=lambda: None,  # a run of the page is all that is needed
    )


def drawn(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Panels as the browser reads them: every line with its colour, every axis with its ends."""
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    found = []
    for panel in panels:
        lines: list[dict[str, Any]] = []
        for line in panel.lines:
            some = _thinned(len(line.x))
            part: dict[str, Any] = {
                "name": line.name,
                "colour": line.colour or COLOURS[names.index(line.name) % len(COLOURS)],
                "dashed": line.dashed,
                "dots": line.dots,
            }
            for which in ("x", "y", "low", "high"):
                values = np.asarray(getattr(line, which), dtype=float)
                part[which] = [_short(v) for v in (values[some] if len(values) else values)]
            lines.append(part)
        found.append(
            {
                "title": panel.title,
                "x_label": panel.x_label,
                "y_label": panel.y_label,
                "x_range": panel.x_range or _ends([line["x"] for line in lines]),
                "y_range": panel.y_range
                or _ends([line[which] for line in lines for which in ("y", "low", "high")]),
                "lines": lines,
            }
        )
    return found


def _thinned(count: int) -> np.ndarray:
    """Evenly fewer places, both ends kept."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(int))


def _ends(parts: Sequence[Sequence[float]]) -> tuple[float, float]:
    values = [v for part in parts for v in part]
    low, high = min(values), max(values)
    air = 0.04 * (high - low) or 0.5
    return low - air, high + air


def _short(value: float) -> float:
    """Six significant digits: more is not drawn."""
    return float(f"{value:.6g}") if math.isfinite(value) else value
