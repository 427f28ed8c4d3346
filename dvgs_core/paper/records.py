"""What was computed, one JSON line each, so that a killed run goes on where it was.

A file holds the outcomes of one kind of work. A line is appended, and is on the disk, before the
next piece of work begins; a line that a killed run left half written is cut off.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dvgs_core.errors import InputError

#: Ends the words for a machine where work was done at a low priority.
LOW_PRIORITY = "low priority"


@dataclass(frozen=True)
class Record:
    """One piece of work that is done.

    Attributes:
        what: everything that the outcome follows from: experiment, method, settings, seed, data.
        outcome: its numbers.
        seconds: how long the method took; the data's preparation does not count.
        date: when it ended, UTC, ISO 8601.
        command: what would have it computed again.
        version: of this library.
        machine: what it ran on, in words.
        load: processes that wanted a core when it ended, mean of a minute; None where unknown.
    """

    what: dict[str, Any]
    outcome: dict[str, Any]
    seconds: float
    date: str
    command: str
    version: str
    machine: str = ""
    load: float | None = None

    @property
    def key(self) -> str:
        """64 hexadecimal digits, the same for the same work."""
        return key_of(self.what)

    @property
    def shared(self) -> bool:
        """Whether other work had much of the cores, so that the seconds are too many."""
        cores = re.search(r"(\d+) CPU cores", self.machine)
        if cores is None or self.load is None:
            return False
        # what has a low priority waits for every other process
        most = 1 if self.machine.endswith(LOW_PRIORITY) else 2
        return self.load > most * int(cores[1])


def key_of(what: Mapping[str, Any]) -> str:
    """64 hexadecimal digits that stand for a description of work."""
    text = json.dumps(what, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Records:
    """The records of a folder: one file of JSON lines for each kind of work.

    Args:
        folder: made when the first record is added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kinds: dict[str, dict[str, Record]] = {}

    def of(self, kind: str) -> list[Record]:
        """All records of a kind of work, oldest first."""
        return list(self._read(kind).values())

    def find(self, kind: str, what: Mapping[str, Any]) -> Record | None:
        """The record of this work, or None if it is still to be done."""
        return self._read(kind).get(key_of(what))

    def add(self, kind: str, record: Record) -> None:
        """Append a record; it is on the disk when this returns."""
        known = self._read(kind)
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(record), sort_keys=True, allow_nan=False)
        with self._path(kind).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        known[record.key] = record

    def _path(self, kind: str) -> Path:
        return self.folder / f"{kind}.jsonl"

    def _read(self, kind: str) -> dict[str, Record]:
        if kind not in self._kinds:
            self._kinds[kind] = {record.key: record for record in _lines(self._path(kind))}
        return self._kinds[kind]


def _lines(path: Path) -> Iterable[Record]:
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        # what a killed run left behind its last whole line would spoil the next one
        with path.open("rb+") as file:
            file.truncate(len(whole))
    for number, line in enumerate(whole.decode("utf-8").splitlines(), start=1):
        try:
            yield Record(**json.loads(line))
        except (json.JSONDecodeError, TypeError) as error:
            raise InputError(
                f"Line {number} of {path} is no record of a result: remove the line, and what it "
                "held is computed again."
            ) from error
