"""Jobs small enough for tests, and what they leave."""

import json
import os

from dvgs_core.data import SplitSettings, infer_schema
from dvgs_core.engine.execute import execute
from dvgs_core.engine.job import Job
from dvgs_core.engine.worker import do

SMALL = dict(restarts=2, epochs=4, width=8)
LONGER = SMALL | dict(epochs=40, stop_when_settled=None)
TWICE = {"rotations": 2, "target_size": 0.5}


def job_for(table, *, label="y", settings=SMALL, method="dvgs", seed=0, split=None, **more):
    schema = infer_schema(table, label) if label else infer_schema(table).with_label(None)
    return Job(
        columns=schema,
        split=SplitSettings(seed=seed, **(split or {})),
        method=method,
        settings=settings,
        seed=seed,
        device="cpu",
        **more,
    )


def steps_of(directory):
    lines = (directory / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def resumed(workspace, run):
    workspace.resume_run(run.id)
    claimed = workspace.claim_next("valuation", os.getpid())
    do(workspace, claimed, execute)
    return workspace.run(run.id)


def same_files(run, other):
    for name in ("values.parquet", "values.npy", "label_values.npy", "trace.f32"):
        one, that = run.directory / name, other.directory / name
        assert one.exists() == that.exists(), name
        assert not one.exists() or one.read_bytes() == that.read_bytes(), name
    timeless = [[line | {"seconds": 0} for line in steps_of(one.directory)] for one in (run, other)]
    assert timeless[0] == timeless[1]
