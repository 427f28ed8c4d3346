"""Deciding about all rows up to a cut, after a look at what that takes from each group."""

import uuid
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.wording import number, percent
from dvgs_core.review.bulk import effect_of_cut, group_columns
from dvgs_core.review.decisions import DecisionLog
from ui import dialogs, style
from ui.decisions import decision_log, relabel_as_suggested, reviewer
from ui.names import told_apart
from ui.queue_form import ALL, choose_cut
from ui.results import Results, the_results
from ui.state import state, table, the_dataset_id, the_run, workspace

Action = Literal["drop", "relabel", "keep"]

_ACTIONS: dict[Action, str] = {
    "drop": "Drop them",
    "relabel": "Relabel as suggested",
    "keep": "Keep them",
}
_DONE = {"drop": "dropped", "relabel": "relabelled as suggested", "keep": "kept"}
_VERBS = {"drop": "Drop", "relabel": "Relabel", "keep": "Keep"}
_LINES = 60
_WARNED = 3


@dialogs.dialog("Decide up to a cut", width="large")
def dialog() -> None:
    """Cut, action, effect, and one button; nothing is decided before it is pressed."""
    found, log = the_results(the_run()), decision_log(the_dataset_id())
    left, right = st.columns([2, 3], gap="large")
    with left:
        cut = choose_cut("bulk.cut", "bulk.amount")
        label = None
        if found.schema.task == "classification":
            chosen = st.selectbox("Within", [ALL, *found.labels.names], key="bulk.label")
            label = None if chosen == ALL else chosen
        actions = [a for a in _ACTIONS if a != "relabel" or found.label_values is not None]
        action = st.radio("Then", actions, format_func=_ACTIONS.__getitem__, key="bulk.action")
        spare = st.checkbox("Leave decided rows as they are", value=True, key="bulk.spare")
        note = st.text_input("Note", key="bulk.note", placeholder="why, for the log")
        order = found.order
        if label is not None:
            order = order[(found.values["label"].loc[order] == label).to_numpy()]
        order = order[: cut.count(found.values["value"].loc[order].to_numpy())]
        rows = affected(found, log, order, action, spare=spare)
        st.caption(_facts(found, order, rows))
    with right:
        show_effect(found, rows, action)
    if st.button(
        f"{_VERBS[action]} {style.count(len(rows), 'row')}",
        type="primary",
        disabled=not len(rows),
        key="bulk.confirm",
        width="stretch",
    ):
        _decide(found, log, rows, action, note)
        st.rerun()


def affected(
    found: Results, log: DecisionLog, rows: NDArray[np.int64], action: Action, *, spare: bool
) -> NDArray[np.int64]:
    """The rows of a cut that an action is about.

    Args:
        rows: row ids, lowest value first.
        spare: leave out rows that have a decision.
    """
    if spare:
        current = log.current()
        decided = current["row"][current["decision"] != "undecided"].to_numpy()
        rows = rows[~np.isin(rows, decided)]
    if action == "relabel":
        lines = found.values.loc[rows]
        other = lines["suggested_label"].notna() & (lines["suggested_label"] != lines["label"])
        rows = rows[other.to_numpy()]
    return rows


def _facts(found: Results, order: NDArray[np.int64], rows: NDArray[np.int64]) -> str:
    if not len(order):
        return "No row lies below this cut."
    values = found.values["value"]
    share = len(order) / len(found.order)
    ends = f"{number(values.loc[order[0]])} to {number(values.loc[order[-1]])}"
    words = f"{style.count(len(order), 'row')}, {percent(share, 1)} of those valued, values {ends}."
    if len(rows) < len(order):
        words += f" {style.count(len(order) - len(rows), 'row')} of them stay as they are."
    return words


def show_effect(found: Results, rows: NDArray[np.int64], action: Action) -> None:
    """What each class and group would lose, and a warning where one would lose too much."""
    if action == "keep" or not len(rows):
        st.caption("Nothing is taken from any class or group.")
        return
    effects = effects_of(the_run().id, rows.tobytes(), action)
    if not effects:
        st.caption("The data has no classes or groups.")
        return
    warnings(found, effects, rows, action)
    if len(effects) > 1:
        column = st.selectbox(
            "Effect on", list(effects), format_func=lambda name: name[:80], key="bulk.group"
        )
    else:
        (column,) = effects
        st.markdown(f":gray[Effect on {style.shortened(column, 60)}]")
    frame = effects[column]
    lost = "moved away" if action == "relabel" else "dropped"
    shown = frame.head(_LINES).assign(
        name=lambda lines: lines["name"].map(told_apart(frame["name"], 28)),
        mark=lambda lines: lines["more"].map({True: "▲", False: ""}),
        percent=lambda lines: 100 * lines["share"],
    )
    st.dataframe(
        shown[["mark", "name", "rows", "lost", "percent"]],
        hide_index=True,
        height=min(35 * (len(shown) + 1) + 3, 300),
        column_config={
            "mark": st.column_config.TextColumn("", width=20),
            "name": st.column_config.TextColumn("group", width="medium"),
            "rows": st.column_config.NumberColumn("valued rows", format="localized", width=90),
            "lost": st.column_config.NumberColumn(lost, format="localized", width=84),
            "percent": st.column_config.ProgressColumn(
                "share of its rows", min_value=0, max_value=100, format="%.1f %%"
            ),
        },
    )
    if len(frame) > _LINES:
        st.caption(f"The {_LINES} of {len(frame):,} groups that lose the largest share.")


