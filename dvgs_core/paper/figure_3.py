"""Figure 3: filtering by value where labels are corrupted."""

from dvgs_core.paper.curves import KIND, curve_section, curve_works
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import Section
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "figure-3", "Figure 3: filtering by value, corrupted labels"
_ABOUT = (
    "The paper finds that removing low values helps or does no harm, that removing high values "
    "hurts, and that Shapley values are better at naming the most valuable rows. Score on 2,000 "
    "rows that no valuation has seen (the paper does not say how many it has)."
)


def works(request: Request) -> list[Work]:
    """Experiments 1 to 3, with the values of table 1."""
    return curve_works(request, (1, 2, 3))


def section(records: Records) -> Section | None:
    """One panel an experiment; None where nothing was run."""
    return curve_section(NAME, TITLE, _ABOUT, records.of(KIND), (1, 2, 3))
