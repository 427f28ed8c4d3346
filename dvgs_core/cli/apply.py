"""`dvgs apply`: the cleaned data of a recipe, again, from the original."""

from pathlib import Path

import click

from dvgs_core.cli.options import as_json_option, data_argument, labels_option, out_option
from dvgs_core.cli.output import check_out, report


@click.command("apply", short_help="Produce the cleaned data of RECIPE again from DATA.")
@click.argument("recipe", type=click.Path(path_type=Path))
@data_argument
@labels_option
@click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="Put an apostrophe before CSV cells that a spreadsheet would run as a formula. "
    "Alters cells. A recipe may ask for it by itself.",
)
@click.option(
    "--damaged",
    is_flag=True,
    help="Write data that was damaged on purpose all the same; it is no cleaned data.",
)
@as_json_option
@out_option
def command(
    recipe: Path,
    data: Path,
    labels: Path | None,
    spreadsheet_safe: bool,
    damaged: bool,
    as_json: bool,
    out: Path,
) -> None:
    """Produce the cleaned data of RECIPE again from the original DATA."""
    from dvgs_core.review.apply import apply_recipe
    from dvgs_core.review.recipe import Recipe

    check_out(out, recipe, data, labels)
    read = Recipe.load(recipe)
    safe = spreadsheet_safe or read.spreadsheet_safe
    apply_recipe(read, data, out, labels, spreadsheet_safe=safe, damaged=damaged)
    if read.damaged:
        click.echo(f"note: {read.original.name} was damaged on purpose", err=True)
    dropped, relabelled = len(read.dropped), len(read.relabelled)
    report(
        {
            "out": str(out),
            "rows": read.rows - dropped,
            "dropped": dropped,
            "relabelled": relabelled,
        },
        [
            f"{dropped:,} rows dropped, {relabelled:,} relabelled, {read.rows - dropped:,} rows "
            f"written to {out}"
        ],
        as_json,
    )
