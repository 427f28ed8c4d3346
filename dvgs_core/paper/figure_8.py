"""Figure 8: runtime is linear in source rows and in 1 / `every`, and what `every` costs.

Runtime is counted in processor seconds of all cores: other work on the machine changes it little.
"""

import time
from typing import Any

import numpy as np

from dvgs_core import methods
from dvgs_core.data.wording import percent
from dvgs_core.evaluation.detection import detection
from dvgs_core.paper.experiments import draw
from dvgs_core.paper.records import Record, Records
from dvgs_core.paper.settings import paper_settings
from dvgs_core.paper.summary import (
    Section,
    listed_seeds,
    markdown_table,
    mean_and_spread,
    origin,
    origins,
    plus_minus,
)
from dvgs_core.paper.svg import Line, Panel, figure
from dvgs_core.paper.valuations import sized
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "figure-8", "Figure 8: runtime against source rows and checkpoint spacing"
KIND = "runtimes"
ROWS = (1000, 2000, 4000, 8000, 16000)
EVERY = (1, 2, 3, 5, 10, 20)
_REPEATS = 3


def works(request: Request) -> list[Work]:
    """DVGS on experiment 1 with more source rows, and with fewer checkpoints; three seeds."""
    seeds = list(request.seeds)[:_REPEATS]
    sizes = ROWS[:2] if request.quick else ROWS
    pairs = [(rows, 1) for rows in sizes] + [(sizes[-1], every) for every in EVERY[1:]]
    return [_work(request, rows, every, seed) for seed in seeds for rows, every in pairs]


def _work(request: Request, rows: int, every: int, seed: int) -> Work:
    small = sized(request, 1)
    rows = rows // 50 if request.quick else rows
    chosen = small.with_source(rows)
    settings = paper_settings("dvgs", chosen, quick=request.quick) | {"every": every}
    what = {
        "experiment": 1,
        "data": request.data.fingerprint(chosen.file),
        "rows": [chosen.source, chosen.target, chosen.holdout],
        "settings": settings,
        "seed": seed,
    }

    def compute() -> tuple[dict[str, Any], float]:
        problem = draw(chosen, request.data, seed)
        assert problem.wrong is not None
        few = methods.create("dvgs", seed=seed, **settings | {"epochs": 1})
        few.value(problem.source, problem.target)  # what a process does once does not count
        method = methods.create("dvgs", seed=seed, **settings)
        started, spent = time.perf_counter(), time.process_time()
        values = method.value(problem.source, problem.target, classes=problem.classes).values
        seconds, spent = time.perf_counter() - started, time.process_time() - spent
        found = detection(problem.wrong, values)
        return {"auroc": round(found.auroc, 5), "processor_seconds": round(spent, 6)}, seconds

    return Work(KIND, what, f"runtime · {rows:,} rows, every {every} · seed {seed}", compute)


def section(records: Records) -> Section | None:
    """Seconds against rows, against 1 / every, and the AUROC against every."""
    some = records.of(KIND)
    if not some:
        return None
    most = max(record.what["rows"][0] for record in some)
    by_rows = _by(
        [r for r in some if r.what["settings"]["every"] == 1], lambda r: r.what["rows"][0]
    )
    by_every = _by(
        [r for r in some if r.what["rows"][0] == most], lambda r: r.what["settings"]["every"]
    )
    seconds = {rows: _seconds(these) for rows, these in by_rows.items()}
    spaced = {1 / every: _seconds(these) for every, these in by_every.items()}
    quality = {every: [r.outcome["auroc"] for r in these] for every, these in by_every.items()}
    fits = [_fit(seconds), _fit(spaced)]
    panels = [
        Panel(
            "by source rows",
            "source rows",
            "processor seconds",
            [
                Line("measured", list(seconds), list(seconds.values()), dots=True),
                Line("straight line", *fits[0][0], dashed=True),
            ],
        ),
        Panel(
            f"by checkpoint spacing, {most:,} rows",
            "1 / every",
            "processor seconds",
            [
                Line("measured", list(spaced), list(spaced.values()), dots=True),
                Line("straight line", *fits[1][0], dashed=True),
            ],
        ),
        Panel(
            "AUROC by checkpoint spacing",
            "every",
            "AUROC",
            [Line("AUROC", list(quality), [float(np.mean(q)) for q in quality.values()])],
        ),
    ]
    rows = [[f"{n:,}", "1", f"{s:.2f}", ""] for n, s in seconds.items()]
    for every, these in by_every.items():
        mean, spread = mean_and_spread(quality[every])
        rows.append(
            [f"{most:,}", str(every), f"{_seconds(these):.2f}", plus_minus(mean, spread, 4)]
        )
    where = [listed_seeds({r.what["seed"] for r in some}), *origin(some)]
    body = (
        "DVGS on ADULT with the settings of experiment 1. A straight line explains "
        f"{percent(fits[0][1], 1)} of the variance of the processor seconds over source rows, and "
        f"{percent(fits[1][1], 1)} over 1 / every. The paper states both to be linear, and that "
        "`every` from 2 to 5 costs little accuracy.\n\n"
        f"{markdown_table(['source rows', 'every', 'processor seconds', 'AUROC'], rows)}\n\n"
        f"{origins(['seeds'], [where])}"
    )
    return Section(
        body,
        {f"{NAME}.svg": figure(panels, TITLE)},
        [dict(linear_in_rows=fits[0][1], linear_in_spacing=fits[1][1])],
    )


def _seconds(records: list[Record]) -> float:
    return float(np.mean([record.outcome["processor_seconds"] for record in records]))


def _by(records: list[Record], key) -> dict[Any, list[Record]]:
    found: dict[Any, list[Record]] = {}
    for record in sorted(records, key=key):
        found.setdefault(key(record), []).append(record)
    return found


def _fit(points: dict[float, float]) -> tuple[tuple[list[float], list[float]], float]:
    """The least-squares line's ends, and the share of variance it explains."""
    x, y = np.array(list(points)), np.array(list(points.values()))
    slope, height = np.polyfit(x, y, 1)
    left = y - (slope * x + height)
    ends = [float(x.min()), float(x.max())]
    explained = 1 - float((left**2).sum() / ((y - y.mean()) ** 2).sum())
    return (ends, [slope * e + height for e in ends]), explained
