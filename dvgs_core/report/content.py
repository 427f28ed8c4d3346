"""What a report says: every number computed from the data, the recipe and what runs left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dvgs_core.data.schema import Labels, Schema, infer_schema, read_labels
from dvgs_core.data.split import draw_splits, role_of_rows
from dvgs_core.data.table import Table
from dvgs_core.engine.holdout import HoldoutScores, has_holdout
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import with_target
from dvgs_core.errors import InputError
from dvgs_core.evaluation.detection import Detection, detection
from dvgs_core.report.commands import clean_name, command_lines, python_lines, value_line
from dvgs_core.review.effect import class_effect, group_effect, label_texts
from dvgs_core.review.recipe import Recipe

BINS = 40

NO_HOLDOUT = (
    "No rows were kept aside as holdout, so it was not measured what the decisions do to a model. "
    "To have it measured, choose a holdout size on the Target page (or --holdout-size on the "
    "command line) and value the rows again."
)
NO_RUN = "The decisions were made without a run, so there is no holdout to measure them on."
NOT_MEASURED = "The run has a holdout, but the scores before and after were not measured."
NOTHING_DECIDED = (
    "No row was dropped or relabelled, so there is nothing to compare on the holdout yet."
)
BEING_MEASURED = (
    "The scores before and after the decisions were still being measured when this report was "
    "taken; take it again as soon as the Export page shows them."
)


@dataclass(frozen=True, eq=False)
class Content:
    """What a report says.

    Attributes:
        recipe: what was decided about which data.
        columns: how many columns the data has.
        schema: roles and task.
        job: the run, or None.
        roles: rows in each role of the run: target, source, both, holdout, unused.
        coverage: columns label, target, source, holdout (rows of the first turn); None without
            classes or without a run.
        bins: histogram of values with columns low, high, undecided, relabelled, dropped
            (rows); None without values.
        quantiles: of the values, by name; empty without values.
        found: how well low values find the rows known to be damaged, or None.
        caught: of the rows known to be damaged, how many were dropped, relabelled to their true
            label, relabelled to another; and how many sound rows were dropped or relabelled.
            Empty where the truth is not known.
        classes: what `class_effect` says, or None without classes.
        relabels: columns old, new, rows, the commonest first.
        groups: what `group_effect` says.
        curve: tidy frame of `filtering_curve`, or None.
        scores: before and after on the holdout, or None.
        no_scores: why there are none.
        lines: command lines that do the same.
        python: a script that does the same.
        target_name: name of the separate target file, or None.
    """

    recipe: Recipe
    columns: int
    schema: Schema
    job: Job | None
    roles: Mapping[str, int]
    coverage: pd.DataFrame | None
    bins: pd.DataFrame | None
    quantiles: Mapping[str, float]
    found: Detection | None
    caught: Mapping[str, int]
    classes: pd.DataFrame | None
    relabels: pd.DataFrame
    groups: Mapping[str, pd.DataFrame]
    curve: pd.DataFrame | None
    scores: HoldoutScores | None
    no_scores: str
    lines: tuple[str, ...]
    python: str
    target_name: str | None = field(default=None)


def gather(
    recipe: Recipe,
    table: Table,
    *,
    values: pd.DataFrame | None = None,
    truth: pd.DataFrame | None = None,
    curve: pd.DataFrame | None = None,
    scores: HoldoutScores | None = None,
    target: Table | None = None,
    no_scores: str = NOT_MEASURED,
) -> Content:
    """Compute what a report says.

    Args:
        recipe: what was decided.
        table: the data it was decided about.
        values: as in values.parquet, of the recipe's run.
        truth: columns row, corrupted and original_label, of data damaged on purpose.
        curve: from `filtering_curve`.
        scores: from `holdout_scores`.
        target: the separate target file, if the run had one.
        no_scores: why there are no scores although the run has a holdout.

    Raises:
        InputError: the values, the truth or the recipe do not belong to the table.
    """
    n = len(table.frame)
    if n != recipe.rows:
        raise InputError(f"The recipe is about {recipe.rows:,} rows; the data has {n:,}.")
    _check_rows("values", values, n, "value")
    _check_rows("truth", truth, n, "corrupted")
    job = None if recipe.job is None else Job.model_validate(recipe.job)
    schema = job.columns if job is not None else _guessed(table, recipe.label)
    labels = read_labels(table.frame, schema)
    classified = schema.task == "classification"
    texts = label_texts(labels) if classified else None
    roles, coverage = ({}, None) if job is None else _split(table, job, target)
    valued = None if values is None else values.set_index("row")["value"].dropna()
    name = None if target is None else target.name
    reasons = {True: no_scores, False: NO_RUN if job is None else NO_HOLDOUT}
    out = clean_name(recipe, _ending(recipe))
    lines = command_lines(
        recipe,
        value_line(recipe, table, name),
        out,
        target_name=name,
        curve=None if curve is None else curve.attrs.get("settings"),
        truth=truth is not None,
    )
    return Content(
        recipe=recipe,
        columns=table.frame.shape[1],
        schema=schema,
        job=job,
        roles=roles,
        coverage=coverage,
        bins=None if valued is None or valued.empty else _bins(valued, recipe),
        quantiles={} if valued is None or valued.empty else _quantiles(valued),
        found=_found(valued, truth),
        caught={} if truth is None else _caught(truth, recipe),
        classes=None if texts is None else class_effect(texts, recipe.dropped, recipe.relabelled),
        relabels=_relabels(labels, recipe),
        groups=group_effect(table.frame, schema, recipe.dropped),
        curve=curve,
        scores=scores,
        no_scores="" if scores is not None else reasons[has_holdout(recipe)],
        lines=lines,
        python=python_lines(recipe, out, name),
        target_name=name,
    )


def _check_rows(what: str, frame: pd.DataFrame | None, n: int, column: str) -> None:
    if frame is None:
        return
    absent = [name for name in ("row", column) if name not in frame]
    if absent:
        raise InputError(
            f"The {what} must have the columns row and {column}; they lack {absent[0]}."
        )
    rows = frame["row"].to_numpy()
    if len(rows) and not (rows.min() >= 0 and rows.max() < n):
        raise InputError(f"The {what} name rows up to {rows.max():,}; the data has {n:,} rows.")
    if len(np.unique(rows)) < len(rows):
        raise InputError(f"The {what} have more than one line for a row; each row has one.")


def _guessed(table: Table, label: str | None) -> Schema:
    return infer_schema(table, label) if label else infer_schema(table)


def _ending(recipe: Recipe) -> str:
    return f".{recipe.original.name.rpartition('.')[2].lower()}"


def _split(
    table: Table, job: Job, target: Table | None
) -> tuple[dict[str, int], pd.DataFrame | None]:
    """Rows in each role, and of each class in the first turn."""
    frame, file_rows, n = table.frame, None, len(table.frame)
    if target is not None:
        frame = with_target(frame, target, job.columns)
        file_rows = np.arange(n, len(frame))
    elif job.target_dataset is not None:
        return {}, None  # its rows are not at hand
    labels = read_labels(frame, job.columns)
    splits = draw_splits(frame, labels, job.columns, job.split, target_file_rows=file_rows)
    role = role_of_rows(splits, len(frame)).astype(object)
    role[splits[0].holdout] = "holdout"
    names, counts = np.unique(role, return_counts=True)
    roles = dict(zip(names.tolist(), counts.tolist(), strict=True))
    if job.columns.task != "classification":
        return roles, None
    classes = range(len(labels.classes))
    rows = {"target": splits[0].target, "source": splits[0].source, "holdout": splits[0].holdout}
    coverage = {
        name: [int((labels.y[ids] == c).sum()) for c in classes] for name, ids in rows.items()
    }
    return roles, pd.DataFrame({"label": labels.names, **coverage})


def _bins(valued: pd.Series, recipe: Recipe) -> pd.DataFrame:
    """Histogram of the values, by what was decided."""
    low, high = float(valued.min()), float(valued.max())
    edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    decided = np.full(len(valued), "undecided", dtype=object)
    decided[valued.index.isin(recipe.relabelled)] = "relabelled"
    decided[valued.index.isin(recipe.dropped)] = "dropped"
    columns = {
        name: np.histogram(valued[decided == name], edges)[0]
        for name in ("undecided", "relabelled", "dropped")
    }
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **columns})


def _quantiles(valued: pd.Series) -> dict[str, float]:
    names = {"lowest": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "highest": 1.0}
    return {name: float(valued.quantile(share)) for name, share in names.items()}


def _found(valued: pd.Series | None, truth: pd.DataFrame | None) -> Detection | None:
    if valued is None or truth is None or valued.empty:
        return None
    mask = truth.set_index("row")["corrupted"].reindex(valued.index, fill_value=False)
    damaged = mask.to_numpy(dtype=bool)
    if damaged.all() or not damaged.any():
        return None
    return detection(damaged, valued.to_numpy())


def _caught(truth: pd.DataFrame, recipe: Recipe) -> dict[str, int]:
    known = truth.set_index("row")
    damaged = known.index[known["corrupted"].astype(bool)]
    dropped = set(recipe.dropped)
    original = known.get("original_label")
    counts = {"damaged": len(damaged), "dropped": 0, "restored": 0, "relabelled": 0}
    for row in damaged.tolist():
        if row in dropped:
            counts["dropped"] += 1
        elif row in recipe.relabelled:
            true = None if original is None else original.loc[row]
            right = true is not None and str(true) == str(recipe.relabelled[row])
            counts["restored" if right else "relabelled"] += 1
    touched = len(dropped) + len(recipe.relabelled)
    counts["sound"] = touched - counts["dropped"] - counts["restored"] - counts["relabelled"]
    return counts


def _relabels(labels: Labels, recipe: Recipe) -> pd.DataFrame:
    rows = sorted(recipe.relabelled)
    old = [_label_text(labels, row) for row in rows]
    new = [str(recipe.relabelled[row]) for row in rows]
    pairs = pd.DataFrame({"old": old, "new": new}, dtype=object)
    counted = pairs.groupby(["old", "new"], sort=True).size().rename("rows").reset_index()
    return counted.sort_values("rows", ascending=False, kind="stable", ignore_index=True)


def _label_text(labels: Labels, row: int) -> str:
    if labels.missing[row]:
        return "none"
    return labels.names[labels.y[row]] if labels.classes else f"{labels.y[row]:g}"
