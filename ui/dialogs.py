"""Dialogs that only a person closes.

A run of the whole page closes a dialog that it does not open again. So what ends in the background
asks for such a run with `rerun_when_free`, which waits for the dialog to be closed; closing it runs
the page, which then shows what has ended meanwhile.
"""

from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec

import streamlit as st

from ui.state import state

P = ParamSpec("P")


def dialog(
    title: str, *, width: Literal["small", "large"] = "small"
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Decorator: a call of the function opens a dialog with what it draws."""

    def wrap(draw: Callable[P, None]) -> Callable[P, None]:
        shown = st.dialog(title, width=width, on_dismiss="rerun")(draw)

        @wraps(draw)
        def opened(*args: P.args, **kwargs: P.kwargs) -> None:
            state.dialog_open = True
            shown(*args, **kwargs)

        return opened

    return wrap


def closed() -> None:
    """To be called when a run of the whole page begins: no dialog is open until one is opened."""
    state.dialog_open = False


def rerun_when_free() -> None:
    """Run the whole page again, unless that would close a dialog."""
    if not state.dialog_open:
        st.rerun()
