"""Figure 7: what each method's time buys.

The text of the paper does not say what its figure 7 shows; ours sets tables 1 to 3 against each
other: how well a method finds the damage, and how long it takes.
"""

from dvgs_core.paper.experiments import EXPERIMENTS
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import (
    Section,
    groups,
    label,
    markdown_table,
    mean_and_spread,
    plus_minus,
    provenance,
)
from dvgs_core.paper.svg import Line, Panel, figure
from dvgs_core.paper.valuations import KIND, valuation_works
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "figure-7", "Figure 7: quality against time"
_FLOOR = 1e-3  # seconds: random values take less than the clock shows


def works(request: Request) -> list[Work]:
    """The runs of tables 1 and 2."""
    return valuation_works(request, EXPERIMENTS)


def section(records: Records) -> Section | None:
    """One panel an experiment, one dot a repeat; time in powers of ten."""
    found = groups(records.of(KIND))
    if not found:
        return None
    panels, rows = [], []
    for number, chosen in EXPERIMENTS.items():
        measure = "auroc" if chosen.damage == "labels" else "spearman"
        lines = []
        for (of, method), some in found.items():
            if of != number:
                continue
            shown = [max(record.seconds, _FLOOR) for record in some]
            quality = [record.outcome[measure] for record in some]
            lines.append(Line(label(method), shown, quality, dots=True))
            seconds = mean_and_spread([record.seconds for record in some])[0]
            took = f"{seconds:.3g}" if seconds >= _FLOOR else f"< {_FLOOR:g}"
            reached = plus_minus(*mean_and_spread(quality))
            rows.append([chosen.name, label(method), took, reached])
        if lines:
            y_label = "AUROC" if measure == "auroc" else "Spearman correlation"
            panels.append(Panel(chosen.name, "seconds", y_label, lines, log=True))
    head = ["experiment", "method", "seconds", "AUROC or Spearman correlation"]
    body = (
        "The text of the paper does not say what its figure 7 shows; this one sets tables 1 to 3 "
        "against each other, a dot a repeat.\n\n"
        f"{markdown_table(head, rows)}\n\n{provenance(found)}"
    )
    return Section(body, {f"{NAME}.svg": figure(panels, TITLE)})
