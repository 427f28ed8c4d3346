"""A workspace with a dataset, and a way to wait for what other processes do."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

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
