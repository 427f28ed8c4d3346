"""Datasets: kept as they came, found again, and nothing left of what could not be read."""

import errno
import shutil

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data.load import load
from dvgs_core.errors import InputError
from dvgs_core.store import Workspace


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_original_is_kept_byte_for_byte(workspace, tmp_path):
    data = '\ufeffname;wert\r\n"a\nb";1,5\r\nمرحبا;2,5\r\n'.encode()
    path = tmp_path / "upload.tmp"
    path.write_bytes(data)
    dataset = workspace.add_dataset(path, "messung.csv")
    path.unlink()
    assert dataset.path.read_bytes() == data
    assert (dataset.name, dataset.rows, dataset.columns) == ("messung.csv", 2, 2)
    assert dataset.id == dataset.sha256[:16]


def test_the_same_bytes_are_the_same_dataset_whatever_their_name(workspace, table_file):
    first = workspace.add_dataset(table_file, "table.csv")
    again = workspace.add_dataset(table_file, "another name.csv")
    assert again == first
    assert workspace.datasets() == [first]
    assert files_below(workspace.root / "datasets").count(first.id) == 1


def test_a_restart_finds_dataset_table_and_settings(workspace, table_file):
    dataset = workspace.add_dataset(table_file, "table.csv")
    workspace.set_setting(dataset.id, "schema", {"label": "label"})
    workspace.set_setting(None, "dataset", dataset.id)
    again = Workspace(workspace.root)
    assert again.datasets() == [dataset]
    assert again.get_setting(dataset.id, "schema") == {"label": "label"}
    assert again.get_setting(None, "dataset") == dataset.id
    assert again.get_setting(dataset.id, "dataset", "none") == "none"
    expected = load(table_file)
    table = again.load_table(dataset.id)
    pd.testing.assert_frame_equal(table.frame, expected.frame)
    assert (table.sha256, table.format, table.notes) == (
        expected.sha256,
        expected.format,
        expected.notes,
    )


def test_a_setting_that_json_cannot_hold_is_refused(workspace):
    with pytest.raises(ValueError):
        workspace.set_setting(None, "x", float("nan"))
    assert workspace.get_setting(None, "x") is None


def test_types_come_back_from_the_quick_copy_exactly(workspace, tmp_path):
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "when": pd.to_datetime(["2024-01-01", None, "2024-03-01"]).tz_localize("Europe/Paris"),
            "kind": pd.Categorical(["b", "a", None], categories=["b", "a", "c"], ordered=True),
            "text": pd.array(["x", None, "z"], dtype="str"),
            "picture": [b"\x00\xff", None, b"ab"],
        }
    )
    path = tmp_path / "types.parquet"
    frame.to_parquet(path)
    dataset = workspace.add_dataset(path, "types.parquet")
    assert (dataset.directory / "frame.parquet").exists()
    pd.testing.assert_frame_equal(workspace.load_table(dataset.id).frame, load(path).frame)


def test_a_table_that_parquet_cannot_hold_is_read_from_the_original(
    workspace, table_file, monkeypatch
):
    def refuse(*args, **kwargs):
        raise TypeError("mixed")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    dataset = workspace.add_dataset(table_file, "table.csv")
    assert not (dataset.directory / "frame.parquet").exists()
    pd.testing.assert_frame_equal(workspace.load_table(dataset.id).frame, load(table_file).frame)


def test_embeddings_and_their_labels_are_one_dataset(workspace, tmp_path):
    np.save(tmp_path / "points.npy", np.arange(12, dtype=np.float32).reshape(4, 3))
    (tmp_path / "labels.csv").write_text("label\na\nb\na\nb\n")
    dataset = workspace.add_dataset(
        tmp_path / "points.npy", "points.npy", labels_path=tmp_path / "labels.csv"
    )
    table = workspace.load_table(dataset.id)
    assert dataset.labels_path.read_text() == "label\na\nb\na\nb\n"
    assert table.embedding_columns == ("x0", "x1", "x2")
    assert list(table.frame["label"]) == ["a", "b", "a", "b"]


def test_the_truth_stays_beside_the_dataset(workspace, table_file):
    truth = pd.DataFrame(
        {"row": range(4), "corrupted": [True, False] * 2, "original_label": list("baab")}
    )
    plain = workspace.add_dataset(table_file, "table.csv")
    assert workspace.truth(plain.id) is None
    dataset = workspace.add_dataset(table_file, "table.csv", truth=truth)
    assert dataset == plain
    pd.testing.assert_frame_equal(workspace.truth(dataset.id), truth, check_dtype=False)


@pytest.mark.parametrize("data", [b"", b"a,b\n", b"\x93NUMPY broken"])
def test_a_bad_file_leaves_nothing_behind(workspace, tmp_path, data):
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        workspace.add_dataset(path, "what a person called it.csv")
    assert "what a person called it.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert workspace.datasets() == []
    assert files_below(workspace.root / "datasets") == []


@pytest.mark.parametrize(
    "name", ["../../escape.csv", "a/b.csv", "x" * 300 + ".csv", "ملف.csv", "nul\x00l.csv", ".csv"]
)
def test_no_name_leads_out_of_the_dataset(workspace, table_file, name):
    dataset = workspace.add_dataset(table_file, name)
    assert dataset.name == name
    assert dataset.path.resolve().is_relative_to((workspace.root / "datasets").resolve())
    assert dataset.path.read_bytes() == table_file.read_bytes()


def test_a_full_disk_is_told_in_one_line_and_changes_nothing(
    workspace, table_file, tmp_path, monkeypatch
):
    before = workspace.add_dataset(table_file, "table.csv")
    listing = files_below(workspace.root / "datasets")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n3,4\n")

    def full(source, destination):
        destination.write_bytes(b"a,")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(InputError, match=r"disk .* full"):
        workspace.add_dataset(other, "other.csv")
    assert workspace.datasets() == [before]
    assert files_below(workspace.root / "datasets") == listing
    assert len(workspace.load_table(before.id).frame) == 4


def test_what_a_crash_left_without_its_record_is_replaced(workspace, table_file):
    dataset = workspace.add_dataset(table_file, "table.csv")
    with workspace.database.writing() as connection:
        connection.execute("DELETE FROM datasets")
    (dataset.directory / "frame.parquet").write_bytes(b"half")
    workspace.add_dataset(table_file, "table.csv")
    assert len(workspace.load_table(dataset.id).frame) == 4


def test_deleting_forgets_files_runs_and_settings_of_that_dataset_only(
    workspace, table_file, tmp_path
):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n3,4\n")
    kept = workspace.add_dataset(other, "other.csv")
    dataset = workspace.add_dataset(table_file, "table.csv")
    run = workspace.create_run(dataset.id, {"method": "dvgs"})
    workspace.set_setting(dataset.id, "schema", 1)
    workspace.delete_dataset(dataset.id)
    assert workspace.datasets() == [kept]
    assert workspace.runs() == []
    assert not dataset.directory.exists()
    assert not run.directory.exists()
    assert workspace.get_setting(dataset.id, "schema") is None
    with pytest.raises(InputError, match="no dataset"):
        workspace.load_table(dataset.id)


def test_a_dataset_whose_run_goes_on_is_not_deleted(workspace, table_file):
    dataset = workspace.add_dataset(table_file, "table.csv")
    workspace.create_run(dataset.id, {"method": "dvgs"})
    run = workspace.claim_next("valuation", 1)
    with pytest.raises(InputError, match="going on"):
        workspace.delete_dataset(dataset.id)
    workspace.finish(run.id, "stopped")
    workspace.delete_dataset(dataset.id)
    assert workspace.datasets() == []
