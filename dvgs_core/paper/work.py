"""One piece of computing, done once: what is asked for, what is still to be done, and doing it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from dvgs_core import __version__
from dvgs_core.errors import InputError
from dvgs_core.paper.data import DataSets
from dvgs_core.paper.records import LOW_PRIORITY, Record, Records


@dataclass(frozen=True)
class Request:
    """What somebody asks to be made again.

    Attributes:
        data: where rows come from.
        out: folder of figures and records.
        repeats: draws of rows and damage, each with a seed of its own.
        seed: of the first repeat; the others count on.
        methods: names to compare; None: those of the paper that there are.
        experiments: the paper's numbers; None: all that a table or figure has.
        permutations: of TMC-Shapley, at most; None: as many as in the paper, which take hours.
        quick: few rows and short training, to see that everything runs; the numbers mean nothing.
        command: what was typed, for the records.
    """

    data: DataSets
    out: Path
    repeats: int = 5
    seed: int = 0
    methods: tuple[str, ...] | None = None
    experiments: tuple[int, ...] | None = None
    permutations: int | None = None
    quick: bool = False
    command: str = field(default="", compare=False)

    @property
    def seeds(self) -> range:
        """One a repeat."""
        return range(self.seed, self.seed + self.repeats)

    @cached_property
    def records(self) -> Records:
        """What is done; quick runs have their own."""
        return Records(self.out / ("records-quick" if self.quick else "records"))


@dataclass(frozen=True)
class Work:
    """One piece of work.

    Attributes:
        kind: which file of records it belongs to.
        what: everything its outcome follows from, for JSON.
        title: what a progress bar says.
        compute: gives the outcome, for JSON, and the seconds that count.
    """

    kind: str
    what: dict[str, Any]
    title: str
    compute: Callable[[], tuple[dict[str, Any], float]]


def outstanding(request: Request, works: Sequence[Work]) -> list[Work]:
    """Those that have no record yet."""
    return [w for w in works if request.records.find(w.kind, w.what) is None]


def done(request: Request, works: Sequence[Work]) -> Iterator[Record]:
    """Do what is outstanding, each piece recorded before the next begins."""
    for work in outstanding(request, works):
        outcome, seconds = work.compute()
        record = Record(
            what=work.what,
            outcome=outcome,
            seconds=round(seconds, 3),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            command=request.command,
            version=__version__,
            machine=machine(),
            load=round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        )
        request.records.add(work.kind, record)
        yield record


def machine() -> str:
    """What work is done on, in words."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    cores, used = os.cpu_count() or 1, torch.get_num_threads()
    words = f"{cores} CPU cores" if used >= cores else f"{used} of {cores} CPU cores"
    behind = hasattr(os, "nice") and os.nice(0) > 0
    return f"{words}, {LOW_PRIORITY}" if behind else words


def need(condition: bool, line: str) -> None:
    """Raise InputError with this line unless the condition holds."""
    if not condition:
        raise InputError(line)
