"""The Review page's queue: what is in it, which row is under review, which are selected."""

import hashlib

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.review.decisions import DecisionLog
from ui import queues, review_map
from ui.jobs import RunFiles, sparkline
from ui.map import MapEvents
from ui.results import Results, known_detection, truth_of
from ui.state import Queue, state, the_dataset_id, the_run, widget

_PAGE = 100
_ALL = "all labels"


def choose_queue(where, beside, found: Results, events: MapEvents) -> tuple[str, str | None]:
    """Which rows are reviewed, and with which label. A new lasso chooses its own rows."""
    modes = [m for m in queues.MODES if m != "lasso" or events.polygon is not None]
    if found.label_values is None:
        modes.remove("suggested")
    seen = (events.version, events.lasso)
    if seen != state.lasso_seen:
        state.lasso_seen = seen
        state.mode = "lasso" if events.polygon is not None else "lowest"
    current = state.mode if state.mode in modes else "lowest"
    state.mode = where.selectbox(
        "Queue", modes, index=modes.index(current), format_func=queues.MODES.__getitem__
    )
    if state.mode != current:
        st.rerun()  # a box drawn with the old choice would lose the next one
    if found.schema.task != "classification":
        return state.mode, None
    names = [_ALL, *found.labels.names]
    label = beside.selectbox("Label", names, key="review.label", persist_state="session")
    return state.mode, None if label == _ALL else label


def read_selection(run_id: int) -> tuple[tuple[int, ...], str]:
    """Rows ticked in the table, and a name for exactly this set."""
    picked = widget(_key()) or {}
    places = picked.get("selection", {}).get("rows", [])
    rows = [state.page_rows[i] for i in places if i < len(state.page_rows)]
    state.selection = tuple(int(row) for row in rows)
    text = f"{run_id}:{','.join(map(str, sorted(state.selection)))}"
    return state.selection, hashlib.sha256(text.encode()).hexdigest()[:12]


def frozen_queue(
    found: Results,
    mode: str,
    label: str | None,
    lasso: np.ndarray,
    events: MapEvents,
    log: DecisionLog,
) -> Queue:
    """The queue in the order in which it was made, until another is asked for."""
    made_for = (state.run_id, mode, label, events.lasso if mode == "lasso" else 0)
    if state.queue is None or state.queue_made_for != made_for:
        another = state.queue is not None
        current = log.current()
        rows = current["row"][current["decision"] != "undecided"].to_numpy()
        state.queue = queues.make_queue(mode, found, lasso=lasso, decided=rows, label=label)
        state.queue_made_for = made_for
        if another or state.cursor is None or state.cursor not in state.queue.rows:
            # a review goes on at the first row that nobody has decided yet
            open_rows = state.queue.rows[~np.isin(state.queue.rows, rows)]
            best = open_rows if len(open_rows) else state.queue.rows
            state.cursor = int(best[0]) if len(best) else None
    return state.queue


def follow_clicks(queue: Queue, events: MapEvents, selection: tuple[int, ...]) -> None:
    """A click on the map or a tick in the table moves the cursor there."""
    if events.click > state.click_seen:
        state.click_seen = events.click
        if events.clicked is not None and events.clicked in queue.rows:
            state.cursor = events.clicked
    if selection != state.selection_seen:
        state.selection_seen = selection
        if len(selection) == 1:
            state.cursor = selection[0]


