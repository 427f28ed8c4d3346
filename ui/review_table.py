"""The Review page's queue: what is in it, which row is under review, which are selected."""

import hashlib
from datetime import UTC, datetime
from html import escape

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.wording import percent
from dvgs_core.evaluation import Detection
from dvgs_core.review.decisions import DecisionLog
from dvgs_core.review.sitting import current_sitting
from ui import queues, review_map, style
from ui.jobs import RunFiles, sparkline
from ui.map import MapEvents
from ui.names import told_apart
from ui.queue_form import materials_of, row_of_link
from ui.results import Results, damaged_rows, known_detection
from ui.state import (
    Queue,
    QueueChoice,
    set_widget,
    state,
    the_dataset_id,
    the_run,
    widget,
    workspace,
)
from ui.words import MEANINGS

WHOLE = "review.whole"
FRAME = "review_queue"
_PAGE = 100
_SIGNS = {"k": "✓", "→": "→", "d": "✕"}  # of decisions, by how their words begin
_SHORT = 12  # characters of a label in the table; the card has it in full


def read_selection(run_id: int) -> tuple[NDArray[np.int64], str]:
    """Rows that the next decision is about besides the one under review, and a name for exactly
    this set: rows ticked in the table, or the whole queue.
    """
    if widget(WHOLE) and state.queue is not None:
        rows = state.queue.rows
    else:
        picked = widget(_key()) or {}
        places = picked.get("selection", {}).get("rows", [])
        rows = np.array([state.page_rows[i] for i in places if i < len(state.page_rows)], np.int64)
    name = hashlib.sha256(b"%d:" % run_id + np.sort(rows).tobytes()).hexdigest()[:12]
    return rows, name


def forget_selection() -> None:
    """Select nothing, so that the keys decide about the row under review again."""
    state.table_generation += 1
    set_widget(WHOLE, False)


def frozen_queue(
    found: Results,
    choice: QueueChoice,
    lasso: NDArray[np.int64],
    events: MapEvents,
    log: DecisionLog,
) -> Queue:
    """The queue in the order in which it was made, until another is asked for.

    Raises:
        InputError: the condition cannot be understood; says why.
    """
    made_for = (state.run_id, choice, events.lasso if choice.mode == "lasso" else 0)
    if state.queue is not None and state.queue_made_for == made_for:
        return state.queue
    another = state.queue is not None
    current = log.current()
    decided = current["row"][current["decision"] != "undecided"].to_numpy()
    materials = materials_of(choice, found, lasso, decided)
    state.queue = queues.make_queue(choice, found, materials)
    state.queue_made_for = made_for
    set_widget(WHOLE, False)
    linked = None if another else row_of_link(found)
    if state.cursor is None and linked is not None:
        state.cursor = linked
    elif another or state.cursor not in state.queue.rows:
        # a review goes on at the first row that nobody has decided yet
        open_rows = state.queue.rows[~np.isin(state.queue.rows, decided)]
        best = open_rows if len(open_rows) else state.queue.rows
        state.cursor = int(best[0]) if len(best) else None
    return state.queue


def make_again() -> None:
    """Forget the frozen order: the page makes the queue anew, from the decisions of now."""
    state.queue_made_for = ()


def follow_clicks(queue: Queue, events: MapEvents, selection: NDArray[np.int64]) -> None:
    """A click on the map or a tick in the table moves the cursor there."""
    if events.click > state.click_seen:
        state.click_seen = events.click
        if events.clicked is not None and events.clicked in queue.rows:
            state.cursor = events.clicked
    ticked = tuple(selection.tolist()) if len(selection) == 1 else ()
    if ticked != state.selection_seen:
        state.selection_seen = ticked
        if ticked:
            state.cursor = ticked[0]


def progress_line(found: Results, queue: Queue, log: DecisionLog) -> None:
    """How far the review is, how fast, and what is known about the truth.

    It has room for as many lines as it may need, so that none of them moves the page.
    """
    counts = log.counts()
    done = sum(n for decision, n in counts.items() if decision != "undecided")
    at = queues.position(queue, state.cursor) + 1 if len(queue.rows) else 0
    parts = [f"{queue.name}: {at:,} / {len(queue.rows):,}"] if len(queue.rows) else []
    parts.append(f"decided {done:,}")
    parts += [f"{n:,} {name}" for name, n in counts.items() if n and name != "undecided"]
    reviewer = str(workspace().get_setting(None, "reviewer", ""))
    pace = current_sitting(log.decided_at(reviewer), datetime.now(UTC)).per_minute
    if pace is not None:
        parts.append(f"{pace:,.0f} decisions a minute")
    known = known_detection(the_run().id, the_dataset_id())
    if known is not None:
        parts += _known_words(known, log)
    words = escape(" · ".join(parts), quote=True)
    room = "progress" if known is None else "progress known"
    st.html(f'<p class="{room}" title="{words}">{words}</p>')


