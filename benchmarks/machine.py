"""What a benchmark says about the machine it ran on: speed, load, and memory of a family."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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


def family_memory(root: int) -> dict[str, float]:
    """MB resident (proportional share) of a process, as "app", and of its descendants by name."""
    shares: dict[str, float] = {}
    for pid in family(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            continue
        worker = "dvgs_core.engine.worker"  # its arguments are workspace and name
        at = command.index(worker) + 2 if worker in command else 0
        name = "app" if pid == root else command[at]
        share = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        shares[name] = shares.get(name, 0.0) + share
    return shares


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
    """The most memory seen so far, in MB.

    Attributes:
        together: of all processes at one moment.
        then: what each had at that moment.
        alone: the most that each had at any moment.
    """

    together: float = 0.0
    then: dict[str, float] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)

    def see(self, shares: dict[str, float]) -> None:
        """Take in one moment: MB by name."""
        for name, share in shares.items():
            self.alone[name] = max(share, self.alone.get(name, 0.0))
        if sum(shares.values()) > self.together:
            self.together, self.then = sum(shares.values()), shares

    def lines(self) -> str:
        """A line for the whole, and one a process."""
        told = [f"peak memory, all             {self.together:8.0f} MB"]
        for name, most in sorted(self.alone.items(), key=lambda each: -each[1]):
            then = self.then.get(name, 0.0)
            told.append(f"  {name:<27}{then:8.0f} MB then, {most:.0f} MB at most")
        return "\n".join(told)


@contextmanager
def peak_memory(root: int) -> Iterator[Peak]:
    """Watch the memory of a process and its descendants while the block runs."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY):
            peak.see(family_memory(root))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
