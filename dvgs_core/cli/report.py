"""`dvgs report`: one HTML file that tells of a review."""

from pathlib import Path

import click

from dvgs_core.cli.options import as_json_option, data_argument, labels_option, out_option
from dvgs_core.cli.output import check_out, report
from dvgs_core.cli.replay import recipe_argument, target_file_option
from dvgs_core.cli.tables import read_curve, read_truth, read_values


@click.command("report", short_help="Write a report of a RECIPE as one HTML file.")
@recipe_argument
@data_argument
@labels_option
@target_file_option
@click.option(
    "--values",
    type=click.Path(path_type=Path),
    help="What `value` or `replay` wrote, for the distribution of values.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="What `corrupt` wrote beside damaged data, for how much of the damage was found.",
)
@click.option(
    "--curve",
    type=click.Path(path_type=Path),
    help="A filtering curve, as `filtering_curve` returns it.",
)
@click.option(
    "--scores/--no-scores",
    default=True,
    show_default=True,
    help="Train small networks before and after the decisions, where the run has a holdout.",
)
@as_json_option
@out_option
def command(
    recipe: Path,
    data: Path,
    labels: Path | None,
    target_file: Path | None,
    values: Path | None,
    truth: Path | None,
    curve: Path | None,
    scores: bool,
    as_json: bool,
    out: Path,
) -> None:
    """Write what the decisions of RECIPE did to the original DATA as one HTML file."""
    from dvgs_core.engine.holdout import has_holdout, holdout_scores
    from dvgs_core.replay import job_of, target_of
    from dvgs_core.report import gather, report_html
    from dvgs_core.review.apply import load_original
    from dvgs_core.review.recipe import Recipe
    from dvgs_core.store.files import replacing

    check_out(out, recipe, data, labels, target_file, values, truth, curve, suffix=".html")
    read = Recipe.load(recipe)
    table = load_original(read, data, labels)
    target = None if read.job is None else target_of(read, target_file)
    found = None
    if scores and has_holdout(read):
        found = holdout_scores(table, job_of(read), read.dropped, read.relabelled, target=target)
    content = gather(
        read,
        table,
        values=None if values is None else read_values(values),
        truth=None if truth is None else read_truth(truth),
        curve=None if curve is None else read_curve(curve),
        scores=found,
        target=target,
    )
    with replacing(out) as temporary:
        temporary.write_text(report_html(content), encoding="utf-8", newline="\n")
    change = None if found is None else found.change
    lines = [] if found is None else [found.sentence]
    report(
        {"out": str(out), "rows": read.rows, "dropped": len(read.dropped)}
        | {"relabelled": len(read.relabelled), "holdout_change": change},
        [*lines, f"wrote {out}"],
        as_json,
    )
