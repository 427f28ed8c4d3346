"""How well what DVRL's estimator is shown of the labels orders the rows by itself.

    DVGS_DATA=folder python -m experiments.dvrl_input [--repeats 10] [--bodies 2]

The estimator sees |y - prediction| of a network that is trained on the target as those that reward
it are trained on selected rows. Here rows are ordered by that input alone, the mean over outputs,
without any learning, on the draws of `dvgs reproduce table-1` and `table-2`.

For the first draws the estimator also learns for its first steps, and it is counted how many of
the 10 outputs of its body, which sees features and label, still differ between rows: rectified
units can die, and with all of them dead nothing but |y - prediction| is left to order rows by.

The record is kept in docs/results/records, and tables 1 and 2 tell of it where DVRL's mean is not
within the paper's standard deviation; run again, it is printed.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from dvgs_core.methods.dvrl import DVRL, PAPER, Estimator
from dvgs_core.paper.data import DataSets
from dvgs_core.paper.dvrl_input import BODIES, KIND
from dvgs_core.paper.experiments import draw, experiment
from dvgs_core.paper.valuations import description, outcome
from dvgs_core.paper.work import Request, Work, done

#: Outer steps, of 2,000.
LOOKED_AT = [20, 100, 200]


def work(request: Request, number: int, seed: int) -> Work:
    """One draw of an experiment."""
    chosen = experiment(number)

    def compute() -> tuple[dict[str, Any], float]:
        problem = draw(chosen, request.data, seed)
        begun = time.perf_counter()
        method = DVRL(seed=seed, **PAPER[chosen.preset])
        shown = method.estimator_inputs(problem.source, problem.target, problem.classes or 0)
        found = outcome(problem, -shown.distance.double().mean(dim=1).cpu().numpy())
        found.pop("found", None)
        return found, time.perf_counter() - begun

    what = description(request, chosen, "dvrl", seed)
    return Work(KIND, what, f"{chosen.name} · DVRL's input · seed {seed}", compute)


def body_work(request: Request, number: int, seed: int) -> Work:
    """The estimator's first steps on one draw of an experiment."""
    chosen = experiment(number)

    def compute() -> tuple[dict[str, Any], float]:
        problem = draw(chosen, request.data, seed)
        method = DVRL(seed=seed, **PAPER[chosen.preset])
        begun, looks = time.perf_counter(), []
        shown = method.estimator_inputs(problem.source, problem.target, problem.classes or 0)
        for step in method.steps(problem.source, problem.target, classes=problem.classes):
            assert step.state is not None
            kept = step.state()
            if (outer := int(kept["outer"])) in LOOKED_AT:
                estimator = Estimator(method.settings, shown, seed)
                estimator.restore(kept)
                looks.append([outer, estimator.varying()])
            if outer >= LOOKED_AT[-1]:
                break
        return {"varying": looks}, time.perf_counter() - begun

    what = description(request, chosen, "dvrl", seed) | {"looked_at": LOOKED_AT}
    return Work(BODIES, what, f"{chosen.name} · DVRL's body · seed {seed}", compute)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--bodies", type=int, default=2)
    parser.add_argument("--experiments", default="1,2,4,5")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    command = " ".join(["python -m experiments.dvrl_input", *sys.argv[1:]])
    data = DataSets(Path(os.environ["DVGS_DATA"]))
    request = Request(data, options.out, repeats=options.repeats, command=command)
    numbers = [int(number) for number in options.experiments.split(",")]
    works = [work(request, n, seed) for n in numbers for seed in request.seeds]
    works += [body_work(request, n, seed) for n in numbers for seed in range(options.bodies)]
    list(done(request, works))
    for record in [*request.records.of(KIND), *request.records.of(BODIES)]:
        print(record.what["experiment"], record.what["seed"], record.outcome)


if __name__ == "__main__":
    main()
