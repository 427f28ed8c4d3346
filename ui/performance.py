"""How far the open run's values can be trusted: tidy frames and panels, each computed once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.engine.curves import curve_job
from dvgs_core.engine.job import Job
from dvgs_core.errors import InputError
from dvgs_core.evaluation.calibration import Calibration
from dvgs_core.evaluation.cut import RecommendedCut, recommended_cut
from dvgs_core.evaluation.detection import Detection
from dvgs_core.evaluation.filtering import METRIC_NAMES, curve_bands
from dvgs_core.evaluation.noise import NoiseCorrelation, noise_correlation
from dvgs_core.paper.svg import Line, Panel
from dvgs_core.store import Run, Study
from ui.results import the_results, truth_of
from ui.state import workspace

ORDER_NAMES = {"random": "at random", "oracle": "known damage first"}
_MOST_POINTS = 4_000


@dataclass(frozen=True, eq=False)
class Curves:
    """Filtering curves as far as they are there.

    Attributes:
        study: the job that trains the networks, or None if nobody asked.
        points: what `filtering_curve` returns, perhaps not all of it; empty at first.
        cut: what the whole curves recommend; None while they lack points.
    """

    study: Study | None
    points: pd.DataFrame
    cut: RecommendedCut | None


def has_holdout(run: Run) -> bool:
    """Whether rows were kept aside for judging when the run was made."""
    split = Job.model_validate(run.job).split
    return bool(split.holdout_size > 0 or split.holdout_query.strip() or split.holdout_rows)


def ask_for_curves(run: Run, settings: dict[str, Any]) -> Study:
    """Queue the curves, or find those that are there.

    Raises:
        InputError: a setting is out of bounds.
    """
    return workspace().request_study(run.dataset, "curve", curve_job(run, settings))


def curves(run: Run, settings: dict[str, Any]) -> Curves:
    """The run's curves under these settings."""
    study = workspace().study(run.dataset, "curve", curve_job(run, settings))
    path = None if study is None else study.directory / "points.parquet"
    if study is None or path is None or not path.exists():
        return Curves(study, pd.DataFrame(), None)
    points = _points(str(path), path.stat().st_mtime_ns)
    if study.status != "done":
        return Curves(study, points, None)
    return Curves(study, points, recommended_cut(points))


@st.cache_resource(max_entries=8, show_spinner=False)
def _points(path: str, changed: int) -> pd.DataFrame:
    return pd.read_parquet(path)


def curve_panels(points: pd.DataFrame) -> list[Panel]:
    """Removing the lowest, and removing the highest, each with what it is compared with."""
    bands = curve_bands(points)
    metric = METRIC_NAMES[str(points["metric"].iloc[0])]
    low, high = float(bands["low"].min()), float(bands["high"].max())
    air = max(0.02, 0.08 * (high - low))
    panels = []
    for which in ("lowest", "highest"):
        lines = []
        for name in (which, "random", "oracle"):
            part = bands[bands["which"] == name]
            if len(part):
                lines.append(
                    Line(
                        ORDER_NAMES.get(name, f"{name} values first"),
                        100 * part["removed"].to_numpy(),
                        part["score"].to_numpy(),
                        part["low"].to_numpy(),
                        part["high"].to_numpy(),
                        dashed=name != which,
                        colour={"lowest": "#D55E00", "highest": "#0072B2", "random": "#98A2B3"}.get(
                            name, "#009E73"
                        ),
                    )
                )
        panels.append(
            Panel(
                f"Removing the {which} values",
                "% of the source removed",
                f"{metric} on the holdout",
                lines,
                x_range=(0, 100 * float(bands["removed"].max())),
                y_range=(low - air, high + air),
            )
        )
    return panels


