"""What the Export page offers, as bytes; each made when its button is pressed."""

import io
import shlex
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import streamlit as st

from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.table import Table
from dvgs_core.engine.curves import curve_job
from dvgs_core.engine.holdout import holdout_job, read_scores
from dvgs_core.engine.job import Job
from dvgs_core.errors import InputError
from dvgs_core.report import gather, report_html
from dvgs_core.report.commands import (
    clean_name,
    command_lines,
    python_lines,
    valuation_words,
)
from dvgs_core.report.commands import value_line as line_of_recipe
from dvgs_core.report.content import BEING_MEASURED, NOT_MEASURED, NOTHING_DECIDED
from dvgs_core.review import (
    DecisionLog,
    Recipe,
    apply_recipe,
    check_frame,
    decision_log,
    full_table,
    make_recipe,
    write_frame,
)
from dvgs_core.review.edits import edits_of
from dvgs_core.review.effect import class_effect, group_effect, label_texts
from dvgs_core.review.frames import TEXT, edited
from dvgs_core.store import Dataset, Run, Study, Workspace
from ui.results import truth_of
from ui.state import table, workspace
from ui.terminal import with_dvgs, with_python

#: Forms in which any table can be written.
_TABLES = (*TEXT, ".parquet", ".xlsx")


def recipe_of(
    dataset: Dataset, log: DecisionLog, label: str | None, run: Run | None, safe: bool = False
) -> Recipe:
    """The recipe of the decisions in effect; its label is the run's, where there is a run."""
    if run is not None:
        label = Job.model_validate(run.job).columns.label
    return make_recipe(dataset, log, label=label, run=run, spreadsheet_safe=safe)


def roles_of(run: Run | None, roles: Schema) -> Schema:
    """The roles that the rows were valued with; without a run those of now."""
    return roles if run is None else Job.model_validate(run.job).columns


def cleaned(dataset: Dataset, recipe: Recipe, ending: str) -> bytes:
    """The cleaned data, exactly as `dvgs apply` writes it; a zip for embeddings with labels.

    Raises:
        InputError: the form cannot hold the data.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = apply_recipe(
            recipe,
            dataset.path,
            Path(folder) / clean_name(recipe, ending),
            dataset.labels_path,
            damaged=recipe.damaged,
        )
        if len(paths) == 1:
            return paths[0].read_bytes()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path in paths:
                # a fixed time, so that the same decisions give the same bytes
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
        return buffer.getvalue()


def everything(
    space: Workspace, dataset: Dataset, log: DecisionLog, run: Run | None, ending: str, safe: bool
) -> bytes:
    """The whole table with values and decisions."""
    whole = full_table(space.load_table(dataset.id), values_of(run), log.current())
    return _written(whole, f"table{ending}", safe)


def values_of(run: Run | None) -> pd.DataFrame | None:
    """values.parquet of a run that has one."""
    path = None if run is None else run.directory / "values.parquet"
    return pd.read_parquet(path) if path is not None and path.exists() else None


def decisions(log: DecisionLog, safe: bool) -> bytes:
    """Every decision, undo and redo, as CSV."""
    return _written(decision_log(log), "log.csv", safe)


def saved(recipe: Recipe) -> bytes:
    """recipe.json."""
    return recipe.text().encode()


def original(dataset: Dataset) -> bytes:
    """The data as they were brought, byte for byte; a zip for embeddings with labels."""
    if dataset.labels_path is None:
        return dataset.path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.write(dataset.path, dataset.name)
        archive.write(dataset.labels_path, dataset.labels_path.name)
    return buffer.getvalue()


def truth(space: Workspace, dataset: Dataset) -> bytes:
    """Which rows are damaged, where that is known, as Parquet."""
    frame = space.truth(dataset.id)
    assert frame is not None
    return _written(frame, "truth.parquet", False)


def report(space: Workspace, dataset: Dataset, recipe: Recipe, run: Run | None) -> bytes:
    """The report as one HTML file."""
    study = holdout_study(space, dataset, recipe)
    target = None
    if run is not None and (other := run.job.get("target_dataset")):
        target = space.load_table(other)
    content = gather(
        recipe,
        space.load_table(dataset.id),
        values=values_of(run),
        truth=space.truth(dataset.id),
        curve=None if run is None else _curve(space, run),
        scores=None if study is None else read_scores(study),
        target=target,
        no_scores=_why_no_scores(study, recipe),
    )
    return report_html(content).encode()


def _why_no_scores(study: Study | None, recipe: Recipe) -> str:
    if not recipe.dropped and not recipe.relabelled:
        return NOTHING_DECIDED
    return BEING_MEASURED if study is not None and study.active else NOT_MEASURED


def _curve(space: Workspace, run: Run) -> pd.DataFrame | None:
    """The newest filtering curves that were drawn whole from this run's values."""
    study = _drawn(space, run)
    if study is None:
        return None
    points = pd.read_parquet(study.directory / "points.parquet")
    points.attrs["settings"] = study.job["settings"]
    return points


