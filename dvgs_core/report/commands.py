"""The lines that do again what the pages did: on the command line, and in Python."""

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import Schema, infer_schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.data.table import Table
from dvgs_core.engine.job import Job
from dvgs_core.evaluation.filtering import SPELLED, FilteringSettings
from dvgs_core.methods import entry
from dvgs_core.review.damage import PREFIX
from dvgs_core.review.recipe import Recipe
from dvgs_core.settings import fields

#: Splits that the command line can spell; with others it replays the recipe.
_UNSPELLED = {"seed", "target_rows", "holdout_rows", "stratify"}


def clean_name(recipe: Recipe, ending: str) -> str:
    """What the cleaned file is called; data that was damaged on purpose says so."""
    return f"{file_stem(recipe)}.clean{ending}"


def file_stem(recipe: Recipe) -> str:
    """What names of files made from the data begin with, on every system."""
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", recipe.original.name)
    return f"{PREFIX if recipe.damaged else ''}{PurePosixPath(name).stem or 'table'}"


def apply_line(recipe: Recipe, out: str) -> str:
    """The command that writes the same cleaned file."""
    damaged = ["--damaged"] if recipe.damaged else []
    return _line("apply", "recipe.json", *_files(recipe), *damaged, "--out", out)


def truth_name(recipe: Recipe) -> str:
    """What the file is called that says which rows are damaged."""
    return f"{PurePosixPath(recipe.original.name).stem}.truth.parquet"


def command_lines(
    recipe: Recipe,
    value: str | None,
    out: str,
    *,
    target_name: str | None = None,
    curve: Mapping[str, Any] | None = None,
    truth: bool = False,
) -> tuple[str, ...]:
    """Every line, in the order in which they are typed.

    Args:
        recipe: what they are about.
        value: what `value_line` gave.
        out: the cleaned file.
        target_name: of the separate target file, if there was one.
        curve: settings of the filtering curves that the report shows; None: it shows none.
        truth: whether it is known which rows are damaged.
    """
    lines = [value, apply_line(recipe, out)]
    if recipe.damaged:
        files = [recipe.original.name, *([truth_name(recipe)] if truth else [])]
        named = " and ".join(" ".join(name.split()) for name in files)
        lines.insert(0, f"# data damaged on purpose; the Export page has {named}")
    if recipe.job is None:  # without a run there is nothing to draw curves of
        curve = None
    if curve is not None:
        lines.append(curve_line(recipe, curve, target_name, truth=truth))
    lines.append(report_line(recipe, target_name, curve=curve is not None, truth=truth))
    return tuple(line for line in lines if line is not None)


def curve_line(
    recipe: Recipe,
    settings: Mapping[str, Any],
    target_name: str | None = None,
    *,
    truth: bool = False,
) -> str:
    """The command that draws the same filtering curves, of a recipe with a run.

    Args:
        recipe: whose run.
        settings: fields of `FilteringSettings`.
        target_name: of the separate target file, if there was one.
        truth: whether it is known which rows are damaged.
    """
    target = [] if target_name is None else ["--target-file", _path(target_name)]
    known = [
        "--values",
        "values.parquet",
        *(["--truth", _path(truth_name(recipe))] if truth else []),
    ]
    chosen = []
    for setting in fields(FilteringSettings):
        value = settings.get(setting.name, setting.default)
        if setting.name in SPELLED and value != setting.default:
            chosen += [f"--{setting.name.replace('_', '-')}", _plain(value)]
    words = [*_files(recipe), "--recipe", "recipe.json", *target, *known, *chosen]
    return _line("curve", *words, "--out", "curve.parquet")


def report_line(
    recipe: Recipe, target_name: str | None = None, *, curve: bool = False, truth: bool = False
) -> str:
    """The command that writes the report, with what the other commands wrote beside it.

    Args:
        recipe: what it is about.
        target_name: of the separate target file, if there was one.
        curve: whether it shows filtering curves.
        truth: whether it is known which rows are damaged.
    """
    words = [] if target_name is None else ["--target-file", _path(target_name)]
    words += [] if recipe.job is None else ["--values", "values.parquet"]
    words += ["--truth", _path(truth_name(recipe))] if truth else []
    words += ["--curve", "curve.parquet"] if curve else []
    return _line("report", "recipe.json", *_files(recipe), *words, "--out", "report.html")


