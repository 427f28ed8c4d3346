"""Views of the Data page: distributions, equal rows, what the network is fed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.schema import Labels, Schema
from dvgs_core.data.wording import number, percent
from ui import pictures, style
from ui.names import middle_out, told_apart
from ui.profiles import PageProfile, repeats_of
from ui.state import table, the_dataset_id
from ui.studies import Look, encoding_settings, look, waiting

_SHOWN = 200
_COLUMNS = 8
_INPUTS = 120
HOW = {
    "quantile": "by rank to a bell curve; a missing value becomes the median",
    "standard": "mean 0, standard deviation 1; a missing value becomes the median",
    "minmax": "to 0 … 1; a missing value becomes the median",
    "boolean": "0 or 1",
    "category": "one input a category; rare ones joined, missing a category of its own",
    "date": "year, month, day, weekday, hour and days gone by, as far as they vary",
    "text": "weights of its words (TF-IDF), reduced to a few numbers",
    "embedding": "mean 0, standard deviation 1",
    "pixel": "one scale for the whole picture",
}


def distributions_view(found: PageProfile) -> None:
    """Classes first, then a small picture of every column, then where cells are missing."""
    if len(found.classes):
        shown = found.classes.head(24).assign(group="rows")
        few = (
            f" · the 24 most frequent of {len(found.classes):,}" if len(found.classes) > 24 else ""
        )
        st.subheader(f"Classes{few}", anchor=False)
        st.html(pictures.class_bars(shown, first="rows"))
        largest, smallest = found.classes.iloc[0], found.classes.iloc[-1]
        st.caption(
            style.plain(
                f"The largest class, {middle_out(largest['name'], 40)}, has "
                f"{percent(largest['share'], 1)} of the labelled rows, the smallest, "
                f"{middle_out(smallest['name'], 40)}, {percent(smallest['share'], 1)}."
            )
        )
    st.subheader("Columns", anchor=False)
    st.html(pictures.multiples(found.bars, found.columns))
    gaps = found.columns[found.columns["missing"] > 0].sort_values(
        "missing", ascending=False, kind="stable"
    )
    st.subheader("Missing cells", anchor=False)
    if not len(gaps):
        st.caption("No cell is missing.")
        return
    whole = f"{style.count(len(gaps), 'column')} of {len(found.columns):,} have gaps"
    st.caption(f"{whole}{', the first 30 are shown' if len(gaps) > 30 else ''}.")
    st.html(pictures.gaps(gaps.head(30)))


def equal_rows_view(found: PageProfile, roles: Schema) -> None:
    """Rows that are the same, rows that disagree, rows that are nearly the same."""
    st.subheader("The same features", anchor=False)
    again = repeats_of(the_dataset_id(), roles.model_dump_json())
    if found.codes is None:
        st.caption("Rows cannot be compared: there are no features, or they hold lists.")
    elif not len(again):
        st.caption("No two rows have the same features.")
    else:
        _same_features(again, found, roles)
    st.subheader("Nearly the same", anchor=False)
    seen = look(the_dataset_id(), roles)
    if seen is None:
        st.caption("There are no features to compare rows by.")
    elif seen.near is None and not seen.not_searched:
        waiting(seen, "Comparing rows; this page goes on meanwhile.", part="near.npz")
    else:
        _nearly_same(seen, found, roles)


def _same_features(again: pd.DataFrame, found: PageProfile, roles: Schema) -> None:
    groups = int(again["group"].nunique())
    words = (
        f"{len(again):,} rows form {style.count(groups, 'group')} of equal rows; "
        f"{style.count(found.duplicates, 'row')} could go without losing a case."
    )
    if roles.label and found.conflicts:
        words += f" {found.conflicts:,} of them disagree with an equal row about the label."
    elif roles.label:
        words += " Equal rows agree about the label."
    st.caption(words)
    if found.conflicts and st.toggle(
        "Only groups that disagree", key="data.conflicts", persist_state="session"
    ):
        disagreeing = again.loc[again["conflict"], "group"].unique()
        again = again[again["group"].isin(disagreeing)]
    if len(again) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(again):,} rows.")
    again = again.head(_SHOWN)
    frame = _with_cells(again["row"].to_numpy(), roles)
    frame.insert(0, "group", again["group"].to_numpy() + 1)
    if roles.label:
        frame.insert(2, "labels differ", again["conflict"].to_numpy())
    st.dataframe(frame, hide_index=True, height=_height(frame))


def _nearly_same(seen: Look, found: PageProfile, roles: Schema) -> None:
    near = seen.near
    if near is None:
        st.caption(f"Not looked for: {seen.not_searched}.")
        return
    pairs, distances = near.pairs, near.distances
    if found.codes is not None:
        other = found.codes[pairs[:, 0]] != found.codes[pairs[:, 1]]
        pairs, distances = pairs[other], distances[other]
    if not len(pairs):
        st.caption("No rows are nearly the same without being equal.")
        return
    differ = _labels_differ(pairs, found.labels)
    words = (
        f"{style.count(len(pairs), 'pair')} of rows lie closer than {number(near.threshold)} "
        "in the encoded columns, 13 % of the usual distance to the nearest row."
    )
    if differ.any():
        words += f" In {style.count(int(differ.sum()), 'pair')} the labels differ."
    st.caption(words)
    if differ.any() and st.toggle(
        "Only pairs whose labels differ", key="data.near", persist_state="session"
    ):
        pairs, distances, differ = pairs[differ], distances[differ], differ[differ]
    if len(pairs) > _SHOWN // 2:
        st.caption(f"The nearest {_SHOWN // 2} of {len(pairs):,} pairs.")
    most = _SHOWN // 2
    pairs, distances, differ = pairs[:most], distances[:most], differ[:most]
    frame = _with_cells(pairs.ravel(), roles)
    frame.insert(0, "pair", np.repeat(np.arange(len(pairs)) + 1, 2))
    frame.insert(1, "distance", np.repeat(distances.astype(float), 2).round(4))
    if roles.label:
        frame.insert(3, "labels differ", np.repeat(differ, 2))
    st.dataframe(frame, hide_index=True, height=_height(frame))


def _labels_differ(pairs: NDArray[np.int64], labels: Labels | None) -> NDArray[np.bool_]:
    if labels is None:
        return np.zeros(len(pairs), bool)
    first, second = pairs.T
    known = ~labels.missing[first] & ~labels.missing[second]
    return known & (labels.y[first] != labels.y[second])


def _with_cells(rows: NDArray[np.int64], roles: Schema) -> pd.DataFrame:
    """Row id, label and the first features of some rows."""
    names = [name for name in (roles.label,) if name]
    names += [column.name for column in roles.features[:_COLUMNS]]
    frame = table(the_dataset_id()).frame[names].iloc[rows].reset_index(drop=True)
    taken = set(names)
    row = "row" if "row" not in taken else "row id"
    frame.insert(0, row, rows)
    return frame


def _height(frame: pd.DataFrame) -> int:
    return min(38 + 35 * len(frame), 360)


def network_view(found: PageProfile, roles: Schema) -> None:
    """What each column becomes, and the first rows as the network sees them."""
    seen = look(the_dataset_id(), roles)
    if seen is None:
        st.caption("No column is a feature: give at least one the role feature in Columns.")
        return
    if seen.encoding is None or seen.encoded is None:
        if seen.study.active:
            waiting(seen, "Encoding the columns …", part="encoded.npy")
            return
        st.error(style.plain(seen.study.message or "Not computed."), icon=":material/error:")
        if st.button("Try again", icon=":material/refresh:"):
            look(the_dataset_id(), roles, again=True)
            st.rerun()
        return
    inputs, columns = seen.encoding["inputs"], seen.encoding["columns"]
    _outcome(found, roles, inputs, len(columns))
    numeric = encoding_settings().numeric
    lines = [
        {
            "column": column["name"],
            "inputs": len(column["inputs"]),
            "becomes": HOW[numeric if column["how"] == "numeric" else column["how"]]
            if column["inputs"]
            else "nothing: it is the same in every row",
            "names": ", ".join(column["inputs"][:12])
            + (" …" if len(column["inputs"]) > 12 else ""),
        }
        for column in columns
    ]
    frame = pd.DataFrame(lines)
    st.dataframe(
        frame,
        hide_index=True,
        height=_height(frame),
        column_config={
            "column": st.column_config.TextColumn(width="medium"),
            "inputs": st.column_config.NumberColumn(width="small"),
            "becomes": st.column_config.TextColumn(width="large"),
            "names": st.column_config.TextColumn("names of the inputs", width="large"),
        },
    )
    names = [name for column in columns for name in column["inputs"]]
    places = [at for column in columns for at in column["at"]]
    rest = f", the first {_INPUTS} of {inputs:,} inputs" if inputs > _INPUTS else ""
    st.subheader("The first rows as the network sees them", anchor=False)
    st.caption(f"{len(seen.encoded)} rows{rest}.")
    shown = pd.DataFrame(seen.encoded[:, places[:_INPUTS]], columns=_distinct(names[:_INPUTS]))
    st.dataframe(
        shown,
        height=300,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f", width="small") for name in shown
        },
    )


def _first_names(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def _distinct(names: list[str]) -> list[str]:
    """Names for a table's head, each once."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _outcome(found: PageProfile, roles: Schema, inputs: int, columns: int) -> None:
    """Inputs and what is to come out, in one sentence."""
    start = f"{style.count(columns, 'column')} become {style.count(inputs, 'input')}"
    if roles.task == "classification" and found.labels is not None:
        short = told_apart(found.labels.names, 24)
        names = _first_names([short[str(name)] for name in found.labels.names], 6)
        end = f"the network answers with one of {len(found.labels.classes):,} classes ({names})"
    elif roles.task == "regression":
        end = f"the network answers with a number, {roles.label}"
    else:
        end = "the network answers with the same inputs again"
    st.caption(style.plain(f"{start}; {end}."))
