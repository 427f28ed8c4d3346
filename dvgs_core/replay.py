"""The values of a recipe again: the run that its decisions were made with, from the original."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from dvgs_core.data.load import load
from dvgs_core.data.table import Table
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.valuate import Outcome, finish, valuate
from dvgs_core.engine.values import value_table
from dvgs_core.errors import InputError
from dvgs_core.review.apply import load_original
from dvgs_core.review.recipe import Recipe

#: The values so far, and how they came about.
OnStep = Callable[[Outcome], bool]


def replay(
    recipe: Recipe,
    data: Path | str,
    *,
    labels: Path | str | None = None,
    target: Path | str | None = None,
    on_step: OnStep = lambda outcome: True,
) -> pd.DataFrame:
    """Value the rows again as the recipe's run did: roles, encoding, split, method, seed.

    A run that was stopped by a person is not stopped here, so its values may differ.

    Args:
        recipe: from `Recipe.load`.
        data: the original file.
        labels: the labels table of a pair.
        target: the file of target rows, if the run had one.
        on_step: called after each checkpoint; False ends the run.

    Returns:
        One line a row in the data's order, as in values.parquet.

    Raises:
        InputError: another file than the recipe was made for, or a recipe without a run.
    """
    job = job_of(recipe)
    table = load_original(recipe, data, labels)
    prepared = prepare(table, job, target_of(recipe, target))
    return value_table(prepared, finish(valuate(prepared), on_step))


def job_of(recipe: Recipe) -> Job:
    """The run that the decisions were made with.

    Raises:
        InputError: they were made without one, or it is not what this program knows as a run.
    """
    if recipe.job is None:
        raise InputError("The recipe was made without a run, so there are no values to compute.")
    try:
        return Job.model_validate(recipe.job)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InputError(
            f"The run in the recipe cannot be read ({name}: {first['msg']}): use the version of "
            "this program that made it."
        ) from error


def target_of(recipe: Recipe, path: Path | str | None) -> Table | None:
    """The separate target file of the recipe's run; None where it had none.

    Args:
        recipe: knows the file by its content.
        path: where it is now.

    Raises:
        InputError: it is missing, another one, or there was none.
    """
    wanted = job_of(recipe).target_dataset
    if (wanted is None) != (path is None):
        raise InputError(
            "The recipe's run took its target from a file of its own; give it with --target-file."
            if path is None
            else "The recipe's run took its target from the data; leave --target-file out."
        )
    if path is None or wanted is None:
        return None
    table = load(path)
    if not table.sha256.startswith(wanted):
        raise InputError(
            f"The recipe's target file has a SHA-256 that begins with {wanted}, {table.name}'s "
            f"with {table.sha256[: len(wanted)]}; give the unchanged file."
        )
    return table
