"""What the Data page tells about a table: counts that a slow way confirms."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data.distributions import BINS, CATEGORIES, distributions
from dvgs_core.data.profile import profile, repeats, same_rows
from dvgs_core.data.schema import Column, Schema, read_labels


def schema(**kinds: str) -> Schema:
    columns = tuple(
        Column(name=name, kind=kind, role="label" if name == "y" else "feature")
        for name, kind in kinds.items()
    )
    task = "classification" if "y" in kinds else "reconstruction"
    return Schema(columns=columns, task=task)


cells = st.sampled_from([0, 1, None])


@given(
    st.lists(st.tuples(cells, cells, st.sampled_from(["p", "q", None])), min_size=1, max_size=14)
)
def test_repeats_and_conflicts_are_those_of_comparing_every_pair(rows):
    frame = pd.DataFrame(rows, columns=["a", "b", "y"]).astype({"a": "Int64", "b": "Int64"})
    roles = schema(a="numeric", b="numeric", y="category")
    found = repeats(same_rows(frame, roles), read_labels(frame, roles))
    keys = [row[:2] for row in rows]
    expected = {i for i, key in enumerate(keys) if keys.count(key) > 1}
    assert set(found["row"]) == expected
    for line in found.itertuples():
        twins = [i for i, key in enumerate(keys) if key == keys[line.row]]
        labels = {rows[i][2] for i in twins} - {None}
        assert line.size == len(twins)
        assert line.conflict == (len(labels) > 1 and rows[line.row][2] is not None)
        assert set(found.loc[found["group"] == line.group, "row"]) == set(twins)
    told = profile(frame, roles)
    assert told.duplicates == len(keys) - len(set(keys))
    assert told.conflicts == found["conflict"].sum()


def test_groups_that_disagree_come_first_then_the_larger_ones():
    frame = pd.DataFrame({"a": [1, 1, 1, 2, 2, 3, 3, 4], "y": list("pppqqpqp")})
    roles = schema(a="numeric", y="category")
    found = repeats(same_rows(frame, roles), read_labels(frame, roles))
    assert found["row"].tolist() == [5, 6, 0, 1, 2, 3, 4]
    assert found["group"].tolist() == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(np.random.default_rng(0).lognormal(3, 2, 500)),
        pd.Series([5.0] * 40),
        pd.Series(np.arange(1000) % 97),
        pd.Series([1, 2, 2, 3] * 9),
        pd.Series([0.0, 1e300, -1e300, np.inf, 4.0]),
    ],
    ids=["skewed", "one value", "whole", "few", "far"],
)
def test_bars_of_a_quantity_hold_every_finite_row_once(values):
    found = distributions(pd.DataFrame({"x": values}), schema(x="numeric"))
    assert found["rows"].sum() == np.isfinite(values.astype(float)).sum()
    assert len(found) <= BINS + 1 and (found["form"] == "quantity").all()


def test_bars_of_whole_numbers_are_equally_wide():
    found = distributions(pd.DataFrame({"x": np.arange(1000) % 100}), schema(x="numeric"))
    inner = found["rows"].iloc[1:-1]
    assert inner.nunique() == 1


def test_bars_of_a_category_are_its_commonest_values_and_the_rest():
    values = [f"v{i}" for i in range(12) for _ in range(20 - i)] + [None]
    found = distributions(pd.DataFrame({"x": values}), schema(x="category"))
    assert found["name"].tolist() == [f"v{i}" for i in range(CATEGORIES)] + ["5 others"]
    assert found["rows"].sum() == len(values) - 1


def test_dates_words_and_truth_values_have_bars_too():
    frame = pd.DataFrame(
        {
            "written": pd.date_range("2024-01-01", periods=50).strftime("%d.%m.%Y"),
            "dates": pd.date_range("2024-01-01", periods=50),
            "text": ["one two three"] * 30 + ["one"] * 20,
            "truth": [True, False] * 25,
            "empty": [None] * 50,
            "bytes": [b"x"] * 50,
        }
    )
    roles = schema(
        written="date", dates="date", text="text", truth="boolean", empty="text", bytes="category"
    )
    found = distributions(frame, roles).groupby("column", sort=False)
    assert found["rows"].sum().to_dict() == dict.fromkeys(["written", "dates", "text", "truth"], 50)
    names = found["name"].agg(list)
    assert names["written"][0] == names["dates"][0] and names["written"][0].startswith("2024-01-01")
    assert names["text"] == ["1 words", "3 words"] and sorted(names["truth"]) == ["false", "true"]
