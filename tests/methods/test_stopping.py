"""Rules that end a valuation early: what they compare, and that they change nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from dvgs_core.errors import InputError
from dvgs_core.methods import create
from dvgs_core.methods.dvgs import _PAPER, DVGS
from dvgs_core.samples import Samples
from dvgs_core.stopping import (
    CheckpointCount,
    Halfway,
    Progress,
    Settled,
    TimeBudget,
    agreement,
    looks_at,
    rules,
)

SMALL = dict(restarts=2, epochs=30, target_batch=20, every=1, width=8)


def blobs(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return Samples(rng.normal(size=(n, 4)) + 2 * y[:, None], y)


@given(st.integers(2, 300), st.integers(0, 99))
def test_agreement_is_spearmans_correlation_and_the_common_share_of_the_lowest(n, seed):
    rng = np.random.default_rng(seed)
    one, other = (rng.permutation(n).astype(np.int32) for _ in range(2))
    settled, overlap = agreement(one, other)
    assert settled == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
    k = max(1, round(0.05 * n))
    lowest = set(np.argsort(one)[:k]) & set(np.argsort(other)[:k])
    assert overlap == len(lowest) / k
    assert agreement(one, one) == (1.0, 1.0)
    assert agreement(one, n - 1 - one)[0] == pytest.approx(-1)


def test_rankings_are_compared_with_those_at_exactly_half_as_many_checkpoints():
    rng = np.random.default_rng(0)
    trace, halfway = rng.normal(size=(200, 60)), Halfway()
    assert [n for n in range(1, 70) if looks_at(n)] == [
        *range(8, 16), *range(16, 32, 2), *range(32, 64, 4), 64,
    ]  # fmt: skip
    for count in range(1, 201):
        values = trace[:count].mean(axis=0)
        halfway.look(count, values)
        assert np.isnan(halfway.settled) if count < 16 else not np.isnan(halfway.settled)
        if count >= 16 and looks_at(count):
            expected = spearmanr(values, trace[: count // 2].mean(axis=0)).statistic
            assert halfway.settled == pytest.approx(expected, abs=1e-12)
        assert len(halfway.rankings) <= 9


@pytest.mark.parametrize(
    ("rule", "progress", "reason"),
    [
        (Settled(0.9), Progress(40, 1, 0.9, 0.95), "ranking settled"),
        (Settled(0.9), Progress(40, 1, 0.89, 0.95), None),
        (Settled(0.9, overlap=0.7), Progress(40, 1, 0.95, 0.6), None),
        (Settled(0.9, least=41), Progress(40, 1, 0.95, 1.0), None),
        (Settled(-1.0, overlap=0.0), Progress(40, 1, float("nan"), float("nan")), None),
        (TimeBudget(5), Progress(1, 4.9, 1, 1), None),
        (TimeBudget(5), Progress(1, 5.0, 1, 1), "time budget"),
        (CheckpointCount(3), Progress(2, 9, 1, 1), None),
        (CheckpointCount(3), Progress(3, 9, 1, 1), "checkpoint count"),
        (TimeBudget(5) | CheckpointCount(3), Progress(3, 9, 1, 1), "time budget"),
        (TimeBudget(50) | CheckpointCount(3), Progress(3, 9, 1, 1), "checkpoint count"),
        (rules(0.9, 5.0), Progress(99, 9, 0.95, 1.0), "ranking settled"),
        (rules(None, 5.0), Progress(99, 9, 0.95, 1.0), "time budget"),
    ],
)
def test_a_rule_says_why_to_stop(rule, progress, reason):
    assert rule.reason(progress) == reason


def test_no_setting_no_rule():
    assert rules(None, None) is None


def test_a_run_that_ends_early_is_the_beginning_of_the_whole_one():
    source, target = blobs(50, 1), blobs(45, 2)
    whole = list(DVGS(seed=3, stop_when_settled=None, **SMALL).steps(source, target))
    assert len(whole) == whole[0].total == 90
    assert [step.stopped_because for step in whole] == [None] * 89 + ["all checkpoints"]
    easy = DVGS(seed=3, stop_when_settled=0.0, **SMALL).value(source, target)
    assert easy.stopped_because == "ranking settled"
    count = len(easy.trace)
    assert 32 <= count < 90
    np.testing.assert_array_equal(easy.values, whole[count - 1].values)
    assert easy.settled == whole[count - 1].settled
    counted = DVGS(seed=3, stop_when_settled=None, **SMALL).value(
        source, target, stop=CheckpointCount(7)
    )
    assert (len(counted.trace), counted.stopped_because) == (7, "checkpoint count")
    assert np.isnan(counted.settled)
    np.testing.assert_array_equal(counted.values, whole[6].values)
    hurried = DVGS(seed=3, time_budget=1e-9, **SMALL).value(source, target)
    assert (len(hurried.trace), hurried.stopped_because) == (1, "time budget")


def test_how_settled_a_step_is_follows_from_the_trace():
    source, target = blobs(50, 1), blobs(45, 2)
    steps = list(DVGS(stop_when_settled=None, **SMALL).steps(source, target))
    for step in steps[15:32:2]:
        half = steps[(step.index + 1) // 2 - 1]
        expected = spearmanr(step.values, half.values).statistic
        assert step.settled == pytest.approx(expected, abs=1e-12)
    assert all(np.isnan(step.settled) for step in steps[:15])


def test_late_rows_are_scored_beside_a_run_that_ended_early():
    source, target = blobs(50, 1), blobs(45, 2)
    method = DVGS(stop_when_settled=0.0, **SMALL)
    valuation = method.value(source, target)
    trajectory, count = method.fit(target), len(valuation.trace)
    assert trajectory.score(source).stopped_because == "all checkpoints"
    late = trajectory.score(source.rows(np.array([4, 9])), stop=CheckpointCount(count))
    np.testing.assert_allclose(late.values, valuation.values[[4, 9]], atol=1e-6)


@pytest.mark.parametrize("name", sorted(_PAPER))
def test_the_papers_presets_never_end_early(name):
    settings = DVGS.paper(name).settings
    assert settings.stop_when_settled is None and settings.time_budget is None


def test_other_methods_say_why_they_stopped_too():
    samples = blobs(10, 0)
    assert create("random").value(samples, samples).stopped_because == "all checkpoints"


@pytest.mark.parametrize("settings", [dict(stop_when_settled=1.1), dict(time_budget=0)])
def test_bounds_of_the_rules_are_checked(settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        DVGS(**settings)
