"""`dvgs detect`: how well values find the rows that are known to be damaged."""

from pathlib import Path
from typing import Any

import click

from dvgs_core.cli.options import as_json_option
from dvgs_core.cli.output import check_out, report
from dvgs_core.cli.tables import read_truth, read_values
from dvgs_core.data.wording import percent
from dvgs_core.errors import InputError


@click.command("detect", short_help="How well values find the rows that are known to be damaged.")
@click.argument("values", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@as_json_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the curve: damaged rows found against rows inspected.",
)
def command(values: Path, truth: Path, as_json: bool, out: Path | None) -> None:
    """How well VALUES (from `value`) find the rows that TRUTH (from `corrupt`) names.

    Where TRUTH has noise of several strengths, also how well low values follow it.
    """
    if out is not None:
        from dvgs_core.review.frames import known_ending

        known_ending(out)
        check_out(out, values, truth)
    scores, known = read_values(values), read_truth(truth)
    valued = scores[scores["value"].notna()]
    if not len(valued):
        raise InputError(f"No row of {values} has a value; give what `dvgs value` wrote.")
    unknown = valued[~valued["row"].isin(known["row"])]
    if len(unknown):
        raise InputError(
            f"{truth} does not know {len(unknown):,} of the {len(valued):,} rows that {values} "
            f"values (the first is {unknown['row'].iloc[0]}); give the truth of the same data."
        )
    both = valued.merge(known, on="row", suffixes=("", " of the truth"))
    summary: dict[str, Any] = {"rows": len(both)}
    lines: list[str] = []
    _without_value(scores, known, summary, lines)
    noisy = "noise_rate" in both and both["noise_rate"].nunique() > 1
    # rows with noise alone are damaged to a degree: they are ranked, not found
    if both["corrupted"].any() or not noisy or out is not None:
        _found(both, summary, lines, out)
    if noisy:
        _followed(both, summary, lines)
    report(summary, lines, as_json)


def _without_value(scores: Any, known: Any, summary: dict[str, Any], lines: list[str]) -> None:
    """Add how many rows were to be valued and were not, and how many of them are damaged."""
    left = scores[scores["value"].isna()]
    if "role" in left:
        left = left[left["role"].isin(["source", "both"])]
    damaged = int(left.merge(known, on="row")["corrupted"].sum())
    summary |= {"without_value": len(left), "corrupted_without_value": damaged}
    if len(left):
        lines.append(
            f"rows without a value are left out: {len(left):,}, of which {damaged:,} are corrupted"
        )


def _found(both: Any, summary: dict[str, Any], lines: list[str], out: Path | None) -> None:
    """Add detection to the summary and lines, and write its curve."""
    import numpy as np

    from dvgs_core.evaluation.detection import detection

    found = detection(
        both["corrupted"].to_numpy(dtype=bool), both["value"].to_numpy(dtype=np.float64)
    )
    summary |= {
        "corrupted": found.damaged,
        "auroc": found.auroc,
        "average_precision": found.average_precision,
        "precision_at_corrupted": found.precision_at(found.damaged),
    }
    lines += [
        f"{found.damaged:,} of {len(both):,} rows are corrupted",
        f"AUROC {found.auroc:.3f}, average precision {found.average_precision:.3f}",
        f"of the {found.damaged:,} lowest rows {percent(found.precision_at(found.damaged), 1)} "
        "are corrupted",
    ]
    if out is not None:
        from dvgs_core.review.frames import write_frame

        inspected = found.curve["inspected"]
        perfect = (inspected * (len(both) / found.damaged)).clip(upper=1.0)
        write_frame(found.curve.assign(random=inspected, perfect=perfect), out)
        summary["out"] = str(out)
        lines.append(f"wrote {out}")


def _followed(both: Any, summary: dict[str, Any], lines: list[str]) -> None:
    """Add the correlation with the strength of noise."""
    from dvgs_core.evaluation.noise import noise_correlation

    told = noise_correlation(both["noise_rate"].to_numpy(), both["value"].to_numpy())
    summary |= {
        "noise_spearman": told.spearman,
        "noise_spearman_standard_error": told.standard_error,
    }
    lines.append(told.conclusion)
