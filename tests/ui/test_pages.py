"""The pages, from the first look to the export, and with every file that is at fault."""

import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dvgs_core.cli import main
from dvgs_core.data import infer_schema
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.recorder import Recorder
from dvgs_core.engine.valuate import valuate
from dvgs_core.review import DecisionLog
from dvgs_core.store import Workspace
from ui.jobs import RunFiles, sparkline
from ui.names import told_apart
from ui.sidebar import STEPS

from .conftest import PAGES, ROOT

EMPTY = [
    ("target", "once there is data", "Bring data", "Data"),
    ("corrupt", "once there is data", "Bring data", "Data"),
    ("value", "once there is data", "Bring data", "Data"),
    ("review", "once there is data", "Bring data", "Data"),
    ("export", "once there is data", "Bring data", "Data"),
]


@pytest.mark.parametrize(("page", "words", "action", "leads_to"), EMPTY, ids=[e[0] for e in EMPTY])
def test_an_empty_page_says_what_it_is_for_and_what_to_do(app, page, words, action, leads_to):
    app.go(page)
    assert app.title == page.capitalize()
    assert app.tab.caption[0].value.endswith((".", "?")) and words in app.said
    assert app.labels == [action] and not app.errors
    app.press(action)
    assert app.title == leads_to


def test_the_first_page_offers_a_file_and_the_demos(app):
    assert app.title == "Data" and len(app.tab.file_uploader) == 1
    assert app.labels == ["Handwritten digits", "Breast cancer"]
    assert "Files stay on this machine." in app.said


