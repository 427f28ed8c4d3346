"""`dvgs apply` gives the bytes of the page's export, from the recipe and the original."""

import json
from pathlib import Path

import pandas as pd
import pytest

from dvgs_core.report.commands import apply_line
from dvgs_core.review import DecisionLog, make_recipe
from dvgs_core.store import Workspace
from ui import exports

from .test_bad_input import refused

CSV = "id;größe;label\r\n1;1,50;ja\r\n2;2,25;nein\r\n3;0,75;ja\r\n4;9,00;nein\r\n"


@pytest.fixture
def decided(tmp_path):
    """A file of someone's own taste, decisions about it, and their recipe, saved."""
    original = tmp_path / "data.csv"
    original.write_bytes(CSV.encode("cp1252"))
    workspace = Workspace(tmp_path / "workspace")
    dataset = workspace.add_dataset(original, "data.csv")
    log = DecisionLog(workspace, dataset.id)
    log.decide([1], "drop")
    log.decide([3], "relabel", label="ja")
    log.decide([0], "keep")
    recipe = make_recipe(dataset, log, label="label")
    recipe.save(tmp_path / "recipe.json")
    return dataset, recipe, original, tmp_path / "recipe.json"


def test_the_original_is_cleaned_cell_for_cell(dvgs, decided, tmp_path):
    _, _, original, recipe = decided
    out = tmp_path / "clean.csv"
    said = dvgs("apply", recipe, original, "--out", out)
    assert said.code == 0 and said.err == ""
    assert said.out == f"1 rows dropped, 1 relabelled, 3 rows written to {out}\n"
    lines = ["id;größe;label", "1;1,50;ja", "3;0,75;ja", "4;9,00;ja"]
    assert out.read_bytes() == "".join(f"{line}\r\n" for line in lines).encode("cp1252")
    assert original.read_bytes() == CSV.encode("cp1252")


@pytest.mark.parametrize("name", ["clean.csv", "clean.parquet", "clean.xlsx"])
def test_command_line_and_page_write_the_same_bytes(dvgs_process, decided, tmp_path, name):
    dataset, recipe, original, path = decided
    said = dvgs_process("apply", path, original, "--json", "--out", tmp_path / name)
    assert said.code == 0 and said.err == ""
    assert json.loads(said.out) == {
        "dropped": 1,
        "out": str(tmp_path / name),
        "relabelled": 1,
        "rows": 3,
    }
    assert (tmp_path / name).read_bytes() == exports.cleaned(dataset, recipe, Path(name).suffix)


def test_the_line_that_the_page_shows_is_a_command(dvgs, decided, tmp_path, monkeypatch):
    _, made, _, _ = decided
    monkeypatch.chdir(tmp_path)
    words = apply_line(made, "clean.csv").split()
    assert words[0] == "dvgs"
    assert dvgs(*words[1:]).code == 0
    assert pd.read_csv("clean.csv", sep=";", encoding="cp1252")["label"].tolist() == ["ja"] * 3


def test_another_original_is_refused(dvgs, decided, tmp_path):
    _, _, original, recipe = decided
    original.write_bytes(original.read_bytes().replace(b"9,00", b"9,01"))
    out = tmp_path / "clean.csv"
    refused(dvgs("apply", recipe, original, "--out", out), "SHA-256", "data.csv", "unchanged")
    assert not out.exists()


def test_what_is_no_recipe_or_no_place_is_refused(dvgs, decided, tmp_path):
    _, _, original, recipe = decided
    out = tmp_path / "clean.csv"
    refused(dvgs("apply", original, original, "--out", out), "not a recipe", "recipe.json")
    refused(dvgs("apply", tmp_path / "no.json", original, "--out", out), "no.json")
    refused(dvgs("apply", recipe, tmp_path / "no.csv", "--out", out), "no.csv")
    refused(dvgs("apply", recipe, original, "--out", tmp_path), "is a folder")
    refused(dvgs("apply", recipe, original, "--out", tmp_path / "clean.doc"), ".csv, ")
    refused(dvgs("apply", recipe, original, "--out", original), "overwrite", "data.csv")
    refused(dvgs("apply", recipe, original, "--labels", original, "--out", out), "labels")
    assert original.read_bytes() == CSV.encode("cp1252") and not out.exists()
