"""What a choice of target gives, at once: numbers, warnings, classes, rows in common, rows."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.schema import Schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.data.wording import number, percent
from dvgs_core.engine.job import Job
from dvgs_core.report.commands import value_line
from dvgs_core.review import make_recipe
from ui import pictures, style
from ui.components import counts_line
from ui.coverage import FEW_ROWS, near_leaks
from ui.decisions import decision_log
from ui.names import told_apart
from ui.profiles import profile_of
from ui.sensitivity import sensitivity_view
from ui.splits import Preview
from ui.state import table, the_dataset_id, workspace
from ui.studies import encoding_settings, look, waiting
from ui.terminal import with_dvgs

VIEWS = {
    "classes": "Classes",
    "common": "In common",
    "rows": "Rows",
    "other": "Another target?",
    "line": "Command",
}
_SHOWN = 100
_COLUMNS = 8
_RANGES = 30


def show(found: Preview, roles: Schema, chosen: SplitSettings, target_dataset: str | None) -> None:
    """Counts and warnings, then the view that is chosen."""
    counts_line(
        {
            "target row": found.target,
            "source row": found.source,
            "holdout row": found.holdout,
            "unused row": found.unused,
        }
    )
    if found.both:
        st.caption(f"{found.both:,} rows are target in one turn and valued in another.")
    if chosen.balance_by:
        _groups(found, chosen.balance_by)
    _warnings(found)
    view = st.segmented_control(
        "View",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="classes",
        required=True,
        key="target.view",
        label_visibility="collapsed",
        wrap=True,
        persist_state="session",
    )
    match view:
        case "classes":
            _classes(found, roles)
        case "common":
            _in_common(found, roles)
        case "rows":
            _rows(found)
        case "other":
            sensitivity_view(roles, chosen, target_dataset)
        case "line":
            _line(roles, chosen, target_dataset)


def _said(found: Preview, sentence: str) -> str:
    """A sentence about the first turn, where there are several."""
    return f"First turn: {sentence}" if found.turns > 1 else sentence[0].upper() + sentence[1:]


def _groups(found: Preview, column: str) -> None:
    """How many rows each group of a balanced target has, and which groups had too few."""
    cells = table(the_dataset_id()).frame[column].iloc[found.target_rows]
    counts = cells.astype(object).where(cells.notna(), "(missing)").astype(str).value_counts()
    most = int(counts.max())
    full, short = counts[counts >= most - 1], counts[counts < most - 1]
    each = style.count(most, "row") if full.min() == most else f"{most - 1:,} or {most:,} rows"
    groups = f"each of {len(full):,} groups" if len(full) > 1 else "the largest group"
    st.caption(f"{each} from {groups} of {style.shortened(column, 40)}")
    if len(short):
        near = told_apart(short.index[:4], 28)
        names = ", ".join(f"{near[name]} ({short[name]:,})" for name in short.index[:4])
        more = f" and {len(short) - 4:,} more groups" if len(short) > 4 else ""
        _warn(
            f"Groups with fewer rows give all they have: {names}{more}. Up to "
            f"{len(counts) * counts.min():,} rows in all, each group gives as many."
        )


def _warnings(found: Preview) -> None:
    """What to know before going on; nothing where all is well."""
    target = found.shares[found.shares["group"] == "target"]
    absent = target[target["few"] & (target["rows"] == 0)]
    few = target[target["few"] & (target["rows"] > 0)]
    short = told_apart(target["name"], 28)
    if len(absent):
        names = _listed([short[name] for name in absent["name"]])
        _warn(f"The target has no row of {names}: such rows will look harmful.")
    if len(few):
        names = _listed([f"{short[line.name]} ({line.rows})" for line in few.itertuples()])
        _warn(
            f"The target has fewer than {FEW_ROWS} rows of {names}: values of such rows rest "
            "on very few examples."
        )
    leaks = found.leaks
    if leaks.differ.any():
        _warn(
            _said(
                found,
                f"{_equal(int(leaks.differ.sum()))} a target row but for the label: one of the two "
                "is wrong, or the features do not tell. See In common.",
            )
        )


def _equal(rows: int, of: str = "") -> str:
    return f"{style.count(rows, 'source row')}{of} equal{'s' if rows == 1 else ''}"


def _warn(text: str) -> None:
    st.warning(style.plain(text), icon=":material/warning:")


def _listed(classes: list[str]) -> str:
    """The first classes, and how many there are besides."""
    more = f" and {len(classes) - 4:,} more classes" if len(classes) > 4 else ""
    return ", ".join(classes[:4]) + more


def _classes(found: Preview, roles: Schema) -> None:
    """Target against source, class by class."""
    shares = found.shares
    if not len(shares):
        st.caption(
            "Without a label there are no classes to compare: values will say how much a row looks "
            "like the target's rows."
        )
        return
    if roles.task == "regression":
        st.caption(style.plain(f"Tenths of {roles.label}, lowest first."))
    else:  # what is too small stands first, where nobody has to scroll for it
        shares = shares.sort_values("few", ascending=False, kind="stable")
    st.html(pictures.class_bars(shares, first="target", second="source"))
    wide = shares.pivot(index="name", columns="group", values="share")
    apart = float((wide["target"] - wide["source"]).abs().sum() / 2)
    if apart < 0.02:
        st.caption(_said(found, "the target has the classes in the source's proportion."))
    else:
        words = (
            f"the target's classes differ from the source's: {percent(apart, 1)} of it "
            "would have to be of another class to be in proportion."
        )
        st.caption(_said(found, words))


def _in_common(found: Preview, roles: Schema) -> None:
    """Rows of the source that the target knows already."""
    leaks = found.leaks
    if not leaks.compared:
        st.caption("Rows cannot be compared: there are no features, or they hold lists.")
        return
    if found.both:
        st.caption(
            f"{found.both:,} rows take both parts, but never in one turn: no row is compared with "
            "itself."
        )
    elif not len(leaks.rows):
        st.caption("No row is in both, and no source row equals a target row.")
    if len(leaks.rows):
        words = (
            f"{_equal(len(leaks.rows), f' of {len(found.source_rows):,}')} a target row in all "
            "features"
        )
        if roles.label:
            differ = int(leaks.differ.sum())
            words += (
                f", {f'{differ:,}' if differ else 'none'} of them with another label. Equal rows "
                "with the same label look helpful, with another one harmful, whatever else there is"
            )
        st.caption(_said(found, f"{words}."))
    elif found.both:
        st.caption(_said(found, "no source row equals a target row."))
    lines = [("equal", row, twin) for row, twin in zip(leaks.rows, leaks.twins, strict=True)]
    seen = look(the_dataset_id(), roles)
    if seen is not None and seen.near is not None:
        codes = profile_of(the_dataset_id(), roles).codes
        n = len(table(the_dataset_id()).frame)
        across = near_leaks(seen.near.pairs, codes, found.target_rows, found.source_rows, n)
        st.caption(
            f"Pairs of a source and a target row that are nearly the same: {len(across):,} (closer "
            f"than {number(seen.near.threshold)} in the encoded columns)."
        )
        lines += [("nearly", row, twin) for row, twin in across.tolist()]
    elif seen is not None and seen.not_searched:
        st.caption(f"Nearly equal rows were not looked for: {seen.not_searched}.")
    elif seen is not None:
        waiting(seen, "Looking for rows that are nearly the same …", part="near.npz")
    if lines:
        _pairs(lines[:_SHOWN], len(lines), roles)


def _pairs(lines: list[tuple[str, int, int]], total: int, roles: Schema) -> None:
    frame = table(the_dataset_id()).frame
    shown = pd.DataFrame(lines, columns=["how", "source row", "target row"])
    here = shown["target row"] < len(frame)
    if roles.label:
        cells = frame[roles.label].astype(object)
        shown["source label"] = cells.iloc[shown["source row"]].astype(str).to_numpy()
        shown["target label"] = "(in the file)"
        known = shown.loc[here, "target row"]
        shown.loc[here, "target label"] = cells.iloc[known].astype(str).to_numpy()
    for column in roles.features[:_COLUMNS]:
        name = column.name if column.name not in shown else f"{column.name} "
        shown[name] = frame[column.name].iloc[shown["source row"]].to_numpy()
    if total > len(lines):
        st.caption(f"The first {len(lines)} of {total:,}.")
    st.dataframe(shown, hide_index=True, height=min(38 + 35 * len(shown), 330))


def _rows(found: Preview) -> None:
    if not len(found.target_rows):
        st.caption("All target rows come from the file.")
        return
    shown = found.target_rows[:_SHOWN]
    of = f"the first {len(shown)} of " if len(shown) < len(found.target_rows) else ""
    st.caption(f"Target rows, {of}{len(found.target_rows):,}")
    st.dataframe(table(the_dataset_id()).frame.iloc[shown], height=380)


def _line(roles: Schema, chosen: SplitSettings, target_dataset: str | None) -> None:
    """The command that values the same rows with the same target."""
    if chosen.target_rows:
        query = rows_query(np.asarray(chosen.target_rows))
        if query is None:
            st.caption(
                "These rows were chosen one by one, in too many pieces for a line. A run keeps "
                "them, and its recipe on the Export page says which they are."
            )
            return
        chosen = chosen.model_copy(update={"target_rows": (), "target_query": query})
    job = Job(columns=roles, encoding=encoding_settings(), split=chosen, seed=chosen.seed)
    file = None if target_dataset is None else table(target_dataset).name
    st.caption("The same rows and target, valued from a terminal:")
    line = _command(the_dataset_id(), job.model_dump_json(), file)
    st.code(with_dvgs(line), language="bash", wrap_lines=True)


@st.cache_data(max_entries=16, show_spinner=False)
def _command(dataset_id: str, job_json: str, file: str | None) -> str:
    job = Job.model_validate_json(job_json)
    current = workspace().dataset(dataset_id)
    recipe = make_recipe(current, decision_log(dataset_id), label=job.columns.label)
    asked = recipe.model_copy(update={"job": job.model_dump(mode="json")})
    return value_line(asked, table(dataset_id), file) or ""


def rows_query(rows: NDArray[np.int64]) -> str | None:
    """Row ids as a query; None where it would be too long to read."""
    ids = np.unique(rows)
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    if len(runs) > _RANGES:
        return None
    return " or ".join(
        f"index == {run[0]}" if len(run) == 1 else f"{run[0]} <= index <= {run[-1]}" for run in runs
    )
