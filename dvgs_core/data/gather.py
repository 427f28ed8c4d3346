"""Several files brought together: tables stacked, or embeddings with the table that goes with them.

Nothing is guessed: tables are stacked only when their columns agree, in name and in what they hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dvgs_core.data.columns import described
from dvgs_core.data.csvfile import read_cells, write_cells
from dvgs_core.data.load import load
from dvgs_core.data.table import Table
from dvgs_core.data.wording import count, listed, quoted
from dvgs_core.errors import InputError

_ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class NamedFile:
    """A file and the name a person knows it by."""

    name: str
    path: Path

    @property
    def is_array(self) -> bool:
        """Whether it holds numbers without column names."""
        return _ending(self.name) in _ARRAYS


@dataclass(frozen=True)
class Gathered:
    """What several files became.

    Attributes:
        file: the table, or the embeddings.
        labels: the table that goes with embeddings, or None.
        parts: (name, rows) of each stacked table, in order; () where nothing was stacked.
    """

    file: NamedFile
    labels: NamedFile | None = None
    parts: tuple[tuple[str, int], ...] = ()


def gather(files: Sequence[NamedFile], directory: Path) -> Gathered:
    """Make one dataset of the files a person brought together.

    One array and one other file are embeddings and their labels. Several tables are stacked, in
    the order given: CSV files cell by cell, as text, so that the result reads like its parts;
    others by their typed columns, as Parquet.

    Args:
        files: at least one.
        directory: an existing folder for what has to be written.

    Raises:
        InputError: the files do not go together; the line names the file and what differs.
    """
    refuse_by_name([file.name for file in files])
    if len(files) == 1:
        return Gathered(files[0])
    if any(file.is_array for file in files):
        return _pair(files)
    tables = [load(file.path, name=file.name) for file in files]
    for file, table in zip(files[1:], tables[1:], strict=True):
        refuse_other_columns(tables[0].frame, files[0].name, table.frame, file.name)
    path = directory / f"stacked{_stack(files, tables, directory)}"
    parts = tuple((file.name, len(table.frame)) for file, table in zip(files, tables, strict=True))
    return Gathered(NamedFile(_name(files, path.suffix), path), parts=parts)


def refuse_by_name(names: Sequence[str]) -> None:
    """Raise where the files' names tell that they do not go together, before any is read.

    Raises:
        InputError: embeddings among more than two files, or two sets of arrays.
    """
    arrays = [name for name in names if _ending(name) in _ARRAYS]
    if arrays and len(names) > 2:
        raise InputError(
            f"{quoted(arrays[0])} holds embeddings, and {count(len(names), 'file')} came: "
            "embeddings go with one table of labels at most; bring these two alone."
        )
    if len(names) == 2 and all(_ending(name) == ".npz" for name in names):
        raise _two_alike(*names)


def refuse_other_columns(
    first: pd.DataFrame, first_name: str, other: pd.DataFrame, other_name: str
) -> None:
    """Raise unless two tables can stand one above the other.

    Raises:
        InputError: a column is in one of them only, or holds another kind of values.
    """
    here, there = set(first.columns), set(other.columns)
    if here != there:
        lacking, lacks, has = (
            (sorted(here - there), other_name, first_name)
            if here - there
            else (sorted(there - here), first_name, other_name)
        )
        raise InputError(
            f"{quoted(lacks)} has no column {listed(lacking)}, which {quoted(has)} has: files are "
            "stacked only when their columns agree; rename them, or bring the files one by one."
        )
    for name in first.columns:
        a, b = described(first[name]), described(other[name])
        if a != b and not (first[name].isna().all() or other[name].isna().all()):
            raise InputError(
                f"The column {quoted(name)} holds {a} in {quoted(first_name)} and {b} in "
                f"{quoted(other_name)}: files are stacked only when their columns agree; write "
                "both in the same way."
            )


def _pair(files: Sequence[NamedFile]) -> Gathered:
    """Embeddings and their labels, whichever came first."""
    first, second = files
    if first.is_array and second.is_array:
        flat = [_is_flat(file) for file in files]
        if flat[0] == flat[1]:
            raise _two_alike(first.name, second.name)
        return Gathered(second, first) if flat[0] else Gathered(first, second)
    return Gathered(first, second) if first.is_array else Gathered(second, first)


def _two_alike(first: str, second: str) -> InputError:
    return InputError(
        f"{quoted(first)} and {quoted(second)} are both embeddings, or both labels: bring one "
        "array of embeddings with one table, or 1-D array, of labels."
    )


def _ending(name: str) -> str:
    return Path(name).suffix.lower()


def _is_flat(file: NamedFile) -> bool:
    import numpy as np

    if _ending(file.name) != ".npy":
        return False
    try:
        return np.load(file.path, mmap_mode="r", allow_pickle=False).ndim == 1
    except (OSError, ValueError):
        return False  # reading it in full says what is wrong


def _stack(files: Sequence[NamedFile], tables: list[Table], directory: Path) -> str:
    """Write the stacked rows; returns the ending of what was written."""
    columns = list(tables[0].frame.columns)
    formats = [table.format for table in tables]
    same_marks = all(format.decimal == formats[0].decimal for format in formats)
    if all(format.kind == "csv" for format in formats) and same_marks:
        cells = [
            read_cells(file.path, table.format) for file, table in zip(files, tables, strict=True)
        ]
        encodings = {format.encoding for format in formats}
        encoding = formats[0].encoding if len(encodings) == 1 else "utf-8"
        format = formats[0].model_copy(update={"encoding": encoding})
        suffix = Path(files[0].name).suffix.lower()
        stacked = pd.concat([part[columns] for part in cells], ignore_index=True)
        write_cells(stacked, directory / f"stacked{suffix}", format)
        return suffix
    frame = pd.concat([table.frame[columns] for table in tables], ignore_index=True)
    frame.to_parquet(directory / "stacked.parquet", engine="pyarrow", index=False)
    return ".parquet"


def _name(files: Sequence[NamedFile], suffix: str) -> str:
    stem = Path(files[0].name).stem
    return f"{stem} and {count(len(files) - 1, 'more file')}{suffix}"
