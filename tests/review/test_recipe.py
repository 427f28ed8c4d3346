"""The recipe: the same decisions give the same bytes; what is no recipe is told."""

import json
import time

import pytest

from dvgs_core.errors import InputError
from dvgs_core.review import DecisionLog, Recipe, make_recipe


def test_the_recipe_says_what_to_do_and_with_which_file(workspace, dataset, decisions):
    run = workspace.create_run(dataset.id, {"method": "dvgs", "seed": 7})
    decisions.decide([3, 1], "drop")
    decisions.decide([5], "relabel", label="b")
    decisions.decide([6], "keep")
    decisions.decide([7], "drop")
    decisions.decide([7], "undecided")
    recipe = make_recipe(dataset, decisions, label="label", run=run)
    assert recipe.dropped == (1, 3)
    assert recipe.relabelled == {5: "b"}
    assert recipe.counts == {"keep": 1, "relabel": 1, "drop": 2, "undecided": 1}
    assert (recipe.rows, recipe.seed, recipe.job) == (20, 7, run.job)
    assert (recipe.original.name, recipe.original.sha256) == ("twenty.csv", dataset.sha256)
    assert {"numpy", "pandas", "pyarrow"} <= set(recipe.software)


def test_the_same_decisions_give_the_same_bytes(
    workspace, dataset, decisions, tmp_path, monkeypatch
):
    decisions.decide([10, 9], "drop")
    decisions.decide([2], "relabel", label=3)
    make_recipe(dataset, decisions, label="label").save(tmp_path / "a.json")
    moment = time.time()
    monkeypatch.setattr(time, "time", lambda: moment + 86_400)
    decisions.decide([1], "drop")
    decisions.undo()
    again = DecisionLog(workspace, dataset.id)
    make_recipe(dataset, again, label="label").save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("label", [True, 1, 1.0, "1", 2.5, "é"])
def test_labels_come_back_with_their_type(dataset, decisions, tmp_path, label):
    decisions.decide([11, 2], "relabel", label=label)
    recipe = make_recipe(dataset, decisions, label="label")
    recipe.save(tmp_path / "r.json")
    loaded = Recipe.load(tmp_path / "r.json")
    assert loaded == recipe
    assert {type(value) for value in loaded.relabelled.values()} == {type(label)}
    assert list(json.loads(recipe.text())["relabelled"]) == ["2", "11"]


def test_relabelled_rows_need_a_label_column(dataset, decisions):
    decisions.decide([1], "relabel", label="b")
    with pytest.raises(InputError, match="no column is the label"):
        make_recipe(dataset, decisions)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a recipe"),
        ("[1]", "not a recipe"),
        ('{"kind": "cake"}', "not a recipe"),
        ('{"kind": "dvgs-recipe", "version": 99}', "newer form"),
        ('{"kind": "dvgs-recipe", "version": 1}', "damaged"),
    ],
)
def test_what_is_no_recipe_is_told_in_one_line(tmp_path, text, told):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        Recipe.load(tmp_path / "r.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        Recipe.load(tmp_path / "none.json")


def test_the_recipe_says_who_decided_and_why(dataset, decisions):
    decisions.decide([3, 1], "drop", reviewer="Ada", note="blurred")
    decisions.decide([5], "relabel", label="b", reviewer="Ada")
    decisions.decide([6], "keep", reviewer="Grace")
    decisions.decide([1], "undecided", reviewer="Grace")
    recipe = make_recipe(dataset, decisions, label="label")
    assert recipe.reviewers == {"Ada": {"drop": 1, "relabel": 1}, "Grace": {"keep": 1}}
    assert recipe.notes == {3: "blurred"}


STEPS = {"total": 10, "seconds": 1.5, "settled": 0.98, "stopped_because": None}


@pytest.mark.parametrize(
    ("status", "last", "why"),
    [
        ("done", {"done": 10, "stopped_because": "ranking settled"}, "ranking settled"),
        ("done", {"done": 10}, "all checkpoints"),
        ("stopped", {"done": 4}, "asked to stop"),
        ("interrupted", {"done": 4}, "the program ended"),
    ],
)
def test_the_recipe_says_how_its_run_ended(workspace, dataset, decisions, status, last, why):
    queued = workspace.create_run(dataset.id, {"method": "dvgs", "seed": 7})
    assert make_recipe(dataset, decisions, run=queued).ended is None
    workspace.claim_next("valuation", 1)
    workspace.finish(queued.id, status)
    lines = [STEPS | {"done": 1}, STEPS | last]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"half a li'
    (queued.directory / "steps.jsonl").write_text(text)
    ended = make_recipe(dataset, decisions, run=workspace.run(queued.id)).ended
    assert (ended.stopped_because, ended.settled, ended.checkpoints) == (why, 0.98, 2)
    assert (ended.total, ended.seconds) == (10, 1.5)


def test_a_recipe_of_the_first_form_can_still_be_read(dataset, decisions, tmp_path):
    decisions.decide([3], "drop", note="x")
    values = json.loads(make_recipe(dataset, decisions).text())
    for name in ("reviewers", "notes", "ended", "damaged", "spreadsheet_safe"):
        del values[name]
    (tmp_path / "r.json").write_text(json.dumps(values | {"version": 1}))
    read = Recipe.load(tmp_path / "r.json")
    assert read.dropped == (3,) and not read.damaged and not read.spreadsheet_safe


def test_the_digest_names_the_decisions(dataset, decisions):
    before = make_recipe(dataset, decisions, label="label")
    decisions.decide([4], "drop")
    after = make_recipe(dataset, decisions, label="label")
    assert before.digest != after.digest
    assert after.digest == make_recipe(dataset, decisions, label="label").digest
