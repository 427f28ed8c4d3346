"""What a run keeps to go on from, and that nothing that can happen to it ends in another result."""

import errno
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.data import load
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.recorder import STATE, Recorder, replace_array
from dvgs_core.engine.state import read_state, write_state
from dvgs_core.engine.valuate import valuate
from dvgs_core.errors import InputError
from dvgs_core.store import files
from tests.engine.jobs import LONGER, TWICE, job_for, resumed, same_files, steps_of


@pytest.mark.parametrize("at", [0, 38, 39, 40, 78])
def test_a_valuation_goes_on_after_any_step_with_the_same_bits(table_path, at):
    prepared = prepare(load(table_path), job_for(load(table_path), split=TWICE, settings=LONGER))
    whole, kept = [], None
    for outcome in valuate(prepared):
        whole.append(outcome)
        if outcome.index == at:
            kept = outcome.state()
    rest = list(valuate(prepared, kept))
    assert [o.index for o in rest] == list(range(at + 1, 80))
    for one, other in zip(rest, whole[at + 1 :], strict=True):
        assert (one.rotation, one.scored, one.done) == (other.rotation, other.scored, other.done)
        for name in ("values", "standard_error", "label_values", "similarity"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    ("ask", "status"), [("request_stop", "stopped"), ("request_pause", "paused")]
)
def test_a_stopped_or_paused_run_goes_on_to_the_same_files(ran, workspace, table_path, ask, status):
    job = job_for(load(table_path), split=TWICE, settings=LONGER)
    whole = ran(job)
    assert whole.status == "done" and not (whole.directory / STATE).exists()
    assert "80 of 80 checkpoints scored; all checkpoints" in whole.log.read_text()
    run = ran(job, before=lambda run: getattr(workspace, ask)(run.id))
    assert run.status == status and (run.directory / STATE).exists()
    assert "1 of 80 checkpoints scored; asked to stop" in run.log.read_text()
    run = resumed(workspace, run)
    assert run.status == "done" and not (run.directory / STATE).exists()
    assert "Goes on after 1 checkpoints" in run.log.read_text()
    same_files(run, whole)
    seconds = [line["seconds"] for line in steps_of(run.directory)]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("tmc-shapley", dict(permutations=8, together=3, epochs=2)),
        ("dvrl", dict(outer_steps=8, selections=2, max_steps=2)),
    ],
)
def test_so_does_a_paused_run_of_another_method(ran, workspace, table_path, method, settings):
    job = job_for(load(table_path), split=TWICE, method=method, settings=settings)
    whole = ran(job)
    run = ran(job, before=lambda run: workspace.request_pause(run.id))
    assert whole.status == "done" and run.status == "paused"
    run = resumed(workspace, run)
    assert run.status == "done" and "Goes on after 1 checkpoints" in run.log.read_text()
    same_files(run, whole)


