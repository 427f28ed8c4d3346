"""Queries find rows and cannot do anything else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data import matching_rows
from dvgs_core.data.query import named_columns
from dvgs_core.errors import InputError

FRAME = pd.DataFrame(
    {
        "age": [39, 50, 38, 53],
        "pay": [1.5, np.nan, -2.0, 0.0],
        "gaps": pd.array([1, None, 3, 4], dtype="Int64"),
        "work": pd.array(["Private", None, "State", "don't"], dtype="str"),
        "sex": pd.Categorical(["m", "f", None, "f"]),
        "flag": [True, False, True, False],
        "maybe": pd.array([True, None, False, True], dtype="boolean"),
        "when": pd.to_datetime(["2024-01-31", "2024-02-01", None, "2023-12-31"]),
        "class": [1, 2, 1, 2],
        "two words": [1, 2, 3, 4],
        "عمود": [1, 2, 3, 4],
        "<b>": [1, 2, 3, 4],
        "x" * 120: [1, 2, 3, 4],
    }
)


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("age > 38", [0, 1, 3]),
        ("38 < age <= 50", [0, 1]),
        ("age == 50 or work == 'State'", [1, 2]),
        ('work == "don\'t"', [3]),
        ("work in ['Private', 'State']", [0, 2]),
        ("work not in ['Private']", [2, 3]),
        ("age in (39, 53) and not flag", [3]),
        ("flag", [0, 2]),
        ("flag == True", [0, 2]),
        ("maybe", [0, 3]),
        ("not maybe", [2]),
        ("sex == 'f'", [1, 3]),
        ("sex != 'f'", [0]),
        ("pay < 0", [2]),
        ("pay >= -2.0", [0, 2, 3]),
        ("pay.isnull()", [1]),
        ("pay.notnull() and work.isna()", []),
        ("gaps != 3", [0, 3]),
        ("not gaps == 3", [0, 3]),
        ("not (gaps == 3 or age == 39)", [3]),
        ("gaps == 1 or age == 50", [0, 1]),
        ("when >= '2024-01-01'", [0, 1]),
        ("'2024-01-01' <= when < '2024-02-01'", [0]),
        ("when == '2024-02-01'", [1]),
        ("class == 1", [0, 2]),
        ("`class` == 1", [0, 2]),
        ("`two words` > 2", [2, 3]),
        ("عمود == 4", [3]),
        ("`<b>` == 2", [1]),
        (f"{'x' * 120} == 2", [1]),
        ("age == `two words`", []),
        ("age > `two words` and pay == pay", [0, 2, 3]),
        ("(age > 38) & (pay >= 0) | ~flag", [0, 1, 3]),
        ("age == 39\nor age == 53", [0, 3]),
        ("index < 2", [0, 1]),
        ("True", [0, 1, 2, 3]),
        ("1 == 2", []),
        ("work == '`age` & |'", []),
        ("age != 99999999999999999999999", [0, 1, 2, 3]),
    ],
)
def test_which_rows_match(expression, rows):
    found = matching_rows(FRAME, expression)
    assert found.dtype == bool and np.flatnonzero(found).tolist() == rows


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "age.__class__ == 1",
        "age.mean() > 1",
        "work.str.len() > 3",
        "(lambda: True)()",
        "lambda: True",
        "[x for x in age] == 1",
        "age[0] == 39",
        "age + 1 == 40",
        "age ** 99999 == 1",
        "f'{age}' == 'x'",
        "(age := 3) == 3",
        "@age == 3",
        "age == open",
        "open('x') == 1",
        "age if flag else pay",
        "age.isnull(1)",
        "age.isnull",
        "work in 'Private'",
        "work in work",
        "age is 3",
        "age == None",
        "age",
        "'text'",
        "3",
        "age == [1]",
        "age > 'x'",
        "work > 3",
        "flag == 'yes'",
        "when == 'yesterday or so'",
        "when == 5",
        "age == work",
        "age = 3",
        "age ==",
        "age == 'open",
        "`two words == 1",
        "`` == 1",
        "two words == 1",
        "ag == 1",
        "work == Private",
        "work in [Private]",
        "",
        "   ",
        "age == 1; age == 2",
        "import os",
        "(" * 500 + "age == 1" + ")" * 500,
        "not " * 5000 + "flag",
        "flag" + " and flag" * 5000,
        "age == 1j",
        "age == b'x'",
        "age == ...",
        "age\x00== 1",
        "*age == 1",
    ],
)
def test_anything_else_is_refused_in_one_line(expression):
    with pytest.raises(InputError) as caught:
        matching_rows(FRAME, expression)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_an_unknown_column_lists_names_near_it():
    with pytest.raises(InputError, match=r"'agee'.*'age'"):
        matching_rows(FRAME, "agee > 3")
    with pytest.raises(InputError, match="quotes"):
        matching_rows(FRAME, "work == Private")


@given(st.text(max_size=60) | st.text(alphabet="age<>=()&|~`'\"[]., notinr123", max_size=40))
def test_no_text_at_all_does_anything_but_match_or_be_refused(expression):
    try:
        assert matching_rows(FRAME, expression).shape == (4,)
    except InputError as error:
        assert "\n" not in str(error)


@given(a=st.integers(-3, 3), b=st.integers(-3, 3), negate=st.booleans())
def test_agrees_with_pandas_where_nothing_is_missing(a, b, negate):
    frame = pd.DataFrame({"x": range(-3, 4), "y": range(3, -4, -1)})
    expression = f"{'not ' if negate else ''}(x > {a} or y <= {b} and x != y)"
    assert matching_rows(frame, expression).tolist() == frame.eval(expression).tolist()


def test_a_part_of_a_text_is_looked_for():
    frame = pd.DataFrame({"note": ["pays late", "late", None, "early"], "n": [1, 2, 3, 4]})
    assert matching_rows(frame, "'late' in note").tolist() == [True, True, False, False]
    assert matching_rows(frame, '"late" not in note').tolist() == [False, False, False, True]
    assert matching_rows(frame, "not 'late' in note").tolist() == [False, False, False, True]
    for query in ("'1' in n", "1 in note"):
        with pytest.raises(InputError, match="a part of a text"):
            matching_rows(frame, query)


def test_a_back_tick_in_a_name_is_written_twice():
    frame = pd.DataFrame({"a`b": [1, 2], "`": [3, 4], "c": [5, 6]})
    assert matching_rows(frame, "`a``b` > 1").tolist() == [False, True]
    assert matching_rows(frame, "```` == 3 or `c` == 6").tolist() == [True, True]
    for query in ("`a``b > 1", "`a``", "`"):
        with pytest.raises(InputError, match="not closed"):
            matching_rows(frame, query)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("age > 30 and word == 'age of class'", ["age", "word"]),
        ("class < 3 or `an ``odd`` name`.isnull()", ["an `odd` name", "class"]),
        ("\u212bngstrom > 0", ["\u00c5ngstrom"]),
        ("index < 3", []),
    ],
)
def test_the_columns_that_an_expression_names(expression, named):
    columns = ["age", "an `odd` name", "class", "of", "\u00c5ngstrom", "word"]
    assert named_columns(pd.DataFrame(columns=columns), expression) == named
