"""Panels of lines as Plotly figures; `dvgs_core.paper.svg` writes the same panels as SVG."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dvgs_core.paper.svg import Line, Panel

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#98A2B3", "#7A5AF8", "#E69F00", "#56B4E9")


def panels_figure(
    panels: Sequence[Panel], *, height: int = 340, cut: float | None = None
) -> go.Figure:
    """The panels side by side.

    Args:
        panels: lines must be finite.
        height: pixels.
        cut: x of an upright line, in every panel.
    """
    figure = make_subplots(
        rows=1, cols=len(panels), subplot_titles=[p.title for p in panels], horizontal_spacing=0.08
    )
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    shown: set[str] = set()
    for at, panel in enumerate(panels, start=1):
        for line in panel.lines:
            colour = line.colour or COLOURS[names.index(line.name) % len(COLOURS)]
            if len(line.low):
                figure.add_trace(_band(line, colour), row=1, col=at)
            figure.add_trace(_line(line, colour, line.name not in shown), row=1, col=at)
            shown.add(line.name)
        x_range = None if panel.x_range is None else list(panel.x_range)
        y_range = None if panel.y_range is None else list(panel.y_range)
        figure.update_xaxes(
            title=panel.x_label, range=x_range, type="log" if panel.log else "linear", row=1, col=at
        )
        figure.update_yaxes(title=panel.y_label, range=y_range, row=1, col=at)
        if cut is not None:
            figure.add_vline(x=cut, line=dict(dash="dot", width=1.5), row=1, col=at)
    figure.update_annotations(font_size=14)
    return figure.update_layout(
        height=height,
        margin=dict(l=8, r=8, t=34, b=8),
        legend=dict(orientation="h", y=-0.22, yanchor="top", x=0, title=None),
        hovermode="closest",
    )


def _line(line: Line, colour: str, legend: bool) -> go.Scatter | go.Scattergl:
    many = len(line.x) > 5_000
    kind: Any = go.Scattergl if many else go.Scatter
    return kind(
        x=np.asarray(line.x),
        y=np.asarray(line.y),
        name=line.name,
        legendgroup=line.name,
        showlegend=legend and bool(line.name),
        mode="markers" if line.dots else "lines",
        line=dict(color=colour, width=2, dash="dash" if line.dashed else "solid"),
        marker=dict(color=colour, size=4, opacity=0.5),
        hovertemplate="%{x:.3g}, %{y:.3f}<extra>%{fullData.name}</extra>",
    )


def _band(line: Line, colour: str) -> go.Scatter:
    x, low, high = (np.asarray(part) for part in (line.x, line.low, line.high))
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.14)",
        line=dict(width=0),
        legendgroup=line.name,
        showlegend=False,
        hoverinfo="skip",
    )
