"""The report's figures: frames in, SVG out; nothing is computed here."""

import pandas as pd

from dvgs_core.evaluation.detection import Detection
from dvgs_core.evaluation.filtering import curve_bands
from dvgs_core.evaluation.scores import METRIC_NAMES
from dvgs_core.paper.svg import Line, Panel, figure

LOW, HIGH, MUTED, RELABEL = "#D55E00", "#0072B2", "#98A2B3", "#7A5AF8"
_POINTS = 300
_ORDERS = {
    "lowest": ("lowest values first", LOW, False),
    "highest": ("highest values first", HIGH, False),
    "random": ("at random", MUTED, True),
    "oracle": ("damaged rows first", "#009E73", True),
}


def distribution(bins: pd.DataFrame) -> str:
    """Histogram of the values, what was decided in colour.

    Args:
        bins: columns low, high, undecided, relabelled, dropped.
    """
    centres = ((bins["low"] + bins["high"]) / 2).tolist()
    bottom, lines = pd.Series(0, index=bins.index), []
    colours = {"dropped": LOW, "relabelled": RELABEL, "undecided": MUTED}
    for name, colour in colours.items():
        if not bins[name].any():
            continue
        top = bottom + bins[name]
        said = "kept or undecided" if name == "undecided" else name
        lines.append(
            Line(said, centres, [], bottom.tolist(), top.tolist(), bars=True, colour=colour)
        )
        bottom = top
    panel = Panel("values of the rows", "value", "rows", lines, y_range=(0, 1.05 * bottom.max()))
    return figure([panel], f"Histogram of {int(bottom.sum()):,} values", embedded=True)


def found_against_inspected(found: Detection) -> str:
    """Damaged rows found when rows are inspected from the lowest value up."""
    curve = found.curve
    step = max(1, len(curve) // _POINTS)
    thin = pd.concat([curve.iloc[::step], curve.iloc[[-1]]])
    share = found.damaged / (len(curve) - 1)
    lines = [
        Line("at random", (0, 1), (0, 1), dashed=True, colour=MUTED),
        Line("perfect", (0, share, 1), (0, 1, 1), dashed=True, colour="#009E73"),
        Line("lowest first", thin["inspected"].tolist(), thin["found"].tolist(), colour=LOW),
    ]
    panel = Panel(
        "damaged rows found",
        "share of rows inspected",
        "share found",
        lines,
        x_range=(0, 1),
        y_range=(0, 1.02),
    )
    said = f"Share of damaged rows found against rows inspected; AUROC {found.auroc:.3f}"
    return figure([panel], said, embedded=True)


def filtering(curve: pd.DataFrame) -> str:
    """Score on the holdout against the share of rows removed.

    Args:
        curve: from `filtering_curve`.
    """
    bands, metric = curve_bands(curve), METRIC_NAMES[str(curve["metric"].iloc[0])]
    lines = []
    for which, part in bands.groupby("which", sort=False, observed=True):
        name, colour, dashed = _ORDERS[str(which)]
        x, y, low, high = (part[c].tolist() for c in ("removed", "score", "low", "high"))
        lines.append(Line(name, x, y, low, high, dashed=dashed, colour=colour))
    panel = Panel("rows removed", "share of source rows removed", metric, lines)
    return figure([panel], f"{metric} on the holdout against rows removed", embedded=True)
