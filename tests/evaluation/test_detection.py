"""Detection by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from dvgs_core.errors import InputError
from dvgs_core.evaluation import detection


def test_perfect_values_find_everything_first():
    result = detection([True, True, False, False], [-2, -1, 0, 1])
    assert result.auroc == 1.0
    assert result.average_precision == 1.0
    assert result.curve["found"].tolist() == [0, 0.5, 1, 1, 1]


def test_eight_ninths_by_hand():
    # three damaged, three sound; one of nine pairs is in the wrong order
    result = detection([True, True, False, True, False, False], [0, 1, 2, 3, 4, 5])
    assert result.auroc == pytest.approx(8 / 9)


def test_curve_ends_at_exactly_one():
    curve = detection(np.arange(21) < 3, np.random.default_rng(0).random(21)).curve
    assert curve["inspected"].iloc[-1] == 1.0
    assert curve["found"].iloc[-1] == 1.0


def test_precision_at_k_counts_damaged_rows_among_the_lowest():
    result = detection([True, False, True, False, False], [0, 1, 2, 3, 4])
    assert [result.precision_at(k) for k in (1, 2, 3, 5)] == pytest.approx([1, 1 / 2, 2 / 3, 2 / 5])
    assert result.precision_at(99) == 2 / 5
    for k in (0, -1):
        with pytest.raises(InputError, match=f"at least 1; got {k}"):
            result.precision_at(k)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=40))
def test_agrees_with_scikit_learn_ties_included(rows):
    mask = np.array([m for m, _ in rows])
    values = np.array([float(v) for _, v in rows])
    if mask.all() or not mask.any():
        with pytest.raises(InputError, match="damaged and sound"):
            detection(mask, values)
        return
    result = detection(mask, values)
    assert result.auroc == pytest.approx(roc_auc_score(mask, -values))
    assert result.average_precision == pytest.approx(average_precision_score(mask, -values))


def test_a_missing_value_is_refused():
    with pytest.raises(InputError, match="1 values are missing"):
        detection([True, False], [np.nan, 1.0])


def test_roc_and_precision_by_hand():
    found = detection([True, False, True, False], [0.1, 0.2, 0.3, 0.4])
    assert found.roc["false_positive"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert found.roc["true_positive"].tolist() == [0, 0.5, 0.5, 1, 1]
    assert found.precision_recall["recall"].tolist() == [0.5, 0.5, 1, 1]
    assert found.precision_recall["precision"].tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    roc = found.roc
    width, height = roc["false_positive"].diff(), roc["true_positive"]
    assert (width * height).sum() == pytest.approx(found.auroc) == 0.75
    assert "lowest 1 of 4 rows are 50 % of the 2 damaged" in found.conclusion


def test_the_recommended_rows_are_where_most_is_found_above_chance():
    mask = np.zeros(20, bool)
    mask[[0, 1, 4, 7, 10]] = True
    mask = np.repeat(mask, 5)
    found = detection(mask, np.arange(100.0))
    # found less inspected: .40 - .10 after 10; .60 - .25 after 25; .80 - .40; 1 - .55
    assert found.recommended_rows == 55
    assert found.recommendation == (
        "Inspecting the lowest 55 % (55 rows) finds most for the effort: 100 % of the damaged "
        "rows, at a precision of 45 %."
    )
    lines = found.at_shares()
    assert lines["rows"].tolist() == [5, 10, 20, 55]
    assert lines["inspected"].tolist() == pytest.approx([0.05, 0.1, 0.2, 0.55])
    assert lines["precision"].tolist() == pytest.approx([1, 1, 0.5, 25 / 55])
    assert lines["found"].tolist() == pytest.approx([0.2, 0.4, 0.4, 1])
    # of several places that are as good, the smallest
    twice = np.repeat([True, False, True, False], 20)
    assert detection(twice, np.arange(80.0)).recommended_rows == 20


def test_where_low_values_find_nothing_no_rows_are_recommended():
    found = detection([False, False, True, True], [0.0, 1.0, 2.0, 3.0])
    assert found.recommended_rows == 0 and "than chance would" in found.recommendation
    assert len(found.at_shares()) == 3
    rng = np.random.default_rng(0)
    told = [
        detection(rng.random(200) < 0.2, rng.normal(size=200)).recommended_rows for _ in range(200)
    ]
    assert sum(rows > 0 for rows in told) <= 20  # one time in twenty
