"""Runs of methods, kept beside the records in a folder that git ignores.

A finished run is kept for the filtering curves; one that is under way, every half minute, so that
what takes hours goes on where it was killed.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core import methods
from dvgs_core.paper.experiments import Problem
from dvgs_core.paper.records import key_of
from dvgs_core.paper.work import Request
from dvgs_core.store.files import replacing

#: Times in a run at which it is kept how good its values are by then.
_COURSE = 10
#: Seconds after which a run that is under way is kept again.
_KEEP_AFTER = 30.0
_OF_METHOD = "state."  # before the names of a method's own arrays


@dataclass(frozen=True, eq=False)
class Valued:
    """What a run gave.

    Attributes:
        values: (n_source,), in the end.
        seconds: it took.
        steps: (k,) int64, steps done at some times before.
        course: (k, n_source) values by then.
    """

    values: NDArray[np.float64]
    seconds: float
    steps: NDArray[np.int64]
    course: NDArray[np.float64]


def valued(request: Request, what: dict[str, Any], problem: Problem) -> Valued:
    """Value the source rows, go on with a run that was killed, or find what was valued before.

    Args:
        request: for its folder.
        what: description of the run, with its method, settings and seed.
        problem: the rows.
    """
    folder = request.out / "runs"
    kept, under_way = (folder / f"{key_of(what)[:24]}{end}" for end in (".npz", ".begun.npz"))
    if kept.exists():
        return _read(kept)[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    method = methods.create(what["method"], seed=what["seed"], **what["settings"])
    course: dict[int, NDArray[np.float64]] = {}
    more: dict[str, Any] = {}
    spent = 0.0
    if under_way.exists():
        before, more["resume"] = _read(under_way)
        course = dict(zip(before.steps.tolist(), before.course, strict=True))
        spent = before.seconds
    started = latest = time.perf_counter()
    for step in method.steps(problem.source, problem.target, classes=problem.classes, **more):
        done, now = step.index + 1, time.perf_counter()
        # so few times that the clock does not notice
        if done * _COURSE // step.total > (done - 1) * _COURSE // step.total:
            course[done] = step.values.copy()
        run = Valued(
            values=step.values,
            seconds=spent + now - started,
            steps=np.array(list(course), dtype=np.int64),
            course=np.array(list(course.values())).reshape(-1, len(problem.source)),
        )
        last = step.stopped_because is not None
        if step.state is not None and not last and now - latest >= _KEEP_AFTER:
            _write(under_way, run, step.state())
            latest = now
    _write(kept, run, {})
    under_way.unlink(missing_ok=True)
    return run


def _write(path: Path, run: Valued, state: dict[str, NDArray]) -> None:
    with replacing(path) as temporary:
        inside: dict[str, Any] = {_OF_METHOD + name: array for name, array in state.items()}
        np.savez(temporary, **vars(run), **inside)


def _read(path: Path) -> tuple[Valued, dict[str, NDArray]]:
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    inside = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_OF_METHOD)}
    run = Valued(**arrays | {"seconds": float(arrays["seconds"])})
    return run, {name.removeprefix(_OF_METHOD): array for name, array in inside.items()}
