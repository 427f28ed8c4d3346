"""Files of every kind and manner -> the same table."""

import csv
import hashlib
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.data import csvfile, load, read_cells
from dvgs_core.errors import InputError


def written(tmp_path, text, name="table.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


def test_importing_the_data_layer_loads_nothing_heavy():
    heavy = ["torch", "umap", "sklearn", "skops", "streamlit", "clevercsv", "openpyxl"]
    code = f"import sys, dvgs_core.data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_types_come_from_the_cells(tmp_path):
    text = "whole,real,flag,word,day\n1,1.5,True,a,2024-01-31\n2,2.5,False,b,2024-02-29\n"
    table = load(written(tmp_path, text))
    kinds = [table.frame[c].dtype.kind for c in ("whole", "real", "flag", "day")]
    assert kinds == ["i", "f", "b", "M"]
    assert table.frame["word"].tolist() == ["a", "b"]
    assert table.frame["day"].iloc[1] == pd.Timestamp("2024-02-29")
    assert table.frame.index.tolist() == [0, 1]
    assert table.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert table.name == "table.csv"


def test_whole_numbers_with_gaps_stay_whole(tmp_path):
    frame = load(written(tmp_path, "a,b,c\n1,1.0,9007199254740993\n,,\n3,2.0,5\n")).frame
    assert str(frame["a"].dtype) == "Int64" and frame["a"].tolist()[::2] == [1, 3]
    assert frame["b"].dtype == "float64"
    assert frame["c"].iloc[0] == 9007199254740993
    assert frame.isna().sum().tolist() == [1, 1, 1]


def test_truth_values_with_gaps_stay_truth_values(tmp_path):
    frame = load(written(tmp_path, "a,b\ntrue,1\n,2\nFALSE,3\n")).frame
    assert str(frame["a"].dtype) == "boolean"
    assert frame["a"].tolist()[::2] == [True, False]


def test_question_marks_and_blanks_around_text_are_no_values(tmp_path):
    table = load(written(tmp_path, "age, work\n39, Private \n?, ?\n 50, State gov\n41, NA\n"))
    assert list(table.frame.columns) == ["age", "work"]
    assert table.frame["age"].tolist()[::2] == [39, 50]
    assert table.frame["work"].isna().tolist() == [False, True, False, True]
    assert table.frame["work"].tolist()[0] == "Private"
    assert any("'?' read as missing (1 row)" in note for note in table.notes)


def test_numbers_that_begin_with_zero_stay_text(tmp_path):
    frame = load(written(tmp_path, "zip,n\n01234,1\n98765,2\n")).frame
    assert frame["zip"].tolist() == ["01234", "98765"]


def test_mixed_types_stay_text_and_are_said(tmp_path):
    table = load(written(tmp_path, "a,b\n1,x\n2,y\nthree,z\n"))
    assert table.frame["a"].tolist() == ["1", "2", "three"]
    assert any("mixed types" in note and "'three'" in note for note in table.notes)
    dressed = load(written(tmp_path, 'a,b\n"$1,200",x\n"$3,400",y\n'))
    assert any("numbers written as text" in note for note in dressed.notes)


def test_dates_are_read_in_the_order_that_fits_all(tmp_path):
    table = load(written(tmp_path, "a,b\n31/01/2024,x\n01/02/2024,y\n"))
    assert table.frame["a"].tolist() == [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-01")]
    assert any("day/month/year" in note for note in table.notes)
    assert load(written(tmp_path, "a,b\n99/99/2024,x\n01/02/2024,y\n")).frame["a"].dtype == "str"


def test_semicolons_and_decimal_commas(tmp_path):
    table = load(written(tmp_path, "größe;name\n1,5;a\n2,25;b, c\n", encoding="cp1252"))
    assert table.frame["größe"].tolist() == [1.5, 2.25]
    assert table.frame["name"].tolist() == ["a", "b, c"]
    assert (table.format.delimiter, table.format.decimal) == (";", ",")
    assert "semicolon" in table.notes[0] and "comma as decimal mark" in table.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"])
def test_encodings(tmp_path, encoding):
    words = ["Müller", "Señor", "Ångström", "façade", "naïve", "Zoë", "crème brûlée"]
    text = "name,city\n" + "".join(f"{w} {i},São Paulo\n" for i, w in enumerate(words * 5))
    path = written(tmp_path, text, encoding=encoding)
    table = load(path)
    assert table.frame["name"].iloc[0] == "Müller 0"
    assert table.frame["city"].unique().tolist() == ["São Paulo"]
    assert read_cells(path, table.format)["name"].iloc[1] == "Señor 1"


def test_an_odd_byte_late_in_a_long_file_is_found(tmp_path):
    text = "a,b\n" + "plain,1\n" * 30_000 + "Käse,2\n"
    frame = load(written(tmp_path, text, encoding="cp1252")).frame
    assert frame["a"].iloc[-1] == "Käse"


def test_cells_may_contain_lines_quotes_and_delimiters(tmp_path):
    text = 'id,text\n1,"two\nlines, ""quoted"""\n2,"a\r\nb"\n'
    table = load(written(tmp_path, text))
    assert table.frame["text"].tolist() == ['two\nlines, "quoted"', "a\r\nb"]


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".tsv"])
def test_a_single_column_is_a_table(tmp_path, suffix):
    table = load(written(tmp_path, "word\nHello, world\nfoo\n\nbar\n\n\n", f"t{suffix}"))
    assert table.frame["word"].tolist()[:2] == ["Hello, world", "foo"]
    # An empty line between rows is a row without a value, at the end it is nothing.
    assert table.frame["word"].isna().tolist() == [False, False, True, False]
    cells = read_cells(written(tmp_path, "word\nHello, world\nfoo\n\nbar\n\n\n"), table.format)
    assert cells["word"].tolist() == ["Hello, world", "foo", "", "bar"]


