"""Shapley values: against enumeration, by their axioms, and the paper's truncation and stopping."""

from itertools import islice, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from dvgs_core.evaluation.utility import Utility
from dvgs_core.methods import shapley
from dvgs_core.methods.shapley import (
    PAPER,
    TMCShapley,
    Walks,
    permutation,
    shapley_by_enumeration,
)
from dvgs_core.models.stack import Member
from dvgs_core.samples import Samples

QUICK = dict(epochs=3, learning_rate=0.1)


def game(rows, seed):
    """An arbitrary game: every coalition, the empty one too, has a worth of its own."""
    worth = np.random.default_rng(seed).normal(size=2**rows)
    return lambda coalitions: np.array([worth[int(sum(2**c))] for c in map(np.array, coalitions)])


def ends(utility, rows):
    empty, full = utility([np.arange(0), np.arange(rows)])
    return dict(empty=float(empty), full=float(full))


def blobs(n, seed, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3)) + y[:, None]
    if task == "reconstruction":
        return Samples(X)
    return Samples(X, y if task == "classification" else X @ [1.0, 2, 3])


@settings(max_examples=25)
@given(rows=st.integers(1, 6), seed=st.integers(0, 1000), together=st.integers(1, 9))
def test_all_permutations_give_exactly_what_enumeration_gives(rows, seed, together):
    assert_all_permutations_give_what_enumeration_gives(rows, seed, together)


@pytest.mark.parametrize("rows", [7, 8])
def test_so_they_do_up_to_eight_rows(rows):
    assert_all_permutations_give_what_enumeration_gives(rows, seed=rows, together=5040)


