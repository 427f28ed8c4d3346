"""`dvgs detect`: how well values find the rows that are known to be damaged."""

from pathlib import Path

import click

from dvgs_core.cli.options import as_json_option
from dvgs_core.cli.output import report
from dvgs_core.cli.tables import read_truth, read_values
from dvgs_core.errors import InputError


@click.command("detect", short_help="How well values find the rows that are known to be damaged.")
@click.argument("values", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@as_json_option
def command(values: Path, truth: Path, as_json: bool) -> None:
    """How well VALUES (from `value`) find the rows that TRUTH (from `corrupt`) names."""
    import numpy as np

    from dvgs_core.evaluation.detection import detection

    scores, known = read_values(values), read_truth(truth)
    valued = scores[scores["value"].notna()]
    unknown = valued[~valued["row"].isin(known["row"])]
    if len(unknown):
        raise InputError(
            f"{truth} does not know {len(unknown):,} of the {len(valued):,} rows that {values} "
            f"values (the first is {unknown['row'].iloc[0]}); give the truth of the same data."
        )
    both = valued.merge(known, on="row")
    found = detection(
        both["corrupted"].to_numpy(dtype=bool), both["value"].to_numpy(dtype=np.float64)
    )
    summary = {
        "rows": len(both),
        "corrupted": found.damaged,
        "auroc": found.auroc,
        "average_precision": found.average_precision,
        "precision_at_corrupted": found.precision_at(found.damaged),
    }
    lines = [
        f"{found.damaged:,} of {len(both):,} rows are corrupted",
        f"AUROC {found.auroc:.3f}, average precision {found.average_precision:.3f}",
        f"of the {found.damaged:,} lowest rows {found.precision_at(found.damaged):.1%} "
        "are corrupted",
    ]
    report(summary, lines, as_json)
