"""Experiments 9 and 10: quality, targets and correlations."""

import numpy as np
import pytest

from dvgs_core.errors import InputError
from dvgs_core.paper.expression import (
    SETS,
    TARGETS,
    Expression,
    agreement,
    correlations,
    split,
)


def test_agreement_is_the_mean_correlation_with_the_others_of_the_group():
    rng = np.random.default_rng(0)
    X, group = rng.normal(size=(9, 12)), np.array([0, 1, 0, 2, 1, 2, 2, 0, 2])
    pairs = np.corrcoef(X)
    expected = [
        np.mean([pairs[i, j] for j in range(9) if group[j] == group[i] and j != i])
        for i in range(9)
    ]
    assert agreement(X, group) == pytest.approx(expected)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("drawn_from", TARGETS)
def test_roles_are_disjoint_and_a_high_target_is_high(data, name, drawn_from):
    chosen = SETS[name]
    expression = chosen.read(data, 0, True)
    assert len(expression.X) == len(expression.quality) == len(expression.group)
    assert np.isfinite(expression.quality).all() and np.abs(expression.X).max() <= 60
    rows = split(chosen, expression, drawn_from, seed=1)
    every = np.concatenate([rows.source, rows.target, rows.holdout])
    assert np.array_equal(np.sort(every), np.arange(len(expression.X)))
    assert len(rows.target) >= 4
    drawn = expression.quality[np.concatenate([rows.target, rows.holdout])]
    if drawn_from == "high APC":
        assert (drawn > chosen.high).all()
    else:
        assert (drawn <= chosen.high).any()


def test_a_target_is_balanced_by_perturbation():
    group = np.repeat([0, 1], [990, 10])
    expression = Expression(np.zeros((1000, 2), np.float32), np.zeros(1000), group)
    chosen = SETS["knockdown"]
    rare = [
        (group[split(chosen, expression, "all rows", seed).target] == 1).sum() for seed in range(5)
    ]
    # ten rows carry half of all the weight, so nearly all of them are among the hundred drawn
    assert min(rare) >= 9


def test_too_few_rows_for_a_target_is_one_line():
    expression = Expression(np.zeros((6, 2), np.float32), np.zeros(6), np.arange(6))
    with pytest.raises(InputError, match="6 rows are too few"):
        split(SETS["knockdown"], expression, "all rows", 0)


def test_correlations_are_1_where_values_are_the_quality():
    rng = np.random.default_rng(1)
    quality = rng.random(50)
    X = (quality[:, None] * np.ones((50, 3))).astype(np.float32)
    expression = Expression(X, quality, np.arange(50))
    rows = np.arange(10, 50)
    found = correlations(expression, rows, quality[rows], shown=7)
    assert found["spearman"] == found["length"] == 1 and found["pearson"] == pytest.approx(1)
    assert len(found["points"]) == 7 and found["points"][0] == [round(quality[10], 4)] * 2
