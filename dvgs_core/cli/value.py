"""`dvgs value`: the rows of a table in, a table of their values out."""

import math
import sys
import time
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import click

from dvgs_core.cli.options import as_json_option, out_option
from dvgs_core.cli.output import check_out, report
from dvgs_core.cli.valuation import asked, valuation_options
from dvgs_core.data.wording import percent


@click.command("value")
@valuation_options
@as_json_option
@out_option
def command(data: Path, as_json: bool, out: Path, **options: Any) -> None:
    """Value the rows of DATA; writes one line a row, in DATA's order."""
    from tqdm import tqdm

    from dvgs_core.engine.prepare import prepare
    from dvgs_core.engine.valuate import Outcome, finish, valuate
    from dvgs_core.engine.values import value_table
    from dvgs_core.evaluation.cost import peak_memory

    started = time.monotonic()
    check_out(out, data, options["labels"], options["target_file"], suffix=".parquet")
    wanted = asked(data, options)
    prepared = prepare(wanted.table, wanted.job, wanted.target)
    outcomes = valuate(prepared)
    # whatever the method refuses shows at its first step; a refusal is then the only line
    first = next(outcomes)
    notes = [*wanted.notes, *prepared.notes]
    for note in notes:
        click.echo(f"note: {note}", err=True)
    with tqdm(unit="checkpoint", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:

        def on_step(outcome: Outcome) -> bool:
            bar.total = outcome.total
            bar.update()
            return True

        outcome = finish(chain([first], outcomes), on_step)
    for note in outcome.notes:
        click.echo(f"note: {note}", err=True)
    notes += outcome.notes
    values = value_table(prepared, outcome)
    _write(values, out)
    counts = {str(k): int(v) for k, v in values["role"].value_counts().items()}
    lowest = [
        {
            "row": int(r.row),
            "value": float(r.value),
            "label": _none(r.label),
            "suggested_label": _none(r.suggested_label),
        }
        for r in values.dropna(subset=["value"]).nsmallest(5, "rank").itertuples()
    ]
    seconds, memory = time.monotonic() - started, peak_memory()
    summary = {
        "data": str(data),
        "out": str(out),
        "rows": len(values),
        "roles": counts,
        "method": wanted.job.method,
        "settings": wanted.job.settings,
        "seed": wanted.job.seed,
        "checkpoints": outcome.scored,
        "stopped_because": outcome.stopped_because,
        "settled": outcome.settled if math.isfinite(outcome.settled) else None,
        "notes": notes,
        "reports": list(outcome.reports),
        "seconds": round(seconds, 2),
        "peak_memory": memory,
        "lowest": lowest,
    }
    lines = [
        *chain.from_iterable(map(_tried, outcome.reports if wanted.job.method == "auto" else ())),
        f"{len(values):,} rows: " + ", ".join(f"{n:,} {role}" for role, n in counts.items()),
        "lowest: " + ", ".join(f"#{row['row']} ({row['value']:.3g})" for row in lowest),
        f"wrote {out} in {seconds:.1f} s{_at_most(memory)}",
    ]
    report(summary, lines, as_json)


def _write(frame: Any, out: Path) -> None:
    from dvgs_core.engine.values import write_values
    from dvgs_core.store.files import replacing

    with replacing(out) as temporary:
        write_values(frame, temporary)


def _tried(report: Mapping[str, Any]) -> list[str]:
    """A table of what `auto` tried: a line a candidate, and what is to be expected of it."""
    from dvgs_core.evaluation.calibration import Calibration

    table = Calibration.of(report).candidates
    wide = max(len(name) for name in table["candidate"])
    lines = [f"{'tried':{wide}}  looks for  AUROC          precision  seconds  weight"]
    for one in table.itertuples():
        if one.note:
            lines.append(f"{one.candidate:{wide}}  {one.looks_for:9}  {one.note}")
            continue
        precision = "" if math.isnan(one.precision) else percent(one.precision, 1)
        lines.append(
            f"{one.candidate:{wide}}  {one.looks_for:9}  {one.auroc:.3f} ± {one.standard_error:.3f}"
            f"  {precision:>9}  {one.seconds:7.1f}  {one.weight:6.2f}"
        )
    return lines


def _at_most(memory: int | None) -> str:
    return "" if memory is None else f", with {memory / 2**20:,.0f} MiB of memory at most"


def _none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
