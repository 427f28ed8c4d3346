"""The next item is made while the last one is used.

Operations on small networks are too short to split over threads, so whoever trains on one core
leaves the others idle; scoring rows then waits for training. One thread more lets both go on at
once. A thread, not a process: torch lets go of the interpreter while it computes.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items in the same order, each begun when the one before it is handed out.

    All of them are made in one thread, which ends with the last of them or when this generator is
    closed; closing waits for the item that is being made. What goes wrong in that thread is raised
    here, where its item would have come.

    Args:
        items: must neither use what the taker of items changes nor change what the taker uses.
    """

    def upcoming() -> list[T]:
        return list(islice(items, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(upcoming)
        while item := coming.result():
            coming = pool.submit(upcoming)
            yield from item
