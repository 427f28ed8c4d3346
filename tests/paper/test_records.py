"""Records survive a run that is killed at any byte."""

import json
from dataclasses import replace

import pytest

from dvgs_core.errors import InputError
from dvgs_core.paper.records import Record, Records, key_of


def record(seed, **outcome):
    what = {"experiment": 1, "method": "dvgs", "settings": {"epochs": 2}, "seed": seed}
    return Record(what, outcome, 1.5, "2026-01-02T03:04:05+00:00", "dvgs x", "0.1.0", "a machine")


def test_what_was_added_is_found_by_a_new_reader(tmp_path):
    Records(tmp_path).add("runs", record(0, auroc=0.5))
    found = Records(tmp_path).find("runs", record(0).what)
    assert found == record(0, auroc=0.5)
    assert Records(tmp_path).find("runs", record(1).what) is None
    assert Records(tmp_path).of("others") == []


@pytest.mark.parametrize("kept", [1, 20, -2, -1])
def test_a_line_cut_off_anywhere_is_done_again_and_the_others_are_kept(tmp_path, kept):
    first = Records(tmp_path)
    first.add("runs", record(0, auroc=0.5))
    first.add("runs", record(1, auroc=0.6))
    path = tmp_path / "runs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:kept])
    after = Records(tmp_path)
    assert after.of("runs") == [record(0, auroc=0.5)]
    after.add("runs", record(1, auroc=0.6))
    assert path.read_bytes() == b"".join(lines)
    assert Records(tmp_path).of("runs") == first.of("runs")


def test_a_whole_line_that_is_no_record_is_named(tmp_path):
    Records(tmp_path).add("runs", record(0))
    path = tmp_path / "runs.jsonl"
    path.write_text(path.read_text() + '{"what": 1}\n')
    with pytest.raises(InputError, match=r"Line 2 of .*runs.jsonl is no record"):
        Records(tmp_path).of("runs")


def test_the_same_work_has_the_same_key_whatever_the_order_and_the_command():
    one = record(0)
    turned = dict(reversed(one.what.items()))
    assert key_of(turned) == one.key == replace(one, command="another", date="later").key
    assert key_of(json.loads(json.dumps(one.what))) == one.key
    assert key_of(one.what | {"seed": 1}) != one.key


def test_a_number_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Records(tmp_path).add("runs", record(0, auroc=float("nan")))
    assert Records(tmp_path).of("runs") == []


@pytest.mark.parametrize(
    ("machine", "load", "shared"),
    [
        ("2 CPU cores", 4.1, True),
        ("2 CPU cores", 4.0, False),  # a run's own threads, and their feeders
        ("16 CPU cores", 11.0, False),
        ("2 CPU cores", None, False),
        ("1 of 2 CPU cores", 4.0, False),
        ("1 of 2 CPU cores, low priority", 2.1, True),
        ("1 of 2 CPU cores, low priority", 2.0, False),
        ("NVIDIA H100", 40.0, False),
    ],
)
def test_a_load_far_above_the_cores_says_that_they_were_shared(machine, load, shared):
    assert replace(record(0), machine=machine, load=load).shared is shared
