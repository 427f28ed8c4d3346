"""What a benchmark says about the machine it ran on: speed, load, and memory of a family."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks at the memory.
_LOOK_EVERY = 0.25


def product_seconds() -> float:
    """Seconds of one 2048 × 2048 float32 matrix product, best of 5, in a process of its own."""
    code = (
        "import time, torch; a = torch.randn(2048, 2048); times = []\n"
        "for _ in range(5):\n"
        "    t = time.perf_counter(); a @ a; times.append(time.perf_counter() - t)\n"
        "print(min(times))"
    )
    return float(subprocess.check_output([sys.executable, "-c", code]))


def load() -> str:
    """How many processes wanted a core in the last minute, and how many cores there are."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def family(root: int) -> set[int]:
    """A process and all its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grown, found = bool(more), found | more
    return found


def family_memory(root: int) -> tuple[float, float]:
    """MB resident (proportional share) of a process and all its descendants, and of it alone."""

    def share(pid: int) -> float:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return 0.0
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    return sum(map(share, family(root))), share(root)


def processor_seconds(pid: int, *, descendants: bool = False) -> float:
    """Processor seconds that a process has taken, with its descendants' where that is asked for."""
    ticks = 0
    for one in family(pid) if descendants else {pid}:
        try:
            words = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(word) for word in words[11:15])  # user, system, and of ended children
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class Peak:
    """The most memory seen so far, in MB."""

    together: float = 0.0
    app: float = 0.0


@contextmanager
def peak_memory(root: int) -> Iterator[Peak]:
    """Watch the memory of a process and its descendants while the block runs."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY):
            together, alone = family_memory(root)
            peak.together, peak.app = max(peak.together, together), max(peak.app, alone)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
