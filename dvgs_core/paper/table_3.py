"""Table 3: minutes of one valuation."""

from dvgs_core.paper.published import TABLE_3
from dvgs_core.paper.records import Records
from dvgs_core.paper.settings import shortened
from dvgs_core.paper.summary import (
    Section,
    groups,
    label,
    markdown_table,
    mean_and_spread,
    provenance,
)
from dvgs_core.paper.valuations import KIND, valuation_works
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "table-3", "Table 3: minutes of one valuation"


def works(request: Request) -> list[Work]:
    """Experiments 1 to 8; what tables 1 and 2 have computed is not computed again."""
    return valuation_works(request, range(1, 9))


def section(records: Records) -> Section | None:
    """Our minutes beside the paper's, which are of a GPU; None where nothing was run."""
    found = groups(records.of(KIND))
    if not found:
        return None
    numbers, rows = [], []
    for name, of_paper in TABLE_3.items():
        ours, theirs = [f"**{label(name)}**"], ["the paper"]
        for number in range(1, 9):
            some = found.get((number, name), [])
            paper = of_paper.get(number)
            theirs.append("" if paper is None else f"{paper:g}")
            if not some:
                ours.append("not run" if paper is not None else "")
                continue
            minutes, spread = mean_and_spread([record.seconds / 60 for record in some])
            at_most = "≤ " if all(record.shared for record in some) else ""
            ours.append(f"**{at_most}{minutes:.3g}**")
            numbers.append(
                dict(experiment=number, method=name, minutes=minutes, sd=spread, paper=paper)
            )
        rows += [ours, theirs]
    table = markdown_table(["experiment", *map(str, range(1, 9))], rows)
    less = [
        f"{label(name)} in experiment {number}: {shortened(some)}. "
        for (number, name), some in found.items()
        if shortened(some)
    ]
    body = (
        "Mean over repeats of the time from encoded rows to values; the paper's are of an NVIDIA "
        "GPU, ours of the machine named below. ≤ stands where other work had much of its cores (a "
        "load above twice their number, or above their number at low priority): idle, it is "
        "faster. Experiments 7 and 8 have fewer rows here than in the paper (see table 2). "
        f"{''.join(less)}\n\n{table}\n\n{provenance(found)}"
    )
    return Section(body, numbers=numbers)
