"""What later pages need is made while an earlier one is read: their first visit is then quick."""

import gc
import importlib
import pkgutil
import threading
from collections.abc import Callable
from contextlib import suppress

import streamlit as st

import ui
from dvgs_core.errors import InputError
from dvgs_core.store import Run

#: Seconds after a page was asked for; until then the processor belongs to it.
_LATER = 1.0
#: Nobody goes on to review in the instant in which a run ends, but some do soon after.
_NEXT = 0.2


@st.cache_resource(show_spinner=False)
def import_soon() -> None:
    """Import what all pages need, once in a server's life."""
    _soon(_import_all)


def review_soon(run: Run) -> None:
    """Make what the Review page of a run that has ended first shows, once for each of its maps."""
    from ui.results import layout  # here and below: the first page has no use for it

    place = layout(run)
    if place is not None:
        _wished(run.id, place.name)


@st.cache_resource(max_entries=32, show_spinner=False)
def _wished(run_id: int, layout: str) -> None:
    _soon(_review, run_id, layout, after=_NEXT)


def _soon(work: Callable[..., object], *arguments: object, after: float = _LATER) -> None:
    """In a thread of its own."""
    timer = threading.Timer(after, work, arguments)
    timer.daemon = True
    timer.start()


def _review(run_id: int, layout: str) -> None:
    with suppress(InputError, OSError):  # whoever opens the page is told
        _prepared(run_id, layout)


@st.cache_resource(max_entries=1, show_spinner=False)  # so nothing within it draws a spinner
def _prepared(run_id: int, layout: str) -> None:
    from ui import card, review_map
    from ui.results import results
    from ui.state import workspace

    run = workspace().run(run_id)
    if results(run) is not None:
        card.prepare(run)
        review_map.prepare(run, layout)


def _import_all() -> None:
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        importlib.import_module(module.name)
    # Streamlit looks for unused objects after every run of a page, and for a tenth of a second and
    # more in what was imported, which stays
    gc.collect()
    gc.freeze()
