"""Cuts, and what they take from each group."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data.schema import Column, Schema
from dvgs_core.errors import InputError
from dvgs_core.review.bulk import Cut, effect_of_cut, group_columns

amounts = st.one_of(st.integers(0, 10**6), st.floats(0, 100).map(lambda x: round(x, 3)))


@given(st.sampled_from(["rows", "share", "below"]), amounts)
def test_a_cut_survives_being_written_and_read(kind, amount):
    if kind == "share":
        amount = min(amount, 100)
    cut = Cut(kind, float(amount))
    assert Cut.parsed(str(cut)) == cut


def test_a_cut_takes_as_many_rows_as_it_says():
    values = np.array([-2.0, -1.0, -1.0, 0.0, 3.0])
    assert [Cut("rows", k).count(values) for k in (0, 2, 9)] == [0, 2, 5]
    assert [Cut("share", p).count(values) for p in (0, 40, 100)] == [0, 2, 5]
    assert [Cut("below", v).count(values) for v in (-9, -1, -0.5, 9)] == [0, 1, 3, 5]


@pytest.mark.parametrize("text", ["", "x", "<5%", "-3", "120%", "1.2.3", "5 rows"])
def test_what_is_no_cut_is_refused(text):
    with pytest.raises(InputError, match="A cut"):
        Cut.parsed(text)


def test_each_group_is_told_what_it_loses_and_nothing_is_lost_on_the_way():
    groups = pd.Series(["a"] * 90 + ["b"] * 8 + [None, None], index=np.arange(5, 105))
    rows = np.array([5, 6, 95, 96, 97, 103])
    frame = effect_of_cut(groups, rows).set_index("name")
    assert frame["rows"].to_dict() == {"b": 8, "missing": 2, "a": 90}
    assert frame["lost"].to_dict() == {"missing": 1, "b": 3, "a": 2}
    assert frame.index.tolist() == ["missing", "b", "a"]
    assert frame["lost"].sum() == len(rows) and frame.loc["b", "share"] == 3 / 8
    # 6 of 100 rows go: of b half a row would be its share, and one missing row proves nothing
    assert frame["more"].to_dict() == {"missing": False, "b": True, "a": False}


def test_a_draw_at_random_warns_of_nobody():
    rng = np.random.default_rng(0)
    groups = pd.Series(rng.choice(list("abcdef"), 6000, p=[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]))
    rows = rng.choice(6000, 400, replace=False)
    assert not effect_of_cut(groups, rows)["more"].any()
    assert not effect_of_cut(groups, np.arange(6000))["more"].any()
    assert not effect_of_cut(groups, np.arange(0))["more"].any()


def test_groups_are_the_label_group_columns_and_features_of_few_values():
    n = 40
    frame = pd.DataFrame(
        {
            "age": np.arange(n),
            "sex": ["f", "m"] * (n // 2),
            "town": [f"t{i}" for i in range(n)],
            "smokes": [True, False] * (n // 2),
            "same": ["x"] * n,
            "patient": np.arange(n) // 2,
            "y": ["a", "b"] * (n // 2),
        }
    )
    columns = (
        Column(name="age"),
        Column(name="sex", kind="category"),
        Column(name="town", kind="category"),
        Column(name="smokes", kind="boolean"),
        Column(name="same", kind="category"),
        Column(name="patient", role="group"),
        Column(name="y", role="label", kind="category"),
    )
    roles = Schema(columns=columns, task="classification")
    assert group_columns(frame, roles) == ["y", "patient", "sex", "smokes"]
    quantity = roles.model_copy(update={"task": "regression"})
    assert group_columns(frame, quantity) == ["patient", "sex", "smokes"]
