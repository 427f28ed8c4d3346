"""Imports, while the first page is read, what the others need: their first visit is then quick."""

import gc
import importlib
import pkgutil
import threading

import streamlit as st

import ui

#: Seconds after the first page was asked for; until then the processor belongs to it.
_LATER = 1.0


@st.cache_resource(show_spinner=False)
def import_soon() -> None:
    """Once in a server's life, in a thread of its own."""
    timer = threading.Timer(_LATER, _import_all)
    timer.daemon = True
    timer.start()


def _import_all() -> None:
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        importlib.import_module(module.name)
    # Streamlit looks for unused objects after every run of a page, and for a tenth of a second and
    # more in what was imported, which stays
    gc.collect()
    gc.freeze()
