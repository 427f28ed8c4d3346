"""Table 1: AUROC of finding corrupted labels."""

from dvgs_core.paper import dvrl_input
from dvgs_core.paper.comparison import comparison
from dvgs_core.paper.published import COSTLY, TABLE_1
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import Section, plus_minus
from dvgs_core.paper.valuations import KIND, valuation_works
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "table-1", "Table 1: AUROC for finding corrupted labels"
#: Kind of the record that experiments/loo_starts.py makes.
STARTS = "loo-starts"

#: Why a mean lies outside the paper's standard deviation, by experiment and method.
EXPLAINED: dict[tuple[int, str], str] = {
    (3, "dvgs"): "The features are others than the paper's (see below), so the problem is another",
}


def works(request: Request) -> list[Work]:
    """Experiments 1 to 3."""
    return valuation_works(request, TABLE_1)


def section(records: Records) -> Section | None:
    """Ours beside the paper's; None where nothing was run."""
    explained = EXPLAINED | dvrl_input.told(records, "auroc") | {(1, "loo"): _starts(records)}
    return comparison(records.of(KIND), "auroc", TABLE_1, explained, COSTLY)


def _starts(records: Records) -> str:
    """What sets our LOO apart from one whose networks differ in more than the missing row."""
    said = (
        "Networks here start alike and draw the same batches and dropout, so that nothing but the "
        "missing row tells them apart"
    )
    if not (some := records.of(STARTS)):
        return said
    found, seed, day = some[-1].outcome, some[-1].what["seed"], some[-1].date[:10]
    return (
        f"{said}: values have a deviation of {found['spread_of_values']:.4f}. Over starts alone "
        f"the score's is {found['spread_over_starts']:.4f}, and with a start of its own for every "
        f"network the AUROC would be {plus_minus(*found['auroc_with_own_starts'])} "
        f"(`{some[-1].command}`, seed {seed}, {day})"
    )
