"""The first look at a dataset: what it writes is what the encoder and the graph give."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import Encoder, EncodingSettings, infer_schema
from dvgs_core.engine import look
from dvgs_core.engine.worker import do
from dvgs_core.neighbours import pca_layout
from dvgs_core.store import Workspace


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path / "space")


def seen(space, frame: pd.DataFrame, tmp_path, **settings):
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    dataset = space.add_dataset(path, "t.csv")
    table = space.load_table(dataset.id)
    roles, encoding = infer_schema(table), EncodingSettings(**settings)
    job = look.look_job(roles, encoding)
    space.request_study(dataset.id, "look", job)
    do(space, space.claim_next("look", os.getpid()), look.execute)
    study = space.study(dataset.id, "look", job)
    return study, table.frame, roles, encoding


def people(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame.loc[3, "a"] = np.nan
    frame["same"] = 7
    frame["kind"] = rng.choice(["u", "v", "w"], n)
    frame["label"] = rng.choice(["p", "q"], n)
    return frame


def test_it_writes_the_encoding_the_rows_and_the_map(space, tmp_path):
    study, frame, roles, encoding = seen(space, people(), tmp_path)
    assert study.status == "done", study.message
    encoder = Encoder.fit(frame, roles, encoding)
    X = encoder.transform(frame)
    described = json.loads((study.directory / "encoding.json").read_text())
    assert described["inputs"] == X.shape[1]
    names = {column["name"]: column["inputs"] for column in described["columns"]}
    assert names["a"] == ["a", "a is missing"] and len(names["kind"]) == 3
    assert sorted(at for column in described["columns"] for at in column["at"]) == list(
        range(X.shape[1])
    )
    np.testing.assert_array_equal(np.load(study.directory / "encoded.npy"), X[:50])
    np.testing.assert_allclose(np.load(study.directory / "layout.npy"), pca_layout(X), atol=1e-5)


def test_source_columns_name_the_column_behind_every_input(space):
    frame = people()
    roles = infer_schema(look_table(frame))
    encoder = Encoder.fit(frame, roles)
    assert len(encoder.source_columns) == len(encoder.feature_names)
    for name, source in zip(encoder.feature_names, encoder.source_columns, strict=True):
        assert name.startswith(source)


def look_table(frame: pd.DataFrame):
    from dvgs_core.data.frame import from_frame

    return from_frame(frame, "t")


def test_near_pairs_are_those_closer_than_the_share_of_the_median():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, 6)).astype(np.float32)
    X[80:] = X[:10] + rng.normal(scale=1e-3, size=(10, 6))
    X[40] = X[41]
    pairs, distances, threshold = look.near_pairs(X)
    apart = np.linalg.norm(X[:, None] - X[None], axis=-1).astype(float)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.min(axis=1)
    assert threshold == pytest.approx(look.NEAR_SHARE * np.median(nearest[nearest > 0]), rel=1e-4)
    expected = {(i, j) for i, j in np.argwhere(apart <= threshold).tolist() if i < j}
    assert set(map(tuple, pairs.tolist())) == expected and (40, 41) in expected
    assert expected >= {(i, 80 + i) for i in range(10)} and (np.diff(distances) >= 0).all()


def test_tables_too_large_to_compare_say_so_and_have_a_map_all_the_same(
    space, tmp_path, monkeypatch
):
    monkeypatch.setattr(look, "MOST_WORK", 10)
    study, *_ = seen(space, people(), tmp_path)
    assert study.status == "done" and (study.directory / "layout.npy").exists()
    assert "too many rows" in json.loads((study.directory / "near.json").read_text())["why"]


def test_the_label_is_no_part_of_the_question(space):
    roles = infer_schema(look_table(people()))
    other = roles.with_task("regression") if roles.task != "regression" else roles
    settings = EncodingSettings()
    assert look.look_job(roles, settings) == look.look_job(other, settings)
    assert look.look_job(roles.with_role("a", "ignore"), settings) != look.look_job(roles, settings)
    assert look.look_job(roles, EncodingSettings(numeric="minmax")) != look.look_job(
        roles, settings
    )
