"""A run on corrected data differs from the one before in nothing but the decisions."""

import numpy as np
import pytest

from dvgs_core.data import load
from dvgs_core.engine.corrected import Corrections, corrected_labels
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.valuate import finish, valuate
from dvgs_core.engine.values import value_table
from dvgs_core.errors import InputError
from tests.engine.jobs import SMALL, job_for


def corrected(job: Job, **decisions) -> Job:
    return job.model_copy(update={"corrections": Corrections(**decisions)})


def table_of(prepared):
    return value_table(prepared, finish(valuate(prepared), lambda outcome: True)).set_index("row")


def test_dropped_rows_are_nowhere_and_all_others_where_they_were(table_path):
    table = load(table_path)
    job = job_for(table, settings=SMALL, split={"rotations": 2, "holdout_size": 9})
    before = prepare(table, job)
    source, target = before.splits[0].source, before.splits[0].target
    holdout = before.splits[0].holdout
    gone = [int(source[0]), int(target[0]), int(holdout[0])]
    after = prepare(table, corrected(job, dropped=gone))
    for old, new in zip(before.splits, after.splits, strict=True):
        assert new.source.tolist() == [row for row in old.source if row not in gone]
        assert new.target.tolist() == [row for row in old.target if row not in gone]
        assert new.holdout.tolist() == old.holdout.tolist()
    values = table_of(after)
    assert values.loc[gone, "value"].isna().all() and (values.loc[gone, "role"] == "unused").all()
    assert len(values) == len(table.frame) and values["value"].notna().sum() == 90 - 9 - 2


def test_relabelled_rows_count_with_their_new_label_and_the_draw_stays(table_path):
    table = load(table_path)
    job = job_for(table, settings=SMALL)
    before = prepare(table, job)
    rows = [int(before.splits[0].source[3]), int(before.splits[0].target[5])]
    new = {row: (int(before.labels.y[row]) + 1) % 3 for row in rows}
    after = prepare(table, corrected(job, relabelled=new))
    assert after.splits[0].target.tolist() == before.splits[0].target.tolist()
    changed = np.flatnonzero(after.labels.y != before.labels.y)
    assert changed.tolist() == sorted(rows)
    assert table_of(after).loc[rows, "label"].tolist() == [str(new[row]) for row in rows]
    np.testing.assert_array_equal(after.X, before.X)


def test_no_decisions_give_the_same_values_and_a_job_survives_being_written(table_path):
    table = load(table_path)
    job = job_for(table, settings=SMALL)
    other = corrected(job, after_run=3)
    assert not other.corrections
    same = table_of(prepare(table, other))["value"]
    np.testing.assert_array_equal(same, table_of(prepare(table, job))["value"])
    decided = corrected(job, dropped=[4], relabelled={7: "red", 8: 2, 9: True}, after_run=3)
    assert Job.model_validate_json(decided.model_dump_json()) == decided
    assert decided.corrections and job.model_dump()["corrections"] is None


@pytest.mark.parametrize(
    ("decisions", "told"),
    [
        ({"relabelled": {0: 9}}, "Row 0 was relabelled to '9', which no row"),
        ({"relabelled": {90: 1}}, "Row 90 was relabelled, but the data has 90 rows"),
        ({"dropped": range(90)}, "Every row of the source was dropped"),
        ({"dropped": "target"}, "Every row of the target was dropped"),
        ({"relabelled": "target"}, "the target has one class only"),
    ],
)
def test_decisions_that_leave_nothing_to_compute_from_are_one_line(table_path, decisions, told):
    table = load(table_path)
    job = job_for(table, settings=SMALL)
    target = prepare(table, job).splits[0].target.tolist()
    if decisions.get("dropped") == "target":
        decisions = {"dropped": target}
    if decisions.get("relabelled") == "target":
        decisions = {"relabelled": dict.fromkeys(target, 1)}
    with pytest.raises(InputError, match=told):
        prepare(table, corrected(job, **decisions))


def test_only_classes_can_be_relabelled(table_path):
    table = load(table_path)
    labels = prepare(table, job_for(table, settings=SMALL)).labels
    quantity = type(labels)(np.arange(90.0), (), np.zeros(90, bool))
    with pytest.raises(InputError, match="Only rows of a classification"):
        corrected_labels(quantity, {1: 2})
    assert corrected_labels(quantity, {}) is quantity
