"""What the tests of several folders share."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

settings.register_profile("dvgs", deadline=None)  # no drawn test fails because a machine is busy
settings.load_profile("dvgs")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that need it are skipped where there is none."""
    folder = os.environ.get("DVGS_DATA")
    if not folder:
        pytest.skip("DVGS_DATA is not set")
    assert Path(folder).is_dir(), f"DVGS_DATA names {folder}, which is no folder"
    return Path(folder)


@pytest.fixture(scope="session")
def bad_files() -> dict[str, bytes]:
    """Files with something wrong, by name; the label of each is, or would be, `y`."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200))
    good = pd.DataFrame({"a": a, "b": b, "y": np.where(a > 0, "yes", "no")})
    infinite, mixed = good.copy(), good.astype({"b": object})
    infinite.loc[[3, 8], "b"] = np.inf
    mixed.loc[5, "b"] = "see text"
    letters = good.assign(y=np.where(a > 0, "größer", "kleiner"))
    many = pd.DataFrame(rng.normal(size=(5000, 2)), columns=["a", "b"])
    many["y"] = [f"class {i}" for i in range(5000)]
    frames = {
        "good.csv": good,
        "one class.csv": good.assign(y="same"),
        "no label.csv": good.drop(columns="y"),
        "all missing.csv": good.assign(hole=np.nan),
        "one row.csv": good.head(1),
        "infinite.csv": infinite,
        "mixed.csv": mixed,
        "many classes.csv": many,
    }
    files = {name: frame.to_csv(index=False).encode() for name, frame in frames.items()}
    pickled, parquet = io.BytesIO(), io.BytesIO()
    np.save(pickled, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    good.to_parquet(parquet)
    return files | {
        "empty.csv": b"",
        "header only.csv": b"a,b,y\n",
        "duplicate names.csv": b"a,a,y\n1,2,yes\n3,4,no\n",
        "other encoding.csv": letters.to_csv(index=False).encode("cp1252"),
        "no text.csv": rng.integers(0, 256, 5000).astype("uint8").tobytes(),
        "pickled.npy": pickled.getvalue(),
        "truncated.parquet": parquet.getvalue()[:-200],
    }
