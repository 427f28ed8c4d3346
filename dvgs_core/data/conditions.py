"""Conditions on columns, as a form offers them, and the query they make.

Condition("age", "at least", (30,))               age >= 30
Condition("work", "is one of", ("a", "b"))        work in ['a', 'b']
Condition("note", "contains", ("late",))          'late' in note
Condition("since", "between", ("2024-01-05", "2024-01-20"))
                                                  '2024-01-05' <= since < '2024-01-21'
"""

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import pandas as pd

from dvgs_core.data.query import family
from dvgs_core.data.wording import quoted
from dvgs_core.errors import InputError

Values = Literal["numbers", "truth values", "dates", "written dates", "text"]

_MISSING = ("is missing", "is not missing")
#: What can be asked of a column, by what it holds; the first is what a new condition starts with.
OPERATORS: dict[Values, tuple[str, ...]] = {
    "numbers": ("at least", "at most", "between", "is", "is not", "is one of", *_MISSING),
    "truth values": ("is true", "is false", *_MISSING),
    "dates": ("on or after", "before", "between", *_MISSING),
    "written dates": ("on or after", "before", "between", *_MISSING),
    "text": ("is one of", "is none of", "contains", "does not contain", *_MISSING),
}
#: How many values an operator takes; None: one or more. What is not listed takes none.
TAKES: dict[str, int | None] = {
    "at least": 1,
    "at most": 1,
    "between": 2,
    "is": 1,
    "is not": 1,
    "on or after": 1,
    "before": 1,
    "is one of": None,
    "is none of": None,
    "contains": 1,
    "does not contain": 1,
}
_WRITTEN = {
    "at least": "{name} >= {0}",
    "at most": "{name} <= {0}",
    "between": "{0} <= {name} <= {1}",
    "between days": "{0} <= {name} < {1}",
    "is": "{name} == {0}",
    "is not": "{name} != {0}",
    "on or after": "{name} >= {0}",
    "before": "{name} < {0}",
    "is one of": "{name} in [{all}]",
    "is none of": "{name} not in [{all}]",
    "contains": "{0} in {name}",
    "does not contain": "{0} not in {name}",
    "is true": "{name} == True",
    "is false": "{name} == False",
    "is missing": "{name}.isnull()",
    "is not missing": "{name}.notnull()",
}
_LOGIC = frozenset(["and", "or", "not", "in", "is", "True", "False", "None", "index"])
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Condition:
    """One condition: a column, an operator of `OPERATORS`, and the values it takes.

    Days are written year-month-day. A day counts whole, whatever times the column holds.
    """

    column: str
    operator: str
    values: tuple[Any, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether it has as many values as its operator takes."""
        wanted = TAKES.get(self.operator, 0)
        given = [value for value in self.values if value is not None and value != ""]
        return len(given) >= 1 if wanted is None else len(given) == wanted


def holds(column: pd.Series) -> Values:
    """What a column's cells are, for choosing among operators.

    Dates written year-month-day as text are "written dates": compared as text, they sort by time.
    A text that only looks like one, such as 0000-00-00, makes the column text.
    """
    kind = family(column)
    if kind != "text" or isinstance(column.dtype, pd.CategoricalDtype):
        return kind
    present = column.dropna()
    texts = pd.Series(present.unique()) if present.dtype != object else present.astype(str)
    if (
        len(texts)
        and texts.iloc[:200].str.fullmatch(_ISO).all()
        and texts.str.fullmatch(_ISO).all()
        and pd.to_datetime(texts, format="ISO8601", errors="coerce").notna().all()
    ):
        return "written dates"
    return "text"


def written(conditions: Sequence[Condition], *, every: bool) -> str:
    """The query that `matching_rows` reads.

    Args:
        conditions: complete ones.
        every: all must hold; False: any one suffices.

    Raises:
        InputError: a condition lacks a value; the line names its column.
    """
    for condition in conditions:
        if not condition.complete:
            raise InputError(
                f"The condition on {quoted(condition.column)} ({condition.operator}) lacks a "
                "value: give one, or remove the condition."
            )
    return (" and " if every else " or ").join(map(_one, conditions))


def column_in_query(name: str) -> str:
    """A column's name as a query needs it: between back ticks where it is no plain word."""
    plain = name.isidentifier() and not keyword.iskeyword(name) and name not in _LOGIC
    return name if plain else "`" + name.replace("`", "``") + "`"


def _one(condition: Condition) -> str:
    operator, values = condition.operator, condition.values
    if operator == "between" and isinstance(values[1], str):
        operator, values = _between_days(*values)
    literals = [_literal(value) for value in values]
    return _WRITTEN[operator].format(
        *literals, name=column_in_query(condition.column), all=", ".join(literals)
    )


def _between_days(first: str, last: str) -> tuple[str, tuple[str, ...]]:
    """The operator and values of all times from one day to another, the last one whole.

    Compared with a time, a day is its first moment: the range ends before the day after.
    """
    day = date.fromisoformat(last)
    if day == date.max:
        return "on or after", (first,)
    return "between days", (first, (day + timedelta(days=1)).isoformat())


def _literal(value: Any) -> str:
    """A number, truth value or text as a query writes it; dates as text."""
    if isinstance(value, (bool, int, str)):
        return repr(value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return repr(str(value))
