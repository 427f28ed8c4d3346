"""Tables that lie on the server's own disk: files and folders of Parquet under one allowed folder.

Off unless the environment's DVGS_ROOT names that folder: who may use the page may then read what
is in it, and nothing else.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dvgs_core.data.load import EXTENSIONS
from dvgs_core.data.wording import count, listed, one_line, quoted
from dvgs_core.errors import InputError

VARIABLE = "DVGS_ROOT"
_MOST_FILES = 10_000


@dataclass(frozen=True)
class Found:
    """What lies at a place.

    Attributes:
        path: the file or folder.
        files: what would be read, in the order of their names.
        rows: of all of them; None where only reading tells.
        columns: number of columns; None where only reading tells.
    """

    path: Path
    files: tuple[Path, ...]
    rows: int | None
    columns: int | None


def allowed_root() -> Path | None:
    """The folder whose tables may be opened by path, or None where that is off.

    Raises:
        InputError: DVGS_ROOT names no folder.
    """
    named = os.environ.get(VARIABLE, "").strip()
    if not named:
        return None
    root = Path(named).expanduser().resolve()
    if not root.is_dir():
        raise InputError(f"{VARIABLE} is {quoted(named)}, which is no folder: correct it.")
    return root


def inside(root: Path, place: str) -> Path:
    """A place below the root, however it is written.

    Args:
        root: from `allowed_root`.
        place: relative to the root, or whole.

    Raises:
        InputError: it leads out of the root (by "..", by a link, or from the start), or is not
            there.
    """
    if "\x00" in place:
        raise InputError("A path has no such characters: write it anew.")
    # links are followed before the place is compared, so that none leads out
    path = (root / place.strip()).resolve()
    if not path.is_relative_to(root):
        raise InputError(
            f"{quoted(place)} is outside the folder that may be opened ({root}): choose a place "
            "inside it."
        )
    if not path.exists():
        raise InputError(f"There is nothing at {quoted(place)} in {root}: check the path.")
    return path


def look(root: Path, place: str) -> Found:
    """What opening a place would read: a file, or all Parquet files of a folder and below.

    Raises:
        InputError: outside the root, nothing there, no table, or Parquet files whose columns
            differ.
    """
    path = inside(root, place)
    if path.is_file():
        if path.suffix.lower() not in EXTENSIONS:
            raise InputError(
                f"{quoted(path.name)} is no table: expected one of {', '.join(EXTENSIONS)}."
            )
        return Found(path, (path,), None, None)
    files = tuple(_parquet_files(root, path))
    if not files:
        raise InputError(
            f"There is no Parquet file in {quoted(place or root.name)}: choose a folder that has "
            "some, or a single file."
        )
    rows, columns = _agreeing(files, path)
    return Found(path, files, rows, columns)


def stack(files: Sequence[Path], destination: Path) -> None:
    """Write the rows of Parquet files with the same columns as one file, a part at a time.

    Args:
        files: from `look`.
        destination: a .parquet file, written anew.

    Raises:
        InputError: a file is damaged, or its columns cannot be brought together.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _unified([(file, pq.read_schema(file)) for file in files])
    with pq.ParquetWriter(destination, schema) as writer:
        for file in files:
            try:
                for batch in pq.ParquetFile(file).iter_batches(columns=schema.names):
                    part = pa.Table.from_batches([batch]).select(schema.names)
                    writer.write_table(part.cast(schema))
            except (pa.ArrowException, OSError, ValueError) as error:
                raise InputError(
                    f"{quoted(file.name)} cannot be read with the others: {one_line(error)}."
                ) from error


def _parquet_files(root: Path, folder: Path) -> list[Path]:
    """Files below a folder in the order of their paths; hidden ones and _SUCCESS are no data."""
    found = []
    for path in sorted(folder.rglob("*.parquet")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and path.resolve().is_relative_to(root):
            found.append(path)
        if len(found) > _MOST_FILES:
            raise InputError(f"{quoted(folder.name)} has more than {_MOST_FILES:,} Parquet files.")
    return found


def _agreeing(files: Sequence[Path], folder: Path) -> tuple[int, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, schemas = 0, []
    for file in files:
        try:
            facts = pq.ParquetFile(file)
            rows += facts.metadata.num_rows
            schemas.append((file, facts.schema_arrow))
        except (pa.ArrowException, OSError, ValueError) as error:
            name = file.relative_to(folder).as_posix()
            raise InputError(
                f"{quoted(name)} is not a whole Parquet file (cut off or damaged?): copy it again."
            ) from error
    return rows, len(_unified(schemas))


def _unified(schemas: list):
    """One Arrow schema for all files, numbers widened where they differ."""
    import pyarrow as pa

    first_file, first = schemas[0]
    unified = first.remove_metadata()
    for file, schema in schemas[1:]:
        if set(schema.names) != set(first.names):
            only = sorted(set(schema.names) ^ set(first.names))
            raise InputError(
                f"{quoted(file.name)} and {quoted(first_file.name)} differ in the column"
                f"{'' if len(only) == 1 else 's'} {listed(only)}: a folder is opened only when "
                f"all its {count(len(schemas), 'file')} have the same columns."
            )
        try:
            unified = pa.unify_schemas(
                [unified, schema.remove_metadata()], promote_options="permissive"
            )
        except pa.ArrowException as error:
            raise InputError(
                f"{quoted(file.name)} and {quoted(first_file.name)} hold different kinds of values "
                f"in one column: {one_line(error)}."
            ) from error
    return unified
