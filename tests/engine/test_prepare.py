"""Rows that were encoded before are made ready without reading their features: the same rows."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import load
from dvgs_core.engine.corrected import Corrections
from dvgs_core.engine.prepare import prepare, prepare_in
from dvgs_core.errors import InputError
from dvgs_core.store import Workspace
from tests.engine.jobs import SMALL, job_for

SPLITS = {
    "at random": dict(),
    "in turns": dict(rotations=3, target_size=10, holdout_size=0.2),
    "a query": dict(target_query="a > 0.2", source_query="colour.notnull()"),
    "of the row id": dict(target_query="index < 30"),
    "of a keyword": dict(target_query="class < 3"),
    "of a ticked name": dict(target_query="`the ``odd`` one` > 0", target_size=9),
    "of a name written otherwise": dict(target_query="\u212bngstrom > 0"),
    "of an ignored column": dict(holdout_query='batch == "one"', holdout_size=8),
    "by group": dict(balance_by="plate", target_size=12),
    "by a feature": dict(balance_by="colour", target_size=12),
}


@pytest.fixture
def table_path(table_path):
    frame, rng = pd.read_csv(table_path), np.random.default_rng(2)
    frame["class"] = rng.integers(0, 9, 90)
    frame["the `odd` one"] = rng.normal(size=90)
    frame["\u00c5ngstrom"] = rng.normal(size=90)
    frame["batch"] = rng.choice(["one", "two"], 90)
    frame["plate"] = rng.choice(["p", "q", "r"], 90)
    frame["id"] = np.arange(90) + 1000
    frame.loc[[1, 2], "y"] = None
    frame.to_csv(table_path, index=False)
    return table_path


@pytest.fixture
def job(table_path):
    def make(**more):
        job = job_for(load(table_path), **more)
        columns = job.columns.with_role("batch", "ignore").with_role("plate", "group")
        return job.model_copy(update={"columns": columns})

    return make


@pytest.fixture
def read_whole(monkeypatch):
    """The datasets that were read with all their columns."""
    read, load_table = [], Workspace.load_table

    def counted(self, dataset_id):
        read.append(dataset_id)
        return load_table(self, dataset_id)

    monkeypatch.setattr(Workspace, "load_table", counted)
    return read


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("method", ["dvgs", "apc", "column"])
def test_what_is_found_is_what_would_be_read(workspace, table_path, job, read_whole, split, method):
    settings = {"apc": {"group": "plate"}, "column": {"column": "count"}}.get(method, {})
    dataset = workspace.add_dataset(table_path, table_path.name)
    asked = job(split=split, method=method, settings=settings)
    table = workspace.load_table(dataset.id)
    whole = prepare(table, asked, folder=dataset.directory)
    whole.encoded.keep()
    read_whole.clear()
    found = prepare_in(workspace, dataset.id, asked)
    assert found.encoded.found and read_whole == []
    np.testing.assert_array_equal(found.X, whole.X)
    np.testing.assert_array_equal(found.labels.y, whole.labels.y)
    assert found.labels.classes == whole.labels.classes
    for one, other in zip(found.splits, whole.splits, strict=True):
        for part in ("source", "target", "holdout"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
    assert found.rows == whole.rows
    assert found.notes == (*table.notes, *whole.notes) and any("label" in n for n in found.notes)
    assert list(found.columns) == list(whole.columns)
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_corrections_are_made_to_what_is_found(workspace, table_path, job, read_whole):
    dataset = workspace.add_dataset(table_path, table_path.name)
    plain = job()
    prepare(workspace.load_table(dataset.id), plain, folder=dataset.directory).encoded.keep()
    gone = prepare_in(workspace, dataset.id, plain).splits[0].source[:1]
    relabelled = Corrections(relabelled={int(gone[0]): 2})
    read_whole.clear()
    found = prepare_in(workspace, dataset.id, plain.model_copy(update={"corrections": relabelled}))
    assert found.labels.y[gone[0]] == 2 and read_whole == []


def test_what_was_never_encoded_is_read(workspace, table_path, job, read_whole):
    dataset = workspace.add_dataset(table_path, table_path.name)
    read = prepare_in(workspace, dataset.id, job())
    assert not read.encoded.found and read_whole == [dataset.id]


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (dict(target_query="coluor == 'red'"), "colour"),  # a name near it is a feature's
        (dict(target_query="a > 1000"), "matches none of the 90 rows"),
        (dict(balance_by="plaet", target_size=9), "plate"),
    ],
)
def test_what_is_wrong_is_said_with_all_columns_at_hand(workspace, table_path, job, split, said):
    dataset = workspace.add_dataset(table_path, table_path.name)
    prepare(workspace.load_table(dataset.id), job(), folder=dataset.directory).encoded.keep()
    with pytest.raises(InputError, match=said) as found:
        prepare_in(workspace, dataset.id, job(split=split))
    with pytest.raises(InputError) as read:
        prepare(load(table_path), job(split=split))
    assert str(found.value) == str(read.value)


def test_a_method_that_does_not_suit_the_task_is_refused_all_the_same(
    workspace, table_path, job, read_whole
):
    dataset = workspace.add_dataset(table_path, table_path.name)
    asked = job(method="knn-shapley", settings={})
    columns = asked.columns.with_role("y", "ignore")
    asked = asked.model_copy(update={"columns": columns})
    plain = asked.model_copy(update={"method": "dvgs", "settings": SMALL})
    prepare(workspace.load_table(dataset.id), plain, folder=dataset.directory).encoded.keep()
    read_whole.clear()
    assert prepare_in(workspace, dataset.id, plain).encoded.found and read_whole == []
    with pytest.raises(InputError, match="knn-shapley is for"):
        prepare_in(workspace, dataset.id, asked)