KILLED = """
import os, signal, sys
from dvgs_core.engine.execute import execute
from dvgs_core.engine.recorder import Recorder
from dvgs_core.store import Workspace

Recorder.KEEP_SECONDS = 0.0
step = Recorder.step

def until(self, outcome):
    step(self, outcome)
    if outcome.scored == int(sys.argv[2]):
        self.trace.write(b"torn"), self.trace.flush()
        self.steps.write('{"index"'), self.steps.flush()
        os.kill(os.getpid(), signal.SIGKILL)

Recorder.step = until
workspace = Workspace(sys.argv[1])
execute(workspace, workspace.claim_next("valuation", os.getpid()))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_run_goes_on_to_the_same_files(ran, workspace, table_path):
    job = job_for(load(table_path), split=TWICE, settings=LONGER)
    whole = ran(job)
    run = workspace.create_run(whole.dataset, job.model_dump(mode="json"))
    command = [sys.executable, "-c", KILLED, str(workspace.root)]
    for scored in ("23", "61"):
        process = subprocess.run([*command, scored], env=os.environ | {"PYTHONPATH": "."})
        assert process.returncode == -signal.SIGKILL
        assert workspace.mark_interrupted() == [run.id]
        if scored == "23":
            workspace.resume_run(run.id)
    run = resumed(workspace, workspace.run(run.id))
    assert run.status == "done"
    first, second = map(int, re.findall(r"Goes on after (\d+) checkpoints", run.log.read_text()))
    assert 1 <= first <= 23 and first < second <= 61
    same_files(run, whole)


def test_what_is_kept_but_does_not_match_the_files_is_not_used(table_path, tmp_path):
    prepared = prepare(load(table_path), job_for(load(table_path), settings=LONGER))
    recorder = Recorder(tmp_path, prepared)
    for outcome in valuate(prepared):
        recorder.step(outcome)
        if outcome.index == 5:
            recorder.keep(outcome)
            break
    recorder.finish(outcome)
    rows = len(prepared.source)
    assert int(read_state(tmp_path, rows)["scored"]) == 6
    with (tmp_path / "trace.f32").open("r+b") as trace:
        trace.truncate(4 * rows * 5)
    assert read_state(tmp_path, rows) is None
    Recorder(tmp_path, prepared)
    assert not (tmp_path / STATE).exists()


def recorded(directory, steps=6):
    """A directory as a run leaves it after so many steps; the number of its source rows."""
    arrays = {"scored": np.array(steps), "values": np.arange(90.0)}
    (directory / "trace.f32").write_bytes(np.zeros((steps, 90), dtype=np.float32).tobytes())
    lines = "".join(f'{{"index": {i}, "seconds": {i}.5}}\n' for i in range(steps))
    (directory / "steps.jsonl").write_text(lines)
    write_state(directory, arrays)
    return 90


def test_a_state_comes_back_as_it_was(tmp_path):
    rows, told = recorded(tmp_path), []
    state = read_state(tmp_path, rows, told.append)
    assert set(state) == {"scored", "values"} and int(state["scored"]) == 6 and not told
    np.testing.assert_array_equal(state["values"], np.arange(90.0))
    assert read_state(tmp_path / "elsewhere", rows, told.append) is None and not told


@settings(max_examples=60)
@given(data=st.data())
def test_a_torn_or_damaged_state_is_told_and_not_used(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("run")
    rows, told, path = recorded(directory), [], directory / STATE
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        # the header's bytes are as few as the numbers'; each bit of both should be hit
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    state = read_state(directory, rows, told.append)
    if state is not None:  # a blank of the header's padding, say
        np.testing.assert_array_equal(state["values"], np.arange(90.0))
        assert int(state["scored"]) == 6 and not told
    else:
        assert len(told) == 1 and told[0].endswith("it begins anew.")
        assert "damaged" in told[0] or "another version" in told[0]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("trace.f32", b"0" * (4 * 90 * 6 - 1), "the trace is shorter"),
        ("steps.jsonl", b'{"index": 0}\n' * 5 + b'{"index": 0}', "steps are missing"),
        ("steps.jsonl", b'{"index": 0}\n' * 5 + b"\0" * 20 + b"\n", "the steps are damaged"),
        ("steps.jsonl", b'{"index": 1}\n{"index": 0}\n' * 3, "out of order"),
    ],
)
def test_steps_that_a_power_cut_took_are_told(tmp_path, name, content, why):
    rows, told = recorded(tmp_path), []
    (tmp_path / name).write_bytes(content)
    assert read_state(tmp_path, rows, told.append) is None
    assert len(told) == 1 and why in told[0]


def test_a_run_whose_state_is_damaged_begins_anew_and_says_so(ran, workspace, table_path):
    job = job_for(load(table_path), settings=LONGER)
    whole = ran(job)
    run = ran(job, before=lambda run: workspace.request_stop(run.id))
    content = (run.directory / STATE).read_bytes()
    (run.directory / STATE).write_bytes(content[: len(content) // 2])
    run = resumed(workspace, run)
    assert run.status == "done"
    assert "What was kept of the run cannot be used (it is damaged)" in run.log.read_text()
    assert "Goes on" not in run.log.read_text()
    same_files(run, whole)


def full(monkeypatch, suffix):
    """From now on the disk is full for files that end so."""
    flush = files.flush

    def fails(path):
        if path.suffix == suffix:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        flush(path)

    monkeypatch.setattr(files, "flush", fails)


def names(directory):
    return {path.name for path in directory.iterdir()}


def test_a_full_disk_leaves_the_file_before(tmp_path, monkeypatch):
    rows = recorded(tmp_path)
    replace_array(tmp_path / "values.npy", np.ones(3))
    before = names(tmp_path)
    for suffix in (".safetensors", ".npy"):
        full(monkeypatch, suffix)
    with pytest.raises(InputError, match=r"The disk that holds .* is full"):
        write_state(tmp_path, {"scored": np.array(7)})
    with pytest.raises(InputError, match="is full"):
        replace_array(tmp_path / "values.npy", np.zeros(3))
    assert int(read_state(tmp_path, rows)["scored"]) == 6
    assert np.load(tmp_path / "values.npy").tolist() == [1, 1, 1]
    assert names(tmp_path) == before


@pytest.mark.parametrize("suffix", [".safetensors", ".parquet", ".npy", ".json"])
def test_a_run_on_a_full_disk_fails_with_one_clear_line(ran, table_path, monkeypatch, suffix):
    monkeypatch.setattr(Recorder, "KEEP_SECONDS", 0.0)
    job = job_for(load(table_path), settings=LONGER)
    run = ran(job, before=lambda run: full(monkeypatch, suffix))
    assert run.status == "failed" and "\n" not in run.message
    assert run.message.startswith(f"The disk that holds {run.directory} is full")


def test_a_trace_that_cannot_grow_fails_with_one_clear_line(ran, table_path, monkeypatch):
    job = job_for(load(table_path), settings=LONGER)
    step = Recorder._step

    def fails(self, outcome):
        if outcome.index == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        step(self, outcome)

    monkeypatch.setattr(Recorder, "_step", fails)
    run = ran(job)
    assert run.status == "failed" and "is full" in run.message and "\n" not in run.message
    assert len(steps_of(run.directory)) == 3


KILLED_WRITING = """
import os, signal, sys
from dvgs_core.engine.execute import execute
from dvgs_core.engine.recorder import Recorder
from dvgs_core.store import Workspace, files

