"""Rows that match an expression such as `age > 30 and workclass in ["Private"]`.

The expression is parsed, never run: only comparisons, `in`, `and`, `or`, `not`, literals, column
names and .isnull() / .notnull() have a meaning here, and everything else is refused.
"""

import ast
import keyword
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from dvgs_core.data.wording import nearest_names, one_line, quoted
from dvgs_core.errors import InputError

_LONGEST = 10_000
_LOGIC = frozenset(["and", "or", "not", "in", "is", "True", "False", "None"])
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<tick>`(?:[^`]|``)*`?)"""
    r"""|(?P<word>[^\W\d]\w*)"""
    r"""|(?P<number>\d[\w.]*)|(?P<logic>&&?|\|\|?|~)|(?P<other>.)""",
    re.DOTALL,
)


def matching_rows(frame: pd.DataFrame, expression: str) -> np.ndarray:
    """Which rows an expression is true for.

    Args:
        frame: (n, columns).
        expression: comparisons of columns with numbers, "text", True and False, or each other:
            == != < <= > >= (also chained, 1 < x <= 2), in [...], not in [...], joined by and,
            or, not and parentheses; "word" in x and "word" not in x, for columns of text;
            `any column name` between back ticks (a ` in the name is written twice);
            x.isnull(), x.notnull(). Dates are written as text; a day is its first moment, so that
            x <= "2024-12-31" leaves out that day's later times. `index` is the row id, unless a
            column has that name.

    Returns:
        (n,) bool. A comparison with a missing value is neither true nor false, so such a row
        matches neither the comparison nor its negation; only .isnull() finds it.

    Raises:
        InputError: the expression cannot be understood, names no column of the table, or
            compares what cannot be compared.
    """
    if not expression.strip():
        raise InputError('The query is empty: write one such as age > 30 or split == "test".')
    if len(expression) > _LONGEST:
        raise InputError(f"The query is longer than {_LONGEST:,} characters: shorten it.")
    source, ticked = _translated(expression, set(map(str, frame.columns)))
    try:
        tree = ast.parse(source, mode="eval")
        answer = _Evaluation(frame, expression, ticked).condition(tree.body)
    except SyntaxError as error:
        raise InputError(
            f"The query {quoted(expression)} cannot be read ({one_line(error.msg, 60)}): write it "
            'like age > 30 and split == "test"; put names with blanks or signs in `back ticks`.'
        ) from error
    except (RecursionError, MemoryError) as error:
        raise InputError("The query is nested too deeply: simplify it.") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The query {quoted(expression)} cannot be read.") from error
    return answer.true


def named_columns(frame: pd.DataFrame, expression: str) -> list[Any]:
    """The columns that an expression names, in the table's order.

    Args:
        frame: (n, columns).
        expression: one that `matching_rows` understands.
    """
    source, ticked = _translated(expression, set(map(str, frame.columns)))
    nodes = ast.walk(ast.parse(source, mode="eval"))
    named = {_usual(ticked.get(n.id, n.id)) for n in nodes if isinstance(n, ast.Name)}
    return [column for column in frame.columns if _usual(str(column)) in named]


def _usual(name: str) -> str:
    """A name in the form that Python reads it in."""
    return unicodedata.normalize("NFKC", name)


def _translated(expression: str, columns: set[str]) -> tuple[str, dict[str, str]]:
    """Python source with a stand-in for every name that Python could not read as one."""
    ticked: dict[str, str] = {}
    parts = []
    prefix = "column_"
    while prefix in expression:
        prefix += "_"

    def stand_in(name: str) -> str:
        ticked[f"{prefix}{len(ticked)}"] = name
        return f"{prefix}{len(ticked) - 1}"

    for match in _TOKEN.finditer(expression.strip()):
        token = match.group()
        if match.lastgroup == "tick":
            inside = token[1:-1].replace("``", "")
            if len(token) < 3 or not token.endswith("`") or "`" in inside:
                raise InputError(f"The query {quoted(expression)} has a ` that is not closed.")
            parts.append(f" {stand_in(token[1:-1].replace('``', '`'))} ")
        elif match.lastgroup == "logic":
            parts.append({"&": " and ", "|": " or ", "~": " not "}[token[0]])
        elif match.lastgroup == "word" and (
            keyword.iskeyword(token) and token not in _LOGIC and token in columns
        ):
            parts.append(stand_in(token))  # a column may be called class
        elif token in "\r\n":
            parts.append(" ")
        else:
            parts.append(token)
    return "".join(parts).strip(), ticked


@dataclass(frozen=True)
class _Answer:
    """Where a condition is true and where it is false; where neither, a value is missing."""

    true: np.ndarray
    false: np.ndarray


class _Evaluation:
    def __init__(self, frame: pd.DataFrame, expression: str, ticked: dict[str, str]) -> None:
        self._frame = frame
        self._expression = expression
        self._ticked = ticked
        self._names = {_usual(str(c)): c for c in frame.columns}

    def condition(self, node: ast.expr) -> _Answer:
        match node:
            case ast.BoolOp(op=op, values=values):
                answers = [self.condition(value) for value in values]
                true = [answer.true for answer in answers]
                false = [answer.false for answer in answers]
                if isinstance(op, ast.And):
                    return _Answer(np.logical_and.reduce(true), np.logical_or.reduce(false))
                return _Answer(np.logical_or.reduce(true), np.logical_and.reduce(false))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                answer = self.condition(operand)
                return _Answer(answer.false, answer.true)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                answers, operands = [], [left, *comparators]
                for a, sign, b in zip(operands, ops, comparators, strict=False):
                    answers.append(self._comparison(a, sign, b))
                return _Answer(
                    np.logical_and.reduce([answer.true for answer in answers]),
                    np.logical_or.reduce([answer.false for answer in answers]),
                )
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[], keywords=[]) if (
                attr in ("isnull", "isna", "notnull", "notna")
            ):
                gone = self._column(value).isna().to_numpy(dtype=bool)
                return _Answer(gone, ~gone) if attr.startswith("is") else _Answer(~gone, gone)
            case ast.Constant(value=bool(value)):
                every = np.full(len(self._frame), value)
                return _Answer(every, ~every)
            case ast.Name():
                column = self._column(node)
                if not pd.api.types.is_bool_dtype(column.dtype):
                    raise InputError(
                        f"Column {quoted(column.name)} is no condition by itself: compare it, as "
                        f"in {one_line(column.name, 60)} == 1."
                    )
                gone = column.isna().to_numpy(dtype=bool)
                return _answer(column.mask(gone, False).to_numpy(dtype=bool), gone)
        raise self._refused(node)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Answer:
        if isinstance(op, (ast.In, ast.NotIn)):
            negated = isinstance(op, ast.NotIn)
            if isinstance(left, ast.Constant) and isinstance(right, ast.Name):
                return self._contains(left, right, negated=negated)
            return self._membership(left, right, negated=negated)
        compare = _COMPARE.get(type(op))
        if compare is None:
            raise InputError(
                f"The query {quoted(self._expression)} uses 'is': write == or .isnull() instead."
            )
        a, b = self._operand(left), self._operand(right)
        columns = [x for x in (a, b) if isinstance(x, pd.Series)]
        if not columns:
            try:
                same = bool(compare(a, b))
            except TypeError as error:
                raise self._refused(left) from error
            every = np.full(len(self._frame), same)
            return _Answer(every, ~every)
        missing = np.zeros(len(self._frame), bool)
        for column in columns:
            missing |= column.isna().to_numpy(dtype=bool)
        if not isinstance(a, pd.Series):
            a = _comparable(a, columns[0])
        if not isinstance(b, pd.Series):
            b = _comparable(b, columns[0])
        if len(columns) == 2 and family(columns[0]) != family(columns[1]):
            raise InputError(
                f"Columns {quoted(columns[0].name)} ({family(columns[0])}) and "
                f"{quoted(columns[1].name)} ({family(columns[1])}) cannot be compared."
            )
        present = ~missing
        true = np.zeros(len(self._frame), bool)
        try:
            true[present] = np.asarray(compare(_plain(a, present), _plain(b, present)), bool)
        except TypeError as error:
            raise InputError(
                f"Column {quoted(columns[0].name)} cannot be compared like that: {one_line(error)}."
            ) from error
        return _answer(true, missing)

    def _membership(self, left: ast.expr, right: ast.expr, *, negated: bool) -> _Answer:
        if not isinstance(right, (ast.List, ast.Tuple, ast.Set)):
            raise InputError(
                f"The query {quoted(self._expression)} needs a list after in, such as "
                'in ["a", "b"], or a text before it, such as "a" in name.'
            )
        column = self._column(left)
        wanted = [_comparable(self._literal(item), column) for item in right.elts]
        missing = column.isna().to_numpy(dtype=bool)
        present = ~missing
        true = np.zeros(len(self._frame), bool)
        for value in wanted:
            true[present] |= np.asarray(_plain(column, present) == value, bool)
        answer = _answer(true, missing)
        return _Answer(answer.false, answer.true) if negated else answer

    def _contains(self, left: ast.Constant, right: ast.Name, *, negated: bool) -> _Answer:
        column, part = self._column(right), left.value
        if not isinstance(part, str) or family(column) != "text":
            raise InputError(
                f'The query {quoted(self._expression)} looks for a part of a text: write "part" '
                f"in a column of text; {quoted(column.name)} holds {family(column)}."
            )
        missing = column.isna().to_numpy(dtype=bool)
        codes, texts = pd.factorize(column)
        holds = np.array([part in str(text) for text in texts] + [False], dtype=bool)
        answer = _answer(holds[codes], missing)
        return _Answer(answer.false, answer.true) if negated else answer

    def _operand(self, node: ast.expr) -> Any:
        return self._column(node) if isinstance(node, ast.Name) else self._literal(node)

    def _literal(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=None):
                raise InputError("A missing value equals nothing: write .isnull() to find it.")
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return value
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=value)):
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    return -value if isinstance(sign, ast.USub) else value
            case ast.Name():
                raise InputError(
                    f"The query {quoted(self._expression)} needs values here, and "
                    f"{quoted(node.id)} is none: put text between quotes."
                )
        raise self._refused(node)

    def _column(self, node: ast.expr) -> pd.Series:
        if not isinstance(node, ast.Name):
            raise self._refused(node)
        name = self._ticked.get(node.id, node.id)
        known = self._names.get(_usual(name))
        if known is not None:
            return self._frame[known]
        if name == "index":
            return pd.Series(np.arange(len(self._frame)), index=self._frame.index, name="index")
        near = nearest_names(name, map(str, self._frame.columns))
        raise InputError(
            f"The query names {quoted(name)}, which is no column. {near} Text needs quotes."
        )

    def _refused(self, node: ast.AST) -> InputError:
        what = {
            ast.Call: "a call",
            ast.Attribute: "a dot",
            ast.Lambda: "a function",
            ast.BinOp: "arithmetic",
            ast.Subscript: "square brackets",
            ast.JoinedStr: "a format string",
        }.get(type(node), "something else")
        return InputError(
            f"The query {quoted(self._expression)} uses {what} where only comparisons of columns "
            "with values, in [...], and, or, not, .isnull() and .notnull() are allowed."
        )


def _answer(true: np.ndarray, missing: Any) -> _Answer:
    gone = np.asarray(missing, bool)
    true = np.asarray(true, bool) & ~gone
    return _Answer(true, ~true & ~gone)


def family(column: pd.Series) -> Literal["numbers", "truth values", "dates", "text"]:
    """What the cells of a column are where they are compared."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "truth values"
    if pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    return "dates" if pd.api.types.is_datetime64_any_dtype(dtype) else "text"