def test_blank_lines_are_no_rows_of_a_wide_table(tmp_path):
    path = written(tmp_path, "\n\na,b\n1,2\n\n3,4\n   \n,\n5,6\n\n \n")
    table = load(path)
    assert table.frame["a"].tolist()[:2] == [1, 3] and len(table.frame) == 4
    assert table.frame.isna().all(axis=1).tolist() == [False, False, True, False]
    assert any("2 blank lines" in note for note in table.notes)
    assert read_cells(path, table.format)["a"].tolist() == ["1", "3", "", "5"]


def test_tabs_with_empty_cells_at_the_end(tmp_path):
    frame = load(written(tmp_path, "a\tb\tc\n1\t2\t\n3\t\t\n\t\t\n", "t.tsv")).frame
    assert frame.shape == (3, 3)
    assert frame["a"].isna().tolist() == [False, False, True]


def test_excels_separator_line_is_obeyed(tmp_path):
    path = written(tmp_path, "sep=|\na|b\n1|2\n3|4\n")
    table = load(path)
    assert table.frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_long_cells_of_many_lines_may_fill_the_part_that_marks_are_guessed_from(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(csvfile, "_SAMPLE_CHARACTERS", 1000)
    cell = "some words\n" * 30 + "the end"
    text = "id,text,size\n" + "".join(f'{i},"{cell}",{i}\n' for i in range(20))
    table = load(written(tmp_path, text))
    assert table.frame["text"].tolist() == [cell] * 20
    assert table.frame["size"].tolist() == list(range(20))
    monkeypatch.setattr(csvfile, "_SAMPLE_CHARACTERS", 100)  # ends inside the first row
    assert len(load(written(tmp_path, text)).frame) == 20


def test_single_quotes_and_backslashes(tmp_path):
    frame = load(written(tmp_path, "a,b\n'x, y',1\n'z',2\n'p, q',3\n")).frame
    assert frame["a"].tolist() == ["x, y", "z", "p, q"]
    text = 'a,b\n"say \\"hi, you\\"",1\n"plain, too",2\n"more",3\n'
    assert load(written(tmp_path, text)).frame["a"].iloc[0] == 'say "hi, you"'
    text = "a,b\nC:\\new,don't\nD:\\old,won't\n"
    frame = load(written(tmp_path, text)).frame
    assert frame["a"].tolist() == ["C:\\new", "D:\\old"] and frame["b"].iloc[0] == "don't"


def test_blanks_before_quotes(tmp_path):
    frame = load(written(tmp_path, 'a, b, c\n1, "x, y", 2\n3, "z", 4\n')).frame
    assert frame["b"].tolist() == ["x, y", "z"] and frame["c"].tolist() == [2, 4]


def test_short_lines_are_said(tmp_path):
    table = load(written(tmp_path, "a,b,c\n1,2,3\n4\n5,6,7\n"))
    assert table.frame["b"].isna().tolist() == [False, True, False]
    assert any("line 3" in note for note in table.notes)


UGLY = ["x" * 120, "عمود", "<b>bold</b>", "a,b", 'say "hi"', "line\nbreak", "class", "__init__"]


def test_ugly_column_names_are_kept(tmp_path):
    out = io.StringIO()
    csv.writer(out).writerows([UGLY, range(len(UGLY)), range(len(UGLY))])
    table = load(written(tmp_path, out.getvalue()))
    assert list(table.frame.columns) == UGLY
    assert read_cells(tmp_path / "table.csv", table.format).columns.tolist() == UGLY


def test_names_that_are_numbers_or_empty_become_text(tmp_path):
    table = load(written(tmp_path, ",2020,2021\n0,1,2\n1,3,4\n"))
    assert list(table.frame.columns) == ["Unnamed: 0", "2020", "2021"]
    assert any("first line" in note for note in table.notes)
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=[0, 1])
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    assert list(load(tmp_path / "t.xlsx").frame.columns) == ["0", "1"]


