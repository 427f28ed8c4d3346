"""How many threads an operation may use, and how small operations use several cores all the same.

Operations on small networks last microseconds. Split over threads they wait for each other longer
than they compute, and beside another busy process (the page, a UMAP) tens of times longer. So
small work runs on one thread, side by side where there are several blocks of it. A thread, not a
process: torch lets go of the interpreter while it computes.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

# Multiply-adds from which a step gains from torch's own threads.
WORTH_SPLITTING = 1_000_000_000


@contextmanager
def operation_threads(multiply_adds: float) -> Iterator[None]:
    """Inside, torch splits its operations over threads only if there is enough work for it."""
    before = torch.get_num_threads()
    if before == 1 or multiply_adds >= WORTH_SPLITTING:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def one_thread() -> None:
    """From now on torch splits no operation of the calling thread, whatever others ask for."""
    # at its first look a thread is given what any thread asked for last: look before asking
    torch.get_num_threads()
    torch.set_num_threads(1)


def single_threads(count: int) -> ThreadPoolExecutor:
    """So many threads, each of which computes on its own."""
    return ThreadPoolExecutor(count, thread_name_prefix="single", initializer=one_thread)


def side_by_side(
    pool: ThreadPoolExecutor, threads: int, items: Iterator[T], function: Callable[[T], R]
) -> Generator[R, None, None]:
    """function(item) of every item, in the items' order, computed on the pool's threads.

    A thread takes the next item and works on it while another takes the one after it; items are
    made by the thread that takes them, one at a time, so making them may be work too. No more than
    two items a thread are begun beyond what the caller has taken. Closing waits for what was begun.
    What goes wrong, in making an item or in working on it, is raised where its result would have
    come.

    Args:
        pool: of `single_threads`, with nothing else to do.
        threads: how many it has.
        items: must neither use what the taker of results changes nor change what the taker uses.
        function: likewise.
    """
    coming: SimpleQueue[Future[list[R]]] = SimpleQueue()
    room, over = threading.Semaphore(2 * threads + 1), threading.Event()

    def work() -> list[R]:
        room.acquire()
        for item in islice(items, 0 if over.is_set() else 1):
            coming.put(pool.submit(work))  # not before: so nobody else is at the items
            return [function(item)]
        return []

    coming.put(pool.submit(work))
    try:
        while found := coming.get().result():
            yield from found
            room.release()
    finally:
        over.set()
        room.release()
        while not coming.empty():
            coming.get().exception()  # waits for it; what it has begun is in the queue by then
