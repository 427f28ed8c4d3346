"""Figure 2: corrupted labels found against rows inspected.

The paper's text gives no numbers for this figure; ours shows what table 1 sums up.
"""

import numpy as np

from dvgs_core.data.wording import percent
from dvgs_core.paper.experiments import EXPERIMENTS
from dvgs_core.paper.published import TABLE_1
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import Section, groups, label, markdown_table, provenance
from dvgs_core.paper.svg import Line, Panel, figure
from dvgs_core.paper.valuations import INSPECTED, KIND, valuation_works
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "figure-2", "Figure 2: corrupted labels found against rows inspected"


def works(request: Request) -> list[Work]:
    """The runs of table 1."""
    return valuation_works(request, TABLE_1)


def section(records: Records) -> Section | None:
    """One panel an experiment: mean and standard deviation of the share found."""
    found = {key: some for key, some in groups(records.of(KIND)).items() if key[0] in TABLE_1}
    if not found:
        return None
    panels, rows = [], []
    for number in TABLE_1:
        lines = []
        for (of, method), some in found.items():
            if of != number:
                continue
            shares = np.array([record.outcome["found"] for record in some])
            middle, spread = shares.mean(axis=0), shares.std(axis=0)
            lines.append(Line(label(method), INSPECTED, middle, middle - spread, middle + spread))
            at = [middle[np.isclose(INSPECTED, share)][0] for share in (0.1, 0.2, 0.4)]
            rows.append([EXPERIMENTS[number].name, label(method), *(percent(a, 1) for a in at)])
        if lines:
            rate = EXPERIMENTS[number].amount
            lines.append(Line("perfect", (0, rate, 1), (0, 1, 1), dashed=True))
            titled = EXPERIMENTS[number].name
            panels.append(Panel(titled, "share inspected", "share found", lines, (0, 1), (0, 1.04)))
    drawn = figure(panels, f"{TITLE}; bands are one standard deviation over repeats")
    head = ["experiment", "method", "found in the lowest 10 %", "20 %", "40 %"]
    body = (
        "Rows are inspected from the lowest value up; bands are one standard deviation over the "
        "repeats of table 1. The text of the paper gives no numbers to compare with.\n\n"
        f"{markdown_table(head, rows)}\n\n{provenance(found)}"
    )
    return Section(body, {f"{NAME}.svg": drawn})
