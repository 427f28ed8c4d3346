"""How much of what leave-one-out finds is left if every network has a start of its own.

    DVGS_DATA=folder python -m experiments.loo_starts [--starts 40]

`loo` trains the network without a row from the start of the one with all rows, on the same batches
and with the same dropout. Here networks are trained on all rows of experiment 1 from different
starts: the spread of their score is what a value would carry besides, had its network a start of
its own. It is added to the values of `dvgs reproduce table-1 --methods loo --experiments 1`, which
are computed first if that was not done here (half an hour), and the AUROC taken of the sums.

The record is kept in docs/results/records, and table 1 tells of it; run again, it is printed.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.evaluation.detection import detection
from dvgs_core.evaluation.utility import Utility
from dvgs_core.methods.loo import PAPER, LOOSettings
from dvgs_core.models.stack import Member
from dvgs_core.paper.data import DataSets
from dvgs_core.paper.experiments import Problem, draw, experiment
from dvgs_core.paper.runs import valued
from dvgs_core.paper.table_1 import STARTS
from dvgs_core.paper.valuations import description
from dvgs_core.paper.work import Request, Work, done

_FIRST = 1000  # of the seeds of starts
_DRAWS = 200


def spread_over_starts(problem: Problem, settings: LOOSettings, starts: int) -> float:
    """Standard deviation of the score of networks that differ in their start alone."""
    everything = np.arange(len(problem.source))
    with Utility(settings, problem.source, problem.target, classes=problem.classes or 0) as utility:
        scores = utility.of([Member(everything, _FIRST + start) for start in range(starts)])
    return float(scores.std(ddof=1))


def with_own_starts(
    wrong: NDArray[np.bool_], values: NDArray[np.float64], spread: float
) -> tuple[float, float]:
    """Mean and standard deviation of the AUROC of values that carry normal noise besides."""
    rng = np.random.default_rng(0)
    found = [
        detection(wrong, values + rng.normal(0, spread, len(values))).auroc for _ in range(_DRAWS)
    ]
    return float(np.mean(found)), float(np.std(found))


def work(request: Request, starts: int, seed: int) -> Work:
    """Experiment 1, once."""
    chosen = experiment(1)
    what = description(request, chosen, "loo", seed)

    def compute() -> tuple[dict[str, Any], float]:
        problem = draw(chosen, request.data, seed)
        assert problem.wrong is not None
        values = valued(request, what, problem).values
        begun = time.perf_counter()
        spread = spread_over_starts(problem, LOOSettings(**PAPER[chosen.preset]), starts)
        mean, deviation = with_own_starts(problem.wrong, values, spread)
        outcome = {
            "spread_of_values": round(float(values.std()), 6),
            "spread_over_starts": round(spread, 6),
            "auroc": round(detection(problem.wrong, values).auroc, 4),
            "auroc_with_own_starts": [round(mean, 4), round(deviation, 4)],
        }
        return outcome, time.perf_counter() - begun

    return Work(STARTS, what | {"starts": starts}, f"LOO · {starts} starts", compute)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--starts", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    command = " ".join(["python -m experiments.loo_starts", *sys.argv[1:]])
    request = Request(DataSets(Path(os.environ["DVGS_DATA"])), options.out, command=command)
    list(done(request, [work(request, options.starts, seed=0)]))
    for record in request.records.of(STARTS):
        print(record.outcome)


if __name__ == "__main__":
    main()
