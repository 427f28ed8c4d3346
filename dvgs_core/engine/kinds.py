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
    """

    execute: str
    libraries: tuple[str, ...]
    nice: int


KINDS: dict[JobKind, Work] = {
    "valuation": Work("dvgs_core.engine.job:execute", ("torch",), 5),
    "map": Work("dvgs_core.engine.maps:execute", ("torch", "umap"), 10),
}

#: Exit status of a worker that found another one at work.
TAKEN = 75
