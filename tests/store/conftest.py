"""A workspace and a file to put into it."""

from pathlib import Path

import pytest

from dvgs_core.store import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("size,label\n1,a\n2,b\n3,a\n4,b\n", encoding="utf-8")
    return path
