"""Typed application state: the only access to st.session_state.

Three places hold what a person has done. The workspace on disk holds what must never be lost
(datasets, roles, splits, runs, decisions). The address holds which dataset and run are open, so
that a refresh, a second tab or a link shows the same. The session holds the rest: where the cursor
is, what is selected, the frozen order of a queue.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.schema import Schema, infer_schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.data.table import Table
from dvgs_core.engine.supervisor import Supervisor
from dvgs_core.errors import InputError
from dvgs_core.settings import Settings
from dvgs_core.store import Dataset, Run, Workspace

T = TypeVar("T")


class _Kept(Generic[T]):
    """A typed entry of the session."""

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = f"state.{name}"

    def __get__(self, instance: object, owner: type) -> T:
        return st.session_state.get(self.key, self.default)

    def __set__(self, instance: object, value: T) -> None:
        st.session_state[self.key] = value


@dataclass(frozen=True, eq=False)
class Queue:
    """Rows to review, in an order that stays put while they are reviewed.

    Attributes:
        rows: (n,) int64 row ids.
        name: what the queue is, for its heading.
    """

    rows: NDArray[np.int64]
    name: str


@dataclass(frozen=True)
class QueueChoice:
    """Which rows are to be reviewed, and in which order; also what a link to them says.

    Attributes:
        mode: one of `ui.queues.MODES`.
        label: only rows with this label; None: all.
        where: a condition on the columns (mode query).
        cut: where the lowest values end, as `Cut` writes it (mode cut).
        against: id of the run compared with (mode disagreement).
        named: a selection's name (mode named).
    """

    mode: str = "lowest"
    label: str | None = None
    where: str = ""
    cut: str = ""
    against: int | None = None
    named: str = ""


class State:
    """What the session remembers."""

    dataset_id: _Kept[str | None] = _Kept(None)
    run_id: _Kept[int | None] = _Kept(None)
    cursor: _Kept[int | None] = _Kept(None)
    queue: _Kept[Queue | None] = _Kept(None)
    queue_made_for: _Kept[tuple] = _Kept(())
    selection: _Kept[tuple[int, ...]] = _Kept(())
    lasso_seen: _Kept[int] = _Kept(0)
    click_seen: _Kept[int] = _Kept(0)
    acknowledged: _Kept[int] = _Kept(0)
    uploader_generation: _Kept[int] = _Kept(0)
    table_generation: _Kept[int] = _Kept(0)
    followed: _Kept[tuple[int, ...]] = _Kept(())
    follow_changed: _Kept[bool] = _Kept(False)
    lowest_rows: _Kept[tuple[int, ...]] = _Kept(())
    lowest_clicks: _Kept[int] = _Kept(0)
    follow_click_seen: _Kept[int] = _Kept(0)
    message: _Kept[str] = _Kept("")
    inside_app: _Kept[bool] = _Kept(False)
    dialog_open: _Kept[bool] = _Kept(False)
    row_read: _Kept[bool] = _Kept(False)
    links_seen: _Kept[tuple[tuple[str, ...], ...]] = _Kept(())
    note: _Kept[str] = _Kept("")
    page_rows: _Kept[tuple[int, ...]] = _Kept(())
    selection_seen: _Kept[tuple[int, ...]] = _Kept(())
    toasts: _Kept[tuple[tuple[str, str], ...]] = _Kept(())
    cuts: _Kept[dict[str, float]] = _Kept({})


state = State()


def widget(key: str, default: Any = None) -> Any:
    """The session's value of a keyed widget or component, before it is drawn."""
    return st.session_state.get(key, default)


def set_widget(key: str, value: Any) -> None:
    """Give a keyed widget a value; to be called before it is drawn."""
    st.session_state[key] = value


def forget_widgets(prefix: str) -> None:
    """Let keyed widgets start again from their defaults."""
    for key in [k for k in st.session_state if str(k).startswith(prefix)]:
        del st.session_state[key]


@st.cache_resource(show_spinner=False)
def workspace() -> Workspace:
    """The workspace of this server process, with its workers under watch."""
    space = Workspace()
    space.mark_interrupted()
    _supervisor(space).start()
    return space


@st.cache_resource(show_spinner=False)
def _supervisor(_space: Workspace) -> Supervisor:
    return Supervisor(_space)


