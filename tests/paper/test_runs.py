"""Runs are kept, and one that was killed goes on where it was."""

from types import SimpleNamespace

import numpy as np
import pytest

from dvgs_core import methods
from dvgs_core.paper import runs
from dvgs_core.paper.experiments import draw
from dvgs_core.paper.runs import valued
from dvgs_core.paper.valuations import description, sized
from dvgs_core.paper.work import Request


def counted(taken, most=None):
    """`methods` whose runs count their steps, and are killed after `most` of them."""

    def create(name, **settings):
        def steps(*rows, **more):
            for step in methods.create(name, **settings).steps(*rows, **more):
                taken.append(step.index)
                yield step
                if len(taken) == most:
                    raise KeyboardInterrupt

        return SimpleNamespace(steps=steps)

    return SimpleNamespace(create=create)


@pytest.mark.parametrize("method", ["tmc-shapley", "dvrl"])
def test_a_killed_run_goes_on_and_ends_in_the_same_values(data, tmp_path, monkeypatch, method):
    request = Request(data, tmp_path / "o", quick=True)
    chosen = sized(request, 1)
    problem = draw(chosen, data, 0)
    what = description(request, chosen, method, 0)
    shorter = {"together": 2, "truncation": None} if method == "tmc-shapley" else {}
    what["settings"] |= shorter | {"permutations" if shorter else "outer_steps": 12}
    whole = valued(Request(data, tmp_path / "whole"), what, problem)

    monkeypatch.setattr(runs, "_KEEP_AFTER", 0.0)
    taken: list[int] = []
    monkeypatch.setattr(runs, "methods", counted(taken, most=5))
    with pytest.raises(KeyboardInterrupt):
        valued(request, what, problem)
    assert taken == [0, 1, 2, 3, 4]
    taken.clear()
    monkeypatch.setattr(runs, "methods", counted(taken))
    run = valued(request, what, problem)
    assert taken[0] in (4, 5) and taken[-1] == 11  # what a kill cut off is done again
    np.testing.assert_array_equal(run.values, whole.values)
    np.testing.assert_array_equal(run.steps, whole.steps)
    np.testing.assert_array_equal(run.course, whole.course)
    assert run.seconds > 0
    assert [path.suffixes for path in (tmp_path / "o" / "runs").glob("*.npz")] == [[".npz"]]
    taken.clear()
    np.testing.assert_array_equal(valued(request, what, problem).values, whole.values)
    assert taken == []  # a finished run is read
