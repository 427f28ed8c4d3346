"""Conditions on columns, chosen from lists; what they write is the query of the command line."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data import conditions as asking
from dvgs_core.data.conditions import OPERATORS, TAKES, Condition, written
from dvgs_core.data.query import matching_rows
from dvgs_core.data.wording import number
from dvgs_core.errors import InputError
from ui.state import keep, kept, table, the_dataset_id

_MODES = {"build": "Choose conditions", "write": "Write the query"}
_JOINS = {"all": "all of them", "any": "any of them"}
_CHOICES = 1000
_FEW_NUMBERS = 200


@st.cache_resource(max_entries=32, show_spinner=False)
def _matching(dataset_id: str, query: str) -> NDArray[np.bool_]:
    return matching_rows(table(dataset_id).frame, query)


def query_form(stored: str, columns: list[str]) -> str:
    """Conditions or text; the query so far, "" while there is none.

    Args:
        stored: the query as it was last chosen.
        columns: to choose from.
    """
    first = "write" if stored and not kept("target_conditions") else "build"
    mode = st.segmented_control(
        "How to say it",
        list(_MODES),
        format_func=_MODES.__getitem__,
        default=kept("target_mode", first),
        required=True,
        key="target.mode",
        label_visibility="collapsed",
        persist_state="session",
    )
    if mode != kept("target_mode", first):
        keep("target_mode", mode)
    if mode == "write":
        query = st.text_input(
            "Condition",
            value=stored,
            key="target.query",
            placeholder="split == 'test' and age > 30",
            help="Columns compared with values by == != < <= > >= and in [...], joined by and, or, "
            "not. Names with blanks stand between ` back ticks `.",
            persist_state="session",
        )
    else:
        query = _build(columns)
        if query:
            tall = len(query) > 240
            st.code(query, language=None, wrap_lines=True, height=130 if tall else "content")
    if query.strip():
        _count(query)
    return query


def _count(query: str) -> None:
    """How many rows match, at once; a query at fault is told beside the preview."""
    try:
        mask = _matching(the_dataset_id(), query)
    except InputError:
        return
    st.caption(f"**{int(mask.sum()):,}** of {len(mask):,} rows match")


def _build(columns: list[str]) -> str:
    """Draw the conditions; returns what they write, without those that lack a value."""
    lines: list[dict[str, Any]] = kept("target_conditions") or [_new(columns[0], 0)]
    join = "all"
    if len(lines) > 1:
        join = st.segmented_control(
            "Rows must match",
            list(_JOINS),
            format_func=_JOINS.__getitem__,
            default=kept("target_join", "all"),
            required=True,
            key="target.join",
            persist_state="session",
        )
    drawn = [_condition(line, columns, alone=len(lines) == 1) for line in lines]
    st.button(
        "Add a condition", icon=":material/add:", type="tertiary", on_click=_add, key="target.add"
    )
    if drawn != kept("target_conditions"):
        keep("target_conditions", drawn)
    if len(lines) > 1 and join != kept("target_join", "all"):
        keep("target_join", join)
    asked = [Condition(one["column"], one["operator"], tuple(one["values"])) for one in drawn]
    return written([one for one in asked if one.complete], every=join == "all")


def _new(column: str, number: int) -> dict[str, Any]:
    return {"id": number, "column": column, "operator": "", "values": []}


def _add() -> None:
    lines = kept("target_conditions") or []
    number = max((line["id"] for line in lines), default=-1) + 1
    column = lines[-1]["column"] if lines else table(the_dataset_id()).frame.columns[0]
    keep("target_conditions", [*lines, _new(column, number)])


def _remove(number: int) -> None:
    lines = kept("target_conditions") or []
    keep("target_conditions", [line for line in lines if line["id"] != number])


def _condition(line: dict[str, Any], columns: list[str], *, alone: bool) -> dict[str, Any]:
    """Column and operator on one line, values below; returns what they say now."""
    key = f"target.condition.{line['id']}"
    with st.container(key=key.replace(".", "_"), gap="xsmall"):
        left, right, end = st.columns([6, 5, 1.3], vertical_alignment="bottom", gap="xsmall")
        column = left.selectbox(
            "Column",
            columns,
            index=columns.index(line["column"]) if line["column"] in columns else 0,
            key=f"{key}.column",
            label_visibility="collapsed",
            persist_state="session",
        )
        facts = _facts(the_dataset_id(), column)
        operators = facts["operators"]
        same = column == line["column"]
        operator = right.selectbox(
            "Operator",
            operators,
            index=operators.index(line["operator"])
            if same and line["operator"] in operators
            else 0,
            key=f"{key}.{column}.operator",
            label_visibility="collapsed",
            persist_state="session",
        )
        if not alone:
            end.button(
                "",
                icon=":material/close:",
                type="tertiary",
                key=f"{key}.remove",
                help="Remove this condition",
                on_click=_remove,
                args=(line["id"],),
            )
        before = line["values"] if same and operator == line["operator"] else []
        values = _values(facts, operator, before, f"{key}.{column}.{operator}")
    return {"id": line["id"], "column": column, "operator": operator, "values": values}


@st.cache_resource(max_entries=64, show_spinner=False)
def _facts(dataset_id: str, column: str) -> dict[str, Any]:
    """What the widgets of a column need: what it holds, its ends or its values."""
    values = table(dataset_id).frame[column]
    holds = asking.holds(values)
    facts: dict[str, Any] = {"holds": holds, "operators": list(OPERATORS[holds])}
    present = values.dropna()
    if holds == "numbers":
        whole = pd.api.types.is_integer_dtype(values.dtype)
        counts = present.value_counts()
        facts |= {"whole": whole, "low": _plain(present.min()), "high": _plain(present.max())}
        if len(counts) <= _FEW_NUMBERS:
            facts["choices"] = {_plain(value): int(n) for value, n in counts.sort_index().items()}
        else:
            facts["operators"].remove("is one of")
    elif holds in ("dates", "written dates"):
        facts |= {"low": pd.Timestamp(present.min()), "high": pd.Timestamp(present.max())}
    elif holds == "text":
        counts = present.astype(str).value_counts()
        facts["choices"] = {str(v): int(n) for v, n in counts.head(_CHOICES).items()}
        facts["more"] = len(counts) > _CHOICES
    return facts


def _plain(value: Any) -> Any:
    """A number as Python has it; None of an empty column."""
    if value is None or value is pd.NA or value != value:
        return None
    return value.item() if isinstance(value, np.generic) else value


def _values(facts: dict[str, Any], operator: str, before: list, key: str) -> list:
    """Widgets for the values an operator takes."""
    wanted = TAKES.get(operator, 0)
    if wanted == 0:
        return []
    remember: dict[str, Any] = {"persist_state": "session", "label_visibility": "collapsed"}
    if wanted is None:
        choices = facts["choices"]
        return st.multiselect(
            "Values",
            list(choices),
            default=[value for value in before if value in choices],
            format_func=lambda value: (
                f"{value} · {choices[value]:,}" if value in choices else str(value)
            ),
            placeholder="Choose values",
            accept_new_options=bool(facts.get("more")),
            key=key,
            **remember,
        )
    given = [*before, *[None] * wanted][:wanted]
    holders = st.columns(wanted, gap="xsmall")
    names = ["From", "To"] if wanted == 2 else ["Value"]
    if facts["holds"] == "text":
        text = st.text_input(
            "Value", value=given[0] or "", key=key, placeholder="part of the text", **remember
        )
        return [text] if text else []
    drawn = zip(holders, names, given, range(wanted), strict=True)
    if facts["holds"] == "numbers":
        ends = f"{number(facts['low'])} to {number(facts['high'])}"
        kind = int if facts["whole"] else float
        numbers = [
            holder.number_input(
                name,
                value=None if one is None else kind(one),
                step=1 if facts["whole"] else None,
                format=None if facts["whole"] else "%g",
                placeholder=ends,
                key=f"{key}.{i}",
                **remember,
            )
            for holder, name, one, i in drawn
        ]
        return numbers if None not in numbers else []
    days = [
        holder.date_input(
            name,
            value=None if one is None else pd.Timestamp(one).date(),
            min_value=facts["low"].date(),
            max_value=facts["high"].date(),
            key=f"{key}.{i}",
            **remember,
        )
        for holder, name, one, i in drawn
    ]
    there = [day.isoformat() for day in days if day is not None]
    return there if len(there) == wanted else []
