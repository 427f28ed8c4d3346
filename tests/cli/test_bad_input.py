"""Input that is at fault: exit code 2 and one line that says what came and what to do."""

import warnings

import pandas as pd
import pytest

from dvgs_core.cli import dvgs as commands
from dvgs_core.engine import values

#: name of the file, further options, words of the one line
REFUSED = [
    ("empty.csv", (), ["empty", "expected column names and rows"]),
    ("header only.csv", (), ["no rows", "add rows"]),
    ("one class.csv", (), ["'y'", "one class", "'same'", "at least two", "choose another label"]),
    ("no label.csv", (), ["no column 'y'", "The columns are 'a', 'b'"]),
    ("all missing.csv", ("--role", "hole=feature"), ["'hole'", "no value", "role ignore"]),
    ("duplicate names.csv", (), ["must differ", "'a' more than once", "rename"]),
    ("one row.csv", (), ["only 1 row", "at least 2"]),
    ("infinite.csv", (), ["'b'", "2 infinite values", "rows 3, 8", "replace", "ignore"]),
    ("mixed.csv", ("--role", "b=feature:numeric"), ["'b'", "numeric", "text", "choose category"]),
    ("no text.csv", (), ["not readable as text", "save it as", "UTF-8"]),
    ("pickled.npy", (), ["pickled", "never loaded", "save plain numbers"]),
    ("truncated.parquet", (), ["not a whole Parquet file", "copy it again"]),
    ("many classes.csv", (), ["5,000 classes", "choose another column"]),
    ("good.csv", ("--target-query", "a > 100"), ["target is empty", "a > 100", "200", "change"]),
]
#: the same kinds of input, where something can be done with it: words of the note that says so
USED = [
    ("all missing.csv", (), "Ignored 1 column without information", "'hole'"),
    ("infinite.csv", ("--role", "b=ignore"), "Read as utf-8", ""),
    ("mixed.csv", (), "'b': mixed types, 199 numbers among 200 cells; kept as text", "see text"),
    ("other encoding.csv", (), "Read as cp1252", "check letters with accents"),
]


def refused(said, *words):
    """The one line of a refusal."""
    assert said.code == 2, said.err
    assert said.out == ""
    assert len(said.lines) == 1 and said.err.endswith("\n"), said.err
    assert said.err.startswith("dvgs: ") and "Traceback" not in said.err
    for word in words:
        assert word in said.err
    return said.err


