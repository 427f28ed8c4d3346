"""Every file that cannot be used gives one line that says why."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import check_schema, infer_schema, load
from dvgs_core.errors import InputError


def refused(call, *words):
    with pytest.raises(InputError) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line and 20 < len(line) < 500
    for word in words:
        assert word in line
    return line


def parquet_bytes():
    out = io.BytesIO()
    pd.DataFrame({"a": range(1000)}).to_parquet(out)
    return out.getvalue()


def pickled(save):
    out = io.BytesIO()
    save(out, np.array([{"a": 1}, None], dtype=object))
    return out.getvalue()


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    return out.getvalue()


JUNK = np.random.default_rng(0).integers(0, 256, 5000).astype("uint8").tobytes()
NO_NULL = JUNK.replace(b"\x00", b"\x01")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.csv", b"", ["empty"]),
        ("blank.csv", b"\n \n\n", ["empty"]),
        ("mark.csv", b"\xef\xbb\xbf", ["empty"]),
        ("empty.parquet", b"", ["empty"]),
        ("empty.xlsx", b"", ["empty"]),
        ("empty.npy", b"", ["empty"]),
        ("empty.npz", b"", ["empty"]),
        ("header.csv", b"a,b,c\n", ["no rows"]),
        ("header.csv", b"a,b,c", ["no rows"]),
        ("one.csv", b"a,b\n1,2\n", ["only 1 row"]),
        ("twice.csv", b"a,b,a,b,c\n1,2,3,4,5\n1,2,3,4,5\n", ["'a', 'b'", "more than once"]),
        ("twice.csv", b"a, a\n1,2\n3,4\n", ["'a'"]),
        ("no header.csv", b"0,x,0\n0,y,1\n", ["'0'", "first line"]),
        ("wide.csv", b"a,b\n1,2\n3,4,5\n", ["Line 3", "3 cells", "2 names"]),
        ("names.csv", b"a,b\nr1,1,2\nr2,3,4\n", ["Line 2"]),
        (
            "quote.csv",
            b'a,b\n1,x\n2,"y\n3,z\n4,u\n',
            ["'quote.csv' opens a quote in row 2 below the column names", "never closes it"],
        ),
        ("junk.csv", JUNK, ["not readable as text"]),
        ("junk.csv", NO_NULL, ["not readable as text"]),
        ("utf16.csv", b"\xff\xfea,b\n1,2\n3", ["not readable as text"]),
        ("parquet.csv", parquet_bytes(), ["not readable as text"]),
        ("cut.parquet", parquet_bytes()[:-200], ["Parquet"]),
        ("junk.parquet", JUNK, ["Parquet"]),
        ("junk.xlsx", JUNK, ["workbook"]),
        ("zip.xlsx", zipped(), ["workbook"]),
        ("junk.npy", JUNK, ["not a readable array"]),
        ("pickled.npy", pickled(np.save), ["pickled"]),
        ("pickled.npz", pickled(lambda out, a: np.savez(out, x=a)), ["pickled", "'x'"]),
        ("junk.npz", JUNK, [".npz"]),
        ("table.doc", b"a,b\n1,2\n", [".doc", ".csv", ".parquet"]),
        ("table.xls", b"a,b\n1,2\n", [".xlsx"]),
        ("table", b"a,b\n1,2\n", ["no ending"]),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    refused(lambda: load(tmp_path / name), *words)


def test_a_cut_file_of_arrays(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((100, 10)))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:500])
    refused(lambda: load(tmp_path / "x.npy"), "not a readable array")
    np.savez(tmp_path / "x.npz", x=np.zeros((100, 10)))
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:500])
    refused(lambda: load(tmp_path / "x.npz"), ".npz")


def test_arrays_of_the_wrong_shape_or_type(tmp_path):
    path = tmp_path / "x.npy"
    for array in (np.zeros(5), np.zeros((0, 3)), np.array([["a", "b"]]), np.zeros((2, 2), complex)):
        np.save(path, array)
        refused(lambda: load(path))
    np.savez(tmp_path / "x.npz", n=np.array(3))
    refused(lambda: load(tmp_path / "x.npz"), "no array with rows")


def test_a_path_that_is_not_there_or_is_a_directory(tmp_path):
    refused(lambda: load(tmp_path / "none.csv"), "no file")
    (tmp_path / "dir.csv").mkdir()
    refused(lambda: load(tmp_path / "dir.csv"), "cannot be read")


def test_duplicate_names_in_workbooks_and_labels(tmp_path):
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    refused(lambda: load(tmp_path / "t.xlsx"), "'a'")
    np.savez(tmp_path / "x.npz", features=np.zeros((2, 2)), label=np.zeros(2))
    (tmp_path / "y.csv").write_text("label\na\nb\n")
    refused(lambda: load(tmp_path / "x.npz", labels=tmp_path / "y.csv"), "'label'", "rename")


def table_of(tmp_path, frame):
    frame.to_parquet(tmp_path / "t.parquet")
    return load(tmp_path / "t.parquet")


def refused_schema(tmp_path, frame, label, *words, change=lambda schema: schema):
    table = table_of(tmp_path, pd.DataFrame(frame))
    schema = change(infer_schema(table, label))
    return refused(lambda: check_schema(table.frame, schema), *words)


def test_infinite_values_are_named_with_their_rows(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,y\n7,inf,u\n2,3,v\n3,-Infinity,u\n4,5.5,v\n")
    table = load(tmp_path / "t.csv")
    schema = infer_schema(table, "y")
    refused(lambda: check_schema(table.frame, schema), "'b'", "2 infinite values", "rows 0, 2")
    check_schema(table.frame, schema.with_role("b", "ignore"))


def test_labels_that_cannot_work(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    one = {"x": x, "y": ["same"] * 5000}
    refused_schema(tmp_path, one, "y", "'y'", "one class", "'same'")
    many = {"x": x, "y": [f"class {i}" for i in range(5000)]}
    refused_schema(tmp_path, many, "y", "5,000 classes", "another column")
    spread = {"x": x, "y": rng.permutation(5000)}
    refused_schema(
        tmp_path, spread, "y", "regression", change=lambda s: s.with_task("classification")
    )
    thousand = {"x": x, "y": [f"class {i % 1500}" for i in range(5000)]}
    refused_schema(tmp_path, thousand, "y", "1,500 classes", "at most 1,000")
    none = {"x": x[:4], "y": [None] * 4}
    refused_schema(tmp_path, none, "y", "no value in any row")
    text = {"x": x[:4], "y": list("abab")}
    refused_schema(
        tmp_path, text, "y", "regression", "numbers", change=lambda s: s.with_task("regression")
    )


def test_a_label_that_is_not_there_lists_names_near_it(tmp_path):
    table = table_of(tmp_path, pd.DataFrame({"income": ["a", "b"], "age": [1, 2]}))
    refused(lambda: infer_schema(table, "incone"), "'incone'", "'income'")
    schema = infer_schema(table, "income")
    refused(lambda: check_schema(table.frame[["age"]], schema), "'income'")


def test_features_that_cannot_work(tmp_path):
    frame = {"x": [1.0, 2, 3, 4], "hole": [np.nan] * 4, "y": list("abab")}
    refused_schema(
        tmp_path, frame, "y", "'hole'", "ignore", change=lambda s: s.with_role("hole", "feature")
    )
    refused_schema(
        tmp_path, frame, "y", "No column is a feature", change=lambda s: s.with_role("x", "ignore")
    )
    words = {"x": ["1", "b", "3", "4"], "y": list("abab")}
    refused_schema(
        tmp_path, words, "y", "numeric", change=lambda s: s.with_role("x", "feature", "numeric")
    )
