"""Odds from scores, against closed forms and known mixtures."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from dvgs_core.evaluation import detection
from dvgs_core.evaluation.calibration import (
    Calibration,
    Judge,
    auroc_error,
    normal_scores,
    precision_at_rate,
    share_range,
    stack_weights,
    told,
    weighted_auroc,
)
from dvgs_core.methods.candidates import called


def test_normal_scores_are_ranks_and_a_missing_value_says_nothing():
    scores = normal_scores(np.array([5.0, -1, np.nan, 5, 100]))
    assert scores[2] == 0 and scores[0] == scores[3]
    np.testing.assert_allclose(scores[[1, 4]], norm.ppf([0.125, 0.875]))
    values = np.random.default_rng(0).normal(size=500)
    np.testing.assert_allclose(normal_scores(values), normal_scores(np.exp(values)))


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 3)), min_size=2, max_size=30
    ).filter(lambda rows: len({bad for bad, _, _ in rows}) == 2)
)
def test_a_weight_is_a_row_that_comes_so_often(rows):
    bad, value, weight = (np.array(column) for column in zip(*rows, strict=True))
    many = np.repeat(np.arange(len(rows)), weight)
    found = weighted_auroc(bad, value.astype(float), weight.astype(float))
    assert found == pytest.approx(detection(bad[many], value[many].astype(float)).auroc)


def test_the_precision_that_is_to_be_expected_where_damage_is_rarer():
    # scores of damaged rows N(-1.5, 1), of sound ones N(0, 1): the cut t with as many rows below it
    # as are damaged, and the damaged ones among them
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-1.5, 1, 60_000), rng.normal(0, 1, 60_000)])
    damaged = np.arange(120_000) < 60_000
    grid = np.linspace(-5, 3, 8001)
    for rate in (0.05, 0.2, 0.5):
        below = rate * norm.cdf(grid + 1.5) + (1 - rate) * norm.cdf(grid)
        cut = grid[np.argmin(np.abs(below - rate))]
        expected = norm.cdf(cut + 1.5)
        found = precision_at_rate(damaged, values, np.ones(120_000), rate)
        assert found == pytest.approx(expected, abs=0.01)
    perfect = precision_at_rate(
        np.array([True, False, False]), np.array([0.0, 1, 2]), np.ones(3), 0.1
    )
    assert perfect == pytest.approx(1)


def test_the_error_of_an_auroc_is_its_spread():
    rng = np.random.default_rng(1)
    damaged = np.arange(120) < 40
    found = [detection(damaged, rng.normal(size=120) - 1.2 * damaged).auroc for _ in range(600)]
    assert auroc_error(float(np.mean(found)), 40, 80) == pytest.approx(np.std(found), rel=0.15)


def test_equals_have_equal_weights_and_the_clearly_worse_none():
    np.testing.assert_allclose(stack_weights(np.array([0.9, 0.9, 0.5])), [0.5, 0.5, 0])
    weights = stack_weights(np.array([0.92, 0.91, -np.inf]))
    assert weights[0] / weights[1] == pytest.approx(np.e) and weights.sum() == pytest.approx(1)


def mixture(rng, counts, centres):
    """Scores of kinds with these centres, spread 1, one column; and which kind each is."""
    kind = np.repeat(np.arange(len(counts)), counts)
    return (rng.normal(size=len(kind)) + np.array(centres)[kind])[:, None], kind


@pytest.mark.parametrize("rate", [0.03, 0.2, 0.6])
def test_the_share_of_damaged_rows_is_found_whatever_it_was_in_the_trials(rate):
    rng = np.random.default_rng(2)
    judge = Judge(*mixture(rng, [21_000, 9_000], [0.4, -1.6]))
    damaged = round(20_000 * rate)
    scores, kind = mixture(rng, [20_000 - damaged, damaged], [0.4, -1.6])
    rates = judge.rates(scores)
    assert rates.sum() == pytest.approx(1)
    assert rates[1] == pytest.approx(rate, abs=0.02)
    # Bayes: two normal distributions with these shares
    odds = rate / (1 - rate) * norm.pdf(scores[:, 0], -1.6) / norm.pdf(scores[:, 0], 0.4)
    np.testing.assert_allclose(judge.sound(scores, rates), 1 / (1 + odds), atol=0.06)
    foretold = 1 - judge.sound(scores, rates)
    assert foretold.mean() == pytest.approx(kind.mean(), abs=0.02)


def test_kinds_of_damage_are_told_apart_by_their_scores():
    rng = np.random.default_rng(3)
    judge = Judge(*mixture(rng, [14_000, 6_000, 6_000], [1, -1, -4]))
    scores, kind = mixture(rng, [32_000, 2_000, 6_000], [1, -1, -4])
    rates = judge.rates(scores)
    np.testing.assert_allclose(rates, [0.8, 0.05, 0.15], atol=0.02)
    given = judge.rates(scores, damaged=0.3)
    assert given[0] == pytest.approx(0.7) and given[2] > given[1]
    values = judge.sound(scores, rates)
    assert detection(kind > 0, values).auroc == pytest.approx(
        detection(kind > 0, scores[:, 0]).auroc, abs=0.01
    )


TABLE = pd.DataFrame(
    {
        "candidate": ["stack", "dvgs", "outlier"],
        "looks_for": "labels",
        "auroc": [0.95, 0.9, np.nan],
        "standard_error": [0.01, 0.01, np.nan],
        "precision": [0.8, 0.7, np.nan],
        "spearman": np.nan,
        "seconds": [1.0, 1.0, 0.1],
        "weight": [1.0, 0.6, 0.0],
        "note": ["", "", "given up after the first trial"],
    }
)


def test_a_calibration_survives_json():
    before = Calibration(
        candidates=TABLE,
        chosen={"labels": "stack"},
        auroc=0.95,
        rate=0.2,
        kinds={"uniform labels": 0.2},
        cut=10,
        precision=0.8,
        rows=100,
        trial_rows=50,
        trial_damaged=15,
        seconds=2.0,
        conclusion=("One.", "Two."),
        precision_range=(0.7, 0.9),
    )
    written = json.dumps(before.as_mapping(), allow_nan=False)
    after = Calibration.of(json.loads(written))
    pd.testing.assert_frame_equal(after.candidates, TABLE)
    assert after.as_mapping() == before.as_mapping()
    assert after.conclusion == before.conclusion
    assert after.precision_range == (0.7, 0.9)
    old = {k: v for k, v in json.loads(written).items() if k != "precision_range"}
    assert Calibration.of(old).precision_range is None  # of a run from before there was one


def ranged(seed, tried=240, rows=400, repeats=1):
    """The range for rows of a mixture, the true share among the lowest, and how many they are."""
    rng = np.random.default_rng(seed)
    scores, kind = mixture(rng, [tried * 7 // 10, tried * 3 // 10], [1, -1])
    among, truth = mixture(rng, [rows * 8 // 10, rows * 2 // 10], [1, -1])
    row = np.arange(len(kind))
    if repeats > 1:
        scores, kind, row = (np.concatenate([part] * repeats) for part in (scores, kind, row))
    judge = Judge(scores, kind)
    sound = judge.sound(among, judge.rates(among))
    lowest = np.flatnonzero(sound < 0.5)
    found = share_range(
        *(scores, kind, row, among, 1 - sound, lowest),
        damaged=None,
        rng=np.random.default_rng(seed),
    )
    return found, float((truth[lowest] > 0).mean()), len(lowest)


def test_the_true_share_lies_in_the_range_nine_times_in_ten():
    inside = []
    for seed in range(16):
        (low, high), true, rows = ranged(seed)
        assert round(low * rows) / rows == pytest.approx(low)  # of whole rows
        inside.append(low <= true <= high)
    assert sum(inside) >= 12


def test_more_trials_and_more_rows_make_the_range_narrower_and_repeats_do_not():
    def width(**sizes):
        return np.mean([high - low for (low, high), _, _ in (ranged(s, **sizes) for s in range(3))])

    usual = width()
    assert width(tried=2400, rows=4000) < 0.6 * usual
    assert width(repeats=3) == pytest.approx(usual, rel=0.25)


def test_of_one_row_nothing_is_certain():
    scores, kind = mixture(np.random.default_rng(0), [70, 30], [1, -1])
    one, rng = np.zeros(1, dtype=np.int64), np.random.default_rng(0)
    among, probable = np.array([[0.0], [1.0]]), np.array([0.6, 0.1])
    found = share_range(scores, kind, np.arange(100), among, probable, one, damaged=0.3, rng=rng)
    assert found == (0.0, 1.0)


def test_what_is_said_calls_methods_and_settings_as_people_do():
    label = "confident-learning learner=neighbours set_aside=0"
    notes = ["", "", "not tried: too few rows."]
    table = TABLE.assign(candidate=["stack", "data-oob trees=200", label], note=notes)
    assert told(table, {"labels": "data-oob trees=200"}, None, 0, None, 1000, called=called) == (
        "Expected AUROC: mean rank of those used 0.950, Out of bag (Data-OOB; trees: 200) 0.900. "
        "Used: Out of bag (Data-OOB; trees: 200).",
        "Confident learning (learner: neighbours, set aside: 0) was not tried: too few rows.",
    )


def test_what_is_said_names_candidates_rate_and_cut():
    first, second = told(TABLE, {"labels": "stack"}, 0.042, 10, 0.8, 1000, called=called)
    assert first == (
        "Expected AUROC: mean rank of those used 0.950, Gradient similarity (DVGS) 0.900. "
        "Used: the mean rank of Gradient similarity (DVGS)."
    )
    assert second == (
        "About 4.2 % of the rows are estimated to be damaged. Recommended cut: the 10 lowest of "
        "1,000 rows, of which about 80 % are."
    )
    sentence = told(TABLE, {"labels": "stack"}, 0.042, 10, 0.8, 1000, (0.6, 0.9), called=called)[1]
    assert sentence.endswith("of which about 80 % are (60 % to 90 %, nine times in ten).")
    assert (
        "no cut is recommended"
        in told(TABLE, {"labels": "dvgs"}, 0.01, 0, None, 1000, called=called)[1]
    )
