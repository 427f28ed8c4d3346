"""The options that describe a valuation, and the job and rows they come to.

`dvgs value` takes them, and so does every command that values rows on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dvgs_core import methods
from dvgs_core.cli.options import (
    data_argument,
    device_option,
    given,
    labels_option,
    roles_option,
    seed_option,
    settings_options,
)
from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import Schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.errors import InputError
from dvgs_core.settings import validated

if TYPE_CHECKING:
    from dvgs_core.data.load import Table
    from dvgs_core.engine.job import Job

_SPLIT_OPTIONS = (
    "target_query",
    "target_size",
    "balance_by",
    "source_query",
    "source_size",
    "holdout_query",
    "holdout_size",
    "rotations",
)

data_options = (
    data_argument,
    click.option("--label", help="The label column; left out: rows are valued by reconstruction."),
    labels_option,
    click.option(
        "--target-file", type=click.Path(path_type=Path), help="A file whose rows are the target."
    ),
    settings_options(SplitSettings, _SPLIT_OPTIONS),
    roles_option,
    click.option(
        "--task",
        type=click.Choice(("classification", "regression")),
        help="What the label is, where the guess from its values is wrong.",
    ),
    settings_options(EncodingSettings, ("numeric",)),
)
method_options = (
    click.option("--method", default="dvgs", show_default=True, help="See `dvgs methods`."),
    click.option(
        "--preset",
        help="Settings to start from: auto (the defaults), quick, thorough or paper, where the "
        "method has it; --set changes single ones.",
    ),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the method; `dvgs methods METHOD` lists them.",
    ),
    seed_option,
    device_option,
)


def valuation_options(command: Callable) -> Callable:
    """Decorator: DATA and every option of a valuation; `asked` takes what they bring."""
    for option in reversed((*data_options, *method_options)):
        command = option(command)
    return command


@dataclass(frozen=True)
class Asked:
    """A valuation as it was asked for.

    Attributes:
        table: the data.
        target: the rows of `--target-file`, or None.
        job: what to do with them.
    """

    table: Table
    target: Table | None
    job: Job

    @property
    def notes(self) -> list[str]:
        """What reading the files brought up."""
        if self.target is None:
            return [*self.table.notes]
        return [*self.table.notes, *(f"{self.target.name}: {n}" for n in self.target.notes)]


def asked(data: Path, options: dict[str, Any]) -> Asked:
    """Read the files and settle the job.

    Args:
        data: the argument DATA.
        options: every other option of `valuation_options`, by parameter name.

    Raises:
        InputError: whatever does not fit, in one line.
    """
    from dvgs_core.data.load import load
    from dvgs_core.engine.job import Job

    target_file = options["target_file"]
    drawn = [name for name in ("target_query", "target_size", "balance_by") if options[name]]
    if target_file is not None and drawn:
        raise InputError(
            f"With --target-file all rows of that file are the target: leave "
            f"--{drawn[0].replace('_', '-')} out, or the file."
        )
    table = load(data, labels=options["labels"])
    schema = schema_of(table, options["label"], options["roles"])
    if options["task"] is not None:
        schema = schema.with_task(options["task"])
    seed, numeric = options["seed"], options["numeric"]
    split = validated(SplitSettings, {**given(options, _SPLIT_OPTIONS), "seed": seed})
    entry = methods.entry(options["method"])
    start = entry.preset(options["preset"] or "auto", schema.task).settings
    changed = dict(_assignment(x) for x in options["assignments"])
    settings = validated(entry.settings, {**start, **changed})
    job = Job(
        columns=schema,
        encoding=validated(EncodingSettings, {} if numeric is None else {"numeric": numeric}),
        split=split,
        method=options["method"],
        settings=settings.model_dump(),
        seed=seed,
        device=options["device"],
    )
    return Asked(table, None if target_file is None else load(target_file), job)


def schema_of(table: Table, label: str | None, roles: Iterable[str]) -> Schema:
    """Inferred roles, corrected by the texts of `--role`; without a label, none is guessed."""
    from dvgs_core.data.schema import infer_schema

    schema = infer_schema(table).with_label(None) if label is None else infer_schema(table, label)
    for text in roles:
        name, role, kind = _role(text)
        schema = schema.with_role(name, role, kind)
    return schema


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set takes NAME=VALUE, such as --set restarts=5; got {text!r}.")
    return name.strip(), None if value.strip().lower() in ("", "none") else value.strip()


def _role(text: str) -> tuple[str, Any, Any]:
    name, equals, role = text.rpartition("=")
    if not equals:
        raise InputError(f"--role takes COLUMN=ROLE, such as --role zip=ignore; got {text!r}.")
    role, _, kind = role.partition(":")
    return name, role, kind or None
