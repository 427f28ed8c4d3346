"""Decisions: nothing acknowledged is lost, nothing is changed, everything can be undone."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from dvgs_core.review import DecisionLog
from dvgs_core.review.decisions import DECISIONS
from dvgs_core.store import Workspace


def as_dict(log):
    frame = log.current()
    return dict(zip(frame["row"], zip(frame["decision"], frame["label"], strict=True), strict=True))


def test_the_last_decision_about_a_row_holds(decisions):
    decisions.decide([1, 2, 3], "drop", note="blurred", reviewer="ada")
    decisions.decide([2], "relabel", label="b", reviewer="bob")
    decisions.decide([3], "undecided")
    frame = decisions.current()
    assert list(frame["row"]) == [1, 2, 3]
    assert list(frame["decision"]) == ["drop", "relabel", "undecided"]
    assert list(frame["label"]) == [None, "b", None]
    assert list(frame["note"]) == ["blurred", "", ""]
    assert list(frame["reviewer"]) == ["ada", "bob", ""]
    assert frame["at"].is_monotonic_increasing
    assert decisions.counts() == {"keep": 0, "relabel": 1, "drop": 1, "undecided": 1}


def test_one_action_is_undone_as_one_and_says_what_it_was(decisions):
    assert decisions.can_undo() is None
    decisions.decide([4, 4, 2, 3], "drop")
    decisions.decide([2], "relabel", label=7)
    assert decisions.can_undo() == "relabel of 1 row to 7"
    assert decisions.undo().description == "relabel of 1 row to 7"
    assert decisions.can_redo() == "relabel of 1 row to 7"
    change = decisions.undo()
    assert (change.description, change.kind) == ("drop of 3 rows", "undo")
    np.testing.assert_array_equal(change.rows, [2, 3, 4])
    assert decisions.undo() is None
    assert as_dict(decisions) == {}
    assert decisions.redo().description == "drop of 3 rows"
    assert as_dict(decisions) == dict.fromkeys((2, 3, 4), ("drop", None))


def test_a_new_decision_leaves_nothing_to_redo(decisions):
    decisions.decide([1], "drop")
    decisions.decide([2], "drop")
    decisions.undo()
    decisions.decide([3], "keep")
    assert decisions.can_redo() is None
    assert decisions.redo() is None
    decisions.undo()
    assert decisions.can_redo() == "keep of 1 row"
    assert as_dict(decisions) == {1: ("drop", None)}


def test_undo_and_redo_go_on_after_a_restart(decisions, workspace, dataset):
    decisions.decide([1], "drop")
    decisions.decide([2], "keep")
    decisions.undo()
    again = DecisionLog(Workspace(workspace.root), dataset.id)
    assert (again.can_undo(), again.can_redo()) == ("drop of 1 row", "keep of 1 row")
    again.redo()
    assert as_dict(again) == as_dict(decisions) == {1: ("drop", None), 2: ("keep", None)}


ACTIONS = st.one_of(
    st.tuples(
        st.sets(st.integers(0, 19), min_size=1, max_size=5),
        st.sampled_from(DECISIONS),
        st.sampled_from(["a", 3, 2.5, True]),
    ),
    st.sampled_from(["undo", "redo", "other process"]),
)


@settings(max_examples=40)
@given(actions=st.lists(ACTIONS, max_size=25))
def test_the_log_behaves_as_two_stacks(actions):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("a,b\n" + "1,2\n" * 20)
        workspace = Workspace(Path(folder) / "workspace")
        dataset = workspace.add_dataset(path, "t.csv")
        log = DecisionLog(workspace, dataset.id)
        done, undone = [], []
        for action in actions:
            if action == "other process":
                log = DecisionLog(Workspace(workspace.root), dataset.id)
            elif action == "undo":
                assert (log.undo() is not None) == bool(done)
                if done:
                    undone.append(done.pop())
            elif action == "redo":
                assert (log.redo() is not None) == bool(undone)
                if undone:
                    done.append(undone.pop())
            else:
                rows, decision, label = action
                label = label if decision == "relabel" else None
                log.decide(rows, decision, label=label)
                done.append((rows, decision, label))
                undone.clear()
            expected = {row: (d, lb) for rows, d, lb in done for row in rows}
            assert as_dict(log) == expected
            assert (log.can_undo() is not None, log.can_redo() is not None) == (
                bool(done),
                bool(undone),
            )
        for row, (_, label) in as_dict(log).items():
            assert type(label) is type(expected[row][1])


def test_an_action_that_arrives_again_does_nothing(decisions):
    first = decisions.decide([1], "drop", token="t1")
    again = decisions.decide([1], "drop", token="t1")
    assert again.event == first.event
    decisions.decide([2], "drop", token="t2")
    assert decisions.undo(token="t3").description == "drop of 1 row"
    assert decisions.undo(token="t3").description == "drop of 1 row"
    assert as_dict(decisions) == {1: ("drop", None)}
    decisions.redo(token="t4")
    decisions.redo(token="t4")
    assert as_dict(decisions) == {1: ("drop", None), 2: ("drop", None)}


def test_an_undo_of_nothing_that_arrives_again_takes_no_later_decision_back(decisions):
    assert decisions.undo(token="t1") is None
    decisions.decide([1], "drop")
    assert decisions.undo(token="t1") is None
    assert as_dict(decisions) == {1: ("drop", None)}
    assert len(decisions.log()) == 1


def test_nothing_in_the_log_can_be_changed_or_deleted(decisions, workspace):
    decisions.decide([1], "drop", token="t")
    for statement in (
        "UPDATE decision_events SET decision = 'keep'",
        "DELETE FROM decision_events",
        "INSERT OR REPLACE INTO decision_events (id, dataset, kind, note, reviewer, at) "
        "VALUES (1, 'x', 'undo', '', '', '')",
    ):
        with (
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
            workspace.database.writing() as connection,
        ):
            connection.execute(statement)
    assert as_dict(decisions) == {1: ("drop", None)}


def test_decisions_come_back_with_the_file(decisions, workspace, dataset):
    decisions.decide([1], "drop")
    original = dataset.path.read_bytes()
    workspace.delete_dataset(dataset.id)
    path = workspace.root / "again.csv"
    path.write_bytes(original)
    again = workspace.add_dataset(path, "again.csv")
    assert as_dict(DecisionLog(workspace, again.id)) == {1: ("drop", None)}


def test_the_log_tells_who_did_what_when_and_why(decisions):
    decisions.decide([1, 2], "relabel", label="b", note="see photo", reviewer="ada")
    decisions.undo(reviewer="bob")
    decisions.redo(reviewer="eve")
    log = decisions.log()
    assert list(log["action"]) == ["decide", "decide", "undo", "undo", "redo", "redo"]
    assert list(log["row"]) == [1, 2] * 3
    assert list(log["reviewer"]) == ["ada", "ada", "bob", "bob", "eve", "eve"]
    assert list(log["note"]) == ["see photo"] * 2 + [""] * 4
    assert set(log["decision"]) == {"relabel"} and set(log["label"]) == {"b"}
    assert log["subject"].isna().tolist() == [True, True, False, False, False, False]
    assert (log["subject"].dropna() == log["event"].iloc[0]).all()
    assert log["at"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("rows", "decision", "label", "told"),
    [
        ([], "drop", None, "at least one row"),
        ([20], "drop", None, "rows 0 to 19; got row 20"),
        ([-1], "drop", None, "got row -1"),
        ([1.5], "drop", None, "whole numbers"),
        ([1], "delete", None, "keep, relabel, drop, undecided"),
        ([1], "relabel", None, "needs the new label"),
        ([1], "keep", "a", "Only relabel takes a label"),
        ([1], "relabel", float("nan"), "can be written"),
        ([1], "relabel", b"a", "text, a number or a truth value"),
    ],
)
def test_what_cannot_be_decided_is_told_and_not_recorded(decisions, rows, decision, label, told):
    with pytest.raises(InputError, match=told):
        decisions.decide(rows, decision, label=label)
    assert decisions.log().empty


def test_labels_keep_their_type_and_numpy_ones_become_plain(decisions):
    for row, label in enumerate([True, 1, 1.0, "1", np.int64(5), np.str_("x")]):
        decisions.decide([row], "relabel", label=label)
    labels = list(decisions.current()["label"])
    assert labels == [True, 1, 1.0, "1", 5, "x"]
    assert [type(label) for label in labels] == [bool, int, float, str, int, str]


def test_fifty_thousand_rows_are_decided_and_undone_as_one(workspace, tmp_path):
    path = tmp_path / "large.csv"
    path.write_text("a,b\n" + "1,2\n" * 50_000)
    dataset = workspace.add_dataset(path, "large.csv")
    DecisionLog(workspace, dataset.id).decide(range(50_000), "drop")
    log = DecisionLog(workspace, dataset.id)
    assert len(log.current()) == 50_000
    assert log.undo().description == "drop of 50,000 rows"
    assert log.current().empty


DECIDER = """
import sys
from dvgs_core.review import DecisionLog
from dvgs_core.store import Workspace
log = DecisionLog(Workspace(sys.argv[1]), sys.argv[2])
for i in range(int(sys.argv[4])):
    log.decide([i % 20], "drop", note=str(i), reviewer=sys.argv[3], token=f"{sys.argv[3]}-{i}")
    print(i, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(workspace, dataset):
    command = [sys.executable, "-c", DECIDER, str(workspace.root), dataset.id, "ada", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        acknowledged = [int(process.stdout.readline()) for _ in range(30)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout if line.strip()]
    log = DecisionLog(Workspace(workspace.root), dataset.id).log()
    notes = [int(note) for note in log["note"]]
    assert notes == list(range(len(notes)))
    # the last may have been written but not yet acknowledged
    assert len(acknowledged) <= len(notes) <= len(acknowledged) + 1


def test_two_processes_decide_at_once_and_nothing_is_lost(workspace, dataset):
    def run(name):
        command = [sys.executable, "-c", DECIDER, str(workspace.root), dataset.id, name, "50"]
        return subprocess.run(command, capture_output=True, text=True)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, ["ada", "bob"]))
    assert [process.returncode for process in done] == [0, 0], done
    log = DecisionLog(workspace, dataset.id)
    lines = log.log()
    for name in ("ada", "bob"):
        assert list(lines.loc[lines["reviewer"] == name, "note"]) == [str(i) for i in range(50)]
    count = 0
    while log.undo() is not None:
        count += 1
    assert count == 100