def _drawn(space: Workspace, run: Run) -> Study | None:
    if not (run.directory / "values.parquet").exists():
        return None
    asked = curve_job(run, {})
    for study in space.studies(run.dataset, "curve"):
        same = all(study.job[name] == asked[name] for name in ("version", "run", "values"))
        if same and study.status == "done":
            return study
    return None


def _written(frame: pd.DataFrame, name: str, safe: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_frame(frame, path, spreadsheet_safe=safe)
        return path.read_bytes()


def forms(dataset: Dataset) -> dict[str, str]:
    """File endings to offer, the original's own first, with what they keep."""
    own = dataset.path.suffix.lower()
    words = {own: f"{own[1:]}, as the original: every untouched cell keeps its exact form"}
    for ending, word in ((".csv", "csv"), (".parquet", "parquet"), (".xlsx", "xlsx")):
        words.setdefault(ending, word)
    return words


def refusal(dataset: Dataset, recipe: Recipe, ending: str) -> str:
    """Why the cleaned data cannot be written in a form, in one line; "" if it can.

    A download is made outside of the page, where no line can be shown, so it is tried beforehand.
    """
    return _refusal(dataset.id, recipe.digest, ending, recipe, dataset)


def table_form(dataset: Dataset, recipe: Recipe, ending: str) -> str:
    """The form of the whole table: that of the cleaned data where it can hold one."""
    forms = [form for form in (ending, ".parquet") if form in _TABLES]
    return next((form for form in forms if not refusal(dataset, recipe, form)), ".csv")


@st.cache_data(max_entries=32, show_spinner=False)
def _refusal(dataset_id: str, digest: str, ending: str, _recipe: Recipe, _dataset: Dataset) -> str:
    known = table(dataset_id)
    try:
        edits = edits_of(_recipe, known.frame)
        if ending != _dataset.path.suffix.lower():
            frame = edited(known.frame, edits)
            check_frame(frame, f"x{ending}", embedding_columns=known.embedding_columns)
    except InputError as error:
        return str(error)
    return ""


def lines_of(dataset: Dataset, recipe: Recipe, run: Run | None, ending: str) -> tuple[str, str]:
    """The command lines, and the Python, that do what the page does."""
    name = _target_name(run)
    out = clean_name(recipe, ending)
    curve = None if run is None else _drawn(workspace(), run)
    lines = command_lines(
        recipe,
        None if run is None else _value_line(dataset.id, run.id, name, recipe),
        out,
        target_name=name,
        curve=None if curve is None else curve.job["settings"],
        truth=truth_of(dataset.id) is not None,
    )
    return with_dvgs("\n".join(lines)), with_python(python_lines(recipe, out, name))


def value_line(dataset: Dataset, job: Job, known: Table) -> str:
    """The command that values a dataset, but for target rows that were chosen one by one."""
    labels = [] if dataset.labels_path is None else ["--labels", dataset.labels_path.name]
    words = ["dvgs", "value", dataset.name, *labels, *valuation_words(job, known)]
    return shlex.join([*words, "--out", "values.parquet"])


def _target_name(run: Run | None) -> str | None:
    other = None if run is None else run.job.get("target_dataset")
    try:
        return workspace().dataset(other).name if other else None
    except InputError:  # deleted; the line then lacks it, and says so when it is run
        return None


@st.cache_data(max_entries=16, show_spinner=False)
def _value_line(dataset_id: str, run_id: int, target: str | None, _recipe: Recipe) -> str | None:
    return line_of_recipe(_recipe, table(dataset_id), target)


@st.cache_resource(max_entries=4, show_spinner=False)
def _labels(dataset_id: str, roles: str) -> pd.Series:
    return label_texts(read_labels(table(dataset_id).frame, Schema.model_validate_json(roles)))


def by_class(dataset: Dataset, roles: Schema, recipe: Recipe) -> pd.DataFrame | None:
    """What the decisions do to each class, or None without classes."""
    if roles.task != "classification":
        return None
    return _by_class(dataset.id, roles.model_dump_json(), recipe.digest, recipe)


@st.cache_data(max_entries=8, show_spinner=False)
def _by_class(dataset_id: str, roles: str, digest: str, _recipe: Recipe) -> pd.DataFrame:
    return class_effect(_labels(dataset_id, roles), _recipe.dropped, _recipe.relabelled)


def by_group(dataset: Dataset, roles: Schema, recipe: Recipe) -> dict[str, pd.DataFrame]:
    """What dropping rows takes from each group, by column."""
    return _by_group(dataset.id, roles.model_dump_json(), recipe.digest, recipe)


@st.cache_data(max_entries=8, show_spinner="Counting each group …")
def _by_group(dataset_id: str, roles: str, digest: str, _recipe: Recipe) -> dict[str, pd.DataFrame]:
    frame = table(dataset_id).frame
    return group_effect(frame, Schema.model_validate_json(roles), _recipe.dropped)


def holdout_study(space: Workspace, dataset: Dataset, recipe: Recipe) -> Study | None:
    """The comparison on the holdout for exactly these decisions, if it was asked for."""
    job = holdout_job(recipe)
    return None if job is None else space.study(dataset.id, "holdout", job)
