"""The kinds of jobs there are, and what does them."""

from dvgs_core.store.runs import JobKind

#: For each kind: the function that does a job, and the libraries its worker imports beforehand.
KINDS: dict[JobKind, tuple[str, tuple[str, ...]]] = {
    "valuation": ("dvgs_core.engine.job:execute", ("torch",)),
    "map": ("dvgs_core.engine.maps:execute", ("torch", "umap")),
}

#: Exit status of a worker that found another one at work.
TAKEN = 75
