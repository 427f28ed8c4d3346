"""Memory that a process no longer uses, given back to the system."""

import ctypes
import gc
import os
from contextlib import suppress


def give_back_memory() -> None:
    """Return freed memory to the system; glibc would keep it for the next job.

    A worker stands beside the app for hours, and what one large table needed for a second would
    stay its own until the end. Where the C library knows no such call nothing happens.
    """
    gc.collect()
    if os.name == "posix":
        with suppress(AttributeError, OSError):  # musl and macOS give it back by themselves
            ctypes.CDLL(None).malloc_trim(0)