def test_value_asks_for_a_target_and_review_for_a_run(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    app.go("value")
    assert "Values need a target" in app.said and app.labels == ["Choose the target"]
    app.go("review")
    assert "once there is a run" in app.said and app.labels == ["Value the rows"]
    app.go("export")
    assert "the cleaned data equals the original" in app.said


def start_small(app, **settings):
    """From the Target page's choice to a queued run of a small network."""
    app.go("target")
    assert not app.errors
    (forward,) = [label for label in app.labels if label.startswith("Value ")]
    app.go("value")
    for name, value in {"restarts": 1, "epochs": 5, "width": 8, **settings}.items():
        app.tab.number_input(key=f"settings.dvgs.auto.{name}").set_value(value)
    app.run()
    app.tab.button(key="value.start").click()
    app.run()
    return forward


def lowest_rows(run):
    values = pd.read_parquet(run.directory / "values.parquet")
    return values.dropna(subset=["rank"]).sort_values("rank")


def test_the_digits_demo_from_data_to_export(app, tmp_path, monkeypatch):
    app.press("Handwritten digits")
    assert app.title == "Data" and not app.errors
    (label,) = [box for box in app.tab.selectbox if box.label == "Label"]
    assert label.value == "label"
    columns = app.tab.dataframe[0].value
    assert (columns["role"] == "feature").sum() >= 60

    app.press("Choose the target")
    assert app.title == "Target"
    assert "1,078 target rows · 1,797 source rows" in app.said
    app.press("Value 1,797 rows")
    assert app.title == "Value" and "will appear here" in app.said

    assert start_small(app, epochs=20, width=32) == "Value 1,797 rows"
    assert "Stop" in app.labels and "Review the lowest" not in app.labels
    app.go("review")
    assert "as soon as the run has ended" in app.said and app.labels == ["Watch the run"]
    app.go("value")

    run = app.work()
    assert run.status == "done"
    assert "Stop" not in app.labels and "Lowest rows" in app.said
    (shown,) = [d.value for d in app.tab.dataframe]
    lowest = lowest_rows(run)
    assert shown["row"].tolist() == lowest["row"].head(8).tolist()

    app.press("Review the lowest")
    assert app.title == "Review"
    app.go("review")  # the test's tab does not follow the page's own links
    assert "lowest values: 1 / 1,797 · decided 0 · of the 180 lowest rows" in app.said
    assert f"Row #{lowest['row'].iloc[0]}" in app.said
    assert "not damaged" in app.said or "its label was" in app.said
    assert "Nearest source rows" in app.said
    assert "PCA of 1,797 rows · UMAP is being computed" in app.said
    queue = app.tab.dataframe[0].value
    assert queue["row"].tolist() == lowest["row"].head(100).tolist()
    assert queue["picture"].str.startswith("data:image/png;base64,").all()

    app.choose("Queue", "suggested")
    other = lowest[lowest["suggested_label"] != lowest["label"]]
    expected = other.sort_values("margin", ascending=False, kind="stable")["row"].tolist()
    shown = app.tab.dataframe[0].value
    first = expected.index(shown["row"].iloc[0])
    assert shown["row"].tolist() == expected[first : first + 100]
    files = RunFiles(run.directory)
    traces = sparkline(files.trace(), np.searchsorted(files.array("ids"), shown["row"]))
    np.testing.assert_array_equal(np.stack(shown["trace"]), np.stack(traces))

    log = DecisionLog(app.space, run.dataset)
    log.decide(lowest["row"].iloc[:3].tolist(), "drop")
    log.decide([int(lowest["row"].iloc[5])], "relabel", label=3)
    app.choose("Queue", "decided")
    assert "decided 4 · 1 relabel · 3 drop" in app.said
    assert sorted(app.tab.dataframe[0].value["row"]) == sorted(lowest["row"].iloc[[0, 1, 2, 5]])

    app.go("export")
    assert "1,797 rows · 3 dropped rows · 1 relabelled row · 1,794 " in app.said
    effect = app.tab.dataframe[0].value
    assert effect["before"].sum() == 1797 and effect["after"].sum() == 1794
    lines = app.tab.code[0].value.splitlines()
    said = "# data damaged on purpose; the Export page has digits.csv and digits.truth.parquet"
    assert said in lines
    value_line, apply_line, _ = [line for line in lines if line.startswith("dvgs ")]
    assert apply_line == (
        "dvgs apply recipe.json digits.csv --damaged --out damaged-digits.clean.csv"
    )

    # the commands that the page names do what the page did
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.csv").write_bytes(app.space.dataset(run.dataset).path.read_bytes())
    monkeypatch.setattr(sys, "argv", shlex.split(value_line))
    with pytest.raises(SystemExit):
        main()
    written = (tmp_path / "values.parquet").read_bytes()
    assert written == (run.directory / "values.parquet").read_bytes()


def test_a_restart_finds_dataset_target_run_and_decisions_again(new_app, bad_files):
    first = new_app()
    first.upload("good.csv", bad_files["good.csv"])
    start_small(first)
    run = first.work()
    DecisionLog(first.space, run.dataset).decide([4, 9], "drop")

    again = new_app()
    assert again.title == "Data" and "good.csv" in again.said
    again.go("value")
    assert "Review the lowest" in again.labels and "Lowest rows" in again.said
    again.go("review")
    assert "decided 2" in again.said
    again.go("export")
    assert "200 rows · 2 dropped rows" in again.said


REFUSED = {
    "empty.csv": ["is empty", "expected column names and rows"],
    "header only.csv": ["no rows", "add rows"],
    "duplicate names.csv": ["'a' more than once", "rename"],
    "one row.csv": ["only 1 row", "at least 2"],
    "no text.csv": ["not readable as text", "UTF-8"],
    "pickled.npy": ["pickled", "never loaded"],
    "truncated.parquet": ["not a whole Parquet file", "copy it again"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_gives_one_line_and_the_app_goes_on(app, bad_files, name):
    app.upload(name, bad_files[name])
    (line,) = app.errors
    assert line.startswith(("'", "Column names")) and name in line and "\n" not in line
    for word in REFUSED[name]:
        assert word in line
    assert app.title == "Data" and app.space.datasets() == []

    app.upload("good.csv", bad_files["good.csv"])
    assert not app.errors and "good.csv" in app.said
    assert "Choose the target" in app.labels


NOTED = {
    "all missing.csv": "Ignored 1 column without information (empty, or the same in every row)",
    "mixed.csv": "'b': mixed types, 199 numbers among 200 cells; kept as text because of 'see ",
    "other encoding.csv": "Read as cp1252, comma between cells: check letters with accents.",
}


@pytest.mark.parametrize("name", NOTED)
def test_a_file_that_can_be_used_after_all_is_used_and_noted(app, bad_files, name):
    app.upload(name, bad_files[name])
    assert not app.errors and NOTED[name] in app.said
    start_small(app)
    assert app.work().status == "done"


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("all missing.csv", ("hole", "feature", None), ["'hole' has no value", "role ignore"]),
        ("mixed.csv", ("b", "feature", "numeric"), ["'b' is to be numeric but holds text"]),
        ("all missing.csv", ("hole", "label", None), ["'hole' has no value", "another label"]),
    ],
)
def test_a_role_that_cannot_work_is_one_line_until_it_is_corrected(
    app, bad_files, name, role, words
):
    app.upload(name, bad_files[name])
    (dataset,) = app.space.datasets()
    roles = infer_schema(app.space.load_table(dataset.id))
    for chosen, errors in ((roles.with_role(*role), 1), (roles, 0)):
        app.space.set_setting(dataset.id, "schema", chosen.model_dump(mode="json"))
        app.go("data")
        assert len(app.errors) == errors
        assert not errors or all(word in app.errors[0] for word in words)
        app.go("target")


def test_infinite_values_are_named_until_the_column_is_ignored(app, bad_files):
    app.upload("infinite.csv", bad_files["infinite.csv"])
    (line,) = app.errors
    assert "'b' has 2 infinite values (rows 3, 8)" in line and "role ignore" in line
    # whoever starts all the same is told again, and nothing is queued
    start_small(app)
    (line,) = app.errors
    assert "2 infinite values" in line
    assert not app.space.runs()
    (dataset,) = [one.id for one in app.space.datasets()]
    roles = infer_schema(app.space.load_table(dataset)).with_role("b", "ignore")
    app.space.set_setting(dataset, "schema", roles.model_dump(mode="json"))
    app.go("data")
    assert not app.errors
    start_small(app)
    assert app.work().status == "done"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one class.csv", ["one class", "'same'", "choose another label"]),
        ("many classes.csv", ["5,000 classes", "choose another column as label"]),
    ],
)
def test_a_label_that_cannot_work_is_one_line_until_another_is_chosen(app, bad_files, name, words):
    app.upload(name, bad_files[name])
    assert not app.errors  # such a column is not taken for the label
    app.choose("Label", "y")
    (line,) = app.errors
    for word in ["'y'", *words]:
        assert word in line
    app.go("target")
    assert len(app.errors) <= 1
    app.go("data")
    app.choose("Label", "a")
    assert not app.errors
    app.press("Another file")
    app.upload("good.csv", bad_files["good.csv"])
    assert not app.errors and "good.csv" in app.said


