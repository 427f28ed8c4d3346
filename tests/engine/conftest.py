"""A workspace with a dataset, runs, and a way to wait for what other processes do."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dvgs_core.engine.execute import execute
from dvgs_core.engine.worker import do
from dvgs_core.store import Dataset, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    path = tmp_path / "table.csv"
    path.write_text("size,label\n1,a\n2,b\n")
    return workspace.add_dataset(path, "table.csv")


@pytest.fixture
def eventually() -> Callable[[Callable], object]:
    def wait(condition: Callable) -> object:
        """The first true answer of `condition`, asked again and again for at most 20 seconds."""
        deadline = time.monotonic() + 20
        while not (answer := condition()):
            assert time.monotonic() < deadline, "it did not happen within 20 seconds"
            time.sleep(0.01)
        return answer

    return wait


@pytest.fixture
def table_path(tmp_path):
    """90 rows with columns of every kind, gaps among them, and a label of three classes."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=90)
    frame = pd.DataFrame(
        {
            "a": a,
            "b": rng.normal(size=90).round(2),
            "count": pd.array(rng.integers(0, 50, 90), dtype="Int64"),
            "member": rng.choice([True, False], 90),
            "since": pd.date_range("2020-01-01", periods=90, freq="13D").astype("str"),
            "colour": rng.choice(["red", "green", "blue"], 90),
            "y": np.digitize(a, [-0.4, 0.4]),
        }
    )
    frame.loc[[3, 30], "count"] = pd.NA
    frame.loc[[5, 6, 7], "colour"] = None
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def ran(workspace, table_path):
    """ran(job, before=...) -> the run after `execute`; before(run) is called before it."""

    def call(job, before=lambda run: None, path=table_path):
        dataset = workspace.add_dataset(path, path.name)
        workspace.create_run(dataset.id, job.model_dump(mode="json"))
        run = workspace.claim_next("valuation", os.getpid())
        before(run)
        do(workspace, run, execute)
        return workspace.run(run.id)

    return call