def test_many_threads_may_share_one_log(decisions):
    def decide(i):
        decisions.decide([i], "keep", token=f"{os.getpid()}-{i}")
        return len(decisions.current())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(20)))
    assert len(decisions.current()) == 20


def test_labels_of_their_own_are_one_action_and_come_back_whole(decisions, workspace, dataset):
    before = decisions.decide([3], "keep")
    change = decisions.decide([9, 2, 5], "relabel", labels=["b", "a", "c"], token="t")
    assert change.description == "relabel of 3 rows to 3 labels" and change.label is None
    assert change.rows.tolist() == [2, 5, 9]
    for log in (decisions, DecisionLog(workspace, dataset.id)):
        current = log.current().set_index("row")
        assert current["label"].to_dict() == {2: "a", 3: None, 5: "c", 9: "b"}
        told = log.log()
        assert told.loc[told["event"] == change.event, "label"].tolist() == ["a", "c", "b"]
    again = decisions.decide([9, 2, 5], "relabel", labels=["b", "a", "c"], token="t")
    assert again.event == change.event
    decisions.decide([5], "drop")
    assert decisions.current().set_index("row").loc[[2, 9], "label"].tolist() == ["a", "b"]
    decisions.undo()
    assert decisions.undo().description == change.description
    assert decisions.current()["row"].tolist() == [3] and decisions.can_undo() == "keep of 1 row"
    assert decisions.redo().label is None and before.label is None
    assert decisions.current().set_index("row")["label"].to_dict()[9] == "b"
    same = decisions.decide([1, 4], "relabel", labels=["b", "b"])
    assert same.label == "b" and same.description == "relabel of 2 rows to b"


