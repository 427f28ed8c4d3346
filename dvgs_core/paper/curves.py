"""Filtering curves of an experiment's values: what figures 3 and 4 have in common.

Networks are trained on what is left of the source and scored on the holdout, as the experiment's
own network; epochs, batch and learning rate are of the published configuration files.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dvgs_core.data.wording import percent
from dvgs_core.evaluation.filtering import filtering_curve
from dvgs_core.evaluation.scores import METRIC_NAMES
from dvgs_core.paper.experiments import EXPERIMENTS, Experiment, draw
from dvgs_core.paper.published import TABLE_1, TABLE_2
from dvgs_core.paper.records import Record
from dvgs_core.paper.runs import valued
from dvgs_core.paper.summary import (
    Groups,
    Section,
    groups,
    label,
    markdown_table,
    plus_minus,
    provenance,
)
from dvgs_core.paper.svg import Line, Panel, figure
from dvgs_core.paper.valuations import description, sized, valuation_works, wanted
from dvgs_core.paper.work import Request, Work

KIND = "curves"
_NETWORK = dict(layers=2, width=100, activation="mish", dropout=0.5, normalise=True)
_TABLE = _NETWORK | dict(epochs=200, batch=250, learning_rate=1e-4, metric="auroc")
_FEATURES = _NETWORK | dict(epochs=100, batch=256, learning_rate=1e-3, metric="accuracy")
_PROFILES = dict(layers=2, width=250, latent=32, activation="mish", dropout=0.0, normalise=False)
_TRAINING: dict[str, dict[str, Any]] = {
    "adult": _TABLE,
    "blog": _TABLE,
    "cifar10": _FEATURES,
    "L1000, APC > 0.5": _PROFILES | dict(epochs=50, batch=1024, learning_rate=1e-3, metric="r2"),
}
_POINTS = dict(points=10, max_steps=None)


def curve_works(request: Request, numbers: Iterable[int]) -> list[Work]:
    """One a method, experiment and seed that has a valuation; random is in every curve."""
    works = []
    for number in wanted(request, numbers):
        chosen = sized(request, number)
        for valuation in valuation_works(request, [number]):
            if valuation.what["method"] != "random":
                works.append(_work(request, chosen, valuation.what))
    return works


def _work(request: Request, chosen: Experiment, valuation: dict[str, Any]) -> Work:
    method, seed = valuation["method"], valuation["seed"]
    profiles = chosen.metric == "r2"
    ends = dict(most=0.95, replicates=1) if profiles else dict(most=0.9, replicates=3)
    settings = _TRAINING[chosen.data] | _POINTS | ends
    if request.quick:
        settings = settings | {"epochs": 2, "points": 3, "replicates": 1}
    what = description(request, chosen, method, seed) | {"filtering": settings}

    def compute() -> tuple[dict[str, Any], float]:
        problem = draw(chosen, request.data, seed)
        values = valued(request, valuation, problem).values
        started = time.perf_counter()
        frame = filtering_curve(
            problem.source,
            problem.target,
            problem.holdout,
            values,
            truth=problem.wrong,
            classes=problem.classes,
            seed=seed,
            **settings,
        )
        seconds = time.perf_counter() - started
        return curve_outcome(frame), seconds

    return Work(KIND, what, f"filtering · {chosen.name} · {method} · seed {seed}", compute)


def curve_outcome(frame) -> dict[str, Any]:
    """A curve's means over replicates: removed, and one list of scores an order."""
    means = frame.groupby(["which", "removed"], observed=True)["score"].mean()
    outcome: dict[str, Any] = {"removed": sorted({float(x) for x in frame["removed"]})}
    for which in frame["which"].unique():
        outcome[str(which)] = means[which].sort_index().round(5).tolist()
    return outcome


def curve_section(
    name: str, title: str, about: str, records: Sequence[Record], numbers: Iterable[int]
) -> Section | None:
    """A panel an experiment: lowest first and highest first for every method, random, oracle.

    Args:
        name, title: of the figure.
        about: what to say above the table.
        records: of curves.
        numbers: experiments, in the order of the panels.
    """
    shown = list(numbers)
    found = {key: some for key, some in groups(records).items() if key[0] in shown}
    if not found:
        return None
    panels, rows = [], []
    for number in shown:
        methods = [method for of, method in found if of == number]
        if not methods:
            continue
        chosen = EXPERIMENTS[number]
        lines = []
        for which in ("lowest", "highest"):
            for method in methods:
                removed, scores = _curves(found[number, method], which)
                name_of = f"{label(method)}, {which} first"
                lines.append(Line(name_of, removed, scores.mean(axis=0), dashed=which == "highest"))
        for which in ("random", "oracle"):
            some = found[number, methods[0]]
            if which in some[0].outcome:
                removed, scores = _curves(some, which)
                lines.append(Line(which, removed, scores.mean(axis=0)))
        metric = METRIC_NAMES[chosen.metric]
        ends = (0, max(found[number, methods[0]][0].outcome["removed"]))
        panels.append(Panel(chosen.name, "share of source removed", metric, lines, ends))
        rows += [_row(number, method, found[number, method]) for method in methods]
    head = ["experiment", "method", "nothing removed"]
    head += ["lowest 20 % removed", "best when removing lowest", "highest 20 %", "random 20 %"]
    parts = [about, markdown_table(head, rows), _not_run(shown, found), provenance(found)]
    body = "\n\n".join(part for part in parts if part)
    return Section(body, {f"{name}.svg": figure(panels, title)})


def _not_run(shown: Sequence[int], found: Groups) -> str:
    """Which of the paper's methods have no curve yet, by experiment."""
    lacking = []
    for number in shown:
        published = [name for name in (TABLE_1 | TABLE_2)[number] if name != "random"]
        absent = [label(name) for name in published if (number, name) not in found]
        if absent:
            lacking.append(f"{EXPERIMENTS[number].name}: {', '.join(absent)}")
    return f"Not run yet: {'; '.join(lacking)}." if lacking else ""


def _curves(records: Sequence[Record], which: str) -> tuple[list[float], np.ndarray]:
    return records[0].outcome["removed"], np.array([r.outcome[which] for r in records])


def _row(number: int, method: str, records: Sequence[Record]) -> list[str]:
    removed, lowest = _curves(records, "lowest")
    at = int(np.abs(np.array(removed) - 0.2).argmin())
    best = int(lowest.mean(axis=0).argmax())

    def spread(scores: np.ndarray) -> str:
        deviation = float(scores.std(ddof=1)) if len(scores) > 1 else None
        return plus_minus(float(scores.mean()), deviation)

    return [
        EXPERIMENTS[number].name,
        label(method),
        spread(lowest[:, 0]),
        spread(lowest[:, at]),
        f"{spread(lowest[:, best])} at {percent(removed[best])}",
        spread(_curves(records, "highest")[1][:, at]),
        spread(_curves(records, "random")[1][:, at]),
    ]