def _known_words(known: Detection, log: DecisionLog) -> list[str]:
    """How many of the lowest rows, and of those to be dropped or relabelled, are damaged ones."""
    share = percent(known.precision_at(known.damaged))
    parts = [f"of the {known.damaged:,} lowest rows {share} are damaged (AUROC {known.auroc:.3f})"]
    current = log.current()
    flagged = current["row"][current["decision"].isin(["drop", "relabel"])]
    if len(flagged):
        right = int(np.isin(flagged, damaged_rows(the_dataset_id())).sum())
        parts.append(f"{right:,} of {len(flagged):,} flagged rows are damaged")
    return parts


def show(
    found: Results, queue: Queue, words: pd.Series, height: int, problem: str, *, unasked: bool
) -> None:
    """A page of the queue with the row under review marked.

    Args:
        words: what each decided row's decision is called, by row id.
        height: pixels, fixed.
        problem: why there is no queue, or "".
        unasked: nothing was asked for yet, so that the problem is a hint and no error.
    """
    at = queues.position(queue, state.cursor)
    start = at // _PAGE * _PAGE
    rows = queue.rows[start : start + _PAGE]
    state.page_rows = tuple(int(row) for row in rows)
    if not len(rows):
        if problem and not unasked:
            st.error(style.plain(problem), icon=":material/error:")
        else:
            hint = problem or "No rows here. Choose another queue."
            st.info(style.plain(hint), icon=":material/info:")
        return
    st.checkbox(f"Select all {len(queue.rows):,} rows of this queue", key=WHOLE)
    lines = found.values.loc[rows]
    short = told_apart(found.labels.names, _SHORT)
    decided = {f"→ {name}": f"→ {form}" for name, form in short.items()}
    of_rows = words.reindex(rows).fillna("")
    trace = RunFiles(the_run().directory).trace()
    places = np.searchsorted(found.ids, rows)
    shown = pd.DataFrame(
        {
            "at": [
                ("▸" if row == state.cursor else "") + _SIGNS.get(word[:1], "")
                for row, word in zip(rows, of_rows, strict=True)
            ],
            "row": rows,
            "label": _labels(lines, short),
            "value": lines["value"].to_numpy(),
            "decision": [decided.get(word, word) for word in of_rows],
            "trace": _sparklines(the_run().id, state.page_rows, trace, places),
        }
    )
    pictures = _pictures(the_run().id, state.page_rows)
    if pictures:
        shown.insert(2, "picture", pictures)
    st.dataframe(
        shown,
        hide_index=True,
        height=height - 40,
        key=_key(),
        on_select="rerun",
        selection_mode="multi-row",
        row_height=row_height(found),
        column_config={
            "at": st.column_config.TextColumn("", width=26),
            "row": st.column_config.NumberColumn(
                "row", format="#%d", width=62, help=MEANINGS["row id"]
            ),
            "picture": st.column_config.ImageColumn("", width=40),
            "decision": st.column_config.TextColumn(
                "decision", width=66, help=MEANINGS["decision"]
            ),
            "label": st.column_config.TextColumn(
                "label",
                width=_label_width(found),
                help="The label it has, and the suggested one if it differs.",
            ),
            "value": st.column_config.NumberColumn(
                "value", format="%.3f", width=58, help=MEANINGS["value"]
            ),
            "trace": st.column_config.LineChartColumn("trace", width=60, help=MEANINGS["trace"]),
        },
    )


def row_height(found: Results) -> int:
    """Pixels of a row of the table."""
    return 38 if found.schema.pixels or found.schema.image_column is not None else 35


def suggestions(lines: pd.DataFrame, code: dict[str, int]) -> list[int | None]:
    """Class code suggested for each row, where it is not the label it has."""
    return [
        None if best == label else code.get(best)
        for best, label in zip(lines["suggested_label"], lines["label"], strict=True)
    ]


def _labels(lines: pd.DataFrame, short: dict[str, str]) -> list[str]:
    """Label, and behind an arrow the suggested one where it differs; both in short."""
    pairs = zip(lines["label"].fillna("–").astype(str), lines["suggested_label"], strict=True)
    return [
        short.get(own, own)
        if not isinstance(best, str) or best == own
        else f"{short.get(own, own)} ⇢ {short.get(best, best)}"
        for own, best in pairs
    ]


def _label_width(found: Results) -> int:
    longest = max((len(name) for name in found.labels.names), default=0)
    return 72 if longest <= 3 else 112


def _key() -> str:
    made_for = hash((*state.queue_made_for, state.table_generation))
    return f"review.table.{state.run_id}.{made_for}.{_page_number()}"


def _page_number() -> int:
    return 0 if state.queue is None else queues.position(state.queue, state.cursor) // _PAGE


@st.cache_resource(max_entries=24, show_spinner=False)
def _sparklines(run_id: int, rows: tuple[int, ...], _trace, _places) -> list:
    return [] if _trace is None else sparkline(_trace, _places)


@st.cache_resource(max_entries=24, show_spinner=False)
def _pictures(run_id: int, rows: tuple[int, ...]) -> list[str]:
    return review_map.picture_column(rows)
