"""The cleaned file: the original's cells and types, the same bytes each time."""

import datetime
import decimal
import time

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dvgs_core.data.load import load
from dvgs_core.errors import InputError
from dvgs_core.review import DecisionLog, Recipe, apply_recipe, make_recipe


@pytest.fixture
def cleaned(workspace, tmp_path):
    """Add a file, decide, apply the recipe; twice, since the bytes must be the same."""

    def run(path, out, *, drop=(), relabel=None, label="label", labels_path=None, **options):
        dataset = workspace.add_dataset(path, path.name, labels_path=labels_path)
        log = DecisionLog(workspace, dataset.id)
        if len(drop):
            log.decide(drop, "drop")
        for row, new in (relabel or {}).items():
            log.decide([row], "relabel", label=new)
        recipe = make_recipe(dataset, log, label=label)
        written = apply_recipe(recipe, path, tmp_path / out, labels_path, **options)
        first = [file.read_bytes() for file in written]
        saved = tmp_path / "recipe.json"
        recipe.save(saved)
        again = apply_recipe(Recipe.load(saved), path, tmp_path / out, labels_path, **options)
        assert [file.read_bytes() for file in again] == first
        return written[0] if len(written) == 1 else written

    return run


CSV = (
    'code;price;text;label\r\n"007";1,50;"two\r\nlines";>50K\r\n'
    '010;2;"quoted ""word""";<=50K\r\n011;;مرحبا; >50K\r\n012;-4;<b>bold</b>;>50K\r\n'
    "013;=1+1;@name;\r\n"
)


