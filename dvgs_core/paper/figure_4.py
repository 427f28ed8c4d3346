"""Figure 4: filtering by value where features are noisy."""

from dvgs_core.paper.curves import KIND, curve_section, curve_works
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import Section
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "figure-4", "Figure 4: filtering by value, feature noise"
_ABOUT = (
    "Removing by the values of table 2. The curve of experiment 7, of a convolutional autoencoder, "
    "is left out: the networks that are trained side by side here are perceptrons. Experiment 8 "
    "has one replicate instead of three."
)
_SHOWN = (4, 5, 6, 8)


def works(request: Request) -> list[Work]:
    """Experiments 4 to 6 and 8."""
    return curve_works(request, _SHOWN)


def section(records: Records) -> Section | None:
    """One panel an experiment; None where nothing was run."""
    return curve_section(NAME, TITLE, _ABOUT, records.of(KIND), _SHOWN)