@pytest.mark.parametrize(
    ("rows", "decision", "more", "told"),
    [
        ([1, 2], "relabel", {"labels": ["a"]}, "a label for each"),
        ([1, 1], "relabel", {"labels": ["a", "b"]}, "distinct rows"),
        ([1, 2], "drop", {"labels": ["a", "b"]}, "Only relabel"),
        ([1], "relabel", {"labels": ["a"], "label": "a"}, "either one for all"),
        ([1], "relabel", {"labels": [float("nan")]}, "can be written"),
    ],
)
def test_labels_that_do_not_fit_the_rows_are_refused(decisions, rows, decision, more, told):
    with pytest.raises(InputError, match=told):
        decisions.decide(rows, decision, **more)
    assert decisions.current().empty


def test_the_history_of_a_row_tells_what_was_undone_and_who_did_it(decisions, workspace, dataset):
    decisions.decide([4], "drop", note="torn", reviewer="Ada")
    decisions.undo()
    decisions.decide(range(40 // 2), "keep", reviewer="Bo")
    decisions.decide(list(range(20)), "relabel", labels=[*"ab" * 10], reviewer="Bo")
    decisions.undo()
    decisions.decide([4], "relabel", label="b")
    decisions.decide([5], "drop")
    for log in (decisions, DecisionLog(workspace, dataset.id)):
        history = log.history(4)
        assert [(e.decision, e.label, e.rows, e.reviewer, e.undone) for e in history] == [
            ("relabel", "b", 1, "", False),
            ("relabel", "a", 20, "Bo", True),
            ("keep", None, 20, "Bo", False),
            ("drop", None, 1, "Ada", True),
        ]
        assert history[-1].note == "torn" and history[0].at >= history[1].at
        assert log.history(17)[0].label == "b" and log.history(17)[0].undone
    assert len(list(decisions.decided_at("Bo"))) == 2
    newest = decisions.newest()
    decisions.undo()
    assert decisions.newest() == newest + 1


def test_an_action_about_many_rows_is_in_the_history_of_each(workspace, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(200)))
    log = DecisionLog(workspace, workspace.add_dataset(path, "many.csv").id)
    log.decide(np.arange(0, 200, 2), "drop")
    log.decide([7], "keep")
    assert [len(log.history(row)) for row in (0, 1, 7, 198, 199)] == [1, 0, 1, 1, 0]
