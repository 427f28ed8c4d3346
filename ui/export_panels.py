"""The Export page's parts: what can be taken away, the lines that do the same, the holdout."""

from functools import partial

import pandas as pd
import streamlit as st

from dvgs_core.data.wording import number
from dvgs_core.engine.holdout import has_holdout, holdout_job, read_scores
from dvgs_core.evaluation.scores import METRIC_NAMES
from dvgs_core.report.commands import clean_name, file_stem, truth_name
from dvgs_core.review import Damage, DecisionLog, Recipe
from dvgs_core.review.damage import PREFIX
from dvgs_core.review.frames import TEXT
from dvgs_core.store import Dataset, Run, Study
from ui import exports, style
from ui.dialogs import rerun_when_free
from ui.results import truth_of
from ui.state import widget, workspace

SAFE, DAMAGED = "export.safe", "export.damaged"
SAFE_HELP = (
    "In text files, puts an apostrophe before cells that a spreadsheet would run as a formula "
    "(they begin with = + - @ or a tab). This alters those cells, so leave it off unless the file "
    "will be opened in a spreadsheet. The recipe remembers it."
)


def damage_banner(current: Dataset, damage: Damage | None) -> bool:
    """Says where data was damaged on purpose; whether it may be exported."""
    if damage is None:
        return True
    if damage.original is None:  # else the frame says so on every page
        rows = ""
        if damage.rows:
            rows = f" ({damage.rows:,} of {style.count(current.rows, 'row')})"
        st.warning(
            f"**This data was damaged on purpose{rows}.** It is for seeing what is found; what is "
            "exported here is no cleaned data.",
            icon=":material/warning:",
        )
    return st.checkbox(
        "Export it all the same, though it is no cleaned data",
        key=f"{DAMAGED}.{current.id}",
        persist_state="session",
        help=f"File names then begin with {PREFIX}, and dvgs apply asks for --damaged.",
    )


def chosen_form(current: Dataset) -> str:
    """The ending of the cleaned file; and the box that makes it safe for spreadsheets."""
    forms = exports.forms(current)
    st.subheader("Cleaned data", anchor=False)
    form = st.radio(
        "Form", list(forms), format_func=forms.get, key="export.form", persist_state="session"
    )
    safe = st.checkbox(
        "Safe for spreadsheets (alters cells)", key=SAFE, persist_state="session", help=SAFE_HELP
    )
    if safe and form not in TEXT:
        st.caption(f"{form[1:]} files need no change: their text is never run as a formula.")
    return form


def wants_safe() -> bool:
    """Whether text files are to be made safe, before the box is drawn."""
    return bool(widget(SAFE, False))


def cleaned_file(current: Dataset, recipe: Recipe, form: str, allowed: bool) -> None:
    """The download of the cleaned data, or the line that says why there is none."""
    why = exports.refusal(current, recipe, form)
    if why:
        st.error(style.plain(why), icon=":material/error:")
    name = clean_name(recipe, form)
    if current.labels_path is not None and form == current.path.suffix.lower():
        name = clean_name(recipe, ".zip")
    st.download_button(
        "Download the damaged data" if recipe.damaged else "Download the cleaned data",
        partial(exports.cleaned, current, recipe, form),
        file_name=name,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="export.cleaned",
        disabled=bool(why) or not allowed,
    )