@st.cache_resource(max_entries=3, show_spinner="Reading the table …")
def table(dataset_id: str) -> Table:
    """The typed table of a dataset; shared by all sessions, never changed."""
    return workspace().load_table(dataset_id)


def restore() -> None:
    """Find the open dataset and run again: from the address, else from the last visit."""
    space = workspace()
    if state.dataset_id is None:
        linked, run = st.query_params.get("dataset"), st.query_params.get("run", "")
        wanted = linked or space.get_setting(None, "dataset")
        state.dataset_id = wanted if wanted and _exists(wanted) else None
        if linked and state.dataset_id is None:
            say_not_here("data that is not in this workspace")
        number = whole_number(run)
        if state.dataset_id and number is not None:
            if _is_run_of(number, state.dataset_id):
                state.run_id = number
            else:
                say_not_here("a run that is not here")
    if state.dataset_id is None:
        return
    if state.run_id is None:
        runs = space.runs(state.dataset_id)
        state.run_id = runs[0].id if runs else None
    say_in_address("dataset", state.dataset_id)
    say_in_address("run", None if state.run_id is None else str(state.run_id))


def say_not_here(what: str) -> None:
    """Tell that a link names something that cannot be shown, such as "a run that is not here"."""
    st.toast(f"The link names {what}.", icon=":material/link_off:")


def say_in_address(name: str, value: str | None) -> None:
    """Put something into the address, or take it out; each change is a step of its history."""
    if value is None:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def from_address(name: str) -> str | None:
    """What the address says under a name."""
    return st.query_params.get(name)


def whole_number(said: str) -> int | None:
    """A number that an address says; None for anything else, such as ², a digit to Python."""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else None


def _exists(dataset_id: str) -> bool:
    try:
        workspace().dataset(dataset_id)
    except InputError:
        return False
    return True


def _is_run_of(run_id: int, dataset_id: str) -> bool:
    try:
        return workspace().run(run_id).dataset == dataset_id
    except InputError:
        return False


def open_dataset(dataset_id: str | None) -> None:
    """Make a dataset the one that all pages show."""
    workspace().set_setting(None, "dataset", dataset_id)
    state.dataset_id = dataset_id
    # presses of another dataset that still wait in the browser must not look acknowledged
    state.acknowledged = 0
    open_run(None)
    forget_widgets("target.")
    forget_widgets("data.")
    if dataset_id is None and "dataset" in st.query_params:
        del st.query_params["dataset"]


def open_run(run_id: int | None) -> None:
    """Make a run the one that Value and Review show."""
    state.run_id = run_id
    state.queue, state.cursor, state.selection, state.followed = None, None, (), ()


def dataset() -> Dataset | None:
    """The open dataset."""
    return None if state.dataset_id is None else workspace().dataset(state.dataset_id)


def run() -> Run | None:
    """The open run."""
    return None if state.run_id is None else workspace().run(state.run_id)


def the_dataset_id() -> str:
    """The open dataset's id, for what is drawn only when there is one."""
    assert state.dataset_id is not None
    return state.dataset_id


def the_run() -> Run:
    """The open run, for what is drawn only when there is one."""
    assert state.run_id is not None
    return workspace().run(state.run_id)


def schema() -> Schema:
    """Roles of the open dataset's columns: as corrected, else as inferred."""
    kept = workspace().get_setting(the_dataset_id(), "schema")
    return _inferred(the_dataset_id()) if kept is None else Schema.model_validate(kept)


@st.cache_data(max_entries=8, show_spinner=False)
def _inferred(dataset_id: str) -> Schema:
    return infer_schema(table(dataset_id))


def keep(name: str, settings: Settings | dict | list | str | None) -> None:
    """Remember something about the open dataset in the workspace."""
    value = settings.model_dump(mode="json") if isinstance(settings, Settings) else settings
    workspace().set_setting(state.dataset_id, name, value)


def kept(name: str, default: Any = None) -> Any:
    """What was remembered about the open dataset."""
    return workspace().get_setting(state.dataset_id, name, default)


def split() -> SplitSettings | None:
    """The choice of target and source, or None before one was made."""
    value = kept("split")
    return None if value is None else SplitSettings.model_validate(value)
