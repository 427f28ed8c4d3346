"""Tidy frame in, chart out; nothing is computed here and Streamlit is not imported.

Options for ECharts. Texts of people's data reach it as data, never as markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.data.wording import percent
from ui.names import told_apart

LOW, HIGH, MUTED = "#D55E00", "#0072B2", "#98A2B3"
FOLLOWED = ("#E69F00", "#CC79A7", "#56B4E9", "#7A5AF8", "#009E73")


def _grid(**margins: Any) -> dict[str, Any]:
    return {"left": 48, "right": 14, "top": 28, "bottom": 28, **margins}


def _still(option: dict[str, Any]) -> dict[str, Any]:
    """No animation: a live chart that eases between states never shows the present one."""
    return {"animation": False, **option}


@dataclass(frozen=True, eq=False)
class Curve:
    """A line of a live chart, with a band around it where there are edges.

    Attributes:
        name: for the legend and the tooltip.
        y: (steps,) NaN where there is nothing.
        colour: of line and band.
        bands: pairs of (steps,) lower and upper edges.
        width: of the line, pixels.
        dashed: told apart by more than its colour.
    """

    name: str
    y: np.ndarray
    colour: str
    bands: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    width: float = 2
    dashed: bool = False


def traces(x: Sequence[int], curves: Sequence[Curve], last: int) -> dict[str, Any]:
    """Similarities by checkpoint.

    Args:
        x: (steps,) checkpoints.
        curves: what is drawn, the first at the back.
        last: the last checkpoint there will be.
    """

    def points(y: Any) -> list[list[Any]]:
        return [[i, None if v != v else round(float(v), 5)] for i, v in zip(x, y, strict=False)]

    series: list[dict[str, Any]] = []
    for at, curve in enumerate(curves):
        for number, (low, high) in enumerate(curve.bands):
            # two lines stacked: the lower edge, unseen, and the height of the band on it
            hidden = {
                "type": "line",
                "showSymbol": False,
                "lineStyle": {"opacity": 0},
                "stack": f"{at} {number}",
                "stackStrategy": "all",
                "silent": True,
                "tooltip": {"show": False},
                "itemStyle": {"color": curve.colour},
            }
            series.append({**hidden, "name": f"{at} {number} low", "data": points(low)})
            shade = {"areaStyle": {"color": curve.colour, "opacity": 0.16}}
            series.append(
                {**hidden, **shade, "name": f"{at} {number} high", "data": points(high - low)}
            )
        kind = "dashed" if curve.dashed else "solid"
        series.append(
            {
                "name": curve.name,
                "type": "line",
                "showSymbol": len(x) == 1,  # the first checkpoint: no line yet
                "data": points(curve.y),
                "lineStyle": {"width": curve.width, "type": kind},
                "itemStyle": {"color": curve.colour},
            }
        )
    names = [{"name": curve.name, "icon": "roundRect"} for curve in curves]
    return _still(
        {
            "grid": _grid(top=34),
            "legend": {"data": names, "top": 0, "left": 0, "itemHeight": 8, "type": "scroll"},
            "tooltip": {"trigger": "axis", "valueFormatter": "%.3f"},
            "xAxis": {
                "type": "value",
                "name": "checkpoint",
                "nameLocation": "middle",
                "nameGap": 20,
                "min": 0,
                "max": last or 1,
                "minInterval": 1,
                "splitLine": {"show": False},
            },
            "yAxis": {"type": "value", "scale": True},
            "series": series,
        }
    )


def loss(steps: pd.DataFrame) -> dict[str, Any]:
    """Loss on the target, step by step."""
    there = steps.dropna(subset=["target_loss"])
    points = [
        [int(i), round(float(v), 5)]
        for i, v in zip(there["index"], there["target_loss"], strict=True)
    ]
    return _still(
        {
            "grid": _grid(top=12),
            "tooltip": {"trigger": "axis", "valueFormatter": "%.3f"},
            "xAxis": {
                "type": "value",
                "min": 0,
                "max": int(steps["total"].iloc[-1]) - 1 or 1,
                "minInterval": 1,
                "name": "checkpoint",
                "nameLocation": "middle",
                "nameGap": 20,
                "splitLine": {"show": False},
            },
            "yAxis": {"type": "value", "scale": True},
            "series": [
                {
                    "name": "target loss",
                    "type": "line",
                    "showSymbol": len(points) == 1,
                    "data": points,
                    "itemStyle": {"color": MUTED},
                }
            ],
        }
    )


def distribution(histogram: pd.DataFrame, middle: str) -> dict[str, Any]:
    """Histogram of values, coloured from low to high as everywhere.

    Args:
        histogram: columns centre, rows, shade (0 = lowest, 1 = highest).
        middle: colour at the middle of the scale, which differs between light and dark.
    """
    bars = [
        {"value": int(rows), "itemStyle": {"color": blend(float(shade), middle)}}
        for rows, shade in histogram[["rows", "shade"]].itertuples(index=False)
    ]
    names = [f"{centre:.2g}".replace("-", "−") for centre in histogram["centre"]]
    return _still(
        {
            "grid": _grid(top=12),
            "tooltip": {"trigger": "item", "formatter": "value {b}: {c} rows"},
            "xAxis": {
                "type": "category",
                "data": names,
                "name": "value",
                "nameLocation": "middle",
                "nameGap": 20,
                "axisTick": {"show": False},
                "axisLabel": {"interval": 5},
            },
            "yAxis": {"type": "value", "splitNumber": 3},
            "series": [{"type": "bar", "data": bars, "barCategoryGap": "12%"}],
        }
    )


def blend(shade: float, middle: str) -> str:
    """The value scale: vermillion at 0, `middle` at 0.5, blue at 1."""
    start, end, share = (LOW, middle, shade * 2) if shade < 0.5 else (middle, HIGH, shade * 2 - 1)
    mixed = [
        round(int(start[i : i + 2], 16) * (1 - share) + int(end[i : i + 2], 16) * share)
        for i in (1, 3, 5)
    ]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def class_shares(shares: pd.DataFrame) -> dict[str, Any]:
    """Share of each class, side by side for each group of rows.

    Args:
        shares: columns name (class), group (such as before, after), share in [0, 1], rows; at most
            two groups.
    """
    short = told_apart(shares["name"], 28)
    names = list(dict.fromkeys(shares["name"]))
    series = []
    for colour, (group, part) in zip(
        (HIGH, MUTED), shares.groupby("group", sort=False), strict=False
    ):
        bars = {
            name: {
                "value": round(100 * float(share), 2),
                # read as markup, and braces as places to fill in
                "tooltip": {
                    "formatter": escape(
                        f"{short[name]}, {group}: {rows:,} rows, {percent(share, 1)}"
                    )
                    .replace("{", "&#123;")
                    .replace("}", "&#125;")
                },
            }
            for name, share, rows in part[["name", "share", "rows"]].itertuples(index=False)
        }
        series.append(
            {
                "name": str(group),
                "type": "bar",
                "data": [bars.get(name, {"value": 0.0}) for name in names],
                "itemStyle": {"color": colour},
                "barCategoryGap": "28%",
                "barGap": "8%",
            }
        )
    return _still(
        {
            "grid": _grid(left=8, top=32, containLabel=True, bottom=4),
            "legend": {"top": 0, "left": 0, "itemHeight": 8, "icon": "roundRect"},
            "tooltip": {"trigger": "item"},
            "xAxis": {
                "type": "value",
                "splitNumber": 4,
                "axisLabel": {"formatter": "{value} %", "hideOverlap": True},
            },
            "yAxis": {
                "type": "category",
                "data": [short[name] for name in names],
                "inverse": True,
                "axisTick": {"show": False},
                "axisLabel": {"interval": 0},
            },
            "series": series,
        }
    )