def records(
    current: Dataset, recipe: Recipe, log: DecisionLog, made_with: Run | None, form: str
) -> None:
    """Report, recipe, decisions and full table, and the files that the lines start from."""
    stem, safe = file_stem(recipe), recipe.spreadsheet_safe
    brought = current.name if current.labels_path is None else f"{stem}.original.zip"
    whole = exports.table_form(current, recipe, form)
    offers = [
        (
            "Report",
            partial(exports.report, workspace(), current, recipe, made_with),
            f"{stem}.report.html",
            ":material/description:",
            "One HTML file to read, send or print: data, target, method, values, what was removed, "
            "and how to do it again. It loads nothing from elsewhere.",
        ),
        (
            "Recipe",
            partial(exports.saved, recipe),
            "recipe.json",
            ":material/receipt_long:",
            "Everything needed to produce the cleaned data again from the original.",
        ),
        (
            "Decisions",
            partial(exports.decisions, log, safe),
            f"{stem}.decisions.csv",
            ":material/history:",
            "Who decided what, when and why, undone decisions included.",
        ),
        (
            "Full table",
            partial(exports.everything, workspace(), current, log, made_with, whole, safe),
            f"{stem}.valued{whole}",
            ":material/table:",
            f"All rows with their values and decisions, as {whole[1:]}.",
        ),
        (
            "Damaged copy" if recipe.damaged else "Original",
            partial(exports.original, current),
            brought,
            ":material/science:" if recipe.damaged else ":material/draft:",
            "The data that the lines below start from, byte for byte"
            + (": damaged on purpose, and not cleaned." if recipe.damaged else "."),
        ),
    ]
    if truth_of(current.id) is not None:
        offers.append(
            (
                "Truth",
                partial(exports.truth, workspace(), current),
                truth_name(recipe),
                ":material/star:",
                "Which rows are damaged, and how.",
            )
        )
    st.subheader("What was done", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for label, made, name, icon, words in offers:
            st.download_button(
                label,
                made,
                file_name=name,
                icon=icon,
                on_click="ignore",
                key=f"export.{label.lower().replace(' ', '_')}",
                help=words,
            )


def same_again(current: Dataset, recipe: Recipe, made_with: Run | None, form: str) -> None:
    """The command lines and the Python that do what this page does."""
    st.subheader("The same without this page", anchor=False)
    files = "the damaged copy, its truth" if recipe.damaged else "the original file"
    st.caption(f"In a folder that holds {files} and recipe.json.")
    command, python = exports.lines_of(current, recipe, made_with, form)
    for tab, lines, language in zip(
        st.tabs(["Command line", "Python"]), (command, python), ("bash", "python"), strict=True
    ):
        tab.code(lines, language=language, wrap_lines=True)


def holdout(current: Dataset, recipe: Recipe, made_with: Run | None) -> None:
    """Score of small networks before and after the decisions, on rows that took no part."""
    if made_with is None or made_with.active:
        return
    st.subheader("Before and after on the holdout", anchor=False)
    if not has_holdout(recipe):
        st.caption(
            "No rows were kept aside, so it cannot be measured what the decisions do to a model. "
            "Set a holdout size with the target and value the rows again."
        )
        if st.button("Choose a holdout", icon=":material/arrow_forward:"):
            st.switch_page("pages/target.py")
        return
    if not recipe.dropped and not recipe.relabelled:
        st.caption(
            "As soon as rows are dropped or relabelled, this says what that does to a model."
        )
        return
    job = holdout_job(recipe)
    assert job is not None
    study = exports.holdout_study(workspace(), current, recipe)
    if study is None or study.status in ("stopped", "interrupted"):
        study = workspace().request_study(current.id, "holdout", job)
    if study.active:
        _waiting(study)
    elif study.status == "done":
        _scores(study)
    else:
        st.error(style.plain(study.message), icon=":material/error:")
        if st.button("Try again", icon=":material/refresh:"):
            workspace().request_study(current.id, "holdout", job)
            st.rerun()


def _waiting(study: Study) -> None:
    # ticks only while something is missing: a tick that meets a click can swallow it
    @st.fragment(run_every=1.0)
    def tick() -> None:
        now = workspace().study(study.dataset, "holdout", study.job)
        if now is None or not now.active:
            rerun_when_free()
        st.caption(
            ":material/progress_activity: Training small networks on the source before and after "
            "the decisions; the report will hold their scores."
        )

    tick()


def _scores(study: Study) -> None:
    found = read_scores(study)
    assert found is not None
    st.markdown(f"**{style.plain(found.sentence)}**")
    name = METRIC_NAMES[found.metric]
    frame = pd.DataFrame(
        {"source": ["before", "after"], "rows": [found.rows_before, found.rows_after]}
    )
    sides = pd.DataFrame([found.before, found.after])
    frame[name], frame["± over seeds"] = sides.mean(axis=1), sides.std(axis=1)
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "rows": st.column_config.NumberColumn("rows", format="localized"),
            name: st.column_config.NumberColumn(name, format="%.3f"),
            "± over seeds": st.column_config.NumberColumn("± over seeds", format="%.3f"),
        },
    )
    touched = ""
    if found.decided_holdout:
        touched = (
            f" {style.count(found.decided_holdout, 'holdout row')} dropped or relabelled too: the "
            "holdout is scored as it came."
        )
    st.caption(f"The best constant answer has {number(found.uninformed, decimals=3)}.{touched}")
