"""The loaded table, and the checks that every kind of file goes through."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dvgs_core.data.format import FileFormat
from dvgs_core.data.wording import listed, quoted
from dvgs_core.errors import InputError

MINIMUM_ROWS = 2


@dataclass(frozen=True)
class Table:
    """A file as a typed table.

    Attributes:
        frame: (n, columns) with a RangeIndex, whose numbers are the row ids; column labels are
            str and unique.
        name: file name for display.
        sha256: hex digest of the file's bytes; of both files' bytes, one after the other, for a
            pair.
        format: how to read the same file again the same way.
        notes: what a person should know about the reading, a sentence each.
        embedding_columns: columns that came from one array, in its order; else ().
        image_shape: shape of one row of that array if it had more than two axes; else None.
    """

    frame: pd.DataFrame
    name: str
    sha256: str
    format: FileFormat
    notes: tuple[str, ...] = ()
    embedding_columns: tuple[str, ...] = ()
    image_shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Contents:
    """What one file holds, before it has a name and a hash."""

    frame: pd.DataFrame
    format: FileFormat
    notes: tuple[str, ...] = ()
    embedding_columns: tuple[str, ...] = ()
    image_shape: tuple[int, ...] | None = None


def column_names(header: Sequence[object], name: str, *, hint: str = "") -> list[str]:
    """Unique names from what stands in a header: str, without blanks around them.

    An empty name becomes "Unnamed: 3", after its position.

    Raises:
        InputError: two columns have the same name.
    """
    names = [
        str(cell).strip() if cell is not None and str(cell).strip() else f"Unnamed: {i}"
        for i, cell in enumerate(header)
    ]
    twice = [column for column, times in Counter(names).items() if times > 1]
    if twice:
        raise InputError(
            f"Column names must differ, but {quoted(name)} has {listed(twice)} more than once"
            f"{hint}: rename them."
        )
    return names


def check_rows(frame: pd.DataFrame, name: str) -> None:
    """Refuse a table that is too small to have a source and a target."""
    if frame.shape[1] == 0:
        raise InputError(f"{quoted(name)} has no columns: nothing can be learned from it.")
    if len(frame) == 0:
        raise InputError(
            f"{quoted(name)} has column names but no rows: it needs at least {MINIMUM_ROWS}."
        )
    if len(frame) < MINIMUM_ROWS:
        raise InputError(
            f"{quoted(name)} has only 1 row: valuing needs at least {MINIMUM_ROWS}, "
            "one to be valued and one to define the task."
        )