def progress_line(found: Results, queue: Queue, log: DecisionLog) -> None:
    """How far the review is, and what is known about the truth."""
    counts = log.counts()
    done = sum(n for decision, n in counts.items() if decision != "undecided")
    at = queues.position(queue, state.cursor) + 1 if len(queue.rows) else 0
    parts = [f"{queue.name}: {at:,} / {len(queue.rows):,}", f"decided {done:,}"]
    parts += [f"{n:,} {name}" for name, n in counts.items() if n and name != "undecided"]
    truth = truth_of(the_dataset_id())
    known = known_detection(the_run().id, the_dataset_id())
    if known is not None:
        parts.append(
            f"of the {known.damaged:,} lowest rows {known.precision_at(known.damaged):.0%}"
            f" are truly wrong (AUROC {known.auroc:.3f})"
        )
        assert truth is not None
        current = log.current()
        flagged = current["row"][current["decision"].isin(["drop", "relabel"])]
        if len(flagged):
            right = int(truth["corrupted"].reindex(flagged, fill_value=False).sum())
            parts.append(f"{right:,} of {len(flagged):,} flagged rows were truly wrong")
    st.caption(" · ".join(parts))


def show(found: Results, queue: Queue, words: pd.Series, height: int) -> None:
    """A page of the queue with the row under review marked."""
    at = queues.position(queue, state.cursor)
    start = at // _PAGE * _PAGE
    rows = queue.rows[start : start + _PAGE]
    state.page_rows = tuple(int(row) for row in rows)
    if not len(rows):
        st.info("No rows here. Choose another queue.", icon=":material/info:")
        return
    lines = found.values.loc[rows]
    trace = RunFiles(the_run().directory).trace()
    places = np.searchsorted(found.ids, rows)
    shown = pd.DataFrame(
        {
            "at": ["▸" if row == state.cursor else "" for row in rows],
            "row": rows,
            "decision": words.reindex(rows).fillna("").to_numpy(),
            "label": _labels(lines),
            "value": lines["value"].to_numpy(),
            "trace": _sparklines(the_run().id, state.page_rows, trace, places),
        }
    )
    pictures = _pictures(the_run().id, state.page_rows)
    if pictures:
        shown.insert(2, "picture", pictures)
    st.dataframe(
        shown,
        hide_index=True,
        height=height,
        key=_key(),
        on_select="rerun",
        selection_mode="multi-row",
        row_height=38 if pictures else None,
        column_config={
            "at": st.column_config.TextColumn("", width=20),
            "row": st.column_config.NumberColumn("row", format="#%d", width=58),
            "picture": st.column_config.ImageColumn("", width=40),
            "decision": st.column_config.TextColumn("decision", width=66),
            "label": st.column_config.TextColumn(
                "label", width=72, help="The label it has, and the suggested one if it differs."
            ),
            "value": st.column_config.NumberColumn("value", format="%.3f", width=58),
            "trace": st.column_config.LineChartColumn("trace", width=70),
        },
    )
    if len(queue.rows) > _PAGE:
        st.caption(f"rows {start + 1:,} to {start + len(rows):,} of the queue")


def suggestions(lines: pd.DataFrame, code: dict[str, int]) -> list[int | None]:
    """Class code suggested for each row, where it is not the label it has."""
    return [
        None if best == label else code.get(best)
        for best, label in zip(lines["suggested_label"], lines["label"], strict=True)
    ]


def _labels(lines: pd.DataFrame) -> list[str]:
    """Label, and behind an arrow the suggested one where it differs."""
    return [
        str(own) if not isinstance(best, str) or best == own else f"{own} ⇢ {best}"
        for own, best in zip(lines["label"].fillna("–"), lines["suggested_label"], strict=True)
    ]


def _key() -> str:
    return f"review.table.{state.run_id}.{hash(state.queue_made_for)}.{_page_number()}"


def _page_number() -> int:
    return 0 if state.queue is None else queues.position(state.queue, state.cursor) // _PAGE


@st.cache_resource(max_entries=24, show_spinner=False)
def _sparklines(run_id: int, rows: tuple[int, ...], _trace, _places) -> list:
    return [] if _trace is None else sparkline(_trace, _places)


@st.cache_resource(max_entries=24, show_spinner=False)
def _pictures(run_id: int, rows: tuple[int, ...]) -> list[str]:
    return review_map.picture_column(rows)
