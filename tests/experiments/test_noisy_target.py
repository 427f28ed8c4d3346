"""The experiment on noisy targets: what it draws, and that its document says what it recorded."""

import numpy as np
import pytest

from dvgs_core.paper.records import Record
from experiments.noisy_target import CASES, replaced, write


@pytest.mark.data
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.data} {case.target}")
def test_rows_have_the_label_that_is_asked_for(real_data, case):
    X, y, X_target, y_target = case.rows(real_data, 0, case.target)
    assert len(X) == len(y) and len(X_target) == len(y_target) == case.target
    kinds = len(np.unique(y))
    expected = {
        "two classes": {2},
        "three classes": {3},
        "seven classes": {6, 7},
        "ten classes": {10},
    }
    assert kinds in expected.get(case.label, range(20, 1000))
    assert (y.dtype.kind == "f") == (case.label == "a number")


def test_ages_are_those_of_their_rows(real_data):
    (case,) = [c for c in CASES if c.data == "ADULT, age" and c.target == 500]
    X, y, X_target, y_target = case.rows(real_data, 3, 500)
    # marital status and education tell of the age: a shuffled label would not follow from them
    fitted = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0]
    told = np.c_[X_target, np.ones(len(X_target))] @ fitted
    assert np.corrcoef(told, y_target)[0, 1] > 0.4


@pytest.mark.parametrize("y", [np.arange(50) % 3, np.arange(50.0)])
def test_a_fifth_of_the_labels_is_wrong_and_known(y):
    after, wrong = replaced(y, 0)
    np.testing.assert_array_equal(after != y, wrong)
    assert 8 <= wrong.sum() <= 10
    np.testing.assert_array_equal(after, replaced(y, 0)[0])


def test_the_document_sets_both_beside_each_other(tmp_path):
    case = CASES[0]
    records = [
        Record(
            what={
                **{"data": case.data, "target": case.target, "seed": seed},
                **{"noisy": True, "normalise": normalise},
            },
            outcome={
                "auroc": [auroc + seed / 10, auroc],
                "start_to_start": auroc,
                "processor_seconds": [1.0, 2.0],
            },
            seconds=10.0,
            date="2026-11-26T16:00:00+00:00",
            command="it",
            version="0.1.0",
        )
        for normalise, auroc in ((True, 0.5), (False, 0.8))
        for seed in (0, 1)
    ]
    write(records, tmp_path / "noisy-target.md")
    text = (tmp_path / "noisy-target.md").read_text()
    assert (
        "| ADULT | two classes | 500 noisy | 0.825 / 0.525 | 0.80 / 0.50 | 1.5 / 1.5 | 2 |" in text
    )
    assert "clean |" not in text and "2026-11-26" in text
