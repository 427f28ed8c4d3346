"""Tables by path: only below the allowed folder, and only what agrees."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import folder
from dvgs_core.errors import InputError


@pytest.fixture
def root(tmp_path, monkeypatch):
    place = tmp_path / "root"
    (place / "day" / "two").mkdir(parents=True)
    frame = pd.DataFrame({"a": np.arange(6), "b": list("uvwxyz")})
    frame[:2].to_parquet(place / "day" / "1.parquet")
    frame[2:5].astype({"a": "float64"}).to_parquet(place / "day" / "2.parquet")
    frame[5:].to_parquet(place / "day" / "two" / "3.parquet")
    (place / "day" / "_SUCCESS").write_text("")
    frame.to_parquet(place / "day" / ".hidden.parquet")
    frame.to_csv(place / "t.csv")
    frame.to_parquet(tmp_path / "secret.parquet")
    monkeypatch.setenv("DVGS_ROOT", str(place))
    return folder.allowed_root()


def test_it_is_off_unless_a_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("DVGS_ROOT", raising=False)
    assert folder.allowed_root() is None
    monkeypatch.setenv("DVGS_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="is no folder"):
        folder.allowed_root()


@pytest.mark.parametrize("place", ["..", "../secret.parquet", "day/../../secret.parquet", "/etc"])
def test_nothing_outside_the_root_is_opened(root, place):
    with pytest.raises(InputError, match="outside the folder"):
        folder.look(root, place)


def test_a_link_does_not_lead_out_of_the_root(root):
    (root / "way out").symlink_to(root.parent)
    with pytest.raises(InputError, match="outside the folder"):
        folder.look(root, "way out/secret.parquet")
    # nor does a linked file inside a folder that is opened
    (root / "day" / "4.parquet").symlink_to(root.parent / "secret.parquet")
    assert folder.look(root, "day").rows == 6


def test_a_root_with_a_longer_twin_does_not_open_it(root, tmp_path):
    (tmp_path / "root2").mkdir()
    with pytest.raises(InputError, match="outside the folder"):
        folder.look(root, str(tmp_path / "root2"))


def test_the_parquet_files_of_a_folder_and_below_are_stacked(root, tmp_path):
    found = folder.look(root, "day")
    assert (found.rows, found.columns) == (6, 2)
    assert [path.name for path in found.files] == ["1.parquet", "2.parquet", "3.parquet"]
    folder.stack(found.files, tmp_path / "out.parquet")
    stacked = pd.read_parquet(tmp_path / "out.parquet")
    assert stacked["a"].tolist() == [0, 1, 2, 3, 4, 5] and stacked["a"].dtype == "float64"
    assert stacked["b"].tolist() == list("uvwxyz")


def test_a_single_file_is_opened_as_it_is(root):
    found = folder.look(root, "t.csv")
    assert found.files == (root / "t.csv",) and found.rows is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: None, "There is no Parquet file in 'new'"),
        (lambda d: (d / "x.parquet").write_bytes(b"PAR1 no"), "'x.parquet' is not a whole Parquet"),
        (
            lambda d: [
                pd.DataFrame({"a": [1]}).to_parquet(d / "1.parquet"),
                pd.DataFrame({"c": [1]}).to_parquet(d / "2.parquet"),
            ],
            "differ in the columns 'a', 'c'",
        ),
        (
            lambda d: [
                pd.DataFrame({"a": [1]}).to_parquet(d / "1.parquet"),
                pd.DataFrame({"a": ["x"]}).to_parquet(d / "2.parquet"),
            ],
            "hold different kinds of values",
        ),
    ],
    ids=["empty", "damaged", "columns", "kinds"],
)
def test_a_folder_that_cannot_be_read_as_one_is_refused(root, make, words):
    (root / "new").mkdir()
    make(root / "new")
    with pytest.raises(InputError, match=words):
        folder.look(root, "new")


def test_what_is_no_table_or_not_there_is_refused(root):
    (root / "notes.md").write_text("no")
    with pytest.raises(InputError, match="is no table"):
        folder.look(root, "notes.md")
    with pytest.raises(InputError, match="There is nothing at"):
        folder.look(root, "nowhere")
    with pytest.raises(InputError, match="no such characters"):
        folder.look(root, "a\x00b")
