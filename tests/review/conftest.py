"""A dataset of twenty rows, and the log of decisions about it."""

from pathlib import Path

import pytest

from dvgs_core.review import DecisionLog
from dvgs_core.store import Dataset, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    path = tmp_path / "twenty.csv"
    path.write_text("size,label\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20)))
    return workspace.add_dataset(path, "twenty.csv")


@pytest.fixture
def decisions(workspace: Workspace, dataset: Dataset) -> DecisionLog:
    return DecisionLog(workspace, dataset.id)
