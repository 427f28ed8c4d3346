"""The kinds of jobs there are, and what does them."""

from dataclasses import dataclass

from dvgs_core.store.runs import JobKind


@dataclass(frozen=True)
class Work:
    """How one kind of job is done.

    Attributes:
        execute: MODULE:FUNCTION that does a job.
        libraries: what its worker imports before the first job.
        nice: by how much it stands back where cores are few: the page comes first, then values,
            then maps.
        idle_seconds: its worker starts when a job waits and ends after so long without one; None:
            it is there from the start, so that nobody waits for what it imports.
    """

    execute: str
    libraries: tuple[str, ...]
    nice: int
    idle_seconds: float | None = None


KINDS: dict[JobKind, Work] = {
    "valuation": Work("dvgs_core.engine.execute:execute", ("torch",), 5),
    "map": Work("dvgs_core.engine.maps:execute", ("torch", "umap"), 10),
    "look": Work("dvgs_core.engine.look:execute", ("sklearn.preprocessing",), 5, 300.0),
    "sensitivity": Work("dvgs_core.engine.sensitivity:execute", ("torch",), 10, 60.0),
    "holdout": Work("dvgs_core.engine.holdout:execute", ("torch",), 10, 60.0),
    "curve": Work("dvgs_core.engine.curves:execute", ("torch",), 10, 60.0),
}

#: Exit status of a worker that found another one at work.
TAKEN = 75
