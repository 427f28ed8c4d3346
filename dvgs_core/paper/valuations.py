"""Valuing a draw of an experiment by a method, once; tables 1 to 3 and most figures read these."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dvgs_core.evaluation.detection import detection
from dvgs_core.paper.experiments import Experiment, Problem, draw, experiment
from dvgs_core.paper.published import TABLE_1, TABLE_2
from dvgs_core.paper.runs import Valued, valued
from dvgs_core.paper.settings import compared, paper_settings, takes_part
from dvgs_core.paper.work import Request, Work

KIND = "valuations"
#: Fractions inspected at which the records keep the fraction found.
INSPECTED = np.linspace(0, 1, 51)


def valuation_works(request: Request, numbers: Iterable[int]) -> list[Work]:
    """One a method, experiment and seed; cheap methods and experiments first.

    Without methods asked for, an experiment has those the paper has a number for; of methods asked
    for, those that can be run on it.
    """
    works = []
    for number in wanted(request, numbers):
        chosen = sized(request, number)
        for method in compared(request.methods):
            published = (TABLE_1 | TABLE_2)[number]
            if request.methods is None and method not in published:
                continue
            if not takes_part(method, chosen):
                continue
            works += [valuation_work(request, chosen, method, seed) for seed in request.seeds]
    return works


def wanted(request: Request, numbers: Iterable[int]) -> list[int]:
    """Those of the numbers that are asked for."""
    return [n for n in numbers if request.experiments is None or n in request.experiments]


def sized(request: Request, number: int) -> Experiment:
    """The experiment, small if the request is quick."""
    chosen = experiment(number)
    return chosen.small() if request.quick else chosen


def description(request: Request, chosen: Experiment, method: str, seed: int) -> dict[str, Any]:
    """Everything a valuation follows from."""
    return {
        "experiment": chosen.number,
        "data": request.data.fingerprint(chosen.file) if chosen.file else "generated",
        "rows": [chosen.source, chosen.target, chosen.holdout],
        "method": method,
        "settings": paper_settings(
            method, chosen, quick=request.quick, permutations=request.permutations
        ),
        "seed": seed,
    }


def valuation_work(request: Request, chosen: Experiment, method: str, seed: int) -> Work:
    """Value one draw and compare the values with the damage."""
    what = description(request, chosen, method, seed)

    def compute() -> tuple[dict[str, Any], float]:
        problem = draw(chosen, request.data, seed)
        run = valued(request, what, problem)
        return outcome(problem, run.values) | course(problem, run), run.seconds

    return Work(KIND, what, f"{chosen.name} · {method} · seed {seed}", compute)


def course(problem: Problem, run: Valued) -> dict[str, Any]:
    """AUROC or Spearman correlation by steps done, for a record; methods of one step have none."""
    measured = [
        [done, outcome(problem, values)["auroc" if problem.wrong is not None else "spearman"]]
        for done, values in zip(run.steps.tolist(), run.course, strict=True)
        if np.isfinite(values).all()
    ]
    return {"course": measured} if len(measured) > 1 else {}


def outcome(problem: Problem, values: NDArray) -> dict[str, Any]:
    """How well low values find the damage, as numbers for a record."""
    if problem.wrong is not None:
        found = detection(problem.wrong, values)
        at = np.rint(INSPECTED * len(values)).astype(int)
        return {
            "auroc": round(found.auroc, 5),
            "average_precision": round(found.average_precision, 5),
            "found": found.curve["found"].to_numpy()[at].round(4).tolist(),
        }
    return {"spearman": round(float(spearmanr(problem.rate, -values).statistic), 5)}
