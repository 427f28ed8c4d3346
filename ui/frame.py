"""What surrounds every page: navigation with each step's state, and four lines about the job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from dvgs_core.errors import InputError
from ui import ahead, damage, style
from ui.decisions import decided
from ui.state import dataset, open_dataset, restore, run, split, state, workspace

ICON = Path(__file__).parent / "icon.png"
PAGES = {
    "data": ("Data", "table"),
    "target": ("Target", "target"),
    "corrupt": ("Corrupt", "science"),
    "value": ("Value", "monitoring"),
    "performance": ("Performance", "show_chart"),
    "review": ("Review", "rule"),
    "export": ("Export", "download"),
}


def navigation() -> st.Page:
    """The sidebar, and the page to run."""
    style.apply()
    ahead.import_soon()
    try:
        restore()
    except InputError as error:
        st.error(str(error))
        st.stop()
    marks = _marks()
    pages = [
        st.Page(
            f"pages/{name}.py",
            title=f"{title}  {marks[name]}".rstrip(),
            icon=f":material/{icon}:",
            url_path=name,
            default=name == "data",
        )
        for name, (title, icon) in PAGES.items()
    ]
    page = st.navigation(pages)
    state.inside_app = True
    if state.wanted_page:
        wanted, state.wanted_page = state.wanted_page, ""
        st.switch_page(f"pages/{wanted}.py", query_params=dict(st.query_params))
    with st.sidebar:
        _job_lines()
    return page


def inside_app(name: str) -> None:
    """Go through app.py first where a page was opened by its address alone.

    Until app.py has run once in a server's life, Streamlit takes the files of pages/ for pages of
    their own: the first visitor who comes by a link would see a page without the frame.
    """
    if not state.inside_app:
        state.wanted_page = name
        st.switch_page("app.py", query_params=dict(st.query_params))
    if state.dataset_id is not None and damage.is_damaged(state.dataset_id):
        _damaged_banner(state.dataset_id)


def _damaged_banner(dataset_id: str) -> None:
    """On every page: these data are not what they were."""
    made = workspace().get_setting(dataset_id, damage.HOW, {"settings": {}})
    original = damage.original_of(dataset_id)
    with st.container(key="damaged_banner", horizontal=True, vertical_alignment="center"):
        name = "data no longer here" if original is None else style.shortened(original.name, 40)
        st.markdown(
            f":material/star: **Damaged on purpose**, a copy of {name}: "
            f"{damage.words(made['settings'])}. For trying out, not for use."
        )
        if original is not None and st.button("Back to the original", icon=":material/undo:"):
            open_dataset(original.id)
            st.rerun()


def _marks() -> dict[str, str]:
    """Behind each step's name, how far it is."""
    marks = dict.fromkeys(PAGES, "")
    if state.dataset_id is None:
        return marks
    marks["data"] = "✓"
    if split() is not None:
        marks["target"] = "✓"
    marks["corrupt"] = "★" if damage.is_damaged(state.dataset_id) else ""
    current = run()
    if current is not None:
        marks["value"] = "●" if current.active else "✓" if current.status == "done" else "–"
        rows = decided(state.dataset_id)
        marks["review"] = f"{rows:,}" if rows else ""
    return marks


def _job_lines() -> None:
    """Dataset, target, run, decisions and machine, each a link to what it names."""
    with st.container(key="job_lines", gap=None):
        current = dataset()
        if current is None:
            st.page_link("pages/data.py", label="no data yet", icon=":material/table:")
        else:
            size = f"{current.rows:,} × {current.columns:,}"
            name = style.shortened(current.name, 22)
            st.page_link("pages/data.py", label=f"{name}  {size}", icon=":material/table:")
            chosen = kept_target_line()
            st.page_link("pages/target.py", label=chosen, icon=":material/target:")
            _run_line()
            rows = decided(current.id)
            st.page_link("pages/review.py", label=f"{rows:,} rows decided", icon=":material/rule:")
        threads = os.cpu_count() or 1
        st.caption(f"{workspace().root.name} · {threads} processor cores")


def kept_target_line() -> str:
    """The target in a few words."""
    chosen = split()
    if chosen is None:
        return "target not chosen"
    if chosen.target_query:
        return f"target {style.shortened(chosen.target_query, 24)}"
    if chosen.target_rows:
        return f"target {len(chosen.target_rows):,} listed rows"
    size = chosen.target_size
    if size is None:
        return "target 30 % at random"
    return f"target {size:.3g} of rows" if size <= 1 else f"target {size:,.0f} rows"


def _run_line() -> None:
    current = run()
    going = current is not None and current.active

    # ticks only while there is something to tell: a tick that meets a click can swallow it
    @st.fragment(run_every=3.0 if going else None)
    def line() -> None:
        shown = run()
        if shown is None:
            label = "no run yet"
        elif shown.status == "running" and shown.total:
            label = f"run {shown.name}  {(shown.step or 0) / shown.total:.0%}"
        else:
            label = f"run {shown.name}  {shown.status}"
        st.page_link("pages/value.py", label=label, icon=":material/monitoring:")

    line()


@contextmanager
def errors_for_people() -> Iterator[None]:
    """One clear line where something a person gave cannot be used; the page goes on."""
    try:
        yield
    except InputError as error:
        st.error(style.plain(str(error)), icon=":material/error:")
