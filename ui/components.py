"""Pieces that pages share: facts, the roles table, forms drawn from settings, empty states."""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from dvgs_core.settings import Setting, Settings, fields
from ui import style
from ui.words import explained


def facts(numbers: dict[str, str]) -> None:
    """Numbers with their names under them. Both are our own words, never a person's data."""
    parts = (
        f"<div><b>{escape(n)}</b><span>{explained(escape(name))}</span></div>"
        for name, n in numbers.items()
    )
    st.html(f'<div class="facts">{"".join(parts)}</div>')


def note(text: str) -> None:
    """A muted line, as a caption is, with its terms explained."""
    st.html(f'<p class="note">{explained(escape(text))}</p>')


def title(text: str, below: str = "") -> None:
    """The name of a panel, and a muted line on what it shows, with their terms explained."""
    st.html(f'<p class="title"><b>{explained(escape(text))}</b><br>{explained(escape(below))}</p>')


def empty(what: str, page: str, action: str) -> None:
    """What will be here, and the one action that fills it."""
    st.info(what, icon=":material/info:")
    if st.button(action, type="primary", icon=":material/arrow_forward:"):
        st.switch_page(f"pages/{page}.py")


def settings_form(
    cls: type[Settings],
    prefix: str,
    preset: Mapping[str, Any],
    *,
    only: Collection[str] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
    across: int = 3,
) -> dict[str, Any]:
    """Widgets for the fields of a settings class.

    Args:
        cls: whose declaration states names, bounds, units, defaults and help.
        prefix: of the widgets' keys; another prefix starts from the preset again.
        preset: values that differ from the defaults.
        only: names of the fields to draw; None: all of them.
        choices: field -> what there is to choose from, for fields that name a column or a class.
        across: how many stand beside each other.

    Returns:
        A value a field drawn; an empty box gives None.
    """
    columns = st.columns(across)
    drawn = [setting for setting in fields(cls) if only is None or setting.name in only]
    return {
        setting.name: _field(
            columns[i % across],
            setting,
            prefix,
            preset.get(setting.name, setting.default),
            (choices or {}).get(setting.name),
        )
        for i, setting in enumerate(drawn)
    }


def _field(
    column: Any, setting: Setting, prefix: str, value: Any, named: Sequence[str] | None
) -> Any:
    title = setting.title + (f" ({setting.unit})" if setting.unit else "")
    common = {"key": f"{prefix}.{setting.name}", "help": setting.help, "persist_state": "session"}
    if setting.choices:
        return column.selectbox(
            title, setting.choices, index=setting.choices.index(value), **common
        )
    if named is not None:
        chosen = column.selectbox(title, ["", *named], format_func=lambda n: n or "–", **common)
        return chosen or setting.default
    if setting.type is bool and setting.optional:
        three = {None: "automatic", True: "yes", False: "no"}
        return column.selectbox(
            title, list(three), index=list(three).index(value), format_func=three.get, **common
        )
    if setting.type is bool:
        return column.toggle(title, value=value, **common)
    if setting.type in (int, float):
        kind = setting.type
        bounds = {
            "min_value": None if setting.minimum is None else kind(setting.minimum),
            "max_value": None if setting.maximum is None else kind(setting.maximum),
        }
        return column.number_input(
            title,
            value=None if value is None else kind(value),
            step=1 if kind is int else None,
            format=None if kind is int else "%g",
            placeholder="automatic",
            **bounds,
            **common,
        )
    text = column.text_input(title, value=value or "", **common)
    return text or (None if setting.optional else text)


def counts_line(parts: dict[str, int]) -> None:
    """Several counts in one muted line."""
    line = " · ".join(style.count(n, name) for name, n in parts.items())
    note(line)
