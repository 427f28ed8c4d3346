"""A folder with files like the real ones, a few rows each, made up here."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dvgs_core.cli import main
from dvgs_core.paper.data import (
    ADULT,
    BLOG,
    DOSES,
    FEATURES,
    KNOCKDOWN,
    PICTURES,
    SIGNATURES,
    DataSets,
)
from dvgs_core.paper.profiles import generate_profiles

ROWS = 240


def adult(rng):
    x = rng.normal(size=ROWS)
    return pd.DataFrame(
        {
            "age": rng.integers(17, 90, ROWS),
            "workclass": rng.choice(["Private", "State-gov", None], ROWS),
            "fnlwgt": rng.integers(10_000, 900_000, ROWS),
            "education": np.where(x > 0, "Bachelors", "HS-grad"),
            "hours_per_week": rng.integers(1, 99, ROWS),
            "income": np.where(x + rng.normal(size=ROWS) > 0, ">50K", "<=50K"),
            "split": np.repeat(["train", "test"], ROWS // 2),
        }
    )


def blog(rng):
    features = rng.gamma(0.3, 5, size=(ROWS, 280)).astype(np.float32)
    comments = np.where(features[:, 0] > 0.5, rng.integers(1, 9, ROWS), 0)
    frame = pd.DataFrame(features, columns=[f"f{i}" for i in range(280)])
    split = np.repeat(["train", "test"], ROWS // 2)
    return frame.assign(comments=comments, test_day=None, split=split)


def jpeg(rng):
    held = io.BytesIO()
    picture = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(picture).save(held, "JPEG")
    return held.getvalue()


def genes(X):
    return pd.DataFrame(X, columns=[f"g_{i}" for i in range(X.shape[1])])


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder."""
    made, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    adult(rng).to_parquet(made / ADULT)
    blog(rng).to_parquet(made / BLOG)
    label = rng.integers(0, 10, ROWS)
    np.savez(
        made / FEATURES,
        features=(rng.normal(size=(ROWS, 16)) + label[:, None]).astype(np.float16),
        label=label.astype(np.int8),
        split=np.repeat(["train", "test"], ROWS // 2),
    )
    pd.DataFrame({"jpeg": [jpeg(rng) for _ in range(ROWS)]}).to_parquet(made / PICTURES)
    # strong and weak profiles, the same ones in the three forms that the real sets have
    profiles = generate_profiles(24, doses=4, genes=50, seed=3)
    X = profiles.X + 3 * (profiles.dose > 1)[:, None] * profiles.X
    about = pd.DataFrame({"pert_id": profiles.perturbation.astype(str), "pert_type": "trt_sh"})
    genes(X).join(about).to_parquet(made / KNOCKDOWN)
    plate = about.assign(pert_type=np.where(profiles.perturbation < 4, "ctl_vehicle", "trt_cp"))
    genes(X + 8).join(plate).to_parquet(made / DOSES)
    quality = np.where(np.arange(len(X)) == 5, np.nan, profiles.apc * 0.5 + 0.3)
    genes(X).join(about.assign(distil_cc_q75=quality)).to_parquet(made / SIGNATURES)
    return made


@pytest.fixture(scope="session")
def data(folder):
    """The data sets of that folder."""
    return DataSets(folder)


@pytest.fixture
def dvgs(monkeypatch, capsys):
    """dvgs("reproduce", ...) -> code, out, err and the lines of err, in this process."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["dvgs", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=out, err=err, lines=err.splitlines())

    return call
