"""`dvgs reproduce NAME`: do what is outstanding, then write the document anew."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvgs_core.errors import InputError
from dvgs_core.paper.catalogue import ITEMS, names
from dvgs_core.paper.document import write
from dvgs_core.paper.records import key_of
from dvgs_core.paper.work import Request, Work, done, outstanding


@dataclass(frozen=True)
class Reproduced:
    """What a run of `reproduce` did.

    Attributes:
        names: the tables and figures.
        computed: how many pieces of work it did.
        known: how many were done before.
        document: where the results stand.
        numbers: of each name, what a program may want to read.
    """

    names: list[str]
    computed: int
    known: int
    document: Path
    numbers: dict[str, list[dict[str, Any]]]


def reproduce(
    name: str, request: Request, on_work: Callable[[Work, int], None] | None = None
) -> Reproduced:
    """Make a table or figure again; a killed run goes on where it was.

    Args:
        name: of the table or figure, or "all".
        request: with what.
        on_work: called before each piece of work, with how many are left.

    Raises:
        InputError: no such name, a method that does not exist, data that is missing, nothing to
            run.
    """
    chosen = names(name)
    unique: dict[tuple[str, str], Work] = {}
    for item in chosen:
        for work in ITEMS[item].works(request):
            unique.setdefault((work.kind, key_of(work.what)), work)
    works = list(unique.values())
    if not works:
        raise InputError(
            f"There is nothing to run for {name} with these methods and experiments: leave one of "
            "them out, or choose others."
        )
    left = outstanding(request, works)
    for index, work in enumerate(left):
        if on_work is not None:
            on_work(work, len(left) - index)
        for _ in done(request, [work]):
            pass
    document = write(request.records, request.out, quick=request.quick)
    made = {item: ITEMS[item].section(request.records) for item in chosen}
    return Reproduced(
        names=chosen,
        computed=len(left),
        known=len(works) - len(left),
        document=document,
        numbers={item: part.numbers for item, part in made.items() if part is not None},
    )
