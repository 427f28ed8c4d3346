"""`dvgs replay`: the values of a recipe's run, again, from the original."""

import sys
from pathlib import Path

import click

from dvgs_core.cli.options import as_json_option, data_argument, labels_option, out_option
from dvgs_core.cli.output import check_out, report

recipe_argument = click.argument("recipe", type=click.Path(path_type=Path))
target_file_option = click.option(
    "--target-file",
    type=click.Path(path_type=Path),
    help="The file of target rows, if the recipe's run had one.",
)


@click.command("replay", short_help="Compute the values of a RECIPE again.")
@recipe_argument
@data_argument
@labels_option
@target_file_option
@as_json_option
@out_option
def command(
    recipe: Path,
    data: Path,
    labels: Path | None,
    target_file: Path | None,
    as_json: bool,
    out: Path,
) -> None:
    """Value the rows of DATA again as the run did that the decisions of RECIPE were made with."""
    from tqdm import tqdm

    from dvgs_core.engine.valuate import Outcome
    from dvgs_core.engine.values import write_values
    from dvgs_core.replay import job_of, replay
    from dvgs_core.review.recipe import Recipe
    from dvgs_core.store.files import replacing

    check_out(out, recipe, data, labels, target_file, suffix=".parquet")
    read = Recipe.load(recipe)
    with tqdm(unit="checkpoint", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:

        def on_step(outcome: Outcome) -> bool:
            bar.total = outcome.total
            bar.update()
            return True

        values = replay(read, data, labels=labels, target=target_file, on_step=on_step)
    with replacing(out) as temporary:
        write_values(values, temporary)
    job = job_of(read)
    valued = int(values["value"].notna().sum())
    report(
        {"out": str(out), "rows": len(values), "valued": valued, "method": job.method}
        | {"seed": job.seed},
        [f"{valued:,} of {len(values):,} rows valued by {job.method}; wrote {out}"],
        as_json,
    )