def detection_panels(found: Detection) -> list[Panel]:
    """Found against inspected, ROC, and precision against recall."""
    curve, roc, pr = (_thinned(f) for f in (found.curve, found.roc, found.precision_recall))
    share = found.damaged / (len(found.curve) - 1)
    values, chance, perfect = "this run", "by chance", "perfect"
    grey, green = "#98A2B3", "#009E73"
    return [
        Panel(
            "Found against inspected",
            "share of rows inspected, lowest first",
            "share of damaged rows found",
            [
                Line(values, curve["inspected"].to_numpy(), curve["found"].to_numpy()),
                Line(chance, [0, 1], [0, 1], dashed=True, colour=grey),
                Line(perfect, [0, share, 1], [0, 1, 1], dashed=True, colour=green),
            ],
            x_range=(0, 1),
            y_range=(0, 1.02),
        ),
        Panel(
            "ROC",
            "sound rows inspected",
            "damaged rows found",
            [
                Line(values, roc["false_positive"].to_numpy(), roc["true_positive"].to_numpy()),
                Line(chance, [0, 1], [0, 1], dashed=True, colour=grey),
            ],
            x_range=(0, 1),
            y_range=(0, 1.02),
        ),
        Panel(
            "Precision against recall",
            "damaged rows found",
            "damaged among the inspected",
            [
                Line(values, pr["recall"].to_numpy(), pr["precision"].to_numpy()),
                Line(chance, [0, 1], [share, share], dashed=True, colour=grey),
            ],
            x_range=(0, 1),
            y_range=(0, 1.02),
        ),
    ]


def detection_numbers(found: Detection) -> pd.DataFrame:
    """The three panels' numbers: a line for each number of rows inspected, from none to all.

    Returns:
        Columns inspected, found (also the recall), false_positive, precision (missing at none).
    """
    return found.curve.assign(
        false_positive=found.roc["false_positive"].to_numpy(),
        precision=[np.nan, *found.precision_recall["precision"]],
    )


def panel_numbers(panels: Sequence[Panel]) -> pd.DataFrame:
    """What panels draw: columns chart, line, x, y."""
    return pd.concat(
        [
            pd.DataFrame({"chart": panel.title, "line": line.name, "x": line.x, "y": line.y})
            for panel in panels
            for line in panel.lines
        ],
        ignore_index=True,
    )


def _thinned(frame: pd.DataFrame) -> pd.DataFrame:
    """Evenly fewer points, both ends kept: more cannot be seen."""
    if len(frame) <= _MOST_POINTS:
        return frame
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, _MOST_POINTS).astype(int))]


@st.cache_resource(max_entries=6, show_spinner=False)
def known_noise(run_id: int) -> tuple[NoiseCorrelation, pd.DataFrame] | None:
    """Known noise against value; None where no noise is known. Columns row, noise_rate, value."""
    run = workspace().run(run_id)
    truth = truth_of(run.dataset)
    if truth is None or "noise_rate" not in truth or not (truth["noise_rate"] > 0).any():
        return None
    values = the_results(run).values["value"].dropna()
    rate = truth["noise_rate"].reindex(values.index)
    frame = pd.DataFrame({"noise_rate": rate, "value": values}).dropna()
    try:
        found = noise_correlation(frame["noise_rate"].to_numpy(), frame["value"].to_numpy())
    except InputError:
        return None
    return found, frame.rename_axis("row").reset_index()


def noise_panel(frame: pd.DataFrame) -> list[Panel]:
    """A dot a row, at most some thousands of them."""
    shown = frame
    if len(frame) > _MOST_POINTS:
        shown = frame.sample(_MOST_POINTS, random_state=0)
    dots = Line("a row", shown["noise_rate"].to_numpy(), shown["value"].to_numpy(), dots=True)
    return [Panel("Known noise and value", "standard deviation of the noise", "value", [dots])]


def calibrations(run: Run) -> list[Calibration]:
    """What `auto` found out before it chose, turn by turn; nothing of other methods."""
    path = run.directory / "report.json"
    if run.job["method"] != "auto" or not path.exists():
        return []
    return [Calibration.of(told) for told in json.loads(path.read_text(encoding="utf-8"))]
