"""A reviewed dataset: values from a run, decisions by two people, damage that is known."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import SplitSettings, infer_schema
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.review import DecisionLog, Recipe, make_recipe
from dvgs_core.store import Dataset, Run, Workspace

#: Names and cells that look like markup, are long, or run from right to left.
UGLY = '<b>größe</b> & "x" {y} العمر'


@dataclass(frozen=True)
class Reviewed:
    """Everything there is about a review; `folder` holds the original beside recipe.json."""

    space: Workspace
    dataset: Dataset
    run: Run
    log: DecisionLog
    recipe: Recipe
    truth: pd.DataFrame | None
    folder: Path

    @property
    def values(self) -> pd.DataFrame:
        return pd.read_parquet(self.run.directory / "values.parquet")


@pytest.fixture
def frame() -> pd.DataFrame:
    """160 rows with a date, gaps, formulas, a group, and a label that `a` decides."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 160))
    days = pd.date_range("2024-01-01", periods=160, freq="D").strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "a": a.round(3),
            UGLY: np.where(rng.random(160) < 0.1, np.nan, b.round(3)),
            "when": days,
            "said": rng.choice(["=1+1", "@x", "plain", "<script>alert(1)</script>"], 160),
            "site": rng.choice(["north", "south", "<i>west</i>"], 160),
            "y": np.where(a > 0, "yes", "<i>no</i>"),
        }
    )


@pytest.fixture
def reviewed(frame, tmp_path) -> Callable[..., Reviewed]:
    """reviewed(damaged=False, split={}, **job) -> Reviewed, of a run by the method random."""

    def make(*, damaged: bool = False, split: dict | None = None, **more) -> Reviewed:
        folder = tmp_path / "folder"
        folder.mkdir()
        truth = None
        if damaged:
            wrong = np.zeros(len(frame), bool)
            wrong[:20] = True
            original = frame["y"].copy()
            frame.loc[wrong, "y"] = np.where(frame.loc[wrong, "y"] == "yes", "<i>no</i>", "yes")
            truth = pd.DataFrame(
                {"row": range(160), "corrupted": wrong, "original_label": original}
            )
        path = folder / "my data.csv"
        frame.to_csv(path, index=False)
        space = Workspace(tmp_path / "workspace")
        dataset = space.add_dataset(path, path.name, truth=truth)
        table = space.load_table(dataset.id)
        job = {"method": "random", "device": "cpu", **more}
        settings = SplitSettings(**(split or {}))
        asked = Job(columns=infer_schema(table, "y"), split=settings, **job)
        space.create_run(dataset.id, asked.model_dump(mode="json"))
        claimed = space.claim_next("valuation", os.getpid())
        do(space, claimed, execute)
        run = space.run(claimed.id)
        assert run.status == "done", run.message
        log = DecisionLog(space, dataset.id)
        log.decide([2, 3, 30, 31, 32], "drop", reviewer="Ada", note="<u>blurred</u>")
        for row in (5, 40):
            new = "yes" if frame["y"].iloc[row] != "yes" else "<i>no</i>"
            log.decide([row], "relabel", label=new, reviewer="Grace & co")
        log.decide([50], "keep")
        recipe = make_recipe(dataset, log, label="y", run=run)
        recipe.save(folder / "recipe.json")
        return Reviewed(space, dataset, run, log, recipe, truth, folder)

    return make
