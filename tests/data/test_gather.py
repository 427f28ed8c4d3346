"""Several files become one dataset, or one clear line."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data.gather import NamedFile, gather
from dvgs_core.data.load import load
from dvgs_core.errors import InputError


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2, 3, 4], "t": ["a", "b;c", None, 'd "q"'], "y": [0.5, 1, 2, 3]})


def files(tmp_path, **contents) -> list[NamedFile]:
    named = []
    for name, write in contents.items():
        stem, _, ending = name.rpartition("_")
        path = tmp_path / f"{stem}.{ending}"
        write(path)
        named.append(NamedFile(path.name, path))
    return named


def csv(frame, **options):
    return lambda path: frame.to_csv(path, index=False, **options)


def test_one_file_stays_what_it_is(tmp_path, frame):
    (one,) = files(tmp_path, a_csv=csv(frame))
    assert gather([one], tmp_path).file == one and gather([one], tmp_path).parts == ()


def test_csv_files_are_stacked_cell_by_cell(tmp_path):
    (tmp_path / "a.csv").write_text("id,v,w\n007,1.50,x\n008,2,\n")
    (tmp_path / "b.csv").write_text("w;v;id\n;3.0;009\nz;4;010\n")
    named = [NamedFile(name, tmp_path / name) for name in ("a.csv", "b.csv")]
    found = gather(named, tmp_path)
    assert found.file.path.read_text() == "id,v,w\n007,1.50,x\n008,2,\n009,3.0,\n010,4,z\n"
    assert found.parts == (("a.csv", 2), ("b.csv", 2))
    assert found.file.name == "a and 1 more file.csv"


def test_tables_of_other_kinds_are_stacked_by_their_typed_columns(tmp_path, frame):
    named = files(tmp_path, a_csv=csv(frame[:2]), b_parquet=frame[2:].to_parquet)
    found = gather(named, tmp_path)
    assert found.file.path.suffix == ".parquet"
    stacked = load(found.file.path).frame
    pd.testing.assert_frame_equal(stacked, frame, check_dtype=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="t"), ["'b.csv' has no column 't'", "'a.csv' has", "one by one"]),
        (lambda f: f.assign(z=1), ["'a.csv' has no column 'z'", "'b.csv' has"]),
        (lambda f: f.assign(n="text"), ["'n' holds numbers in 'a.csv' and text in 'b.csv'"]),
    ],
)
def test_tables_that_do_not_agree_are_refused(tmp_path, frame, change, words):
    named = files(tmp_path, a_csv=csv(frame), b_csv=csv(change(frame)))
    with pytest.raises(InputError) as caught:
        gather(named, tmp_path)
    assert all(word in str(caught.value) for word in words)


def test_a_column_that_is_empty_in_one_of_the_files_agrees_with_anything(tmp_path, frame):
    named = files(tmp_path, a_csv=csv(frame), b_csv=csv(frame.assign(t=None)))
    assert len(load(gather(named, tmp_path).file.path).frame) == 8


def test_an_array_goes_with_one_table_or_flat_array_of_labels(tmp_path, frame):
    X, y = np.ones((4, 3)), np.arange(4)
    x, labels, table = files(
        tmp_path,
        x_npy=lambda path: np.save(path, X),
        y_npy=lambda path: np.save(path, y),
        t_csv=csv(frame),
    )
    for pair, expected in (([labels, x], labels), ([x, labels], labels), ([table, x], table)):
        found = gather(pair, tmp_path)
        assert (found.file, found.labels) == (x, expected)
    with pytest.raises(InputError, match="both embeddings, or both labels"):
        gather([x, x], tmp_path)
    with pytest.raises(InputError, match=r"'x\.npy' holds embeddings, and 3 files came"):
        gather([x, labels, table], tmp_path)
