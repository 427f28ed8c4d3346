"""Ways to call the command line, and tables to call it with."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dvgs_core.cli import main

ROOT = Path(__file__).resolve().parents[2]
#: A run that takes no time, for tests in which the numbers do not matter.
SMALL = ("--set", "restarts=1", "--set", "epochs=3", "--set", "width=8", "--device", "cpu")


@dataclass(frozen=True)
class Said:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines on standard error."""
        return self.err.splitlines()


@pytest.fixture
def dvgs(monkeypatch, capsys) -> Callable[..., Said]:
    """dvgs("value", ...) -> Said, in this process."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["dvgs", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, out, err)

    return call


@pytest.fixture
def dvgs_process(tmp_path) -> Callable[..., Said]:
    """The same in a process of its own, in another folder than the project's."""

    def call(*arguments: object) -> Said:
        ended = subprocess.run(
            [sys.executable, "-m", "dvgs_core", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Said(ended.returncode, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def frame() -> pd.DataFrame:
    """120 rows: three numbers, a colour, a site in {n, s, w}, and a label that a decides."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 120))
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "c": c,
            "colour": rng.choice(["red", "green"], 120),
            "site": rng.choice(["n", "s", "w"], 120, p=[0.5, 0.3, 0.2]),
            "y": np.where(a > 0, "yes", "no"),
        }
    )


@pytest.fixture
def table(frame, tmp_path) -> Path:
    """The same as table.csv."""
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path