step, flush, written = Recorder.step, files.flush, 0

def kept(self, outcome):
    step(self, outcome)
    self.keep(outcome)

def until(path):
    global written
    written += path.suffix == sys.argv[2]
    if written == int(sys.argv[3]):
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    flush(path)

Recorder.step, files.flush = kept, until
Recorder.KEEP_SECONDS = float("inf")  # or a slow machine keeps a step twice
workspace = Workspace(sys.argv[1])
execute(workspace, workspace.claim_next("valuation", os.getpid()))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.parametrize("suffix, times", [(".safetensors", 9), (".npy", 5)])
def test_a_run_killed_while_it_writes_a_file_goes_on_to_the_same_files(
    ran, workspace, table_path, suffix, times
):
    job = job_for(load(table_path), settings=LONGER)
    whole = ran(job)
    run = workspace.create_run(whole.dataset, job.model_dump(mode="json"))
    command = [sys.executable, "-c", KILLED_WRITING, str(workspace.root), suffix, str(times)]
    process = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."})
    assert process.returncode == -signal.SIGKILL
    assert any(name.startswith(".") for name in names(run.directory))
    assert np.isfinite(np.load(run.directory / "values.npy")).all()
    workspace.mark_interrupted()
    run = resumed(workspace, workspace.run(run.id))
    assert run.status == "done"
    if suffix == ".safetensors":
        assert "Goes on after 8 checkpoints" in run.log.read_text()
    assert not any(name.startswith(".") for name in names(run.directory))
    same_files(run, whole)
