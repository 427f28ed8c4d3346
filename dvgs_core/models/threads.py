"""How many threads an operation may use.

Operations on small networks last microseconds. Split over threads they wait for each other longer
than they compute, and beside another busy process (the page, a UMAP) tens of times longer. So
small work runs on one thread, side by side where there are several blocks of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

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
