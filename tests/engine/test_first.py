"""A few rows are shown at once, as the run itself will have them, and change nothing in it."""

import numpy as np
import pytest

from dvgs_core.data import load
from dvgs_core.engine import first
from dvgs_core.engine.first import FIRST

from .jobs import TWICE, job_for, same_files


@pytest.fixture
def shown(monkeypatch):
    """Ten rows are a first look."""
    monkeypatch.setattr(first, "FIRST_ROWS", 10)


def read(directory, name, dtype=np.float32):
    return np.fromfile(directory / name, dtype=dtype)


@pytest.mark.parametrize("split", [None, TWICE])
def test_the_first_look_is_what_the_run_has_for_these_rows_and_leaves_no_mark_on_it(
    ran, table_path, shown, monkeypatch, split
):
    job = job_for(load(table_path), split=split)
    run = ran(job)
    assert run.status == "done"
    few, ids = (np.load(folder / "ids.npy") for folder in (run.directory / FIRST, run.directory))
    assert len(few) == 10 and set(few) < set(ids)
    early = read(run.directory / FIRST, "trace.f32")
    step = read(run.directory, "trace.f32")[: len(ids)]
    np.testing.assert_allclose(early, step[np.searchsorted(ids, few)], atol=1e-6)
    monkeypatch.setattr(first, "FIRST_ROWS", 10_000)
    without = ran(job)
    assert not (without.directory / FIRST).exists()
    same_files(run, without)


def test_no_first_look_where_rows_are_valued_together(ran, table_path, shown):
    run = ran(job_for(load(table_path), method="random", settings={}))
    assert run.status == "done" and not (run.directory / FIRST).exists()
