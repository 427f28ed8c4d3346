"""What the columns are: the label, the task, and every column's role and kind."""

from typing import get_args

import pandas as pd
import streamlit as st

from dvgs_core.data.schema import Kind, Role, Schema, Task
from dvgs_core.errors import InputError
from ui.profiles import PageProfile
from ui.state import keep, state

_NO_LABEL = "(no label)"
TASKS: dict[Task, str] = {
    "classification": "Classes: the label names one of a few classes",
    "regression": "A number: the label is a quantity",
    "reconstruction": "No label: rows should look like the target's rows",
}


def choose_label(roles: Schema) -> None:
    """Label and task; every change is remembered at once."""
    names = [_NO_LABEL, *(column.name for column in roles.columns)]
    left, right = st.columns(2)
    chosen = left.selectbox(
        "Label",
        names,
        index=names.index(roles.label) if roles.label else 0,
        help="The column to be predicted, whose wrong entries you want to find. Without one, rows "
        "are valued by how well they can be reconstructed.",
    )
    label = None if chosen == _NO_LABEL else chosen
    if label != roles.label:
        keep("schema", roles.with_label(label))
        st.rerun()
    if roles.label:
        options: list[Task] = ["classification", "regression"]
        task = right.selectbox(
            "What it is", options, index=options.index(roles.task), format_func=TASKS.__getitem__
        )
        if task != roles.task:
            keep("schema", roles.with_task(task))
            st.rerun()
    else:
        right.selectbox(
            "What it is", ["reconstruction"], format_func=TASKS.__getitem__, disabled=True
        )


def roles_table(roles: Schema, found: PageProfile) -> None:
    """Columns with their roles and kinds, to be corrected in place."""
    shown = found.columns.set_index("name")[
        ["role", "kind", "missing_share", "distinct", "examples", "note"]
    ]
    counts = found.bars.groupby("column", sort=False)["rows"].agg(list)
    shown.insert(2, "preview", counts.reindex(shown.index))
    changed = st.data_editor(
        shown,
        key=f"data.roles.{state.table_generation}",
        height="content" if len(shown) <= 16 else 600,
        column_order=_order(shown),
        column_config={
            "_index": st.column_config.TextColumn("column", disabled=True, width="medium"),
            "role": st.column_config.SelectboxColumn(
                "role",
                options=list(get_args(Role)),
                required=True,
                width="small",
                help="label: to be predicted. feature: learned from. id: only tells rows apart. "
                "group: rows that belong together. image: pictures. ignore: not used.",
            ),
            "kind": st.column_config.SelectboxColumn(
                "kind",
                options=list(get_args(Kind)),
                required=True,
                width="small",
                help="How a feature or label is read.",
            ),
            "preview": st.column_config.BarChartColumn(
                "distribution",
                y_min=0,
                width="small",
                color="#98A2B3",
                help="How many rows hold which values.",
            ),
            "missing_share": st.column_config.ProgressColumn(
                "missing", format="percent", min_value=0, max_value=1, width="small"
            ),
            "distinct": st.column_config.NumberColumn(
                "distinct", format="localized", disabled=True, width="small"
            ),
            "examples": st.column_config.TextColumn("examples", disabled=True, width="medium"),
            "note": st.column_config.TextColumn("why", disabled=True),
        },
    )
    _keep_roles(roles, shown, changed)


def _order(shown: pd.DataFrame) -> list[str]:
    """Columns of the table; why something is as it is before examples, where there is a why."""
    *first, examples, note = shown.columns
    return [*first, *([note] if shown[note].any() else []), examples]


def _keep_roles(roles: Schema, shown: pd.DataFrame, changed: pd.DataFrame) -> None:
    edited = (shown[["role", "kind"]] != changed[["role", "kind"]]).any(axis=1)
    if not edited.any():
        return
    try:
        for name in shown.index[edited]:
            new = changed.loc[name]
            if new["role"] == "label":
                roles = roles.with_label(name)
            else:
                roles = roles.with_role(name, new["role"], new["kind"])
        keep("schema", roles)
    except InputError as error:
        state.message = str(error)
    # the editor keeps its edits by position: a new key starts it from the corrected table
    state.table_generation += 1
    st.rerun()