def test_parquet_keeps_types_and_an_index_is_a_column(tmp_path):
    frame = pd.DataFrame(
        {
            "small": np.array([1, 2, 3], "int8"),
            "real": np.array([1, np.nan, 3], "float32"),
            "word": pd.Categorical(["b", "a", "b"]),
            "when": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "gaps": pd.array([1, None, 3], dtype="Int32"),
        },
        index=pd.Index(["p", "q", "r"], name="patient"),
    )
    frame.to_parquet(tmp_path / "t.parquet")
    loaded = load(tmp_path / "t.parquet").frame
    assert loaded["patient"].tolist() == ["p", "q", "r"]
    for name in frame.columns:
        assert loaded[name].dtype == frame[name].dtype
        assert loaded[name].isna().tolist() == frame[name].isna().tolist()
    assert loaded.index.tolist() == [0, 1, 2]


def test_parquet_written_by_others_keeps_whole_numbers_with_gaps(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"n": pa.array([2**60 + 1, None]), "b": pa.array([True, None])})
    pq.write_table(table, tmp_path / "t.parquet")
    frame = load(tmp_path / "t.parquet").frame
    assert str(frame["n"].dtype) == "Int64" and frame["n"].iloc[0] == 2**60 + 1
    assert str(frame["b"].dtype) == "boolean"


def test_lists_of_numbers_in_parquet_are_an_embedding(tmp_path):
    vectors = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    pd.DataFrame({"label": ["a", "b"], "vector": vectors}).to_parquet(tmp_path / "t.parquet")
    table = load(tmp_path / "t.parquet")
    assert table.embedding_columns == ("vector_0", "vector_1", "vector_2")
    assert table.frame[list(table.embedding_columns)].to_numpy().tolist() == vectors


def test_a_workbook_gives_its_first_sheet_that_has_rows(tmp_path):
    data = pd.DataFrame(
        {
            "n": [1, None, 3],
            "mixed": [1, "two", None],
            "word": [" a ", "?", "#N/A"],
            "text number": ["1", "2", "3"],
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
        }
    )
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame().to_excel(book, sheet_name="cover", index=False)
        data.to_excel(book, sheet_name="data", index=False, startrow=2)
        data.to_excel(book, sheet_name="more", index=False)
    table = load(tmp_path / "t.xlsx")
    frame = table.frame
    assert table.format.sheet == "data" and "'more'" in table.notes[0]
    assert str(frame["n"].dtype) == "Int64" and frame["n"].tolist()[::2] == [1, 3]
    assert frame["mixed"].tolist()[:2] == ["1", "two"]
    assert any("mixed types" in note for note in table.notes)
    assert frame["word"].isna().tolist() == [False, True, True] and frame["word"].iloc[0] == "a"
    assert frame["text number"].tolist() == ["1", "2", "3"]
    assert frame["day"].iloc[1] == pd.Timestamp("2024-01-02")


