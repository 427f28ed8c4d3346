"""The kinds of jobs there are, what does them, and the few processes that share them."""

from dataclasses import dataclass

from dvgs_core.store.runs import JobKind
from dvgs_core.store.workers import WorkerName

#: MODULE:FUNCTION that does a job of a kind.
EXECUTE: dict[JobKind, str] = {
    "valuation": "dvgs_core.engine.execute:execute",
    "map": "dvgs_core.engine.maps:execute",
    "look": "dvgs_core.engine.look:execute",
    "sensitivity": "dvgs_core.engine.sensitivity:execute",
    "holdout": "dvgs_core.engine.holdout:execute",
    "curve": "dvgs_core.engine.curves:execute",
}


@dataclass(frozen=True)
class Post:
    """The place of one worker process. Each costs 250 MB for its libraries alone: so few.

    Attributes:
        kinds: what it does; of jobs that wait, those of the first kind come first.
        libraries: what it imports before the first job.
        nice: by how much it stands back where cores are few: the page comes first, then values,
            then all else.
        idle_seconds: it starts when a job waits and ends after so long without one; None: it is
            there from the start, so that nobody waits for what it imports.
        ahead: MODULE:FUNCTION, called without arguments when nothing waits after the first job, so
            that later ones find done what is slow once in a process.
    """

    kinds: tuple[JobKind, ...]
    libraries: tuple[str, ...]
    nice: int
    idle_seconds: float | None = None
    ahead: str | None = None


# scikit-learn's first import costs more than most encodings. For umap, and for the code it compiles
# at its first layout, the first look at a table shall not wait.
_LIBRARIES = ("torch", "sklearn.preprocessing", "pyarrow.dataset", "pyarrow.parquet")

WORKERS: dict[WorkerName, Post] = {
    "valuation": Post(
        ("valuation",), (*_LIBRARIES, "dvgs_core.trajectory", "dvgs_core.neighbours"), 5
    ),
    # hardly behind values: a map takes a fifth of a run, and waits for the look before it
    "map": Post(("look", "map"), _LIBRARIES, 6, ahead="dvgs_core.neighbours.layout:compile_umap"),
    "study": Post(("holdout", "sensitivity", "curve"), _LIBRARIES, 10, 60.0),
}

#: Exit status of a worker that found another one at work.
TAKEN = 75