@pytest.mark.parametrize(("name", "options", "words"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_cannot_be_used_gives_one_line(
    dvgs_process, bad_files, tmp_path, name, options, words
):
    data, out = tmp_path / name, tmp_path / "values.parquet"
    data.write_bytes(bad_files[name])
    said = dvgs_process("value", data, "--label", "y", "--method", "random", *options, "--out", out)
    refused(said, *words)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("name", "options", "note", "more"), USED, ids=[u[0] for u in USED])
def test_what_can_be_used_after_all_is_used_and_said(
    dvgs_process, bad_files, tmp_path, name, options, note, more
):
    data, out = tmp_path / name, tmp_path / "values.parquet"
    data.write_bytes(bad_files[name])
    options = ("--label", "y", "--method", "random", *options)
    said = dvgs_process("value", data, *options, "--out", out)
    assert said.code == 0, said.err
    assert all(line.startswith("note: ") for line in said.lines)
    assert any(note in line and more in line for line in said.lines)
    assert pd.read_parquet(out)["value"].notna().sum() == 140


def test_a_label_too_large_for_the_network_is_refused_without_a_warning(dvgs, frame, tmp_path):
    data = tmp_path / "huge.csv"
    frame.assign(y=frame["a"] * 1e300).to_csv(data, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = dvgs("value", data, "--label", "y", "--out", tmp_path / "values.parquet")
    refused(said, "y must be finite", "too large")


def test_letters_of_another_encoding_come_through(dvgs, bad_files, tmp_path):
    data, out = tmp_path / "other.csv", tmp_path / "values.parquet"
    data.write_bytes(bad_files["other encoding.csv"])
    assert dvgs("value", data, "--label", "y", "--method", "random", "--out", out).code == 0
    assert set(pd.read_parquet(out)["label"]) == {"größer", "kleiner"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "yy"), ["no column 'yy'", "'y'"]),
        (("--label", ""), ["no column ''"]),
        (("--method", "dvg"), ["'dvg'", "dvgs, random"]),
        (("--set", "restarts"), ["NAME=VALUE", "'restarts'"]),
        (("--set", "restarts=0"), ["restarts", "greater than or equal to 1", "'0'"]),
        (("--set", "restarts="), ["restarts", "None"]),
        (("--set", "colour=red"), ["'colour'", "Known settings: restarts"]),
        (("--method", "random", "--set", "restarts=1"), ["no setting 'restarts'"]),
        (("--role", "a"), ["COLUMN=ROLE", "'a'"]),
        (("--role", "z=ignore"), ["no column 'z'", "'a'"]),
        (("--role", "a=target"), ["role", "'label', 'feature'", "'target'"]),
        (("--role", "a=feature:colour"), ["kind", "'numeric'", "'colour'"]),
        (("--numeric", "ranks"), ["--numeric", "'quantile'", "'ranks'", "--help"]),
        (("--target-size", "0"), ["target_size", "greater than 0"]),
        (("--target-size", "12.5"), ["whole number", "12.5"]),
        (("--target-size", "nan"), ["target_size"]),
        (("--target-size", "inf"), ["size of the target", "inf"]),
        (("--source-size", "inf"), ["size of the source", "inf"]),
        (("--holdout-size", "inf"), ["size of the holdout", "inf"]),
        (("--target-size", "500"), ["500", "120"]),
        (("--target-size", "many"), ["--target-size", "'many'", "--help"]),
        (("--target-size", "1.0"), ["source is empty", "smaller"]),
        (("--target-query", "a >"), ["'a >'", "cannot be read"]),
        (("--target-query", "age > 3"), ["'age'"]),
        (("--balance-by", "color"), ["'color'", "'colour'"]),
        (("--rotations", "21"), ["rotations", "20"]),
        (("--rotations", "2", "--target-size", "0.6"), ["largest", "2 rotations", "60"]),
        (("--device", "tpu"), ["'tpu'", "cpu"]),
        (("--seed", "-1"), ["--seed", "-1"]),
        (("--target-file", "none.csv"), ["no file", "none.csv"]),
        (("--target-file", "table.csv", "--target-query", "a > 0"), ["--target-query"]),
        (("--target-file", "table.csv", "--target-size", "0.3"), ["--target-size"]),
        (("--target-file", "table.csv", "--rotations", "2"), ["rotations"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_choices_that_do_not_work_are_named(dvgs, table, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    label = () if "--label" in options else ("--label", "y")
    said = dvgs("value", table, *label, *options, "--out", tmp_path / "values.parquet")
    refused(said, *words)
    assert not (tmp_path / "values.parquet").exists()


def test_a_target_file_lacking_a_column_is_refused(dvgs, frame, table, tmp_path):
    trusted = tmp_path / "trusted.csv"
    frame.drop(columns=["b", "y"]).to_csv(trusted, index=False)
    said = dvgs(
        *("value", table, "--label", "y", "--target-file", trusted),
        *("--out", tmp_path / "values.parquet"),
    )
    refused(said, "trusted.csv", "'b', 'y'")


@pytest.mark.parametrize("command", ["value", "corrupt"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    dvgs, table, tmp_path, command
):
    folder = tmp_path / "folder.parquet"
    folder.mkdir()
    nowhere = tmp_path / "no such data.csv"
    refused(dvgs(command, nowhere, "--label", "y", "--out", folder), "is a folder", str(folder))
    refused(
        dvgs(command, nowhere, "--out", tmp_path / "deep" / "v.parquet"), "no folder", "make it"
    )
    refused(dvgs(command, nowhere, "--out", tmp_path / "values.doc"), "end in", ".parquet")
    assert list(folder.iterdir()) == []


def test_no_command_overwrites_what_it_reads(dvgs, frame, tmp_path):
    data = tmp_path / "table.parquet"
    frame.to_parquet(data)
    before = data.read_bytes()
    for command in ("value", "corrupt"):
        said = dvgs(command, data, "--label", "y", "--out", tmp_path / "." / "table.parquet")
        refused(said, "overwrite", str(data))
    truth = tmp_path / "x.truth.parquet"
    frame.to_parquet(truth)
    said = dvgs(
        "corrupt", truth, "--label", "y", "--label-rate", "0.1", "--out", tmp_path / "x.csv"
    )
    refused(said, "overwrite", str(truth))
    assert data.read_bytes() == before == truth.read_bytes()


def test_a_place_without_permission_is_named(dvgs, table, tmp_path, monkeypatch):
    def denied(frame, path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(values, "write_values", denied)
    out = tmp_path / "values.parquet"
    said = dvgs("value", table, "--label", "y", "--method", "random", "--out", out)
    assert said.code == 2 and said.lines[-1].startswith("dvgs: ")
    assert "Permission denied" in said.lines[-1] and not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("valu",), ["No such command 'valu'", "--help"]),
        (("value",), ["DATA", "--help"]),
        (("value", "table.csv"), ["--out", "--help"]),
        (("value", "table.csv", "--labl", "y", "--out", "v.parquet"), ["--labl", "--help"]),
        (("value", "a.csv", "b.csv", "--out", "v.parquet"), ["b.csv", "--help"]),
    ],
)
def test_a_command_that_is_mistyped_gets_one_line(dvgs, arguments, words):
    refused(dvgs(*arguments), *words)


def test_ctrl_c_says_stopped(dvgs, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "invoke", interrupted)
    said = dvgs("methods")
    assert said.code == 130 and said.lines[-1] == "Stopped."


def test_a_fault_of_ours_is_not_dressed_as_one_of_the_input(dvgs, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(commands, "invoke", broken)
    with pytest.raises(ZeroDivisionError):
        dvgs("methods")
