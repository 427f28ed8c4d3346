"""Files that are either whole or not there.

A file is written under a temporary name in the folder it will live in, flushed to the disk, and
only then given its name. Whoever reads the name sees the old content or the new, never half.
"""

import errno
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dvgs_core.errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def full_disk_told(place: Path) -> Iterator[None]:
    """Turns "no space left" into one line for a person; every other error passes through.

    Raises:
        InputError: the disk that holds `place` is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(
            f"The disk that holds {place} is full and nothing was changed. "
            "Free some space, then try again."
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path whose file becomes `path` when the block ends well, and vanishes otherwise.

    Args:
        path: where the file will be; its folder must exist.

    Yields:
        A path in the same folder, with the same suffix.

    Raises:
        InputError: the disk is full; what was at `path` is untouched.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        with full_disk_told(path.parent):
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def flush(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders, and journals their entries itself
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
