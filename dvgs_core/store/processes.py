"""Telling whether a process that wrote its id into the workspace is still there.

Process ids are used again, and a container sees only its own, so an id alone proves nothing. With
it goes where and when the process began: machine, boot, set of process ids, time. Where that can
be compared the answer is certain; elsewhere the last heartbeat decides. A killed process whose
parent has not asked for it yet (a zombie) is gone.
"""

import time
from functools import cache
from pathlib import Path

# Workers show themselves every second.
SILENT_SECONDS = 30.0

_PROC = Path("/proc")


def birth(pid: int) -> str | None:
    """What tells this process from every other, or None where that cannot be told (or it is gone).

    Only on Linux; elsewhere None.
    """
    place = _place()
    if place is None:
        return None
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the name stands in parentheses and may itself hold spaces and parentheses
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else f"{place}/{rest[18]}"


def there(pid: int | None, born: str | None, heartbeat: float | None) -> bool:
    """Whether a process is still there.

    Args:
        pid: its id.
        born: what `birth` said of it when it was known to live.
        heartbeat: when it last showed itself, in seconds since 1970.
    """
    if pid is None:
        return False
    place = _place()
    if place is not None and born is not None and born.startswith(f"{place}/"):
        return birth(pid) == born
    return heartbeat is not None and time.time() - heartbeat <= SILENT_SECONDS


@cache
def _place() -> str | None:
    """This boot of this machine and this set of process ids; None where there is no /proc."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None
