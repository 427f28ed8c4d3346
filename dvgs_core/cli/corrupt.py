"""`dvgs corrupt`: a damaged copy of a table, and the truth beside it."""

from pathlib import Path
from typing import Any

import click

from dvgs_core.cli.options import (
    as_json_option,
    data_argument,
    given,
    labels_option,
    out_option,
    roles_option,
    seed_option,
    settings_options,
)
from dvgs_core.cli.output import check_out, report
from dvgs_core.cli.valuation import schema_of
from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.errors import InputError
from dvgs_core.settings import validated

KINDS = tuple(CorruptionSettings.model_fields)


@click.command("corrupt", short_help="Damage a copy of DATA in known places.")
@data_argument
@labels_option
@click.option("--label", help="The label column.")
@roles_option
@settings_options(CorruptionSettings, KINDS)
@click.option(
    "--rows",
    help="Only rows matching this condition are damaged: leave out those that will be target or "
    "holdout. Features it names stay as they are.",
)
@seed_option
@as_json_option
@out_option
def command(
    data: Path,
    labels: Path | None,
    label: str | None,
    roles: tuple[str, ...],
    rows: str | None,
    seed: int,
    as_json: bool,
    out: Path,
    **options: Any,
) -> None:
    """Damage a copy of DATA; the truth is written beside it, as OUT's name with .truth.parquet."""
    from dvgs_core.data.corrupt import corrupt_table
    from dvgs_core.data.load import load
    from dvgs_core.data.query import matching_rows, named_columns
    from dvgs_core.review.frames import known_ending, write_frame

    settings = validated(CorruptionSettings, given(options, KINDS))
    beside = out.with_suffix(".truth.parquet")
    check_out(out, data, labels)
    known_ending(out)
    check_out(beside, data, labels)
    table = load(data, labels=labels)
    schema = schema_of(table, label, roles)
    mask = None
    if rows is not None:
        mask = matching_rows(table.frame, rows)
        if not mask.any():
            tried = f"{len(table.frame):,} rows were tried"
            raise InputError(f"No row matches --rows {rows!r}; {tried}.")
        # damaged, they would no longer tell these rows from the target's
        for name in named_columns(table.frame, rows):
            if schema.column(name).role == "feature":
                schema = schema.with_role(name, "ignore")
    damaged, truth = corrupt_table(table.frame, schema, settings, seed, rows=mask)
    if not (truth["kind"] != "").any():
        raise InputError(
            "Nothing is damaged by these settings: give or raise a rate, such as --label-rate 0.2; "
            "`dvgs corrupt --help` lists them."
        )
    write_frame(damaged, out, embedding_columns=table.embedding_columns)
    write_frame(truth, beside)
    kinds = truth["kind"].str.split(" + ", regex=False).explode().value_counts()
    done = {str(kind): int(n) for kind, n in kinds.items() if kind}
    replaced = done.get("label", 0)
    others = "".join(f", {n:,} rows with {kind}" for kind, n in done.items() if kind != "label")
    report(
        {
            "out": str(out),
            "truth": str(beside),
            "rows": len(damaged),
            "labels_replaced": replaced,
            "corrupted": int(truth["corrupted"].sum()),
            "kinds": done,
            "seed": seed,
        },
        [
            f"{replaced:,} labels replaced{others} in {len(damaged):,} rows; "
            f"wrote {out} and {beside}"
        ],
        as_json,
    )
