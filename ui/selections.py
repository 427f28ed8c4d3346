"""Named selections: rows put aside under a name, to be reviewed, added to or taken away later."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from ui import splits, style
from ui.state import Queue, QueueChoice, keep, kept, state, table, the_dataset_id

_KEPT = "selections"
LONGEST = 60


def names() -> list[str]:
    """The open dataset's selections, in the order in which they were made."""
    return list(kept(_KEPT, {}))


def rows_of(name: str) -> NDArray[np.int64]:
    """Row ids of a selection, ascending; none for one that is gone."""
    rows = len(table(the_dataset_id()).frame)
    return np.array(splits.row_ids(kept(_KEPT, {}).get(name, ""), rows), dtype=np.int64)


def save(name: str, rows: NDArray[np.int64]) -> int:
    """Put rows aside under a name, those it has already included; how many it has now."""
    together = np.union1d(rows_of(name), rows)
    keep(_KEPT, {**kept(_KEPT, {}), name: splits.row_text(tuple(together.tolist()))})
    return len(together)


def forget(name: str) -> None:
    """Forget a selection; its rows' decisions stay."""
    keep(_KEPT, {other: rows for other, rows in kept(_KEPT, {}).items() if other != name})


def popover(queue: Queue, choice: QueueChoice, selection: NDArray[np.int64]) -> None:
    """Put the selected rows, or the whole queue, aside under a name; take them along as CSV."""
    rows = selection if len(selection) > 1 else queue.rows
    with st.popover("Selections", icon=":material/bookmark:"):
        words = "selected rows" if len(selection) > 1 else "rows of this queue"
        st.markdown(f"**{style.count(len(rows), 'row')}**: the {words}")
        name = st.text_input(
            "Name", key="selections.name", max_chars=LONGEST, placeholder="such as: check with Ann"
        ).strip()
        there = name in names()
        if st.button(
            "Add to this selection" if there else "Put aside under this name",
            type="primary",
            icon=":material/bookmark_add:",
            disabled=not name or not len(rows),
            key="selections.save",
        ):
            count = save(name, rows)
            state.toasts = (
                *state.toasts,
                (f"{style.plain(name)}: {style.count(count, 'row')}", ":material/bookmark:"),
            )
            st.rerun()
        st.download_button(
            "These rows as CSV",
            partial(csv_of, table(the_dataset_id()).frame, rows),
            file_name="rows.csv",
            mime="text/csv",
            icon=":material/download:",
            disabled=not len(rows),
            on_click="ignore",
            key="selections.csv",
        )
        if choice.mode == "named" and st.button(
            f"Forget the selection {style.shortened(choice.named, 30)}",
            icon=":material/delete:",
            key="selections.forget",
        ):
            forget(choice.named)
            st.rerun()


def csv_of(frame: pd.DataFrame, rows: NDArray[np.int64]) -> bytes:
    """Rows in the order of their review, with their ids in front."""
    shown = frame.iloc[rows]
    name = "row" if "row" not in shown.columns else "row_id"
    return shown.rename_axis(name).to_csv(lineterminator="\n").encode()
