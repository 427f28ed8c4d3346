"""What a computation costs: seconds and memory."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_STATM = Path("/proc/self/statm")
_EVERY = 0.005  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """What one call took.

    Attributes:
        seconds: on the wall.
        memory: bytes of main memory that the process grew by at its largest; None where the system
            does not tell (only Linux does).
        device_memory: bytes that tensors on the GPU took at most; None without one.
        conclusion: one sentence.
    """

    seconds: float
    memory: int | None
    device_memory: int | None
    conclusion: str


def cost(call: Callable[..., T], *arguments: Any, **options: Any) -> tuple[T, Cost]:
    """Carry out a call and measure it.

    Memory that was free for use within the process before does not count, so the first call of a
    kind seems to cost the most. Only one call at a time is measured rightly.

    Args:
        call: what to carry out, with these arguments and options.

    Returns:
        What it returned, and what it took.
    """
    on_device = _device()
    if on_device is not None:
        on_device.synchronize()
        on_device.reset_peak_memory_stats()
    with MemoryWatch() as watch:
        begun = time.perf_counter()
        returned = call(*arguments, **options)
        if on_device is not None:
            on_device.synchronize()
        seconds = time.perf_counter() - begun
    device = None if on_device is None else int(on_device.max_memory_allocated())
    said = [f"It took {seconds:.2g} s" if seconds < 10 else f"It took {seconds:,.0f} s"]
    if watch.grown is not None:
        said.append(f"{watch.grown / 2**20:,.0f} MiB of memory")
    if device is not None:
        said.append(f"{device / 2**20:,.0f} MiB on the GPU")
    return returned, Cost(seconds, watch.grown, device, " and ".join(said) + ".")


def _device() -> Any:
    """torch.cuda where torch is in use and has a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


class MemoryWatch:
    """Looks at the main memory of this process while a block runs.

    Args:
        every: seconds between two looks.

    Attributes:
        grown: bytes by which it was larger at its largest than before; None until the block ends,
            and where the system does not tell (only Linux does).
    """

    def __init__(self, every: float = _EVERY) -> None:
        self.grown: int | None = None
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        if _STATM.exists():
            self._start = self._peak = _resident()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._over.set()
            self._thread.join()
            self._peak = max(self._peak, _resident())
            self.grown = self._peak - self._start

    def _look(self) -> None:
        while not self._over.wait(self._every):
            self._peak = max(self._peak, _resident())


def peak_memory() -> int | None:
    """Bytes of main memory that this process has held at most; None where the system is silent."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _resident() -> int:
    """Bytes of main memory that this process holds."""
    import resource

    return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
