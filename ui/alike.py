"""The rows most like the one under review: nearest target and source rows, copies, near-copies."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.engine.look import NEAR_SHARE
from dvgs_core.neighbours.one_row import RowSearch
from ui import row_pictures, style
from ui.jobs import RunFiles
from ui.names import told_apart
from ui.pictures_of_rows import picture_address
from ui.results import Results, the_results
from ui.state import the_run, workspace

_SHOWN = 3
_LISTED = 12
_MANY = 200_000


@dataclass(frozen=True, eq=False)
class Alike:
    """Rows like one row.

    Attributes:
        target, source: nearest rows of each role, itself left out: columns row, label, distance,
            value; nearest first.
        copies: ids of rows with the same features.
        near: ids of other rows nearly the same, nearest first.
    """

    target: pd.DataFrame
    source: pd.DataFrame
    copies: NDArray[np.int64]
    near: NDArray[np.int64]


@st.cache_resource(max_entries=2, show_spinner=False)
def _search(run_id: int) -> tuple[RowSearch, float] | None:
    """The run's encoded rows, and how far apart near-copies may be."""
    encoded = RunFiles(workspace().run(run_id).directory).array("encoded")
    if encoded is None:
        return None
    search = RowSearch.of(encoded)
    sampled = 64 if len(encoded) <= _MANY else 16  # each costs a pass over all rows
    return search, NEAR_SHARE * search.usual_nearest(sampled)


@st.cache_resource(max_entries=64, show_spinner=False)
def alike(run_id: int, row: int) -> Alike | None:
    """Rows like one row; None for runs that did not keep their encoded rows."""
    found, prepared = the_results(workspace().run(run_id)), _search(run_id)
    if prepared is None:
        return None
    search, threshold = prepared
    nearest = {}
    for role in ("target", "source"):
        places, apart = search.nearest(row, _SHOWN, found.members[role])
        lines = found.values.iloc[places]
        nearest[role] = pd.DataFrame(
            {
                "row": places,
                "label": lines["label"].to_numpy(),
                "distance": apart,
                "value": lines["value"].to_numpy(),
            }
        )
    close, apart = search.within(row, threshold)
    return Alike(nearest["target"], nearest["source"], close[apart == 0], close[apart > 0])


def show(found: Results, row: int) -> None:
    """Nearest rows with labels and distances, then copies and near-copies."""
    run_id = the_run().id
    rows = alike(run_id, row)
    if rows is None:
        return
    own = found.values.at[row, "label"]
    if rows.target["row"].tolist() == rows.source["row"].tolist():
        parts = {"Nearest rows, target and source in turn": rows.target}
    else:
        parts = {"Nearest target rows": rows.target, "Nearest source rows": rows.source}
    short = told_apart(found.labels.names, 22)
    there = {
        words: _shown(run_id, lines, own, short) for words, lines in parts.items() if len(lines)
    }
    if there:
        st.html("".join(row_pictures.alike(words, frame) for words, frame in there.items()))
    _copies(found, rows, own)


def _shown(run_id: int, lines: pd.DataFrame, own: object, short: dict[str, str]) -> pd.DataFrame:
    """What `row_pictures.alike` takes."""
    labels = lines["label"].tolist()
    return pd.DataFrame(
        {
            "row": lines["row"],
            "label": [short.get(one, one) if isinstance(one, str) else "" for one in labels],
            "same": [one == own for one in labels],
            "distance": lines["distance"],
            "picture": [picture_address(run_id, int(row)) for row in lines["row"]],
        }
    )


def _copies(found: Results, rows: Alike, own: object) -> None:
    """Copies and near-copies by id; how many of them have another label."""
    parts = []
    for ids, words in ((rows.copies, "the same features"), (rows.near, "nearly the same features")):
        if not len(ids):
            continue
        labels = found.values["label"].iloc[ids]
        other = int((labels.notna() & (labels != own)).sum()) if isinstance(own, str) else 0
        names = ", ".join(f"#{row}" for row in ids[:_LISTED].tolist())
        more = f" and {len(ids) - _LISTED:,} more" if len(ids) > _LISTED else ""
        text = f"{style.count(len(ids), 'other row')} with {words}: {names}{more}"
        if other:
            text += f" · :violet[**{other:,} with another label**]"
        parts.append(text)
    for part in parts:
        st.caption(part)