def test_a_csv_keeps_every_other_cell_to_the_letter(cleaned, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_bytes(CSV.encode("utf-8-sig"))
    out = cleaned(path, "clean.csv", drop=[3], relabel={1: ">50K", 4: "<=50K"})
    assert out.read_bytes() == (
        'code;price;text;label\r\n007;1,50;"two\r\nlines";>50K\r\n'
        '010;2;"quoted ""word""";>50K\r\n011;;مرحبا; >50K\r\n013;=1+1;@name;<=50K\r\n'
    ).encode("utf-8-sig")


def test_without_decisions_a_csv_stays_as_it_was(cleaned, tmp_path):
    path = tmp_path / "plain.csv"
    path.write_bytes(b"code,x,label\n007,1.50,a\n008,2.00,b\n")
    assert cleaned(path, "clean.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("cells", "new", "text"),
    [
        (["TRUE", "FALSE", "TRUE"], False, "FALSE"),
        (["1.0", "2.0", "1.0"], "2", "2.0"),
        (["1.0", "2.0", "1.5"], 2, "2.0"),
        (["01", "02", "01"], "02", "02"),
        (["1", "2", "1"], 7, "7"),
        ([" yes", "no ", " yes"], "no", "no "),
    ],
)
def test_a_new_label_is_spelled_as_elsewhere_in_its_column(cleaned, tmp_path, cells, new, text):
    path = tmp_path / "t.csv"
    path.write_text("x,label\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))
    out = cleaned(path, "clean.csv", relabel={0: new})
    assert out.read_text().splitlines()[1] == f"0,{text}"


def test_a_decimal_comma_stays_one_in_a_new_number(cleaned, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x;label\n1,5;0,5\n2,5;1,5\n")
    out = cleaned(path, "clean.csv", relabel={0: 2.25})
    assert out.read_text() == "x;label\n1,5;2,25\n2,5;1,5\n"


def test_formulas_are_disarmed_only_when_asked(cleaned, tmp_path):
    path = tmp_path / "t.csv"
    text = "=x,label,n\n=1+1,a,-1.5\n@sum,b,+3\n-x,a,-2e5\n"
    path.write_text(text)
    assert cleaned(path, "clean.csv").read_text() == text
    safe = cleaned(path, "safe.csv", spreadsheet_safe=True)
    assert safe.read_text() == "'=x,label,n\n'=1+1,a,-1.5\n'@sum,b,+3\n'-x,a,-2e5\n"


def typed_table():
    zone = pa.timestamp("us", tz="Europe/Paris")
    moments = [datetime.datetime(2024, 1, day, tzinfo=datetime.UTC) for day in (1, 2, 3, 4)]
    columns = {
        "id": pa.array([1, 2, 3, 4], pa.uint8()),
        "gaps": pa.array([1, None, 3, 4], pa.int16()),
        "when": pa.array(moments, zone),
        "label": pa.array(["b", "a", "b", None]).dictionary_encode(),
        "money": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.00"), None]),
        "picture": pa.array([b"\x00", None, b"ab", b""]),
        "list": pa.array([[1, 2], [3], None, []], pa.list_(pa.int32())),
    }
    fields = [
        pa.field(name, array.type, metadata={b"unit": b"m"} if name == "id" else None)
        for name, array in columns.items()
    ]
    schema = pa.schema(fields, metadata={b"author": b"ada"})
    return pa.table(list(columns.values()), schema=schema)


def test_parquet_keeps_types_metadata_and_order(cleaned, tmp_path):
    path, table = tmp_path / "t.parquet", typed_table()
    pq.write_table(table, path)
    out = cleaned(path, "clean.parquet", drop=[1], relabel={0: "a", 3: "b"})
    result = pq.read_table(out)
    assert result.schema.equals(pq.read_table(path).schema, check_metadata=True)
    assert result.column("label").to_pylist() == ["a", "b", "b"]
    stays = table.take([0, 2, 3])
    for name in set(table.column_names) - {"label"}:
        assert result.column(name).to_pylist() == stays.column(name).to_pylist()


def test_parquet_takes_a_label_that_no_row_has(cleaned, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(typed_table(), path)
    out = cleaned(path, "clean.parquet", relabel={2: "new"})
    column = pq.read_table(out).column("label")
    assert column.to_pylist() == ["b", "a", "new", None]
    assert column.type == typed_table().column("label").type


@pytest.mark.parametrize(
    ("array", "new", "expected"),
    [
        (pa.array([1, 2, None], pa.int8()), "2", 2),
        (pa.array([1, 2, None], pa.int8()), 3.0, 3),
        (pa.array([True, False, None]), "False", False),
        (pa.array([1.0, 2.0, None], pa.float32()), 2, 2.0),
        (pa.array([decimal.Decimal("1.50"), decimal.Decimal("2.25")] * 2), 2.25, None),
        (pa.array([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]), "2024-01-03", None),
    ],
)
def test_a_new_label_in_parquet_has_the_type_of_its_column(cleaned, tmp_path, array, new, expected):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": range(len(array)), "label": array}), path)
    out = cleaned(path, "clean.parquet", relabel={0: new})
    column = pq.read_table(out).column("label")
    assert column.type == array.type
    assert column.to_pylist()[1:] == array.to_pylist()[1:]
    value = column.to_pylist()[0]
    assert str(value) == str(new) if expected is None else value == expected


def test_a_label_that_the_column_cannot_hold_is_told_and_nothing_written(cleaned, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [1, 2], "label": pa.array([1, 2], pa.int8())}), path)
    with pytest.raises(InputError, match="'horse' does not fit"):
        cleaned(path, "clean.parquet", relabel={0: "horse"})
    assert not (tmp_path / "clean.parquet").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_pandas_index_and_its_frame_come_back(cleaned, tmp_path):
    frame = pd.DataFrame(
        {"x": pd.array([1, None, 3], "Int64"), "label": pd.Categorical(["a", "b", "a"])},
        index=pd.Index(["p", "q", "r"], name="key"),
    )
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    out = cleaned(path, "clean.parquet", drop=[0], relabel={2: "b"})
    expected = frame.iloc[1:].copy()
    expected.loc["r", "label"] = "b"
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected)


def test_npz_filters_arrays_of_that_many_rows_and_leaves_the_others(cleaned, tmp_path):
    path = tmp_path / "t.npz"
    X = np.arange(8, dtype=np.float16).reshape(4, 2)
    y = np.array(["a", "b", "a", "b"])
    np.savez_compressed(path, features=X, label=y, names=np.array(["u", "v"]), scale=np.array(2.0))
    out = cleaned(path, "clean.npz", drop=[1], relabel={0: "longer", 2: "b"})
    with np.load(out) as result:
        assert result.files == ["features", "label", "names", "scale"]
        np.testing.assert_array_equal(result["features"], X[[0, 2, 3]])
        assert result["features"].dtype == np.float16
        np.testing.assert_array_equal(result["label"], ["longer", "b", "b"])
        np.testing.assert_array_equal(result["names"], ["u", "v"])
        assert result["scale"] == 2.0


def test_npz_labels_keep_their_integer_type(cleaned, tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, X=np.eye(3), y=np.array([0, 1, 0], np.uint8))
    out = cleaned(path, "clean.npz", relabel={0: "1", 2: 9}, label="y")
    with np.load(out) as result:
        assert result["y"].dtype == np.uint8
        np.testing.assert_array_equal(result["y"], [1, 1, 9])
    with pytest.raises(InputError, match="does not fit"):
        cleaned(path, "clean.npz", relabel={0: 300}, label="y")


def test_npy_loses_the_dropped_rows(cleaned, tmp_path):
    path = tmp_path / "t.npy"
    X = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(path, X)
    out = cleaned(path, "clean.npy", drop=[0, 3], label=None)
    np.testing.assert_array_equal(np.load(out), X[1:3])
    assert np.load(out).dtype == np.float32


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_a_pair_stays_a_pair(cleaned, tmp_path, suffix):
    path, labels = tmp_path / "t.npy", tmp_path / f"labels{suffix}"
    X = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.save(path, X)
    if suffix == ".csv":
        labels.write_text("name,label\n007,a\n008,b\n009,a\n010,b\n")
    elif suffix == ".npy":
        np.save(labels, np.array(["a", "b", "a", "b"]))
    else:
        pq.write_table(pa.table({"label": ["a", "b", "a", "b"]}), labels)
    first, second = cleaned(path, "c.npy", drop=[1], relabel={2: "b"}, labels_path=labels)
    np.testing.assert_array_equal(np.load(first), X[[0, 2, 3]])
    assert second.name == f"c.labels{suffix}"
    if suffix == ".csv":
        assert second.read_text() == "name,label\n007,a\n009,b\n010,b\n"
    elif suffix == ".npy":
        assert list(np.load(second)) == ["a", "b", "b"]
    else:
        assert pq.read_table(second).column("label").to_pylist() == ["a", "b", "b"]
    one = cleaned(path, "c.csv", drop=[1], relabel={2: "b"}, labels_path=labels)
    assert list(pd.read_csv(one)["label"]) == ["a", "b", "b"]


def test_a_workbook_keeps_values_types_and_number_formats(cleaned, tmp_path, monkeypatch):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Daten"
    day = datetime.datetime(2024, 2, 3)
    for row in [["code", "n", "when", "label"], ["007", 1, day, "a"], ["=1", 2.5, day, "b"]]:
        sheet.append(row)
    sheet["A3"].data_type = "s"
    sheet["A3"].value, sheet["A3"].data_type = "=1", "s"
    sheet["B3"].number_format = "0.00"
    sheet.append([None, True, None, "a"])
    path = tmp_path / "t.xlsx"
    book.save(path)
    moment = time.time()
    out = cleaned(path, "clean.xlsx", drop=[0], relabel={2: "b"})
    bytes_now = out.read_bytes()
    monkeypatch.setattr(time, "time", lambda: moment + 86_400)
    assert cleaned(path, "clean.xlsx").read_bytes() == bytes_now
    result = openpyxl.load_workbook(out)["Daten"]
    assert [list(row) for row in result.values] == [
        ["code", "n", "when", "label"],
        ["=1", 2.5, day, "b"],
        [None, True, None, "b"],
    ]
    assert result["A2"].data_type == "s"
    assert result["B2"].number_format == "0.00"
    assert result["C2"].is_date


def test_another_form_gets_the_typed_table(cleaned, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,label,when\n1,a,2024-01-01\n2,b,2024-01-02\n,a,2024-01-03\n")
    expected = load(path).frame.drop(index=1).reset_index(drop=True)
    expected.loc[1, "label"] = "b"
    out = cleaned(path, "clean.parquet", drop=[1], relabel={2: "b"})
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected)
    book = cleaned(path, "clean.xlsx")
    assert list(pd.read_excel(book)["label"]) == ["a", "b"]
    assert cleaned(path, "clean.tsv").read_text().splitlines()[0] == "x\tlabel\twhen"


def test_embeddings_go_to_a_table_and_a_table_with_them_to_npz(cleaned, tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, features=np.eye(3), label=np.array(["a", "b", "a"]))
    out = cleaned(path, "clean.csv", drop=[0])
    assert list(pd.read_csv(out).columns) == ["label", "x0", "x1", "x2"]
    with pytest.raises(InputError, match=r"cannot be written as \.npy"):
        cleaned(path, "clean.npy")
    pair, labels = tmp_path / "p.npy", tmp_path / "l.csv"
    np.save(pair, np.eye(3))
    labels.write_text("label\na\nb\na\n")
    with np.load(cleaned(pair, "p.npz", labels_path=labels, drop=[1])) as result:
        np.testing.assert_array_equal(result["features"], np.eye(3)[[0, 2]])
        assert list(result["label"]) == ["a", "a"]


def test_another_file_is_refused_with_both_hashes(workspace, dataset, decisions, tmp_path):
    recipe = make_recipe(dataset, decisions)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(InputError) as caught:
        apply_recipe(recipe, other, tmp_path / "out.csv")
    assert dataset.sha256[:12] in str(caught.value) and "other.csv" in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        apply_recipe(recipe, tmp_path / "none.csv", tmp_path / "out.csv")
    with pytest.raises(InputError, match="should end in"):
        apply_recipe(recipe, dataset.path, tmp_path / "out.docx")
    with pytest.raises(InputError, match="no folder"):
        apply_recipe(recipe, dataset.path, tmp_path / "none" / "out.csv")
    with pytest.raises(InputError, match="no labels table"):
        apply_recipe(recipe, dataset.path, tmp_path / "out.csv", other)
    assert not (tmp_path / "out.csv").exists()


def test_an_export_replaces_a_file_whole_or_leaves_it(dataset, decisions, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    out.write_text("before")
    recipe = make_recipe(dataset, decisions)

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dvgs_core.review.cells.write_cells", fail)
        with pytest.raises(InputError, match="full"):
            apply_recipe(recipe, dataset.path, out)
    assert out.read_text() == "before"
    apply_recipe(recipe, dataset.path, out)
    assert out.read_bytes() == dataset.path.read_bytes()
