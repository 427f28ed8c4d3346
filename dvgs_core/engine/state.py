"""What a run that ended early needs to go on, kept in its directory.

A run can be killed, the disk can fill and the power can fail at any moment. So the file is whole or
not there, carries its own checksum, and what does not pass every test is no reason to fail: the run
begins anew and says so.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import error as StructError

import numpy as np
from numpy.typing import NDArray

from dvgs_core.engine.valuate import State
from dvgs_core.store.files import replacing

STATE = "state.safetensors"
_FORMAT = 3  # 1 drew other dropout masks, 2 knew built-in networks only


class _Unusable(Exception):
    """Why a kept state cannot be gone on from."""


def write_state(directory: Path, arrays: Mapping[str, NDArray]) -> None:
    """Put a state in the place of the one before it, all at once.

    Raises:
        InputError: the disk is full; the state before is untouched.
    """
    from safetensors.numpy import save

    whole = {name: np.asarray(a, order="C") for name, a in arrays.items()}
    content = save(whole, {"format": str(_FORMAT), "sha256": _checksum(whole)})
    with replacing(directory / STATE) as temporary:
        temporary.write_bytes(content)


def read_state(
    directory: Path, rows: int, log: Callable[[str], object] = lambda line: None
) -> State | None:
    """What a run that ended early needs to go on, or None if it has to begin anew.

    Args:
        directory: the run's.
        rows: how many are source in some rotation.
        log: told in one line why a state that is there cannot be used.
    """
    path = directory / STATE
    if not path.exists():
        return None
    try:
        state = _read(path)
        _check_files(directory, rows, int(state["scored"]))
    except _Unusable as reason:
        log(f"What was kept of the run cannot be used ({reason}); it begins anew.")
        return None
    return state


def _read(path: Path) -> State:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != str(_FORMAT):
                raise _Unusable("another version wrote it")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, StructError) as error:
        raise _Unusable("it is damaged") from error
    if metadata.get("sha256") != _checksum(state):
        raise _Unusable("it is damaged")
    return state


def _checksum(arrays: Mapping[str, NDArray]) -> str:
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _check_files(directory: Path, rows: int, scored: int) -> None:
    """Raise unless the trace and the lines of all these steps are there."""
    trace, lines = directory / "trace.f32", directory / "steps.jsonl"
    if not trace.exists() or trace.stat().st_size < 4 * rows * scored:
        raise _Unusable("the trace is shorter")
    written = lines.read_bytes().split(b"\n") if lines.exists() else []
    # what follows the last line feed is no line yet
    if len(written) <= scored:
        raise _Unusable("steps are missing")
    try:
        known = [json.loads(line)["index"] for line in written[:scored]]
    except (ValueError, KeyError, TypeError) as error:
        raise _Unusable("the steps are damaged") from error
    if known != sorted(known):
        raise _Unusable("the steps are out of order")