def test_a_file_without_a_label_is_valued_by_reconstruction(app, bad_files):
    app.upload("no label.csv", bad_files["no label.csv"])
    assert not app.errors
    (task,) = [box for box in app.tab.selectbox if box.label == "What it is"]
    assert task.value == "reconstruction"
    start_small(app)
    run = app.work()
    assert run.status == "done" and lowest_rows(run)["suggested_label"].isna().all()
    app.go("review")
    assert f"Row #{lowest_rows(run)['row'].iloc[0]}" in app.said and not app.errors
    (queue,) = [box for box in app.tab.selectbox if box.label == "Queue"]
    assert "another label suggested" not in queue.options


def test_choices_made_one_after_another_all_count(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    app.go("target")
    app.go("value")
    for preset in ("paper", "thorough", "quick", "paper"):
        app.choose("Preset", preset)
        assert app.space.get_setting(app.space.datasets()[0].id, "valuation")["preset"] == preset
    for method in ("random", "dvgs", "random"):
        app.choose("Method", method)
    for encoding in ("minmax", "standard"):
        app.choose("Numbers are", encoding)
    app.tab.button(key="value.start").click()
    app.run()
    run = app.work()
    assert run.job["method"] == "random" and run.job["encoding"]["numeric"] == "standard"
    app.choose("Method", "dvgs")
    start_small(app)
    dataset = app.work().dataset
    DecisionLog(app.space, dataset).decide([7], "drop")
    app.go("review")
    for queue, rows in (("suggested", None), ("decided", [7]), ("lowest", None), ("decided", [7])):
        app.choose("Queue", queue)
        assert rows is None or app.tab.dataframe[0].value["row"].tolist() == rows
    for name in ("Ada", "Bo", "Cy"):
        (field,) = [one for one in app.tab.text_input if one.label == "Reviewer"]
        field.set_value(name)
        app.run()
        assert app.space.get_setting(None, "reviewer") == name


@pytest.fixture
def kinds():
    """150 rows with a class, a quantity and gaps in the class."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 150))
    frame = pd.DataFrame({"a": a, "b": b, "y": np.where(a > 0, "yes", "no"), "price": a + b / 9})
    frame.loc[[5, 50, 100], "y"] = None
    return frame.to_csv(index=False).encode()


@pytest.mark.parametrize(
    ("label", "method", "stop"),
    [
        ("y", "dvgs", False),
        ("y", "dvgs", True),
        ("y", "random", False),
        ("price", "dvgs", False),
        (None, "dvgs", False),
    ],
    ids=["gaps", "stopped in the first turn", "random", "quantity", "no label"],
)
def test_every_kind_of_run_can_be_reviewed_and_exported(app, kinds, label, method, stop):
    if label is None:
        kinds = b"\n".join(line.rsplit(b",", 2)[0] for line in kinds.splitlines()) + b"\n"
    app.upload("kinds.csv", kinds)
    if label is not None:
        app.choose("Label", label)
    start_small(app)
    if method == "random":
        app.space.request_stop(app.space.runs()[0].id)
        app.choose("Method", "random")
        app.tab.button(key="value.start").click()
        app.run()
    if stop:
        stop_at_first_step(app)
    run = app.work()
    assert run.status == ("stopped" if stop else "done"), run.message
    values = pd.read_parquet(run.directory / "values.parquet").set_index("row")
    valued = values["value"].notna().sum()
    assert (values["role"] == "both").any()
    assert valued < 110 if stop else valued == (147 if label == "y" else 150)
    for page in ("review", "export"):
        app.go(page)
        assert not app.errors
    app.go("review")
    assert f"lowest values: 1 / {valued}" in app.said
    modes = next(box for box in app.tab.selectbox if box.label == "Queue").options
    assert ("another label suggested" in modes) == (label == "y" and method == "dvgs")
    for colour in ("label", "suggested", "decision", "role", "value"):
        app.tab.selectbox(key="review.colour").set_value(colour)
        app.run()
        assert not app.errors


def stop_at_first_step(app):
    """As if someone pressed Stop right after the worker took the run."""
    asked = app.space.stop_requested
    app.space.stop_requested = lambda run_id: bool(app.space.request_stop(run_id)) or asked(run_id)


def test_a_run_that_goes_on_shows_its_traces_and_can_be_stopped(app, kinds):
    app.upload("kinds.csv", kinds)
    start_small(app)
    assert "Stop" in app.labels
    run = app.space.claim_next("valuation", os.getpid())
    app.run()
    assert "Review the lowest" not in app.labels and not app.tab.dataframe

    job = Job.model_validate(run.job)
    recorder = Recorder(run.directory, prepare(app.space.load_table(run.dataset), job))
    outcomes = valuate(recorder.prepared)
    for _ in range(2):
        recorder.step(next(outcomes))
    app.run()
    (bar,) = app.tab.get("progress")
    assert bar.proto.text.startswith("20 % · 2 / 10 checkpoints · ") and bar.proto.value == 20
    assert len(app.tab.dataframe[0].value) == 8
    with (run.directory / "steps.jsonl").open("a") as file:
        file.write('{"index": 2, "tot')  # a line that is being written
    app.run()
    assert app.tab.get("progress")[0].proto.value == 20
    app.tab.button(key="value.stop").click()
    app.run()
    assert app.space.stop_requested(run.id)


def test_a_queue_by_a_condition_hints_until_one_is_written_and_then_says_what_is_wrong(
    app, bad_files
):
    app.upload("good.csv", bad_files["good.csv"])
    start_small(app)
    app.work()
    app.go("review")
    app.choose("Queue", "query")
    hints = [one.value.replace("\\", "") for one in app.tab.info]
    assert hints == ["Write a condition on the columns, such as value < 0."] and not app.errors
    app.tab.text_input(key="review.where").set_value("a >")
    app.run()
    assert len(app.errors) == 1 and "'a >'" in app.errors[0] and not app.tab.info
    app.tab.text_input(key="review.where").set_value("a == a and rank <= 9")
    app.run()
    assert not app.errors and not app.tab.info and "a condition: 1 / " in app.said


def test_an_older_run_can_be_opened_again(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    runs = []
    for epochs in (2, 4):
        start_small(app, epochs=epochs)
        runs.append(app.work())
    for run in (runs[0], runs[1], runs[0]):
        app.choose("Run", run.id)
        shown = app.tab.dataframe[0].value["row"].tolist()
        assert shown == lowest_rows(run)["row"].head(8).tolist()
    app.go("review")
    assert app.tab.dataframe[0].value["row"].iloc[0] == lowest_rows(runs[0])["row"].iloc[0]


def test_an_address_whose_numbers_are_none_opens_the_data_all_the_same(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    for number in ("²", "9" * 5000):
        tab = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        tab.query_params["run"] = number
        tab.run()
        assert not tab.exception and not tab.error
        links = [link.proto.label.replace("\\", "") for link in tab.sidebar.get("page_link")]
        assert any(link.startswith("good.csv") for link in links)


def test_the_sidebar_says_how_far_each_step_is_and_what_is_open(app, bad_files):
    def lines():
        # AppTest runs a page without its frame once it has switched to it: look in a new tab
        tab = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
        links = [element.proto.label for element in tab.sidebar.get("page_link")]
        words = [re.sub(r":small\[(.*)\]", r"\1", link.replace("\\", "")) for link in links]
        return words[:7], [word.split(" · ")[0] for word in words[7:]]

    assert lines() == ([title for title, _ in STEPS.values()], ["no data yet", "auto device"])
    app.upload("good.csv", bad_files["good.csv"])
    steps, foot = lines()
    assert steps == ["Data ✓", "Target", "Corrupt –", "Value", "Performance", "Review", "Export"]
    assert foot == ["good.csv  200 × 3", "target not chosen", "no run yet", "auto device"]
    start_small(app)
    app.run()
    steps, foot = lines()
    assert steps[1:4] == ["Target ✓", "Corrupt –", "Value waits"]
    assert foot[1:3] == ["target in 2 turns", "run dvgs#1  queued"]
    run = app.space.claim_next("valuation", os.getpid())
    app.space.report_progress(run.id, 31, 50)
    assert lines()[0][3] == "Value ● 62 %" and lines()[1][2] == "run dvgs#1  62 %"
    app.space.finish(run.id, "paused")
    assert lines()[0][3] == "Value paused 62 %" and lines()[1][2] == "run dvgs#1  paused"
    app.space.resume_run(run.id)
    run = app.work()
    DecisionLog(app.space, run.dataset).decide([1, 2, 3], "keep")
    app.run()
    steps, foot = lines()
    assert (steps[3], steps[5], foot[2]) == ("Value ✓", "Review 3", "run dvgs#1  done")


def test_stop_before_the_run_began_and_settings_of_a_preset(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    app.go("target")
    app.go("value")
    app.choose("Preset", "paper")
    app.tab.button(key="value.start").click()
    app.run()
    (run,) = app.space.runs()
    assert run.job["settings"]["every"] == 1 and run.job["settings"]["max_steps"] is None
    app.tab.button(key="value.stop").click()
    app.run()
    app.run()
    (run,) = app.space.runs()
    assert run.status == "stopped" and "Stop" not in app.labels
    assert "Stopped before it began." in app.said
    app.go("review")
    assert not app.errors


UGLY = ["x" * 120, "العمر", "<b>bold</b>", "**stars** $a$ :red[r] `t`", "a'b\"c"]


@pytest.fixture
def ugly():
    """Names and cells that are long, from right to left, or look like markup."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(150, 4))
    frame = pd.DataFrame(numbers, columns=UGLY[:4])
    frame[UGLY[4]] = rng.choice(["<script>alert(1)</script>", "نص", "y" * 300], 150)
    yes, no = "<i>yes</i>", "**لا** " + "z" * 120
    frame["label"] = np.where(numbers[:, 0] > 0, yes, no)
    return frame


def test_ugly_names_and_cells_break_no_page(app, ugly):
    name = "<u>ugly</u> **file** " + "n" * 80 + ".csv"
    app.upload(name, ugly.to_csv(index=False).encode())
    assert not app.errors
    assert app.tab.dataframe[0].value.index.tolist() == [*UGLY, "label"]
    app.go("target")
    app.tab.radio(key="target.way").set_value("query")
    app.run()
    app.pick("target.mode", "write")
    app.tab.text_input(key="target.query").set_value("`العمر` > 0 or `<b>bold</b>` > 0.5")
    app.run()
    assert not app.errors
    start_small(app)
    run = app.work()
    assert run.status == "done", run.message
    DecisionLog(app.space, run.dataset).decide([3], "relabel", label="<i>yes</i>")
    for page in PAGES:
        app.go(page)
        assert not app.errors
        html = [element.proto.body for element in app.tab.get("html")]
        texts = [element.value for kind in ("markdown", "caption") for element in app.tab.get(kind)]
        for text in [*html, *texts]:
            assert "<script>" not in text and "<i>" not in text and "<u>" not in text
    app.go("review")
    shown = set(app.tab.dataframe[0].value["label"].str.split(" ⇢ ").explode())
    assert shown == set(told_apart(ugly["label"], 12).values())


LOOK = """
import sys
from streamlit.testing.v1 import AppTest
from dvgs_core.engine.supervisor import Supervisor
Supervisor.start = lambda self: None
tab = AppTest.from_file("app.py", default_timeout=120).run()
for page in {pages!r}:
    tab.switch_page(f"{folder}/{{page}}.py").run()
    assert not tab.exception and not tab.error, page
    assert tab.title[0].value == page.capitalize()
tab.switch_page("{folder}/value.py").run()
tab.button(key="value.start").click().run()
assert not tab.exception
print([name for name in ("torch", "umap", "numba") if name in sys.modules])
"""


def test_the_app_process_loads_neither_torch_nor_umap(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    start_small(app)
    assert app.work().status == "done"
    root = app.space.root
    ended = subprocess.run(
        [sys.executable, "-c", LOOK.format(pages=PAGES, folder="pages")],
        cwd=ROOT,
        env={**os.environ, "DVGS_WORKSPACE": str(root)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"
    assert len(Workspace(root).runs()) == 2