def _plain(operand: Any, present: np.ndarray) -> Any:
    """A column's present values as something every operator understands; a value as it is."""
    if not isinstance(operand, pd.Series):
        return operand
    values = operand[present]
    kind = family(operand)
    if kind == "text":
        return values.astype(object).to_numpy()
    if kind == "numbers":
        # Whole numbers are compared as such: ids may be longer than a float is exact.
        whole = pd.api.types.is_integer_dtype(values.dtype)
        return values.to_numpy(dtype="int64" if whole and values.dtype != "uint64" else None)
    if kind == "dates":
        return pd.Series(pd.DatetimeIndex(values)).array
    return values.to_numpy(dtype=bool)


def _comparable(value: Any, column: pd.Series) -> Any:
    """A literal in the type of the column it is compared with."""
    kind = family(column)
    if kind == "dates" and isinstance(value, str):
        try:
            date = pd.Timestamp(value)
        except ValueError as error:
            raise InputError(
                f"Column {quoted(column.name)} holds dates, and {quoted(value)} is none: write it "
                "like 2024-12-31."
            ) from error
        zone = pd.DatetimeIndex(column).tz
        if (date.tz is None) != (zone is None):
            # Where clocks change at midnight, a day may begin later, or twice: the first moment.
            date = (
                date.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
                if date.tz is None
                else date.tz_localize(None)
            )
        return date
    fits = {
        "numbers": (int, float),
        "truth values": (bool, int),
        "text": (str,),
        "dates": (),
    }[kind]
    if not isinstance(value, fits):
        shown = f'"{one_line(value, 40)}"' if isinstance(value, str) else repr(value)
        raise InputError(
            f"Column {quoted(column.name)} holds {kind} and cannot be compared with {shown}."
        )
    return value