def test_arrays_become_columns(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6, dtype="float16").reshape(3, 2))
    table = load(tmp_path / "x.npy")
    assert table.embedding_columns == ("x0", "x1")
    assert table.frame["x1"].dtype == "float32" and table.frame["x1"].tolist() == [1, 3, 5]

    np.savez(
        tmp_path / "x.npz",
        images=np.zeros((3, 4, 4, 3), "uint8"),
        label=np.array(["a", "b", "a"]),
        class_names=np.array(["a", "b"]),
    )
    table = load(tmp_path / "x.npz")
    assert table.image_shape == (4, 4, 3) and len(table.embedding_columns) == 48
    assert table.frame["label"].tolist() == ["a", "b", "a"]
    assert any("class_names (2,)" in note for note in table.notes)


def test_embeddings_go_with_a_table_of_labels(tmp_path):
    features = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
    np.save(tmp_path / "x.npy", features)
    labels = written(tmp_path, "id,label\n7,a\n8,b\n9,a\n", "labels.csv")
    table = load(tmp_path / "x.npy", labels=labels)
    assert table.frame["label"].tolist() == ["a", "b", "a"]
    assert table.embedding_columns == ("x0", "x1")
    assert table.format.labels is not None and table.format.labels.kind == "csv"
    both = (tmp_path / "x.npy").read_bytes() + labels.read_bytes()
    assert table.sha256 == hashlib.sha256(both).hexdigest()

    np.save(tmp_path / "y.npy", np.array([0, 1, 0]))
    assert load(tmp_path / "x.npy", labels=tmp_path / "y.npy").frame["label"].tolist() == [0, 1, 0]
    np.save(tmp_path / "y.npy", np.array([0, 1]))
    with pytest.raises(InputError, match=r"has 3 rows but 'y.npy' has 2 rows"):
        load(tmp_path / "x.npy", labels=tmp_path / "y.npy")


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1
).map(lambda text: "w" + text)
COLUMNS = {
    "whole": st.integers(-(2**53), 2**53),
    "real": st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 6) + 0.5),
    "word": st.builds(
        "".join, st.lists(st.sampled_from(["a", ",", ";", "\t", "|", '"', "\n", "é"]))
    ).map(lambda text: f"x{text}x"),
    "any": CELL,
}


@settings(max_examples=60)
@given(
    data=st.data(),
    rows=st.integers(2, 12),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    decimal=st.sampled_from([".", ","]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    terminator=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_what_is_read(
    tmp_path_factory, data, rows, delimiter, decimal, quoting, terminator, encoding
):
    frame = pd.DataFrame(
        {
            name: data.draw(st.lists(of, min_size=rows, max_size=rows))
            for name, of in COLUMNS.items()
        }
    )
    # Ends of lines inside cells vary too; pandas' writer leaves a lone \n unquoted in no dialect.
    path = tmp_path_factory.mktemp("round") / "t.csv"
    text = frame.to_csv(
        index=False, sep=delimiter, decimal=decimal, quoting=quoting, lineterminator=terminator
    )
    path.write_bytes(text.encode(encoding))
    loaded = load(path)
    assert loaded.frame["whole"].tolist() == frame["whole"].tolist()
    np.testing.assert_allclose(loaded.frame["real"], frame["real"], rtol=1e-12)
    assert loaded.frame["word"].tolist() == frame["word"].tolist()
    assert loaded.frame["any"].tolist() == [cell.strip() for cell in frame["any"]]
    assert loaded.format.delimiter == delimiter
    cells = read_cells(path, loaded.format)
    assert cells["word"].tolist() == frame["word"].tolist() and len(cells) == rows
