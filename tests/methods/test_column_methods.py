"""Methods that need a further column: replicates and a column of the user's own."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core import methods, value_frame
from dvgs_core.errors import InputError
from dvgs_core.samples import Samples


def rows(n=12, seed=0, **columns):
    rng = np.random.default_rng(seed)
    return Samples(rng.normal(size=(n, 6)), np.arange(n) % 2, columns=columns)


def by_pairs(X, keys):
    """The definition: mean correlation with every other row of the group."""
    correlation = np.corrcoef(X)
    found = []
    for i, key in enumerate(keys):
        others = [j for j, other in enumerate(keys) if other == key and j != i and key is not None]
        found.append(np.mean(correlation[i, others]) if others else np.nan)
    return np.array(found)


def test_apc_is_the_mean_correlation_with_the_replicates_of_source_and_target():
    keys = np.array(["a", "b", "a", "c", None, "b", "a", "d", None, "b", "d", "e"], dtype=object)
    source, target = rows(batch=keys), rows(5, 1, batch=keys[[0, 3, 4, 7, 1]])
    valuation = methods.create("apc", group="batch").value(source, target)
    X = np.concatenate([source.X, target.X]).astype(float)
    expected = by_pairs(X, [*keys, *target.columns["batch"]])[:12]
    np.testing.assert_allclose(valuation.values, expected, atol=1e-12)
    assert np.isnan(expected).sum() == 3  # two without a group, "e" alone
    assert valuation.notes == ("3 rows have no other row with their 'batch' and no value.",)


def test_apc_of_a_group_is_the_mean_over_its_pairs():
    keys = np.arange(12) // 4
    source = rows(plate=keys.astype(float))
    valuation = methods.create("apc", group="plate", of="group").value(source, rows(3, 1))
    for plate in range(3):
        pairs = np.corrcoef(source.X[keys == plate].astype(float))[np.triu_indices(4, 1)]
        np.testing.assert_allclose(valuation.values[keys == plate], pairs.mean(), atol=1e-12)
    assert valuation.notes == ()


def test_apc_of_equal_rows_is_1_of_opposite_rows_minus_1_of_flat_rows_0():
    a = np.array([1.0, 2, 4, 3])
    X = np.array([a, a, -a, a, np.ones(4), a])
    group = np.array([0, 0, 1, 1, 2, 2])
    found = methods.create("apc", group="g").value(Samples(X, columns={"g": group}), Samples(X[:1]))
    np.testing.assert_allclose(found.values, [1, 1, -1, -1, 0, 0], atol=1e-12)


def test_a_column_is_taken_as_it_is_or_negated():
    numbers = np.array([3.0, np.nan, -1, 2])
    source = rows(4, mine=numbers)
    valuation = methods.create("column", column="mine").value(source, rows(3, 1))
    np.testing.assert_array_equal(valuation.values, numbers)
    assert valuation.notes == ("1 rows without a number in 'mine' have no value.",)
    negated = methods.create("column", column="mine", worse="higher").value(source, rows(3, 1))
    np.testing.assert_array_equal(negated.values, -numbers)


@pytest.mark.parametrize(
    ("method", "settings", "columns", "words"),
    [
        ("column", {}, {}, ["needs a column", "'column'"]),
        ("column", {"column": "b"}, {"a": np.zeros(4)}, ["no column 'b'", "'a'"]),
        ("column", {"column": "a"}, {"a": np.array(list("wxyz"), object)}, ["must hold numbers"]),
        ("column", {"column": "a"}, {"a": np.full(4, np.nan)}, ["no number"]),
        ("column", {"column": "a"}, {"a": np.array([1, 2, np.inf, 3])}, ["1 infinite"]),
        ("apc", {}, {}, ["needs a column", "'group'"]),
        ("apc", {"group": "g"}, {"g": np.arange(4)}, ["No source row has a replicate", "'g'"]),
    ],
)
def test_a_column_that_does_not_serve_is_said_in_one_line(method, settings, columns, words):
    with pytest.raises(InputError) as refused:
        methods.create(method, **settings).value(rows(4, **columns), rows(3, 1))
    assert all(word in str(refused.value) for word in words) and "\n" not in str(refused.value)


def test_columns_go_with_their_rows_and_must_fit_them():
    source = rows(6, mine=np.arange(6.0), name=np.array(list("abcdef"), dtype=object))
    some = source.rows(np.array([4, 1]))
    assert some.columns["mine"].tolist() == [4, 1] and some.columns["name"].tolist() == ["e", "b"]
    with pytest.raises(TypeError):
        some.columns["mine"] = np.zeros(2)
    with pytest.raises(InputError, match="'mine' must have one entry a row"):
        rows(6, mine=np.zeros(5))


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd"))
    return data.assign(
        score=np.where(np.arange(60) == 7, np.nan, rng.normal(size=60)),
        plate=[f"p{i // 3}" for i in range(60)],
        y=np.where(data["a"] > 0, "yes", "no"),
    )


def test_value_frame_carries_the_columns_that_settings_name(frame):
    mask = np.arange(60) >= 40
    valued = value_frame(frame, label="y", target=mask, method="column", column="score")
    source = valued.loc[~mask]
    pd.testing.assert_series_equal(source["value"], frame.loc[~mask, "score"], check_names=False)
    assert source["rank"].isna().tolist() == [i == 7 for i in range(40)]
    assert "1 rows without a number in 'score' have no value." in valued.attrs["notes"]
    valued = value_frame(frame, label="y", target=mask, method="apc", group="plate")
    assert valued.loc[~mask, "value"].between(-1, 1).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["needs a column", "none is named", "'score'"]),
        ({"column": "scor"}, ["no column 'scor'", "'score'"]),
        ({"column": "plate"}, ["'plate' must hold numbers"]),
    ],
)
def test_value_frame_names_the_columns_there_are(frame, settings, words):
    with pytest.raises(InputError) as refused:
        value_frame(frame, label="y", method="column", **settings)
    assert all(word in str(refused.value) for word in words)


def test_columns_that_candidates_of_auto_name_are_carried_too(frame):
    tried = dict(
        method="auto", folds=2, repeats=1, candidates="column column=score, apc group=plate"
    )
    values = value_frame(frame, label="y", target=0.4, **tried)
    assert values["value"].notna().any()
    assert not [note for note in values.attrs["notes"] if "not tried" in note]
    tried["candidates"] = "random, column column=scores"
    with pytest.raises(InputError, match="no column 'scores'"):
        value_frame(frame, label="y", target=0.4, **tried)
