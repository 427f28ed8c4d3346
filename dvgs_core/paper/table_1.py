"""Table 1: AUROC of finding corrupted labels."""

from dvgs_core.paper.comparison import comparison
from dvgs_core.paper.published import TABLE_1
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import Section
from dvgs_core.paper.valuations import KIND, valuation_works
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "table-1", "Table 1: AUROC for finding corrupted labels"

#: Why a mean lies outside the paper's standard deviation, by experiment and method.
EXPLAINED: dict[tuple[int, str], str] = {
    (3, "dvgs"): "The features are others than the paper's (see below), so the problem is another",
}


def works(request: Request) -> list[Work]:
    """Experiments 1 to 3."""
    return valuation_works(request, TABLE_1)


def section(records: Records) -> Section | None:
    """Ours beside the paper's; None where nothing was run."""
    return comparison(records.of(KIND), "auroc", TABLE_1, EXPLAINED)
