"""Records -> means, spreads, and the lines that say where each number comes from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dvgs_core.paper.experiments import EXPERIMENTS
from dvgs_core.paper.published import LABELS
from dvgs_core.paper.records import Record


@dataclass(frozen=True)
class Section:
    """What one table or figure adds to the document.

    Attributes:
        body: Markdown without a heading.
        figures: SVG text by file name.
        numbers: what a program may want to read, for `--json`.
    """

    body: str
    figures: dict[str, str] = field(default_factory=dict)
    numbers: list[dict] = field(default_factory=list)


Groups = dict[tuple[int, str], list[Record]]


def groups(records: Iterable[Record]) -> Groups:
    """Records by experiment and method, a seed once, those of the newest settings only.

    Data, sizes and settings of a group are the same, so that its mean means something.
    """
    found: Groups = {}
    for record in records:
        found.setdefault((record.what["experiment"], record.what["method"]), []).append(record)
    return {key: _alike(some) for key, some in sorted(found.items())}


def _alike(records: list[Record]) -> list[Record]:
    newest = max(records, key=lambda record: record.date)
    kept = [r for r in records if _but_seed(r) == _but_seed(newest)]
    return sorted(kept, key=lambda record: record.what["seed"])


def _but_seed(record: Record) -> dict:
    return {name: value for name, value in record.what.items() if name != "seed"}


def mean_and_spread(numbers: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for one number alone."""
    spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return float(np.mean(numbers)), spread


def plus_minus(mean: float, spread: float | None, digits: int = 3) -> str:
    """Such as "0.896 ± 0.030"; a minus sign is one."""
    text = f"{mean:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")
    return text.replace("-", "−")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def label(method: str) -> str:
    """A method as the paper writes it, or its name."""
    return LABELS.get(method, method)


def listed_seeds(seeds: Iterable[int]) -> str:
    """Such as "0–9" or "0, 2, 3"."""
    seeds = sorted(seeds)
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}–{seeds[-1]}"
    return ", ".join(map(str, seeds))


def provenance(found: Groups) -> str:
    """Where the numbers come from: a table of commands, seeds, dates and times."""
    rows = []
    for (number, method), records in found.items():
        rows.append(
            [
                EXPERIMENTS[number].name if number in EXPERIMENTS else str(number),
                label(method),
                listed_seeds(r.what["seed"] for r in records),
                *origin(records),
            ]
        )
    return origins(["experiment", "method", "seeds"], rows)


def origins(first: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of where numbers come from, to be opened by who wants to know.

    Args:
        first: heads of the columns before those of `origin`.
        rows: cells, the last ones from `origin`.
    """
    head = [*first, "command", "date", "seconds each", "on", "load", "version"]
    return folded("Where the numbers come from", markdown_table(head, rows))


def origin(records: Sequence[Record]) -> list[str]:
    """Command, date, seconds, machine, load and version of some records, as cells of a table.

    A load above the number of cores says that other work had a share of them, so that the seconds
    are more than they need be.
    """
    dates = sorted({r.date[:10] for r in records})
    loads = [r.load for r in records if r.load is not None]
    return [
        "; ".join(f"`{c}`" for c in dict.fromkeys(r.command for r in records)),
        dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        f"{np.mean([r.seconds for r in records]):.1f}",
        "; ".join(dict.fromkeys(r.machine for r in records)),
        f"{np.mean(loads):.1f}" if loads else "",
        "; ".join(dict.fromkeys(r.version for r in records)),
    ]


def folded(title: str, body: str) -> str:
    """Something to be opened by who wants to know."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