def warnings(
    found: Results, effects: dict[str, pd.DataFrame], rows: NDArray[np.int64], action: Action
) -> None:
    """Say who loses more than their share, or all, and what may be rare, not wrong."""
    if not warn_of_losses(found, effects, rows) and action == "drop":
        share = len(rows) / len(found.order)
        st.success(
            f"No class or group loses more than its share ({percent(share, 1)}).",
            icon=":material/check:",
        )
    if action == "drop" and found.label_values is not None:
        lines = found.values.loc[rows]
        other = int((lines["suggested_label"] != lines["label"]).sum())
        st.caption(
            f"{style.count(other, 'row')} would fit better under another label (relabel them "
            f"instead?); {len(rows) - other:,} would not."
        )


def warn_of_losses(
    found: Results, effects: dict[str, pd.DataFrame], rows: NDArray[np.int64]
) -> bool:
    """Warn where a class or group loses more than its share, or a class all; whether one does."""
    share = len(rows) / len(found.order)
    worst = [
        (line.share, f"**{style.shortened(line.name, 40)}** of {style.shortened(column, 40)} "
         f"loses {percent(line.share, 1)} of its {line.rows:,} rows")
        for column, frame in effects.items()
        for line in frame[frame["more"]].itertuples()
    ]  # fmt: skip
    worst.sort(key=lambda one: -one[0])
    if worst:
        listed = _few([words for _, words in worst], "; ")
        st.warning(
            f"More than their share ({percent(share, 1)} of all valued rows): {listed}. Look at "
            "some of these rows first: they may be rare rather than wrong.",
            icon=":material/warning:",
        )
    label = found.schema.label if found.schema.task == "classification" else None
    classes = None if label is None else effects.get(label)
    gone = [] if classes is None else classes_gone(classes)
    if gone:
        listed = _few([f"**{style.shortened(name, 40)}**" for name in gone], ", ")
        st.warning(f"Classes that lose every valued row: {listed}.", icon=":material/warning:")
    return bool(worst or gone)


def _few(words: list[str], between: str) -> str:
    more = f", and {len(words) - _WARNED} more" if len(words) > _WARNED else ""
    return between.join(words[:_WARNED]) + more


def classes_gone(effect: pd.DataFrame) -> list[str]:
    """Classes of which every valued row would go, the largest first.

    Args:
        effect: what `effect_of_cut` returns, for the label.
    """
    return effect.loc[effect["lost"] == effect["rows"], "name"].tolist()


@st.cache_resource(max_entries=16, show_spinner=False)
def effects_of(run_id: int, rows: bytes, action: Action) -> dict[str, pd.DataFrame]:
    """Effect on the label and on each group column, by name.

    Args:
        run_id: the run whose valued rows count.
        rows: bytes of the int64 row ids.
        action: relabelling changes classes only.
    """
    run = workspace().run(run_id)
    found, frame = the_results(run), table(run.dataset).frame
    columns = group_columns(frame, found.schema)
    if action == "relabel":
        columns = [name for name in columns if name == found.schema.label]
    ids = np.frombuffer(rows, dtype=np.int64)
    effects = {}
    for name in columns:
        own = name == found.schema.label
        groups = found.values["label"] if own else frame[name]
        effects[name] = effect_of_cut(groups.loc[found.order], ids)
    return effects


def _decide(
    found: Results, log: DecisionLog, rows: NDArray[np.int64], action: Action, note: str
) -> None:
    token = f"bulk-{uuid.uuid4().hex}"
    if action == "relabel":
        relabel_as_suggested(log, found, rows, note=note, token=token)
    else:
        log.decide(rows, action, note=note, reviewer=reviewer(), token=token)
    words = f"{style.count(len(rows), 'row')} {_DONE[action]}. Z undoes it."
    state.toasts = (*state.toasts, (words, ":material/check:"))


def show_toasts() -> None:
    """Say what a dialog has done, after it has closed."""
    waiting, state.toasts = state.toasts, ()
    for words, icon in waiting:
        st.toast(words, icon=icon)
