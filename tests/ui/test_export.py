"""The Export page: what it offers, what it warns of, and that the files are what they say."""

import io
import json
import os
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from dvgs_core.data import SplitSettings, infer_schema
from dvgs_core.data.csvfile import read_cells
from dvgs_core.data.load import load
from dvgs_core.engine.curves import curve_job
from dvgs_core.engine.curves import execute as draw
from dvgs_core.engine.execute import execute
from dvgs_core.engine.holdout import execute as compare
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do
from dvgs_core.evaluation.cut import recommended_cut
from dvgs_core.review import DecisionLog, Recipe
from ui import exports

DROPPED, RELABELLED, KEPT = [1, 4, 9], {2: "yes", 7: "no"}, [3]


@pytest.fixture
def frame():
    """120 rows: numbers with gaps, a date, text like formulas, a group, and a label."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 120))
    return pd.DataFrame(
        {
            "key": [f"{i:04d}" for i in range(120)],
            "a": a.round(3),
            "b": np.where(rng.random(120) < 0.1, np.nan, b.round(2)),
            "when": pd.date_range("2024-01-01", periods=120).strftime("%Y-%m-%d"),
            "said": rng.choice(["=1+1", "-5", "plain", 'ж, "q"'], 120),
            "site": np.where(np.arange(120) < 110, "north", "south"),
            "y": np.where(a > 0, "yes", "no"),
        }
    )


def reviewed(app, data: bytes, name="t.csv", method="random", split=None, **more):
    """Upload, a run by a cheap method, decisions; ends on the Export page."""
    app.upload(name, data)
    (dataset,) = app.space.datasets()
    table = app.space.load_table(dataset.id)
    job = Job(
        columns=infer_schema(table, "y"),
        split=SplitSettings(**(split or {})),
        method=method,
        device="cpu",
        **more,
    )
    app.space.create_run(dataset.id, job.model_dump(mode="json"))
    run = app.space.claim_next("valuation", os.getpid())
    do(app.space, run, execute)
    log = DecisionLog(app.space, dataset.id)
    log.decide(DROPPED, "drop", reviewer="Ada", note="=1+1")
    for row, label in RELABELLED.items():
        log.decide([row], "relabel", label=label)
    log.decide(KEPT, "keep")
    log.decide([20], "drop")
    log.undo()
    app.tab.session_state["state.run_id"] = run.id
    app.go("export")
    assert not app.errors
    return dataset, app.space.run(run.id), log


def downloads(app) -> dict[str, bool]:
    """Label of each download button, and whether it can be pressed."""
    return {b.proto.label: not b.proto.disabled for b in app.tab.get("download_button")}


def cleaned_frame(frame):
    clean = frame.copy()
    for row, label in RELABELLED.items():
        clean.loc[row, "y"] = label
    return clean.drop(index=DROPPED).reset_index(drop=True)


def test_every_form_of_the_cleaned_data_is_the_original_with_the_decisions(app, frame):
    dataset, run, log = reviewed(app, frame.to_csv(index=False).encode())
    assert downloads(app) == dict.fromkeys(
        ["Download the cleaned data", "Report", "Recipe", "Decisions", "Full table", "Original"],
        True,
    )
    recipe = exports.recipe_of(dataset, log, "y", run)
    typed = cleaned_frame(app.space.load_table(dataset.id).frame)
    pd.testing.assert_frame_equal(
        pd.read_csv(io.BytesIO(exports.cleaned(dataset, recipe, ".csv")), dtype=str),
        cleaned_frame(frame.astype(object).where(frame.notna(), None)).astype("str"),
    )
    parquet = pd.read_parquet(io.BytesIO(exports.cleaned(dataset, recipe, ".parquet")))
    pd.testing.assert_frame_equal(parquet, typed)
    book = openpyxl.load_workbook(io.BytesIO(exports.cleaned(dataset, recipe, ".xlsx"))).active
    head, *rows = book.values
    assert list(head) == list(frame.columns) and len(rows) == len(typed)
    for name, cells in zip(head, zip(*rows, strict=True), strict=True):
        wanted = [None if pd.isna(v) else v for v in typed[name].astype(object)]
        assert [type(v) is str for v in cells] == [isinstance(v, str) for v in wanted]
        assert list(cells) == wanted, name


def test_records_say_what_was_decided(app, frame):
    dataset, run, log = reviewed(app, frame.to_csv(index=False).encode())
    recipe = exports.recipe_of(dataset, log, "y", run)
    values = json.loads(exports.saved(recipe))
    assert values["dropped"] == DROPPED
    assert values["relabelled"] == {str(row): label for row, label in RELABELLED.items()}
    whole = pd.read_parquet(
        io.BytesIO(exports.everything(app.space, dataset, log, run, ".parquet", False))
    )
    typed = app.space.load_table(dataset.id).frame
    pd.testing.assert_frame_equal(whole[list(typed.columns)], typed)
    computed = pd.read_parquet(run.directory / "values.parquet")
    pd.testing.assert_series_equal(whole["value"], computed["value"])
    decided = whole["decision"].value_counts().to_dict()
    assert decided == {"undecided": 114, "drop": 3, "relabel": 2, "keep": 1}
    lines = pd.read_csv(io.BytesIO(exports.decisions(log, False)))
    assert lines["action"].tolist() == ["decide"] * 7 + ["undo"]
    assert lines["note"].head(3).tolist() == ["=1+1"] * 3
    safe = pd.read_csv(io.BytesIO(exports.decisions(log, True)))
    assert safe["note"].head(3).tolist() == ["'=1+1"] * 3
    report = exports.report(app.space, dataset, recipe, run).decode()
    assert "Review of <bdi>t.csv</bdi>" in report and "<b>3</b><span>dropped" in report


def test_safe_for_spreadsheets_is_off_says_so_and_is_remembered(app, frame):
    dataset, run, log = reviewed(app, frame.to_csv(index=False).encode())
    (box,) = [b for b in app.tab.checkbox if b.label.startswith("Safe for spreadsheets")]
    assert box.value is False and "alters" in box.label and "alters" in box.help
    box.set_value(True)
    app.run()
    assert "--spreadsheet-safe" not in app.tab.code[0].value
    recipe = exports.recipe_of(dataset, log, "y", run, True)
    assert Recipe.model_validate_json(exports.saved(recipe)).spreadsheet_safe
    cells = pd.read_csv(
        io.BytesIO(exports.cleaned(dataset, recipe, ".csv")), dtype=str, keep_default_na=False
    )
    plain = cleaned_frame(frame)["said"]
    assert cells["said"].tolist() == ["'=1+1" if t == "=1+1" else t for t in plain]
    assert cells["key"].tolist() == cleaned_frame(frame)["key"].tolist()
    app.tab.radio(key="export.form").set_value(".parquet")
    app.run()
    assert "parquet files need no change" in app.said


def test_the_effect_on_classes_and_groups_is_shown(app, frame):
    more = [111, 112, 113, 114, 115]
    _, _, log = reviewed(app, frame.to_csv(index=False).encode())
    log.decide(more, "drop")
    app.go("data")
    app.go("export")
    shown = app.tab.dataframe[0].value
    assert shown["before"].sum() == 120 and shown["after"].sum() == 112
    (by,) = [box for box in app.tab.selectbox if box.label == "By"]
    assert by.options == ["class", "said", "site"]
    by.set_value("site")
    app.run()
    lines = app.tab.dataframe[0].value.set_index("name")
    assert lines["lost"].to_dict() == {"south": 5, "north": 3}
    assert "Loses more than its share, beyond chance: south" in app.said


def test_one_decision_about_a_small_class_is_no_reason_to_warn(app):
    a = np.arange(1000.0)
    data = pd.DataFrame({"a": a, "y": np.where(a < 20, "14", "other")})
    app.upload("t.csv", data.to_csv(index=False).encode())
    (dataset,) = app.space.datasets()
    log = DecisionLog(app.space, dataset.id)
    log.decide([0], "relabel", label="other")
    app.go("export")
    assert not app.tab.warning
    log.decide([1, 2, 3, 4, 5], "relabel", label="other")
    app.go("data")
    app.go("export")
    (warning,) = app.tab.warning
    assert warning.value.replace("\\", "").startswith(
        "More than its share is relabelled, beyond chance: 14 (30.0 % of its 20 rows relabelled); "
        "of all rows 0.6 %."
    )
    log.decide(range(6, 12), "drop")
    app.go("data")
    app.go("export")
    first, _ = (one.value.replace("\\", "") for one in app.tab.warning)
    assert first.startswith(
        "Loses more than its share, beyond chance: 14 (30.0 % of its 20 rows dropped)"
    )
    log.decide(range(20), "drop")
    app.go("data")
    app.go("export")
    assert "Classes of which no row is left: 14." in app.said


def test_the_holdout_is_compared_by_a_worker(app, frame):
    dataset, run, log = reviewed(
        app, frame.to_csv(index=False).encode(), split={"holdout_size": 30}
    )
    assert "Training small networks" in app.said
    recipe = exports.recipe_of(dataset, log, "y", run)
    early = exports.report(app.space, dataset, recipe, run).decode()
    assert "were still being measured when this report was taken" in early
    study = app.space.claim_next("holdout", os.getpid())
    do(app.space, study, compare)
    app.run()
    assert "On 30 holdout rows the decisions" in app.said
    assert [list(d.value.columns) for d in app.tab.dataframe][-1][:3] == ["source", "rows", "AUROC"]
    report = exports.report(app.space, dataset, recipe, run).decode()
    assert report.count("On 30 holdout rows the decisions") == 2
    # another decision is another question
    log.decide([60], "drop")
    app.go("data")
    app.go("export")
    assert "Training small networks" in app.said
    assert app.space.waiting("holdout") == 1


def test_the_report_holds_the_curves_that_were_drawn(app, frame):
    dataset, run, log = reviewed(
        app, frame.to_csv(index=False).encode(), split={"holdout_size": 30}
    )
    recipe = exports.recipe_of(dataset, log, "y", run)
    assert b"Rows removed by value" not in exports.report(app.space, dataset, recipe, run)
    settings = {"points": 2, "replicates": 1, "epochs": 2, "width": 8}
    app.space.request_study(dataset.id, "curve", curve_job(run, settings))
    do(app.space, app.space.claim_next("curve", os.getpid()), draw)
    (study,) = app.space.studies(dataset.id, "curve")
    assert study.status == "done", study.message
    report = exports.report(app.space, dataset, recipe, run).decode()
    points = pd.read_parquet(study.directory / "points.parquet")
    assert "Rows removed by value" in report and recommended_cut(points).conclusion in report


def test_a_comparison_that_failed_says_why_and_can_be_asked_again(app, frame):
    # a single class in the holdout has no AUROC
    reviewed(
        app,
        frame.to_csv(index=False).encode(),
        split={"holdout_size": 20, "holdout_query": "y == 'yes'"},
    )
    do(app.space, app.space.claim_next("holdout", os.getpid()), compare)
    app.run()
    (line,) = app.errors
    assert "AUROC needs rows of both classes" in line
    assert app.space.waiting("holdout") == 0
    app.press("Try again")
    assert app.space.waiting("holdout") == 1 and not app.errors


def test_without_a_holdout_it_says_how_to_get_one(app, frame):
    reviewed(app, frame.to_csv(index=False).encode())
    assert "No rows were kept aside" in app.said and "Choose a holdout" in app.labels
    assert app.space.waiting("holdout") == 0


def test_a_form_that_cannot_hold_the_data_is_one_line_and_no_download(app, frame):
    frame.loc[50, "said"] = "x" * 40_000
    reviewed(app, frame.to_csv(index=False).encode())
    app.tab.radio(key="export.form").set_value(".xlsx")
    app.run()
    (line,) = app.errors
    assert "32,767 characters" in line and "'said'" in line
    assert not downloads(app)["Download the cleaned data"]
    app.tab.radio(key="export.form").set_value(".parquet")
    app.run()
    assert not app.errors and downloads(app)["Download the cleaned data"]


def test_a_cell_that_is_dropped_is_no_obstacle(app, frame):
    frame.loc[DROPPED[0], "said"] = "x" * 40_000
    reviewed(app, frame.to_csv(index=False).encode())
    app.tab.radio(key="export.form").set_value(".xlsx")
    app.run()
    assert not app.errors and downloads(app)["Download the cleaned data"]


def test_data_damaged_on_purpose_is_exported_only_when_that_is_said(app):
    app.press("Handwritten digits")
    app.go("export")
    assert "This data was damaged on purpose (180 of 1,797 rows)." in app.said
    assert not downloads(app)["Download the damaged data"]
    assert "damaged-digits.clean.csv" in app.tab.code[0].value
    (box,) = [b for b in app.tab.checkbox if b.label.startswith("Export it all the same")]
    box.set_value(True)
    app.run()
    assert downloads(app)["Download the damaged data"]


def test_a_damaged_copy_is_no_cleaned_data_either(app, frame):
    dataset, _, _ = reviewed(app, frame.to_csv(index=False).encode())
    assert downloads(app)["Download the cleaned data"]
    app.space.set_setting(dataset.id, "damaged_from", "0123456789abcdef")
    app.go("data")
    app.go("export")
    assert not downloads(app)["Download the damaged data"]
    assert "--damaged --out damaged-t.clean.csv" in app.tab.code[0].value


def test_embeddings_with_labels_come_as_a_pair(app):
    X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    buffer = io.BytesIO()
    np.save(buffer, X)
    labels = pd.DataFrame({"y": np.where(X[:, 0] > 0, "in", "out")})
    files = {"x.npy": buffer.getvalue(), "labels.csv": labels.to_csv(index=False).encode()}
    kind = "application/octet-stream"
    app.tab.file_uploader[0].set_value([(name, data, kind) for name, data in files.items()])
    app.run()
    app.press("Open 2 files as one dataset")
    (dataset,) = app.space.datasets()
    log = DecisionLog(app.space, dataset.id)
    log.decide([0, 5], "drop")
    app.go("export")
    assert not app.errors
    recipe = exports.recipe_of(dataset, log, "y", None)
    archive = zipfile.ZipFile(io.BytesIO(exports.cleaned(dataset, recipe, ".npy")))
    assert sorted(archive.namelist()) == ["x.clean.labels.csv", "x.clean.npy"]
    left = np.delete(np.arange(60), [0, 5])
    np.testing.assert_array_equal(np.load(io.BytesIO(archive.read("x.clean.npy"))), X[left])
    kept = pd.read_csv(io.BytesIO(archive.read("x.clean.labels.csv")))
    assert kept["y"].tolist() == labels["y"].iloc[left].tolist()


def test_a_csv_of_its_own_kind_keeps_every_other_cell(app, tmp_path, frame):
    text = frame.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
    dataset, run, log = reviewed(app, text.encode("utf-8-sig"))
    recipe = exports.recipe_of(dataset, log, "y", run)
    (tmp_path / "clean.csv").write_bytes(exports.cleaned(dataset, recipe, ".csv"))
    before, after = dataset.path, tmp_path / "clean.csv"
    cells = read_cells(before, load(before).format)
    for row, label in RELABELLED.items():
        cells.loc[row, "y"] = label
    wanted = cells.drop(index=DROPPED).reset_index(drop=True)
    pd.testing.assert_frame_equal(read_cells(after, load(after).format), wanted)
    assert after.read_bytes().startswith(b"\xef\xbb\xbf") and b"\r\n" in after.read_bytes()
