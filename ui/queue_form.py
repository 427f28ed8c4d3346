"""Which rows are reviewed: the form above the queue, and the address that says the same."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.query import matching_rows
from dvgs_core.errors import InputError
from dvgs_core.review.bulk import Cut, CutKind
from ui import queues, selections, style
from ui.map import MapEvents
from ui.results import Results, results, the_results
from ui.state import (
    QueueChoice,
    from_address,
    say_in_address,
    say_not_here,
    set_widget,
    state,
    table,
    the_dataset_id,
    the_run,
    whole_number,
    widget,
    workspace,
)

ALL = "all labels"
CUTS: dict[CutKind, str] = {"rows": "lowest rows", "share": "lowest %", "below": "values below"}
_MODE, _LABEL, _WHERE = "review.queue", "review.label", "review.where"
_CUT, _AMOUNT, _AGAINST = "review.cut", "review.amount", "review.against"
_NAMED = "review.named"
_USUAL: dict[CutKind, float] = {"rows": 100.0, "share": 5.0, "below": 0.0}
_NEED_MORE = ("query", "cut", "disagreement", "named")
_LINK = ("queue", "label", "where", "cut", "against", "named")


def choose(head, found: Results, events: MapEvents) -> QueueChoice:
    """Queue, label, and what the queue needs besides. A new lasso chooses its own rows.

    Args:
        head: draws the page's heading, into the room that the form leaves.
        found: the run's results.
        events: what was done on the map.
    """
    others = other_runs()
    modes = _modes(found, events, others)
    _read_address(found, modes, others)
    if events.lasso != state.lasso_seen:
        state.lasso_seen = events.lasso
        if events.polygon is not None:
            set_widget(_MODE, "lasso")
    if widget(_MODE) not in modes:
        set_widget(_MODE, "lowest")
    more = [1.5] if widget(_MODE) in _NEED_MORE else []
    room = [4.2 - sum(more), 1.3, 1.0, *more]
    places = st.columns(room, vertical_alignment="bottom", gap="small")
    with places[0]:
        head()
    mode = places[1].selectbox(
        "Queue", modes, format_func=queues.MODES.__getitem__, key=_MODE, persist_state="session"
    )
    label = _label(places[2], found)
    condition, cut, against, named = "", "", None, ""
    with places[-1]:
        if mode == "query":
            condition = _condition()
        elif mode == "cut":
            cut = str(choose_cut(_CUT, _AMOUNT))
        elif mode == "disagreement":
            against = _other_run(others)
        elif mode == "named":
            named = _named()
    return QueueChoice(mode, label, condition.strip(), cut, against, named)


def _label(place, found: Results) -> str | None:
    if found.schema.task != "classification":
        return None
    names = [ALL, *found.labels.names]
    if widget(_LABEL) not in names:
        set_widget(_LABEL, ALL)
    chosen = place.selectbox("Label", names, key=_LABEL, persist_state="session")
    return None if chosen == ALL else chosen


def _other_run(others: dict[int, str]) -> int:
    if widget(_AGAINST) not in others:
        set_widget(_AGAINST, next(iter(others)))
    return st.selectbox(
        "Compared with",
        list(others),
        format_func=others.__getitem__,
        key=_AGAINST,
        persist_state="session",
        help="The rows whose ranks differ most between the open run and this one.",
    )


def _named() -> str:
    there = selections.names()
    if widget(_NAMED) not in there:
        set_widget(_NAMED, there[-1])
    return st.selectbox("Selection", there, key=_NAMED, persist_state="session")


def _modes(found: Results, events: MapEvents, others: dict[int, str]) -> list[str]:
    """The queues there can be."""
    without = set()
    if events.polygon is None:
        without.add("lasso")
    if found.label_values is None:
        without.add("suggested")
    if not others:
        without.add("disagreement")
    if not selections.names():
        without.add("named")
    if found.schema.task != "classification":
        without.add("classes")
    return [mode for mode in queues.MODES if mode not in without]


def _condition() -> str:
    return st.text_input(
        "Condition",
        key=_WHERE,
        placeholder="age > 60 and value < 0",
        persist_state="session",
        help="Columns compared with values by == != < <= > >= and in [...], joined by and, or, "
        "not. Names with blanks stand between ` back ticks `. Also: value, rank, role, margin, "
        "suggested_label.",
    )


def choose_cut(kind_key: str, amount_key: str) -> Cut:
    """Where the lowest values end: so many rows, so many percent, or a value."""
    left, right = st.columns([1.2, 1], vertical_alignment="bottom", gap="xsmall")
    kind: CutKind = left.selectbox(
        "Cut", list(CUTS), format_func=CUTS.__getitem__, key=kind_key, persist_state="session"
    )
    key = f"{amount_key}.{kind}"
    if widget(key) is None:
        set_widget(key, _USUAL[kind])
    amount = right.number_input(
        "Up to",
        key=key,
        min_value=None if kind == "below" else 0.0,
        max_value=100.0 if kind == "share" else None,
        step={"rows": 10.0, "share": 1.0, "below": 0.01}[kind],
        format={"rows": "%.0f", "share": "%g", "below": "%g"}[kind],
        label_visibility="hidden",
        persist_state="session",
    )
    return Cut(kind, float(amount))


def materials_of(
    choice: QueueChoice, found: Results, lasso: NDArray[np.int64], decided: NDArray[np.int64]
) -> queues.Materials:
    """What the chosen queue is made from.

    Raises:
        InputError: the condition cannot be understood; says why.
    """
    matching = np.empty(0, dtype=np.int64)
    if choice.mode == "query":
        if not choice.where:
            raise InputError("Write a condition on the columns, such as value < 0.")
        matching = np.flatnonzero(matching_rows(reviewed_frame(the_run().id), choice.where))
    elif choice.mode == "named":
        matching = selections.rows_of(choice.named)
    other = None if choice.against is None else the_results(workspace().run(choice.against)).values
    return queues.Materials(lasso, decided, matching, None if other is None else other["value"])


@st.cache_resource(max_entries=2, show_spinner=False)
def reviewed_frame(run_id: int) -> pd.DataFrame:
    """The data's columns and those of the run; where names meet, the data's are meant."""
    run = workspace().run(run_id)
    values = the_results(run).values
    frame = table(run.dataset).frame
    own = ("value", "rank", "role", "margin", "suggested_label")
    more = {name: values[name].to_numpy() for name in own if name not in frame.columns}
    if "rank" in more:
        more["rank"] = values["rank"].to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.concat([frame, pd.DataFrame(more, index=frame.index)], axis=1)


def other_runs() -> dict[int, str]:
    """Other runs of the dataset with values, the newest first, by id."""
    return {
        run.id: run.name
        for run in workspace().runs(the_dataset_id())
        if run.id != the_run().id and not run.active and (run.directory / "values.parquet").exists()
    }


def ask_for(choice: QueueChoice) -> None:
    """Make a choice from outside the form; to be called before the form is drawn."""
    set_widget(_MODE, choice.mode)
    set_widget(_LABEL, choice.label or ALL)
    set_widget(_WHERE, choice.where)
    if choice.named:
        set_widget(_NAMED, choice.named)
    if choice.against is not None:
        set_widget(_AGAINST, choice.against)
    if choice.cut:
        cut = Cut.parsed(choice.cut)
        set_widget(_CUT, cut.kind)
        set_widget(f"{_AMOUNT}.{cut.kind}", cut.amount)


def _said(choice: QueueChoice) -> tuple[str, ...]:
    """A choice as the address says it; a lasso stays in the browser it was drawn in."""
    mode = "" if choice.mode in ("lowest", "lasso") else choice.mode
    against = "" if choice.against is None else str(choice.against)
    return (mode, choice.label or "", choice.where, choice.cut, against, choice.named)


def _read_address(found: Results, modes: list[str], others: dict[int, str]) -> None:
    """Choose what a link says, once for each link; what cannot be shown is told."""
    said = tuple(from_address(name) or "" for name in _LINK)
    if not any(said) or said in state.links_seen:
        return
    state.links_seen = (*state.links_seen, said)
    mode, label, condition, cut, against, named = said
    number = whole_number(against)
    if named and named not in selections.names():
        say_not_here(f"the selection {style.shortened(named, 40)}, which is not here")
        mode, named = "", ""  # another selection would pass for it
    elif mode and mode not in modes:
        say_not_here("a queue that there is not for this run")
    if label and (found.schema.task != "classification" or label not in found.labels.names):
        say_not_here(f"the label {style.shortened(label, 40)}, which no row has")
    if against and number not in others:
        say_not_here("a run to compare with that is not here")
    if cut and not _is_cut(cut):
        say_not_here("a cut that cannot be read")
        cut = ""
    ask_for(QueueChoice(mode, label, condition, cut, number, named))


def _is_cut(text: str) -> bool:
    try:
        Cut.parsed(text)
    except InputError:
        return False
    return True


def write_address(choice: QueueChoice) -> None:
    """Say choice and row in the address, once the row is known.

    Choices seen before are not read from it again: the browser may still send an address from
    before the last change.
    """
    said = _said(choice)
    state.links_seen = (*(seen for seen in state.links_seen if seen != said), said)[-50:]
    if said == tuple(from_address(name) or "" for name in _LINK):
        return
    for name, value in zip(_LINK, said, strict=True):
        say_in_address(name, value or None)
    if state.cursor is not None:
        say_in_address("row", str(state.cursor))


def row_of_link(found: Results) -> int | None:
    """The row a link names, if it was valued; a row that was not is told.

    Only the first that is looked at in a visit came by a link. Later ones are those that this page
    has written there, maybe in another run.
    """
    said, by_link = from_address("row"), not state.row_read
    state.row_read = True
    if said is None:
        return None
    row = whole_number(said)
    if row is None or row not in found.values.index:
        problem = "a row that is not in these data"
    elif pd.isna(found.values.at[row, "value"]):
        problem = f"row #{row}, which this run has not valued"
    else:
        return row
    if by_link:
        say_not_here(problem)
    return None


def run_named(run_id: int) -> str:
    """A run's name; for one that is gone, its number."""
    try:
        run = workspace().run(run_id)
    except InputError:
        return f"run {run_id}"
    return run.name if results(run) is not None or run.active else f"{run.name} ({run.status})"
