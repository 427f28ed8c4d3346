"""`dvgs curve`: what becomes of a network when rows are removed by value."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from dvgs_core.cli.options import as_json_option, given, out_option, settings_options
from dvgs_core.cli.output import check_out, report
from dvgs_core.cli.tables import read_truth, read_values
from dvgs_core.cli.valuation import Asked, asked, valuation_options
from dvgs_core.errors import InputError
from dvgs_core.evaluation.filtering import SPELLED, FilteringSettings
from dvgs_core.settings import validated

# what --recipe leaves to say: where the files are
_BESIDE_RECIPE = ("labels", "target_file")


@click.command("curve", short_help="A holdout's score against the share of rows removed by value.")
@valuation_options
@click.option(
    "--values",
    "known",
    type=click.Path(path_type=Path),
    help="What `value` wrote for DATA with the same options; left out: the rows are valued first.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="What `corrupt` wrote beside DATA; adds the curve that removes the damaged rows first.",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    help="A recipe whose run says which rows, roles and method, in place of the options of "
    "`value`.",
)
@settings_options(FilteringSettings, SPELLED)
@as_json_option
@out_option
def command(
    data: Path,
    known: Path | None,
    truth: Path | None,
    recipe: Path | None,
    as_json: bool,
    out: Path,
    **options: Any,
) -> None:
    """Remove rows of DATA by value, train on the rest, and score on the holdout.

    Takes the options of `value`, among them --holdout-size or --holdout-query, which say what to
    score on. Writes one line a network: which rows went first (lowest, highest, random, oracle),
    the share removed, replicate, rows left, score and metric.
    """
    from tqdm import tqdm

    from dvgs_core.engine.curves import curve_points, valued_rows
    from dvgs_core.engine.prepare import prepare
    from dvgs_core.evaluation.cut import recommended_cut
    from dvgs_core.store.files import replacing

    started = time.monotonic()
    inputs = (data, options["labels"], options["target_file"], known, truth, recipe)
    check_out(out, *inputs, suffix=".parquet")
    settings = given({name: options.pop(name) for name in SPELLED}, SPELLED)
    validated(FilteringSettings, settings)
    wanted = asked(data, options) if recipe is None else _as_in(recipe, data, options)
    prepared = prepare(wanted.table, wanted.job, wanted.target)
    if not len(prepared.splits[0].holdout):
        raise InputError(
            "There is no holdout to score on: give --holdout-size or --holdout-query, the same as "
            "for the values."
        )
    notes = [*wanted.notes, *prepared.notes]
    if known is None:
        values, of_values = _valued(prepared)
        notes += of_values
    else:
        values = _by_row(known, "value", prepared.rows)
        _check_roles(known, prepared)
    without = int((prepared.source < prepared.rows).sum()) - len(valued_rows(prepared, values))
    if without:
        notes.append(f"{without:,} source rows without a value take no part in the curves.")
    damaged = None if truth is None else _by_row(truth, "corrupted", prepared.rows)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    points = curve_points(prepared, values, damaged, settings)
    with tqdm(unit="network", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:
        for progress in points:
            bar.total = progress.total
            bar.update(progress.done - bar.n)
    frame = progress.frame
    with replacing(out) as temporary:
        frame.to_parquet(temporary, index=False)
    cut = recommended_cut(frame)
    said = f"{cut.conclusion} {cut.against_random}".strip()
    summary = {
        "data": str(data),
        "out": str(out),
        "metric": str(frame["metric"].iloc[0]),
        "rows": int(frame["rows"].max()),
        "holdout": len(prepared.splits[0].holdout),
        "networks": progress.total,
        "conclusion": said,
        "seed": wanted.job.seed,
        "seconds": round(time.monotonic() - started, 2),
    }
    report(summary, [said, f"wrote {out}"], as_json)


def _as_in(path: Path, data: Path, options: dict[str, Any]) -> Asked:
    """The data and the job of a recipe's run.

    Raises:
        InputError: the files are others than the recipe's, or an option would be overruled by it.
    """
    from dvgs_core.replay import job_of, target_of
    from dvgs_core.review.apply import load_original
    from dvgs_core.review.recipe import Recipe

    context = click.get_current_context()
    typed = [
        option.opts[0]
        for option in context.command.params
        if option.name in options
        and option.name not in _BESIDE_RECIPE
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if typed:
        raise InputError(f"With --recipe the run is the recipe's: leave {typed[0]} out.")
    recipe = Recipe.load(path)
    table = load_original(recipe, data, options["labels"])
    return Asked(table, target_of(recipe, options["target_file"]), job_of(recipe))


def _valued(prepared: Any) -> tuple[Any, list[str]]:
    """(rows,) values by the method that was asked for, and what it says of them."""
    from dvgs_core.engine.valuate import finish, valuate
    from dvgs_core.engine.values import value_table

    outcome = finish(valuate(prepared), lambda _: True)
    return value_table(prepared, outcome)["value"].to_numpy(), [*outcome.notes]


def _check_roles(path: Path, prepared: Any) -> None:
    """Refuse values of other source rows than these options come to.

    Raises:
        InputError: the roles in the table of values are of another draw.
    """
    frame = read_values(path)
    if "role" not in frame.columns:
        return
    valued = set(frame.loc[frame["role"].isin(["source", "both"]), "row"])
    source = set(prepared.source[prepared.source < prepared.rows].tolist())
    if valued != source:
        raise InputError(
            f"{path} values other rows than these options take as source ({len(valued - source):,} "
            "of its rows are not): give the same options and seed that the values were made with."
        )


def _by_row(path: Path, column: str, rows: int) -> Any:
    """(rows,) a column of a table that has one line for each row of the data.

    Raises:
        InputError: its rows are others than the data's.
    """
    frame = read_values(path) if column == "value" else read_truth(path)
    if sorted(frame["row"]) != list(range(rows)):
        raise InputError(
            f"{path} must have one line for each of the {rows:,} rows of the data; it has "
            f"{len(frame):,}: give the one that was made from this data."
        )
    return frame.sort_values("row")[column].to_numpy()
