"""Words and looks that pages share: plain text, counts, the theme's few additions."""

import re
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ui.names import middle_out

VALUE_LOW, VALUE_HIGH = "#D55E00", "#0072B2"
KEEP, RELABEL, DROP = "#009E73", "#7A5AF8", "#D55E00"
MUTED_LIGHT, MUTED_DARK = "#667085", "#98A2B3"
MIDDLE_LIGHT, MIDDLE_DARK = "#C9CDD3", "#3A4048"
INK_LIGHT, INK_DARK = "#1B1F24", "#E6E8EB"

_CSS = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def apply() -> None:
    """The few rules that the theme's settings cannot express."""
    # which of each pair of colours is meant; dialogs and lists that open stand outside of .stApp
    scheme = "dark" if dark() else "light"
    st.html(f"<style>:root {{ color-scheme: {scheme}; }}\n{_CSS}</style>")


def dark() -> bool:
    """Whether the page is shown on a dark ground."""
    return st.context.theme.type == "dark"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, whatever signs it holds."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])", r"\\\1", text)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, the middle left out, and plain for Markdown."""
    return plain(middle_out(text, length))


def count(value: int, noun: str) -> str:
    """ "1 row", "2,003 rows"."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """Minutes and seconds, as on a clock."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def heading(title: str, purpose: str) -> None:
    """Title and one sentence on what the page is for."""
    with st.container(key=f"heading_{title.lower()}"):
        st.title(title, anchor=False)
        st.caption(purpose)


def name_and_notes(name: str, notes: Sequence[str]) -> None:
    """A file's name with what there is to say about it beside and below."""
    first, *more = (plain(note) for note in notes) if notes else ("",)
    with st.container(key="file_notes", gap=None):
        st.markdown(f"**{shortened(name, 80)}**{'&ensp; :small[' + first + ']' if first else ''}")
        for note in more:
            st.markdown(f":small[{note}]")
