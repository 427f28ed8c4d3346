"""The lines that the Export page prints do what the page did, byte for byte."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dvgs_core.cli import main
from dvgs_core.data import SplitSettings, infer_schema
from dvgs_core.engine.curves import curve_job
from dvgs_core.engine.curves import execute as draw
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.errors import InputError
from dvgs_core.replay import replay
from dvgs_core.report import gather, report_html
from dvgs_core.report.commands import (
    apply_line,
    clean_name,
    python_lines,
    report_line,
    truth_name,
    value_line,
)
from dvgs_core.review import DecisionLog, Recipe, make_recipe
from dvgs_core.store import Workspace
from ui import exports

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def typed(monkeypatch):
    """typed(line): run a command line in the folder of a review."""

    def run(review, line: str) -> None:
        monkeypatch.chdir(review.folder)
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0

    return run


@pytest.fixture
def refused(monkeypatch, capsys):
    """refused(review, line): the one line that a command line gets in the folder of a review."""

    def run(review, line: str) -> str:
        monkeypatch.chdir(review.folder)
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.count("\n") == 1, said
        return said

    return run


CASES = {
    "as guessed": {},
    "turns": {"split": {"rotations": 3, "target_size": 0.3}},
    "query and holdout": {
        "split": {"target_query": "when > '2024-03-01'", "holdout_size": 20, "source_size": 50}
    },
    "listed rows": {"split": {"target_rows": tuple(range(60))}},
    "another seed than the split's": {"seed": 4, "split": {"seed": 9}},
    "by class": {"split": {"stratify": False}},
    "damaged": {"damaged": True},
    "dvgs": {
        "method": "dvgs",
        "settings": {"restarts": 1, "epochs": 3, "width": 8},
        "encoding": {"numeric": "minmax"},
    },
    "rare categories": {"encoding": {"rare_below": 2}},
    "decisions taken into account": {"corrections": {"dropped": [7, 8], "relabelled": {9: "yes"}}},
}
#: Jobs for which `dvgs value` has no words.
REPLAYED = {
    "listed rows",
    "another seed than the split's",
    "by class",
    "rare categories",
    "decisions taken into account",
}


@pytest.mark.parametrize("name", CASES)
def test_the_printed_lines_give_the_pages_bytes(reviewed, typed, name):
    review = reviewed(**CASES[name])
    table = review.space.load_table(review.dataset.id)
    line = value_line(review.recipe, table)
    assert shlex.split(line)[1] == ("replay" if name in REPLAYED else "value")
    typed(review, line)
    values = (review.folder / "values.parquet").read_bytes()
    assert values == (review.run.directory / "values.parquet").read_bytes()
    for ending in (".csv", ".parquet", ".xlsx") if name == "damaged" else (".csv",):
        out = clean_name(review.recipe, ending)
        assert out.startswith("damaged-") == review.recipe.damaged
        typed(review, apply_line(review.recipe, out))
        made = exports.cleaned(review.dataset, review.recipe, ending)
        assert (review.folder / out).read_bytes() == made


def test_the_printed_report_line_gives_the_pages_report(reviewed, typed):
    review = reviewed()
    typed(review, value_line(review.recipe, review.space.load_table(review.dataset.id)))
    typed(review, report_line(review.recipe))
    page = exports.report(review.space, review.dataset, review.recipe, review.run)
    assert (review.folder / "report.html").read_bytes() == page


@pytest.mark.parametrize("damaged", [False, True])
def test_all_lines_of_the_page_one_by_one_give_its_report_with_curves(
    reviewed, typed, monkeypatch, damaged
):
    # listed target rows, as a damaged copy has them, which `dvgs value` has no words for
    split = {"target_rows": tuple(range(20, 60)), "holdout_size": 30} if damaged else {}
    review = reviewed(damaged=damaged, split={"holdout_size": 30, **split})
    monkeypatch.setattr(exports, "workspace", lambda: review.space)
    monkeypatch.setattr(exports, "truth_of", review.space.truth)
    monkeypatch.setattr(exports, "table", review.space.load_table)
    asked = {"points": 3, "replicates": 2, "epochs": 2, "add_target": True}
    review.space.request_study(review.dataset.id, "curve", curve_job(review.run, asked))
    do(review.space, review.space.claim_next("curve", os.getpid()), draw)
    (study,) = review.space.studies(review.dataset.id, "curve")
    assert study.status == "done", study.message
    # what the page offers: the data under the name that the lines have, and the truth
    assert exports.original(review.dataset) == (review.folder / "my data.csv").read_bytes()
    if damaged:
        truth = exports.truth(review.space, review.dataset)
        (review.folder / truth_name(review.recipe)).write_bytes(truth)

    written, _ = exports.lines_of(review.dataset, review.recipe, review.run, ".csv")
    lines = [line for line in written.splitlines() if line.startswith("dvgs ")]
    assert [shlex.split(line)[1] for line in lines] == [
        *("replay" if damaged else "value", "apply", "curve", "report")
    ]
    assert ("# data damaged on purpose" in written) == damaged
    for line in lines[:-1]:
        typed(review, line)
    points = pd.read_parquet(study.directory / "points.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(review.folder / "curve.parquet"), points)
    typed(review, f"{lines[-1]} --no-scores")
    page = exports.report(review.space, review.dataset, review.recipe, review.run)
    assert b"Rows removed by value" in page and b"dvgs curve" in page
    assert (review.folder / "report.html").read_bytes() == page


def test_a_curve_of_a_recipe_takes_no_option_that_the_recipe_would_overrule(reviewed, refused):
    review = reviewed(split={"holdout_size": 30})
    line = "dvgs curve 'my data.csv' --recipe recipe.json --out c.parquet"
    said = refused(review, f"{line} --holdout-size 10")
    assert "With --recipe the run is the recipe's: leave --holdout-size out." in said
    (review.folder / "my data.csv").write_text("a,y\n1,2\n")
    assert "give the unchanged original" in refused(review, line)


def test_the_printed_python_does_the_same(reviewed):
    review = reviewed(split={"target_rows": tuple(range(60))})
    out = clean_name(review.recipe, ".csv")
    script = python_lines(review.recipe, out) + "\nvalues.to_csv('v.csv')\n"
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=review.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=120,
    )
    made = exports.cleaned(review.dataset, review.recipe, ".csv")
    assert (review.folder / out).read_bytes() == made
    again = pd.read_csv(review.folder / "v.csv")["value"]
    pd.testing.assert_series_equal(again, review.values["value"])


def test_files_safe_for_spreadsheets_come_out_of_the_recipe_alone(reviewed, typed, frame):
    review = reviewed()
    recipe = make_recipe(
        review.dataset, review.log, label="y", run=review.run, spreadsheet_safe=True
    )
    recipe.save(review.folder / "recipe.json")
    line = apply_line(recipe, "safe.csv")
    assert "--spreadsheet-safe" not in line
    typed(review, line)
    safe = exports.cleaned(review.dataset, recipe, ".csv")
    assert (review.folder / "safe.csv").read_bytes() == safe
    cells = pd.read_csv(review.folder / "safe.csv", dtype=str, keep_default_na=False)
    plain = pd.read_csv(review.folder / "my data.csv", dtype=str, keep_default_na=False)
    plain = plain.drop(index=list(recipe.dropped)).reset_index(drop=True)
    formula = plain["said"].str.startswith(("=", "@"))
    assert formula.any() and (cells["said"][formula] == "'" + plain["said"][formula]).all()
    assert (cells["said"][~formula] == plain["said"][~formula]).all()
    assert (cells["a"] == plain["a"]).all()  # negative numbers are numbers


def test_damaged_data_is_written_only_when_that_is_said(reviewed, monkeypatch, capsys):
    review = reviewed(damaged=True)
    monkeypatch.chdir(review.folder)
    line = ["dvgs", "apply", "recipe.json", "my data.csv", "--out", "x.csv"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "--damaged" in capsys.readouterr().err
    assert not (review.folder / "x.csv").exists()
    monkeypatch.setattr(sys, "argv", [*line, "--damaged"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0 and "damaged on purpose" in capsys.readouterr().err


def test_a_target_file_is_asked_for_and_must_be_the_same(frame, tmp_path, typed):
    folder = tmp_path / "folder"
    folder.mkdir()
    frame.iloc[:100].to_csv(folder / "data.csv", index=False)
    frame.iloc[100:].to_csv(folder / "-trusted.csv", index=False)
    space = Workspace(tmp_path / "workspace")
    dataset = space.add_dataset(folder / "data.csv", "data.csv")
    trusted = space.add_dataset(folder / "-trusted.csv", "-trusted.csv")
    table = space.load_table(dataset.id)
    job = Job(
        columns=infer_schema(table, "y"),
        split=SplitSettings(),
        method="random",
        target_dataset=trusted.id,
    )
    space.create_run(dataset.id, job.model_dump(mode="json"))
    run = space.claim_next("valuation", os.getpid())
    do(space, run, execute)
    recipe = make_recipe(dataset, DecisionLog(space, dataset.id), run=space.run(run.id))
    recipe.save(folder / "recipe.json")

    review = SimpleNamespace(folder=folder)
    line = value_line(recipe, table, "-trusted.csv")
    assert "--target-file ./-trusted.csv" in line
    typed(review, line)
    expected = (run.directory / "values.parquet").read_bytes()
    assert (folder / "values.parquet").read_bytes() == expected
    typed(review, report_line(recipe, "-trusted.csv"))
    assert "all rows of the file" in (folder / "report.html").read_text(encoding="utf-8")
    values = replay(recipe, folder / "data.csv", target=folder / "-trusted.csv")
    pd.testing.assert_frame_equal(values, pd.read_parquet(folder / "values.parquet"))
    with pytest.raises(InputError, match="--target-file"):
        replay(recipe, folder / "data.csv")
    with pytest.raises(InputError, match="unchanged file"):
        replay(recipe, folder / "data.csv", target=folder / "data.csv")


def test_a_pair_names_both_files(tmp_path, typed):
    folder = tmp_path / "folder"
    folder.mkdir()
    X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    np.save(folder / "x.npy", X)
    pd.DataFrame({"y": np.where(X[:, 0] > 0, "in", "out")}).to_csv(folder / "l.csv", index=False)
    space = Workspace(tmp_path / "workspace")
    dataset = space.add_dataset(folder / "x.npy", "x.npy", labels_path=folder / "l.csv")
    log = DecisionLog(space, dataset.id)
    log.decide([0, 1], "drop")
    recipe = make_recipe(dataset, log, label="y")
    recipe.save(folder / "recipe.json")

    review = SimpleNamespace(folder=folder)
    typed(review, apply_line(recipe, "clean.npy"))
    np.testing.assert_array_equal(np.load(folder / "clean.npy"), X[2:])
    assert len(pd.read_csv(folder / "clean.labels.csv")) == 38
    assert "labels_path='l.csv'" in python_lines(recipe, "clean.npy")
    with pytest.raises(InputError, match="made without a run"):
        replay(Recipe.load(folder / "recipe.json"), folder / "x.npy", labels=folder / "l.csv")


CURVE = pd.DataFrame(
    {
        "which": ["lowest", "highest", "random"] * 2,
        "removed": [0.0] * 3 + [0.5] * 3,
        "replicate": 0,
        "rows": [80] * 3 + [40] * 3,
        "score": 0.7,
        "metric": "auroc",
    }
)
ROWS = pd.DataFrame({"row": range(10), "value": 0.5, "corrupted": True})


@pytest.mark.parametrize(
    ("option", "given", "words"),
    [
        ("--curve", CURVE[["which", "score"]], "no filtering curve"),
        ("--curve", CURVE.assign(score=np.nan), "no filtering curve"),
        ("--curve", CURVE.assign(score="high"), "no filtering curve"),
        ("--curve", CURVE.assign(metric="beauty"), "no filtering curve"),
        ("--curve", CURVE[CURVE["which"] != "lowest"], "no filtering curve"),
        ("--values", ROWS[["row"]], "lacks value"),
        ("--values", ROWS.assign(value="low"), "must hold numbers"),
        ("--values", ROWS.assign(value=np.inf), "10 infinite values"),
        ("--values", ROWS.assign(row=ROWS["row"] + 1000), "the data has"),
        ("--truth", ROWS[["row"]], "lacks corrupted"),
        ("--truth", ROWS.assign(corrupted=1), "true or false"),
    ],
)
def test_what_a_report_cannot_use_is_refused(reviewed, refused, option, given, words):
    review = reviewed()
    given.to_parquet(review.folder / "given.parquet")
    line = f"dvgs report recipe.json 'my data.csv' {option} given.parquet --out r.html"
    assert words in refused(review, line)
    assert not (review.folder / "r.html").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"relabelled": {"5000": "no"}}, "names row 5000"),
        ({"dropped": [5000]}, "names row 5000"),
        ({"job": {"method": "dvgs"}}, "The run in the recipe cannot be read (columns: "),
    ],
)
def test_a_recipe_that_is_not_of_this_data_or_program_is_refused(reviewed, refused, change, words):
    review = reviewed()
    path = review.folder / "recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change))
    for command in ("report", "replay"):
        out = "r.html" if command == "report" else "r.parquet"
        line = f"dvgs {command} recipe.json 'my data.csv' --out {out}"
        assert words in refused(review, line)
        assert not (review.folder / out).exists()


def test_truth_and_values_from_files_give_the_pages_report(reviewed, typed):
    review = reviewed(damaged=True, split={"holdout_size": 30})
    review.values.to_parquet(review.folder / "values.parquet")
    review.truth.to_parquet(review.folder / "truth.parquet")
    line = report_line(review.recipe, truth=True)
    assert "--truth 'my data.truth.parquet'" in line
    typed(review, f"{line.replace('my data.truth', 'truth')} --no-scores")
    table = review.space.load_table(review.dataset.id)
    page = report_html(gather(review.recipe, table, values=review.values, truth=review.truth))
    assert (review.folder / "report.html").read_text(encoding="utf-8") == page
