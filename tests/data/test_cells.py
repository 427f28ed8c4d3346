"""Cells as text: read, written in the same manner, read again."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.data import FileFormat, load, read_cells, write_cells
from dvgs_core.errors import InputError

SIGNS = [*",;\t|\"'\\ \n\r", "\r\n", "?", "NA", "é", "ع", "sep="]
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff")
TEXT = st.builds("".join, st.lists(st.one_of(st.sampled_from(SIGNS), LETTERS), max_size=8))


@settings(max_examples=150)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(TEXT, min_size=width, max_size=width), min_size=1, max_size=8
        )
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quotechar=st.sampled_from(['"', "'"]),
    escapechar=st.sampled_from([None, "\\"]),
    quote_all=st.booleans(),
    line_terminator=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    final_newline=st.booleans(),
)
def test_cells_survive_writing_and_reading(tmp_path_factory, rows, **manner):
    header = tuple(f" name {i}" for i in range(len(rows[0])))
    format = FileFormat(kind="csv", header=header, **manner)
    frame = pd.DataFrame(rows, columns=[name.strip() for name in header], dtype="str")
    path = tmp_path_factory.mktemp("cells") / "t.csv"
    write_cells(frame, path, format)
    again = read_cells(path, format)
    assert again.to_numpy(dtype=object).tolist() == rows
    assert list(again.columns) == list(frame.columns)


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,x\n2,y\n",
        b"a;b\r\n1,5; x\r\n02;y\r\n",
        b'"a","b"\n"1","x, ""y"""\n"2",""\n',
        b"\xef\xbb\xbfa,b\n1.50,\xc3\xa9\n2,?\n",
        "größe\tname\nä\t1\nö\t2".encode("cp1252"),
        b"sep=;\na;b\n1;2\n3;4\n",
        b", b ,c\n0,NA,TRUE\n1,null,false\n",
        b"only\nHello, world\n\n'x'\n",
    ],
)
def test_a_file_written_back_untouched_is_the_same_file(tmp_path, data):
    path, again = tmp_path / "t.csv", tmp_path / "again.csv"
    path.write_bytes(data)
    table = load(path)
    cells = read_cells(path, table.format)
    assert len(cells) == len(table.frame) and list(cells) == list(table.frame)
    write_cells(cells, again, table.format)
    assert again.read_bytes() == data


def test_rows_and_columns_may_be_left_out_or_added(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out.csv"
    path.write_bytes(b" a;b\n1;x\n2;y\n3;z\n")
    table = load(path)
    cells = read_cells(path, table.format)
    write_cells(cells.iloc[[0, 2]].assign(value=["0.5", None]), out, table.format)
    assert out.read_bytes() == b" a;b;value\n1;x;0.5\n3;z;\n"


def test_a_text_that_the_encoding_lacks_is_refused_and_nothing_written(tmp_path):
    format = FileFormat(kind="csv", delimiter=",", encoding="cp1252", header=("a",))
    with pytest.raises(InputError, match="cp1252"):
        write_cells(pd.DataFrame({"a": ["سلام"]}), tmp_path / "t.csv", format)
    assert not (tmp_path / "t.csv").exists()


def test_a_file_that_changed_is_noticed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    format = load(path).format
    path.write_text("a,c\n1,2\n3,4\n")
    with pytest.raises(InputError, match="other columns"):
        read_cells(path, format)
    with pytest.raises(InputError, match="Only CSV"):
        read_cells(path, FileFormat(kind="parquet"))
