"""Every table and figure runs end to end, on few rows of made-up data, and goes on when killed."""

import json

import pytest

from dvgs_core.errors import InputError
from dvgs_core.methods.shapley import PAPER
from dvgs_core.paper import settings as paper_settings
from dvgs_core.paper.catalogue import ITEMS
from dvgs_core.paper.data import DataSets
from dvgs_core.paper.reproduce import reproduce
from dvgs_core.paper.work import Request

METHODS = ("dvgs", "random", "loo", "dvrl", "tmc-shapley")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """One folder for all, as a person would have; what tables share is computed once."""
    return tmp_path_factory.mktemp("made") / "results"


def request_for(data, out, **asked):
    asked = {
        "repeats": 1,
        "methods": ("dvgs", "random"),
        "quick": True,
        "command": "dvgs it",
    } | asked
    return Request(data=data, out=out, **asked)


@pytest.mark.parametrize("name", ITEMS)
def test_each_name_computes_and_is_written(data, out, name):
    made = reproduce(name, request_for(data, out, methods=METHODS))
    assert made.computed + made.known > 0
    text = made.document.read_text()
    section = text.split(f"## {ITEMS[name].TITLE}")[1].split("\n## ")[0]
    assert "Not run yet" not in section and "nan" not in section.lower()
    assert "`dvgs it`" in section
    if name.startswith("figure"):
        assert (out / f"{name}.svg").read_text().startswith("<svg")


def test_done_work_is_not_done_again_and_new_seeds_are_added(data, tmp_path):
    first = reproduce("table-1", request_for(data, tmp_path / "o"))
    again = reproduce("table-1", request_for(data, tmp_path / "o"))
    more = reproduce("table-1", request_for(data, tmp_path / "o", repeats=2))
    assert (first.computed, first.known) == (6, 0)
    assert (again.computed, again.known) == (0, 6) and again.numbers == first.numbers
    assert (more.computed, more.known) == (6, 6)


def test_a_killed_run_goes_on_where_it_was_and_ends_in_the_same_numbers(data, tmp_path):
    whole = reproduce("table-1", request_for(data, tmp_path / "whole"))
    begun = []

    def stop_at_the_fourth(work, left):
        begun.append(work)
        if len(begun) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce("table-1", request_for(data, tmp_path / "o"), stop_at_the_fourth)
    path = tmp_path / "o" / "records-quick" / "valuations.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    rest = reproduce("table-1", request_for(data, tmp_path / "o"))
    # three were done, the last of them cut off by hand
    assert (rest.computed, rest.known) == (4, 2)
    assert rest.numbers == whole.numbers


def test_another_data_file_or_other_settings_are_other_work(data, tmp_path, folder):
    reproduce("table-1", request_for(data, tmp_path / "o"))
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    frame = DataSets(copy).adult
    frame.assign(age=frame["age"] + 1).to_parquet(copy / "adult.parquet")
    changed = reproduce("table-1", request_for(DataSets(copy), tmp_path / "o"))
    assert (changed.computed, changed.known) == (2, 4)


def test_a_name_or_method_that_there_is_not_is_one_line(data, tmp_path):
    with pytest.raises(InputError, match=r"no 'table-9' to reproduce; known: table-1, .*, all\."):
        reproduce("table-9", request_for(data, tmp_path))
    with pytest.raises(InputError, match="There is no method 'magic'"):
        reproduce("table-1", request_for(data, tmp_path, methods=("magic",)))


def test_nothing_to_run_is_one_line_and_writes_nothing(dvgs, folder, tmp_path):
    for name, options in (
        ("table-1", ("--experiments", "9")),
        ("table-1", ("--methods", "loo", "--experiments", "3")),
        ("figure-3", ("--methods", "random")),
        ("table-2", ("--methods", "")),
    ):
        said = dvgs("reproduce", name, *options, "--data", folder, "--out", tmp_path / "o")
        assert (said.code, said.out, len(said.lines)) == (2, "", 1)
        assert f"nothing to run for {name} with these methods and experiments" in said.err
    assert not list(tmp_path.iterdir())


