"""The Export page's downloads, and what the decisions do to each class."""

from functools import partial
from pathlib import Path

import streamlit as st

from dvgs_core.data.schema import read_labels
from dvgs_core.engine.job import Job
from ui import exports, style
from ui.state import table, workspace


def files(current, recipe, log, made_with) -> None:
    """A download each; its bytes are made when its button is pressed."""
    st.subheader("Cleaned data", anchor=False)
    forms = exports.forms(current)
    form = st.radio(
        "Form", list(forms), format_func=forms.get, key="export.form", persist_state="session"
    )
    safe = form in (".csv", ".tsv", ".txt") and st.checkbox(
        "Safe for spreadsheets",
        key="export.safe",
        help="Puts an apostrophe before cells that a spreadsheet would run as a formula. This "
        "alters those cells; leave it off unless the file will be opened in a spreadsheet.",
    )
    stem = Path(current.name).stem
    name = f"{stem}.clean{form}"
    shown = f"{stem}.clean.zip" if current.labels_path is not None else name
    st.download_button(
        "Download the cleaned data",
        partial(exports.cleaned, current, recipe, name, safe),
        file_name=shown,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="export.cleaned",
    )
    st.subheader("What was done", anchor=False)
    one, two, three = st.columns(3)
    one.download_button(
        "Recipe",
        partial(exports.saved, recipe),
        file_name="recipe.json",
        on_click="ignore",
        mime="application/json",
        icon=":material/receipt_long:",
        width="stretch",
        key="export.recipe",
        help="Everything needed to produce the cleaned data again.",
    )
    two.download_button(
        "Decisions",
        partial(exports.decisions, log),
        file_name=f"{stem}.decisions.csv",
        mime="text/csv",
        icon=":material/history:",
        on_click="ignore",
        width="stretch",
        key="export.decisions",
        help="Who decided what, when and why, undone decisions included.",
    )
    three.download_button(
        "Full table",
        partial(exports.everything, workspace(), current, log, made_with),
        file_name=f"{stem}.valued.parquet",
        icon=":material/table:",
        on_click="ignore",
        width="stretch",
        key="export.full",
        help="All rows with their values and decisions.",
    )
    st.subheader("The same from the command line", anchor=False)
    lines = []
    if made_with is not None:
        job = Job.model_validate(made_with.job)
        if not job.target_dataset and not job.split.target_rows:
            lines.append(exports.value_line(current, job, table(current.id)))
    safe_flag = " --spreadsheet-safe" if safe else ""
    st.code(
        "\n".join([*lines, exports.apply_line(current, name) + safe_flag]),
        language="bash",
        wrap_lines=True,
    )


def effect(current, roles, decided) -> None:
    """What happens to each class, the largest loss first."""
    labels = read_labels(table(current.id).frame, roles)
    frame = exports.effect(exports.label_texts(labels), decided)
    st.subheader("Effect on each class", anchor=False)
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(frame) <= 12 else 420,
        column_config={
            "label": st.column_config.TextColumn("label", width="small"),
            "before": st.column_config.NumberColumn("before", format="localized"),
            "dropped": st.column_config.NumberColumn("dropped", format="localized"),
            "relabelled_away": st.column_config.NumberColumn("relabelled", format="localized"),
            "relabelled_to": st.column_config.NumberColumn("gained", format="localized"),
            "after": st.column_config.NumberColumn("after", format="localized"),
            "change": st.column_config.NumberColumn("change", format="percent"),
        },
    )
    worst = frame.iloc[0]
    overall = 1 - frame["after"].sum() / max(frame["before"].sum(), 1)
    if len(frame) > 1 and worst["change"] < -max(2 * overall, 0.05):
        st.warning(
            style.plain(
                f"{worst['label']} loses {-worst['change']:.1%} of its rows, all classes "
                f"together {overall:.1%}. Look at its decisions again."
            ),
            icon=":material/warning:",
        )
