"""`dvgs compare`: how far values of the same rows agree, and on which rows they do not."""

from pathlib import Path

import click

from dvgs_core.cli.options import as_json_option
from dvgs_core.cli.output import check_out, report
from dvgs_core.cli.tables import read_values
from dvgs_core.data.wording import percent
from dvgs_core.errors import InputError

_SHOWN = 5  # rows on which they differ most


@click.command("compare", short_help="How far values by several methods, seeds or targets agree.")
@click.argument("values", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--lowest",
    type=click.IntRange(min=1),
    help="How many of the lowest rows to compare. [default: 5 % of the rows]",
)
@as_json_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the rows, those on which the rankings differ most first.",
)
def command(values: tuple[Path, ...], lowest: int | None, as_json: bool, out: Path | None) -> None:
    """How far several VALUES (from `value`) of the same data rank its rows alike.

    Made by several methods, they tell which rows are low whatever is looked at; with another
    --seed, how much a ranking depends on which rows were drawn as the target.
    """
    import pandas as pd

    from dvgs_core.evaluation.agreement import agreement
    from dvgs_core.review.frames import known_ending, write_frame

    if out is not None:
        known_ending(out)
        check_out(out, *values)
    names = [path.stem for path in values]
    if len(set(names)) < len(names):
        names = [str(path) for path in values]
    if len(set(names)) < len(names):
        raise InputError("A table of values is named twice: name each once.")
    columns = [read_values(path).set_index("row")["value"] for path in values]
    table = pd.concat(dict(zip(names, columns, strict=True)), axis=1).sort_index()
    found = agreement(
        dict(table.items()),  # type: ignore[arg-type]  # names are text
        ids=table.index.to_numpy(),
        k=lowest,
        most=len(table) if out is not None else _SHOWN,
    )
    lines = [f"{found.rows:,} rows have a value in all {len(names)}", found.conclusion]
    if len(found.pairs) > 1:
        lines += [
            f"{pair.a} and {pair.b}: rank correlation {pair.spearman:.3f}, "
            f"{percent(pair.overlap)} of the {found.k:,} lowest in common"
            for pair in found.pairs.itertuples()
        ]
    apart = found.disagreement.head(_SHOWN)
    listed = (
        f"#{r.row} (low in {r.lowest_in}, high in {r.highest_in})" for r in apart.itertuples()
    )
    lines.append(f"they differ most on {', '.join(listed)}")
    summary = {
        "rows": found.rows,
        "lowest": found.k,
        "pairs": found.pairs.to_dict("records"),
        "disagreement": apart[["row", "gap", "lowest_in", "highest_in"]].to_dict("records"),
        "conclusion": found.conclusion,
    }
    if out is not None:
        write_frame(found.disagreement, out)
        summary["out"] = str(out)
        lines.append(f"wrote {out}")
    report(summary, lines, as_json)
