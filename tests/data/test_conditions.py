"""Conditions chosen from lists write queries that mean what was chosen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvgs_core.data.conditions import (
    OPERATORS,
    TAKES,
    Condition,
    column_in_query,
    holds,
    written,
)
from dvgs_core.data.query import matching_rows
from dvgs_core.errors import InputError

MEANING = {
    "at least": lambda c, v: c >= v[0],
    "at most": lambda c, v: c <= v[0],
    "between": lambda c, v: (c >= v[0]) & (c <= v[1]),
    "is": lambda c, v: c == v[0],
    "is not": lambda c, v: (c != v[0]) & c.notna(),
    "on or after": lambda c, v: c >= v[0],
    "before": lambda c, v: c < v[0],
    "is one of": lambda c, v: c.isin(v),
    "is none of": lambda c, v: ~c.isin(v) & c.notna(),
    "contains": lambda c, v: c.notna() & c.astype(str).str.contains(v[0], regex=False),
    "does not contain": lambda c, v: c.notna() & ~c.astype(str).str.contains(v[0], regex=False),
    "is true": lambda c, v: c == True,  # noqa: E712
    "is false": lambda c, v: c == False,  # noqa: E712
    "is missing": lambda c, v: c.isna(),
    "is not missing": lambda c, v: c.notna(),
}


def columns(rng: np.random.Generator) -> dict[str, pd.Series]:
    """A column of every kind of values, with gaps."""
    n = 60
    gap = rng.random(n) < 0.2
    days = pd.Series(pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), "D"))
    return {
        "numbers": pd.Series(rng.integers(-3, 4, n) / 2).mask(gap),
        "truth values": pd.Series(rng.random(n) < 0.5),
        "dates": days.mask(gap),
        "times": (days + pd.to_timedelta(rng.integers(0, 24, n), "h")).mask(gap),
        "written dates": days.dt.strftime("%Y-%m-%d").astype(object).mask(gap),
        "text": pd.Series(rng.choice(["a", "ab'c", 'q"\\t', "ö 類"], n).astype(object)).mask(gap),
    }


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.text(min_size=1, max_size=12).filter(str.strip))
def test_every_operator_means_what_it_says_whatever_the_column_is_called(seed, name):
    rng = np.random.default_rng(seed)
    for kind, column in columns(rng).items():
        frame = pd.DataFrame({name: column})
        if kind == "times":  # asked by days, and answered by them
            kind, column = "dates", column.dt.normalize()
        assert holds(frame[name]) == kind
        present = column.dropna().unique().tolist()
        for operator in OPERATORS[kind]:
            wanted = TAKES.get(operator, 0)
            values = rng.permutation(np.array(present, dtype=object))[
                : wanted or (2 * (wanted is None))
            ]
            if operator == "between":
                values = np.sort(values)
            given_values = [str(v)[:10] if kind == "dates" else v for v in values]
            query = written([Condition(name, operator, tuple(given_values))], every=True)
            expected = MEANING[operator](column, list(values)).to_numpy(dtype=bool)
            np.testing.assert_array_equal(matching_rows(frame, query), expected, query)


def test_a_range_of_days_ends_with_the_last_moment_of_the_last_day():
    times = pd.date_range("2020-01-01", "2020-01-31 23:00", freq="h").to_series(index=range(744))
    query = written([Condition("t", "between", ("2020-01-05", "2020-01-20"))], every=True)
    assert query == "'2020-01-05' <= t < '2020-01-21'"
    for column in (times, times.dt.tz_localize("Europe/Berlin"), times.dt.strftime("%Y-%m-%d")):
        found = times[matching_rows(pd.DataFrame({"t": column}), query)]
        assert len(found) == 16 * 24
        assert found.min() == pd.Timestamp("2020-01-05 00:00")
        assert found.max() == pd.Timestamp("2020-01-20 23:00")


def test_a_range_of_days_may_end_with_the_last_day_there_is_or_where_clocks_change():
    forever = pd.DataFrame({"t": ["2019-01-01", "2020-01-01", "9999-12-31"]})
    query = written([Condition("t", "between", ("2020-01-01", "9999-12-31"))], every=True)
    assert matching_rows(forever, query).tolist() == [False, True, True]
    # there is no midnight of 4 November 2018 in São Paulo: the day begins at one
    times = pd.date_range("2018-11-03", periods=60, freq="h", tz="America/Sao_Paulo")
    query = written([Condition("t", "between", ("2018-11-03", "2018-11-03"))], every=True)
    assert matching_rows(pd.DataFrame({"t": times}), query).sum() == 24


def test_texts_that_only_look_like_days_are_text():
    assert holds(pd.Series(["2020-01-01", "2020-12-31"])) == "written dates"
    assert holds(pd.Series(["2020-01-01", "0000-00-00"])) == "text"
    assert holds(pd.Series(["2020-01-01", "2020-02-30"])) == "text"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.booleans())
def test_conditions_are_joined_by_and_or_or(cuts, every):
    frame = pd.DataFrame({"x": range(10)})
    query = written([Condition("x", "at least", (cut,)) for cut in cuts], every=every)
    cut = max(cuts) if every else min(cuts)
    assert matching_rows(frame, query).tolist() == (frame["x"] >= cut).tolist()


def test_a_condition_without_its_value_is_refused_by_name():
    for operator, values in (("at least", ()), ("between", (1,)), ("is one of", ())):
        condition = Condition("my column", operator, values)
        assert not condition.complete
        with pytest.raises(InputError, match=r"'my column'.*lacks a value"):
            written([condition], every=True)


@pytest.mark.parametrize(
    ("name", "query"),
    [("age", "age"), ("größe", "größe"), ("class", "`class`"), ("a b", "`a b`"), ("a`b", "`a``b`")],
)
def test_names_stand_between_ticks_only_where_they_must(name, query):
    assert column_in_query(name) == query


def test_a_column_that_is_called_like_the_row_id_is_the_column():
    frame = pd.DataFrame({"index": [5, 6, 7]})
    query = written([Condition("index", "is", (6,))], every=True)
    assert matching_rows(frame, query).tolist() == [False, True, False]