def value_line(recipe: Recipe, table: Table, target_name: str | None = None) -> str | None:
    """The command that computes the same values; None for a recipe without a run.

    Spelled out where the command line has words for the whole job, else as a replay of the recipe.

    Args:
        recipe: whose run.
        table: the data, for the roles that would be guessed.
        target_name: of the separate target file, if there was one.
    """
    if recipe.job is None:
        return None
    job = Job.model_validate(recipe.job)
    target = [] if target_name is None else ["--target-file", _path(target_name)]
    roles, found = _roles(job.columns, table)
    if _comes_to(job, found):
        words = ["value", *_files(recipe), *target, *_words(job, roles)]
    else:
        words = ["replay", "recipe.json", *_files(recipe), *target]
    return _line(*words, "--out", "values.parquet")


def python_lines(recipe: Recipe, out: str, target_name: str | None = None) -> str:
    """A script that computes the same values and writes the same cleaned file."""
    name = _path(recipe.original.name)
    labels = [] if recipe.labels is None else [f"labels={_path(recipe.labels.name)!r}"]
    target = [] if target_name is None else [f"target={_path(target_name)!r}"]
    given = ", ".join(["recipe", repr(name), *labels, *target])
    kept = [f"labels_path={_path(recipe.labels.name)!r}"] if recipe.labels is not None else []
    damaged = ["damaged=True"] if recipe.damaged else []
    done = ", ".join(["recipe", repr(name), repr(out), *kept, *damaged])
    run = recipe.job is not None
    lines = ["from dvgs_core.replay import replay"] if run else []
    lines += ["from dvgs_core.review import Recipe, apply_recipe", ""]
    lines += ['recipe = Recipe.load("recipe.json")']
    lines += [f"values = replay({given})  # as in values.parquet"] if run else []
    return "\n".join([*lines, f"apply_recipe({done})  # the cleaned file"])


def valuation_words(job: Job, table: Table) -> list[str]:
    """The options of `dvgs value` for this job, as far as it has words for it; see `is_spelled`."""
    return _words(job, _roles(job.columns, table)[0])


def _words(job: Job, roles: list[str]) -> list[str]:
    label = job.columns.label
    words = [*([] if label is None else ["--label", label]), *roles]
    defaults = SplitSettings()
    for setting in fields(SplitSettings):
        value = getattr(job.split, setting.name)
        if setting.name in _UNSPELLED or value is None or value == getattr(defaults, setting.name):
            continue
        words += [f"--{setting.name.replace('_', '-')}", _plain(value)]
    if job.encoding.numeric != EncodingSettings().numeric:
        words += ["--numeric", job.encoding.numeric]
    words += ["--method", job.method]
    for setting in fields(entry(job.method).settings):
        value = job.settings.get(setting.name, setting.default)
        if value != setting.default:
            words += ["--set", f"{setting.name}={'' if value is None else _plain(value)}"]
    return [*words, "--seed", str(job.seed)]


def is_spelled(job: Job, table: Table) -> bool:
    """Whether `valuation_words` come to exactly this job."""
    return _comes_to(job, _roles(job.columns, table)[1])


def _comes_to(job: Job, roles: Schema) -> bool:
    plain = EncodingSettings(numeric=job.encoding.numeric) == job.encoding
    drawn = job.split.stratify and not (job.split.target_rows or job.split.holdout_rows)
    same_seed = job.split.seed == job.seed
    whole = job.corrections is None and plain and drawn and same_seed
    return whole and _without_notes(roles) == _without_notes(job.columns)


def _roles(wanted: Schema, table: Table) -> tuple[list[str], Schema]:
    """The options that correct the guessed roles, and the roles they come to."""
    label = wanted.label
    found = infer_schema(table, label) if label else infer_schema(table).with_label(None)
    words = []
    for column, guess in zip(wanted.columns, found.columns, strict=True):
        if (column.role, column.kind) != (guess.role, guess.kind):
            words += ["--role", f"{column.name}={column.role}:{column.kind}"]
            found = found.with_role(column.name, column.role, column.kind)
    if wanted.task != found.task:
        words += ["--task", wanted.task]
        found = found.with_task(wanted.task)
    return words, found


def _without_notes(schema: Schema) -> Schema:
    columns = tuple(c.model_copy(update={"note": ""}) for c in schema.columns)
    return schema.model_copy(update={"columns": columns})


def _files(recipe: Recipe) -> list[str]:
    labels = [] if recipe.labels is None else ["--labels", _path(recipe.labels.name)]
    return [_path(recipe.original.name), *labels]


def _path(name: str) -> str:
    """A file name that is not taken for an option."""
    return f"./{name}" if name.startswith("-") else name


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _line(*words: str) -> str:
    return shlex.join(["dvgs", *words])