def assert_all_permutations_give_what_enumeration_gives(rows, seed, together):
    utility, every = game(rows, seed), list(permutations(range(rows)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapley, "permutation", lambda n, s, number: np.array(every[number]))
        done = list(
            Walks(
                *(rows, utility),
                seed=0,
                **ends(utility, rows),
                together=together,
                most=len(every),
            )
        )
    assert [walk.number for walk in done] == list(range(len(every)))
    mean = np.mean([walk.marginals for walk in done], axis=0)
    np.testing.assert_allclose(mean, shapley_by_enumeration(rows, utility), atol=1e-12)


@pytest.mark.parametrize("rows", [2, 5, 8])
def test_random_permutations_come_within_their_error_of_enumeration(rows):
    utility = game(rows, rows)
    done = list(Walks(rows, utility, seed=7, **ends(utility, rows), together=64, most=4000))
    marginals = np.stack([walk.marginals for walk in done])
    error = marginals.std(axis=0, ddof=1) / np.sqrt(4000)
    off = np.abs(marginals.mean(axis=0) - shapley_by_enumeration(rows, utility))
    assert (off < 4.5 * error).all()


@given(rows=st.integers(1, 9), seed=st.integers(0, 1000))
def test_every_permutation_hands_out_exactly_what_there_is(rows, seed):
    utility = game(rows, seed)
    limits = ends(utility, rows)
    for walk in Walks(rows, utility, seed=seed, **limits, together=3, most=5):
        assert walk.reached == rows
        assert walk.marginals.sum() == pytest.approx(limits["full"] - limits["empty"], abs=1e-12)
        assert sorted(walk.order) == list(range(rows))
    values = shapley_by_enumeration(rows, utility)
    assert values.sum() == pytest.approx(limits["full"] - limits["empty"], abs=1e-10)


def test_twins_get_the_same_and_who_adds_nothing_gets_nothing():
    def utility(coalitions):
        # rows 0 and 1 are twins, row 4 adds nothing, and there is more to it than a sum
        found = []
        for coalition in map(set, coalitions):
            twins = len(coalition & {0, 1})
            found.append(twins**2 + 3 * (2 in coalition) * (twins > 0) + (3 in coalition))
        return np.array(found, dtype=float)

    exact = shapley_by_enumeration(5, utility)
    assert exact[0] == pytest.approx(exact[1], abs=1e-12)
    assert exact[3] == pytest.approx(1) and exact[4] == 0
    done = list(Walks(5, utility, seed=1, empty=0.0, full=8.0, most=3000))
    assert all(walk.marginals[4] == 0 and walk.marginals[3] == 1 for walk in done)
    mean = np.mean([walk.marginals for walk in done], axis=0)
    np.testing.assert_allclose(mean, exact, atol=0.1)


def test_values_of_two_games_add_up():
    one, other = game(6, 1), game(6, 2)
    both = shapley_by_enumeration(6, lambda c: one(c) + 2 * other(c))
    parts = shapley_by_enumeration(6, one) + 2 * shapley_by_enumeration(6, other)
    np.testing.assert_allclose(both, parts, atol=1e-12)


def test_a_walk_ends_after_five_close_coalitions_in_a_row():
    sizes = []

    def utility(coalitions):
        sizes.extend(len(c) for c in coalitions)
        # close to the whole's from 3 rows on, but for one lapse at 6
        return np.array([1.0 if len(c) >= 3 and len(c) != 6 else 0.5 for c in coalitions])

    (walk,) = Walks(30, utility, seed=0, empty=0.0, full=1.0, truncation=0.01, most=1)
    assert walk.reached == 11 and sizes == list(range(1, 12))  # 3, 4, 5, lapse, 7 .. 11
    credited = walk.marginals[walk.order]
    expected = np.zeros(30)
    expected[[0, 2, 5, 6]] = 0.5, 0.5, -0.5, 0.5
    np.testing.assert_array_equal(credited, expected)


def test_short_walks_are_not_preferred_and_the_number_together_changes_nothing():
    def utility(coalitions):
        # permutations that begin with an even row end early
        return np.array([1.0 if c[0] % 2 == 0 else len(c) / 50 for c in coalitions])

    def first(count, together):
        found = Walks(
            *(20, utility), seed=3, empty=0.0, full=1.0, truncation=0.01, together=together
        )
        return list(islice(found, count))

    one, many = first(9, 1), first(9, 16)
    for alone, among in zip(one, many, strict=True):
        assert alone.number == among.number and alone.reached == among.reached
        np.testing.assert_array_equal(alone.order, permutation(20, 3, alone.number))
        np.testing.assert_array_equal(alone.marginals, among.marginals)
    assert {walk.reached for walk in many} == {5, 20}


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
def test_the_method_is_the_shapley_value_of_its_networks_score(task):
    source, target = blobs(6, 1, task), blobs(30, 2, task)
    network = "auto" if task == "reconstruction" else "logistic"
    method = TMCShapley(
        seed=4, truncation=None, stop_when_settled=None, permutations=300, width=4,
        network=network, metric="loss", **QUICK,
    )  # fmt: skip
    valuation = method.value(source, target)
    classes = 2 if task == "classification" else 0
    with Utility(method.settings, source, target, classes=classes) as utility:

        def worth(coalitions):
            members = [Member(np.array(c), 4) for c in coalitions if len(c)]
            return np.r_[[utility.empty] * (len(coalitions) - len(members)), utility.of(members)]

        exact = shapley_by_enumeration(6, worth)
        total = worth([np.arange(0), np.arange(6)])
    assert valuation.trace.shape == (300, 6)
    np.testing.assert_allclose(valuation.trace.sum(axis=1), total[1] - total[0], atol=1e-4)
    off = np.abs(valuation.values - exact)
    assert (off < 4.5 * valuation.standard_error + 1e-5).all()
    spread = valuation.trace.astype(float).std(axis=0, ddof=1)
    np.testing.assert_allclose(valuation.standard_error, spread / np.sqrt(300), rtol=1e-4)


def test_it_stops_when_five_correlations_average_high_and_not_before_the_least():
    source, target = blobs(12, 1), blobs(40, 2)
    method = TMCShapley(
        seed=0, stop_when_settled=0.99, least_permutations=20, permutations=400, **QUICK
    )
    steps = list(method.steps(source, target))
    assert 20 <= len(steps) < 400 and steps[-1].stopped_because == "ranking settled"
    assert all(step.stopped_because is None for step in steps[:-1])
    for at in range(6, len(steps)):
        pairs = zip(steps[at - 5 : at], steps[at - 4 : at + 1], strict=True)
        mean = np.mean([spearmanr(a.values, b.values).statistic for a, b in pairs])
        assert steps[at].settled == pytest.approx(mean, abs=1e-12)
        if at + 1 >= 20:
            assert (steps[at].settled >= 0.99) == (at + 1 == len(steps))
    trace = np.stack([step.similarity for step in steps])
    np.testing.assert_allclose(trace.mean(axis=0), steps[-1].values, atol=1e-6)
    hurried = TMCShapley(seed=0, time_budget=1e-9, **QUICK).value(source, target)
    assert (len(hurried.trace), hurried.stopped_because) == (1, "time budget")
    np.testing.assert_array_equal(hurried.values, steps[0].values)


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_settings_are_settings(name):
    wanted = TMCShapley(**PAPER[name]).settings
    assert (wanted.truncation, wanted.patience, wanted.stop_when_settled) == (0.03, 5, 0.999)
    assert (wanted.least_permutations, wanted.permutations) == (200, 1000)
    assert (wanted.epochs, wanted.learning_rate, wanted.batch) == (200, 1e-4, None)
