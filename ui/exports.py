"""What the Export page offers, as bytes; each made when its button is pressed."""

import io
import shlex
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from dvgs_core.data.schema import Labels, infer_schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.data.table import Table
from dvgs_core.engine.job import Job
from dvgs_core.methods import entry
from dvgs_core.review import (
    DecisionLog,
    Recipe,
    apply_recipe,
    decision_log,
    full_table,
    make_recipe,
    write_frame,
)
from dvgs_core.settings import fields
from dvgs_core.store import Dataset, Run, Workspace


def recipe_of(dataset: Dataset, log: DecisionLog, label: str | None, run: Run | None) -> Recipe:
    """The recipe of the decisions in effect."""
    return make_recipe(dataset, log, label=label, run=run)


def cleaned(dataset: Dataset, recipe: Recipe, name: str, spreadsheet_safe: bool) -> bytes:
    """The cleaned data, exactly as `dvgs apply` writes it; a zip for embeddings with labels.

    Raises:
        InputError: the form cannot hold the data.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = apply_recipe(
            recipe,
            dataset.path,
            Path(folder) / name,
            dataset.labels_path,
            spreadsheet_safe=spreadsheet_safe,
        )
        if len(paths) == 1:
            return paths[0].read_bytes()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path in paths:
                # a fixed time, so that the same decisions give the same bytes
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
        return buffer.getvalue()


def everything(workspace: Workspace, dataset: Dataset, log: DecisionLog, run: Run | None) -> bytes:
    """The whole table with values and decisions, as Parquet."""
    path = None if run is None else run.directory / "values.parquet"
    values = pd.read_parquet(path) if path is not None and path.exists() else None
    return _written(full_table(workspace.load_table(dataset.id), values, log.current()))


def decisions(log: DecisionLog) -> bytes:
    """Every decision, undo and redo, as CSV."""
    return _written(decision_log(log), "log.csv")


def _written(frame: pd.DataFrame, name: str = "table.parquet") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_frame(frame, path)
        return path.read_bytes()


def saved(recipe: Recipe) -> bytes:
    """recipe.json."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.json"
        recipe.save(path)
        return path.read_bytes()


def forms(dataset: Dataset) -> dict[str, str]:
    """File endings to offer, the original's own first, with what they keep."""
    own = dataset.path.suffix.lower()
    words = {own: f"{own[1:]}, as the original: every untouched cell keeps its exact form"}
    for ending, word in ((".csv", "csv"), (".parquet", "parquet"), (".xlsx", "xlsx")):
        words.setdefault(ending, word)
    return words


def apply_line(dataset: Dataset, out: str) -> str:
    """The command that gives the same cleaned file."""
    parts = ["dvgs", "apply", "recipe.json", dataset.name]
    if dataset.labels_path is not None:
        parts += ["--labels", f"labels{dataset.labels_path.suffix}"]
    return shlex.join([*parts, "--out", out])


def value_line(dataset: Dataset, job: Job, table: Table) -> str:
    """The command that computes the same values."""
    parts = ["dvgs", "value", dataset.name]
    if dataset.labels_path is not None:
        parts += ["--labels", f"labels{dataset.labels_path.suffix}"]
    label = job.columns.label
    parts += [] if label is None else ["--label", label]
    inferred = infer_schema(table, label) if label else infer_schema(table).with_label(None)
    for column, guess in zip(job.columns.columns, inferred.columns, strict=True):
        if (column.role, column.kind) != (guess.role, guess.kind):
            parts += ["--role", f"{column.name}={column.role}:{column.kind}"]
    if job.columns.task != inferred.task:
        parts += ["--task", job.columns.task]
    defaults = SplitSettings()
    for setting in fields(SplitSettings):
        value = getattr(job.split, setting.name)
        if setting.name in ("seed", "target_rows", "stratify") or value is None:
            continue
        if value != getattr(defaults, setting.name):
            parts += [f"--{setting.name.replace('_', '-')}", _plain(value)]
    if job.encoding.numeric != "quantile":
        parts += ["--numeric", job.encoding.numeric]
    parts += ["--method", job.method]
    for setting in fields(entry(job.method).settings):
        value = job.settings.get(setting.name, setting.default)
        if value != setting.default:
            parts += ["--set", f"{setting.name}={'' if value is None else _plain(value)}"]
    return shlex.join([*parts, "--seed", str(job.seed), "--out", "values.parquet"])


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def label_texts(labels: Labels) -> pd.Series:
    """Label of each row as text, by row id; rows without one are left out."""
    rows = np.flatnonzero(~labels.missing)
    return pd.Series(np.array(labels.names, dtype=object)[labels.y[rows]], index=rows)


def effect(labels: pd.Series, current: pd.DataFrame) -> pd.DataFrame:
    """What the decisions do to each class.

    Args:
        labels: (n,) label of each row of the data, as text, by row id.
        current: from `DecisionLog.current`.

    Returns:
        Columns label, before, dropped, relabelled_away, relabelled_to, after, change (share of
        before), largest loss first.
    """
    before = labels.value_counts()
    by_row = current.set_index("row")
    dropped = labels.reindex(by_row.index[by_row["decision"] == "drop"]).value_counts()
    moved = by_row[by_row["decision"] == "relabel"]
    away = labels.reindex(moved.index).value_counts()
    to = moved["label"].astype(str).value_counts()
    names = before.index.union(to.index)
    frame = pd.DataFrame(
        {
            "before": before.reindex(names, fill_value=0),
            "dropped": dropped.reindex(names, fill_value=0),
            "relabelled_away": away.reindex(names, fill_value=0),
            "relabelled_to": to.reindex(names, fill_value=0),
        }
    )
    frame["after"] = (
        frame["before"] - frame["dropped"] - frame["relabelled_away"] + frame["relabelled_to"]
    )
    frame["change"] = frame["after"] / frame["before"].clip(lower=1) - 1
    frame = frame.rename_axis("label").reset_index()
    return frame.sort_values("change", kind="stable", ignore_index=True)
