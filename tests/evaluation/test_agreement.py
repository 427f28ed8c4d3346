"""Agreement of rankings, and of draws of the target, by hand and against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from dvgs_core.errors import InputError
from dvgs_core.evaluation.agreement import agreement, overlap_curve
from dvgs_core.evaluation.sensitivity import sensitivity, values_under_other_targets
from dvgs_core.samples import Samples, Valuation


def test_the_same_and_the_opposite_ranking():
    up = np.arange(10.0)
    found = agreement({"up": up, "again": up**3, "down": -up}, k=3)
    assert found.spearman.loc["up", "again"] == pytest.approx(1)
    assert found.spearman.loc["down", "up"] == pytest.approx(-1)
    assert found.overlap.loc["up", "again"] == 1 and found.overlap.loc["up", "down"] == 0
    assert found.conclusion == (
        "up and again agree most (rank correlation 1.00), up and down least (−1.00); two rankings "
        "share 33 % of their 3 lowest rows on average."
    )


@given(n=st.integers(0, 20), seed=st.integers(0, 99))
def test_the_overlap_at_every_k_is_counted(n, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.permutation(n).astype(float), rng.permutation(n).astype(float)
    share, common = overlap_curve(np.append(a, np.nan), np.append(b, 5.0), points=n + 1)
    lowest = [np.argsort(ranking) for ranking in (a, b)]
    expected = [len({*lowest[0][:k]} & {*lowest[1][:k]}) / max(k, 1) for k in range(n + 1)]
    np.testing.assert_allclose(share, np.arange(n + 1) / max(n, 1))
    np.testing.assert_allclose(common, expected)


def test_an_overlap_is_of_the_same_rows():
    with pytest.raises(InputError, match="one value a row; shapes"):
        overlap_curve([1, 2], [1, 2, 3])


@given(st.data())
def test_correlations_are_scipys_and_overlaps_are_counted(data):
    n = data.draw(st.integers(3, 30))
    draw = st.lists(st.integers(0, 6).map(float), min_size=n, max_size=n)
    a, b = (np.array(data.draw(draw)) for _ in range(2))
    k = data.draw(st.integers(1, n))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        with pytest.raises(InputError, match="equal"):
            agreement({"a": a, "b": b}, k=k)
        return
    found = agreement({"a": a, "b": b}, k=k)
    assert found.spearman.loc["a", "b"] == pytest.approx(spearmanr(a, b).statistic)
    lowest = [set(sorted(range(n), key=lambda i: (v[i], i))[:k]) for v in (a, b)]
    assert found.overlap.loc["a", "b"] == pytest.approx(len(lowest[0] & lowest[1]) / k)


def test_rows_that_are_ranked_most_differently_come_first():
    a = np.arange(11.0)
    b = a.copy()
    b[[0, 7]] = [20, 6.5]  # row 0: from the lowest to the highest
    found = agreement({"a": a, "b": b}, ids=np.arange(11) + 100, most=1)
    line = found.disagreement.iloc[0]
    assert (line["row"], line["lowest_in"], line["highest_in"]) == (100, "a", "b")
    assert line["gap"] == 1 and line["a"] == 0 and line["b"] == 1


def test_only_rows_with_a_value_in_every_ranking_count():
    a = np.array([0.0, 1, 2, 3, np.nan])
    b = np.array([5.0, 4, 3, 2, 1])
    found = agreement({"a": a, "b": b})
    assert found.rows == 4 and found.k == 1
    assert found.spearman.loc["a", "b"] == pytest.approx(-1)
    assert 4 not in found.disagreement["row"].tolist()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a": [1.0, 2, 3]}, "at least two"),
        ({"a": [1.0, 2, 3], "b": [1.0, 2]}, "b has the shape"),
        ({"a": [1.0, 2, np.nan], "b": [1.0, np.nan, 2]}, "Only 1 of 3"),
    ],
)
def test_rankings_that_cannot_be_compared_are_refused(values, words):
    with pytest.raises(InputError, match=words):
        agreement(values)


def test_a_steady_ranking_and_a_row_that_moves():
    values = np.tile(np.arange(40.0), (4, 1))
    values[1, 0] = values[3, 0] = 100  # lowest in two draws, highest in two
    found = sensitivity(values, ids=np.arange(40) + 7)
    assert found.rows["row"].iloc[0] == 7 and found.rows["lowest"].iloc[0] == 0.5
    assert found.rows["mean_percentile"].iloc[0] == pytest.approx(0.5)
    # the two lowest of 40: pairs of like draws share both, pairs of unlike draws one
    assert found.overlap == pytest.approx((2 * 1 + 4 * 0.5) / 6)
    assert len(found.pairs) == 6 and found.spearman == pytest.approx(found.pairs["spearman"].mean())
    same = sensitivity(np.tile(np.arange(40.0), (3, 1)))
    assert same.spearman == pytest.approx(1) and "hardly depends" in same.conclusion
    with pytest.raises(InputError, match="two draws"):
        sensitivity([[1.0, 2, 3]])


def test_other_targets_are_parts_of_the_pool_with_its_classes_in_proportion():
    rng = np.random.default_rng(0)
    source = Samples(rng.normal(size=(20, 2)), np.arange(20) % 3)
    pool = Samples(rng.normal(size=(60, 2)), np.repeat([0, 1, 2], [30, 28, 2]), np.arange(60) + 500)
    seen = []

    def value(rows: Samples, target: Samples, seed: int) -> Valuation:
        seen.append((target, seed))
        found = rows.X @ target.X.mean(axis=0)
        return Valuation(found.astype(float), np.full(len(rows), np.nan), rows.ids)

    values = list(values_under_other_targets(value, source, pool, draws=3, share=0.5, seed=1))
    assert len(values) == 3 and all(v.shape == (20,) for v in values)
    for target, _ in seen:
        assert np.bincount(target.y).tolist() == [15, 14, 1]
        assert set(target.ids) <= set(pool.ids)
    assert len({seed for _, seed in seen}) == 3
    assert len({tuple(target.ids) for target, _ in seen}) == 3
    again = list(values_under_other_targets(value, source, pool, draws=3, share=0.5, seed=1))
    np.testing.assert_array_equal(values, again)
    assert sensitivity(values).rows.shape == (20, 4)
    for wrong in ({"draws": 1}, {"share": 1.0}, {"share": 0}):
        with pytest.raises(InputError):
            list(values_under_other_targets(value, source, pool, **wrong))