def test_missing_data_is_one_line_that_says_what_to_set(dvgs, tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", no_network)
    empty = tmp_path / "empty"
    empty.mkdir()
    asked = ["--data", empty, "--out", tmp_path / "o", "--experiments", "1"]
    for name, file in (("table-1", "adult.parquet"), ("figure-5", "l1000_knockdown")):
        said = dvgs("reproduce", name, *asked)
        assert (said.code, said.out, len(said.lines)) == (2, "", 1)
        assert file in said.err and "set DVGS_DATA" in said.err
    said = dvgs("reproduce", "table-1", "--data", tmp_path / "nowhere", "--out", tmp_path / "o")
    assert said.code == 2 and "There is no folder" in said.err
    assert not (tmp_path / "o").exists()


def test_the_command_lists_runs_and_reports(dvgs, folder, tmp_path, monkeypatch):
    listed = dvgs("reproduce", "list", "--json")
    assert json.loads(listed.out)["names"] == list(ITEMS)
    monkeypatch.setenv("DVGS_DATA", str(folder))
    options = ["--quick", "--repeats", 1, "--methods", "dvgs,random", "--out", tmp_path / "o"]
    said = dvgs("reproduce", "table-1", *options, "--json")
    assert said.code == 0 and said.err == ""
    told = json.loads(said.out)
    assert told["computed"] == 6 and len(told["numbers"]["table-1"]) == 6
    document = (tmp_path / "o.md").read_text()
    typed = "dvgs reproduce table-1 --repeats 1 --seed 0 --methods dvgs,random --quick"
    assert f"`{typed}`" in document


def test_quick_numbers_never_go_where_the_real_ones_are(dvgs):
    said = dvgs("reproduce", "table-1", "--quick")
    assert said.code == 2 and "--out" in said.err


def test_a_method_runs_where_the_paper_runs_it_or_where_its_task_is(data, tmp_path):
    asked = request_for(data, tmp_path, methods=("loo", "dvrl", "knn-shapley", "random"))
    ran = {}
    for work in [*ITEMS["table-1"].works(asked), *ITEMS["table-2"].works(asked)]:
        ran.setdefault(work.what["method"], []).append(work.what["experiment"])
    assert ran["loo"] == [1, 2, 4, 5] and ran["dvrl"] == ran["knn-shapley"] == [1, 2, 3, 4, 5, 6]
    assert ran["random"] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_fewer_permutations_are_other_work_and_are_told_of(data, tmp_path, monkeypatch):
    monkeypatch.setitem(paper_settings._QUICK, "permutations", 3)
    asked = dict(methods=("tmc-shapley", "random"), experiments=(1,))
    request = request_for(data, tmp_path, **asked, quick=False, permutations=7)
    works = {w.what["method"]: w.what["settings"] for w in ITEMS["table-1"].works(request)}
    published = PAPER["adult-labels"]
    assert works["tmc-shapley"] == published | {"permutations": 7} and works["random"] == {}
    whole = request_for(data, tmp_path, **asked, quick=False)
    assert ITEMS["table-1"].works(whole)[0].what["settings"] == published

    made = reproduce("table-3", request_for(data, tmp_path, **asked))
    line = "1: adult, labels, TMC-Shapley: 3 permutations instead of 200 at least."
    text = made.document.read_text()
    assert line in text.split("Not as in the paper:")[1].split("<details>")[0]
    assert "TMC-Shapley in experiment 1: 3 permutations instead of 200 at least." in text


def test_a_record_tells_how_good_values_were_on_the_way(data, tmp_path):
    asked = request_for(data, tmp_path, methods=("loo", "dvrl", "random"), experiments=(1,))
    reproduce("table-1", asked)
    outcomes = {r.what["method"]: r.outcome for r in asked.records.of("valuations")}
    assert "course" not in outcomes["random"]
    assert "course" not in outcomes["loo"]  # every row has its value in the end alone
    steps, aurocs = zip(*outcomes["dvrl"]["course"], strict=True)
    assert list(steps) == sorted(set(steps)) and aurocs[-1] == outcomes["dvrl"]["auroc"]


def test_experiments_that_are_named_are_run_alone(data, tmp_path, dvgs, folder):
    asked = request_for(data, tmp_path, experiments=(2, 5))
    assert {w.what["experiment"] for w in ITEMS["table-1"].works(asked)} == {2}
    assert {w.what["experiment"] for w in ITEMS["figure-4"].works(asked)} == {5}
    said = dvgs("reproduce", "table-1", "--data", folder, "--out", tmp_path, "--experiments", "a")
    assert said.code == 2 and "--experiments takes numbers such as 1,2; got 'a'." in said.err
