"""Datasets: the original file byte for byte, a quick copy of the typed table, what is known of it.

    datasets/<id>/original/adult.csv   as it came, never written again
                  labels/            the other file of a pair "embeddings + labels table"
                  table.json         how it was read
                  frame.parquet      the typed frame, where Parquet can hold it exactly
                  truth.parquet      which labels were replaced on purpose, where that is known
                  studies/           what was computed about it besides runs, see studies.py

The id comes from the content, so that the same upload is the same dataset.
"""

import json
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dvgs_core.data.load import EXTENSIONS, FileFormat, Table, load
from dvgs_core.errors import InputError
from dvgs_core.store.base import Store
from dvgs_core.store.clock import now, parsed
from dvgs_core.store.files import flush, full_disk_told

# No upload takes a day to read; what is older was left by a process that died.
_ABANDONED_SECONDS = 86_400.0


@dataclass(frozen=True)
class Dataset:
    """A file that a person brought, as the workspace keeps it.

    Attributes:
        id: 16 hexadecimal digits, from the content.
        name: the file's name, for display.
        path: the original, byte for byte.
        labels_path: the labels table of a pair, or None.
        sha256: of the original's bytes (of both files, for a pair).
        rows, columns: the size of the table.
        created: when it was first added.
        directory: the folder that holds all of the above.
    """

    id: str
    name: str
    path: Path
    labels_path: Path | None
    sha256: str
    rows: int
    columns: int
    created: datetime
    directory: Path


class DatasetStore(Store):
    """The part of a workspace that keeps datasets."""

    def add_dataset(
        self,
        path: Path | str,
        name: str,
        *,
        labels_path: Path | str | None = None,
        labels_name: str | None = None,
        truth: pd.DataFrame | None = None,
    ) -> Dataset:
        """Read a file and keep it; the same bytes again give the same dataset.

        Args:
            path: the file; it is copied, and may go afterwards.
            name: the name it goes by, whose suffix says what it is.
            labels_path: a labels table that goes with a file of embeddings.
            labels_name: the name that one goes by, if not its path's.
            truth: columns row, corrupted, original_label, for data damaged on purpose.

        Raises:
            InputError: the file cannot be read, or the disk is full; nothing stays behind.
        """
        source = Path(path)
        labels = None if labels_path is None else Path(labels_path)
        folder = self.root / "datasets"
        self._sweep(folder)
        staging = folder / f".staging-{uuid.uuid4().hex}"
        try:
            with full_disk_told(self.root):
                staging.mkdir()
                original = _copy(source, staging / "original", name)
                kept_labels = None
                if labels is not None:
                    kept_labels = _copy(labels, staging / "labels", labels_name or labels.name)
                table = load(original, labels=kept_labels, name=name)
                if not self._holds(table.sha256[:16]):
                    _write_table(table, staging)
                    if truth is not None:
                        _write_frame(truth, staging / "truth.parquet")
                    flush(staging)
                return self._keep(staging, table, original, kept_labels, truth)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def datasets(self) -> list[Dataset]:
        """All datasets, the newest first."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT * FROM datasets ORDER BY created DESC, id").fetchall()
        return [self._dataset(row) for row in rows]

    def dataset(self, dataset_id: str) -> Dataset:
        """One dataset.

        Raises:
            InputError: there is none with this id.
        """
        with self.database.reading() as connection:
            row = _row(connection, dataset_id)
        if row is None:
            raise InputError(
                f"There is no dataset {dataset_id!r} in this workspace; add its file again."
            )
        return self._dataset(row)

    def load_table(self, dataset_id: str) -> Table:
        """The typed table of a dataset, from the quick copy where there is one.

        Raises:
            InputError: there is no such dataset.
        """
        quick = self.load_columns(dataset_id)
        if quick is not None:
            return quick
        dataset = self.dataset(dataset_id)
        return load(dataset.path, labels=dataset.labels_path, name=dataset.name)

    def load_columns(self, dataset_id: str, names: Sequence[str] | None = None) -> Table | None:
        """Some columns of a dataset's typed table.

        Args:
            dataset_id: the dataset.
            names: of the columns; None: all.

        Returns:
            All rows of them, or None where there is no quick copy or a column is not in it.

        Raises:
            InputError: there is no such dataset.
        """
        dataset = self.dataset(dataset_id)
        frame_path = dataset.directory / "frame.parquet"
        if not frame_path.exists():
            return None
        if names is not None and not set(names) <= set(pq.read_schema(frame_path).names):
            return None
        known = json.loads((dataset.directory / "table.json").read_text(encoding="utf-8"))
        return Table(
            frame=_read_frame(frame_path, names),
            name=dataset.name,
            sha256=dataset.sha256,
            format=FileFormat.model_validate(known["format"]),
            notes=tuple(known["notes"]),
            embedding_columns=tuple(known["embedding_columns"]),
            image_shape=None if known["image_shape"] is None else tuple(known["image_shape"]),
        )

    def file_format(self, dataset_id: str) -> FileFormat:
        """How the original of a dataset is to be read.

        Raises:
            InputError: there is no such dataset.
        """
        path = self.dataset(dataset_id).directory / "table.json"
        return FileFormat.model_validate(json.loads(path.read_text(encoding="utf-8"))["format"])

    def truth(self, dataset_id: str) -> pd.DataFrame | None:
        """Which rows were damaged on purpose, where that is known.

        Returns:
            Columns row, corrupted, original_label; or None.

        Raises:
            InputError: there is no such dataset.
        """
        path = self.dataset(dataset_id).directory / "truth.parquet"
        return _read_frame(path) if path.exists() else None

    def delete_dataset(self, dataset_id: str) -> None:
        """Forget a dataset: its files, runs, studies and settings.

        Decisions are append-only and stay in the log; the same file added again finds them.

        Raises:
            InputError: there is no such dataset, or one of its runs is going on.
        """
        dataset = self.dataset(dataset_id)
        with self.database.writing() as connection:
            busy = connection.execute(
                "SELECT 1 FROM jobs "
                "WHERE dataset = ? AND status = 'running' AND kind = 'valuation'",
                (dataset_id,),
            ).fetchone()
            if busy:
                raise InputError(
                    f"A run of {dataset.name!r} is going on; stop it, then delete the dataset."
                )
            runs = connection.execute(
                "SELECT id FROM jobs WHERE dataset = ? AND kind = 'valuation'", (dataset_id,)
            ).fetchall()
            connection.execute("DELETE FROM settings WHERE dataset = ?", (dataset_id,))
            connection.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))
        for run in runs:
            shutil.rmtree(self.root / "runs" / str(run["id"]), ignore_errors=True)
        shutil.rmtree(dataset.directory, ignore_errors=True)

    def _keep(
        self,
        staging: Path,
        table: Table,
        original: Path,
        labels: Path | None,
        truth: pd.DataFrame | None,
    ) -> Dataset:
        identity = table.sha256[:16]
        directory = self.root / "datasets" / identity
        with self.database.writing() as connection:
            row = _row(connection, identity)
            if row is not None:
                known = directory / "truth.parquet"
                if truth is not None and not known.exists():
                    _write_frame(truth, staging / "truth.parquet")
                    (staging / "truth.parquet").replace(known)
                return self._dataset(row)
            # a folder without its row was left by a crash or a deletion
            shutil.rmtree(directory, ignore_errors=True)
            staging.rename(directory)
            flush(directory.parent)
            connection.execute(
                "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    identity,
                    table.name,
                    original.relative_to(staging).as_posix(),
                    None if labels is None else labels.relative_to(staging).as_posix(),
                    table.sha256,
                    len(table.frame),
                    table.frame.shape[1],
                    now(),
                ),
            )
            row = _row(connection, identity)
        assert row is not None
        return self._dataset(row)

    def _holds(self, dataset_id: str) -> bool:
        with self.database.reading() as connection:
            return _row(connection, dataset_id) is not None

    def _dataset(self, row: sqlite3.Row) -> Dataset:
        directory = self.root / "datasets" / row["id"]
        created = parsed(row["created"])
        assert created is not None
        return Dataset(
            id=row["id"],
            name=row["name"],
            path=directory / row["file"],
            labels_path=None if row["labels_file"] is None else directory / row["labels_file"],
            sha256=row["sha256"],
            rows=row["rows"],
            columns=row["columns"],
            created=created,
            directory=directory,
        )

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Remove what a process that died while adding left behind."""
        for path in folder.glob(".staging-*"):
            with suppress(FileNotFoundError):  # its owner may be done in this moment
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)


def _row(connection: sqlite3.Connection, dataset_id: str) -> sqlite3.Row | None:
    return connection.execute("SELECT * FROM datasets WHERE id = ?", (dataset_id,)).fetchone()


def _copy(source: Path, folder: Path, name: str) -> Path:
    """Copy a file under the name a person gave it, so that messages call it by that."""
    if not source.is_file():
        raise InputError(f"There is no file {source}; choose an existing one.")
    folder.mkdir()
    destination = folder / _file_name(name, source)
    shutil.copyfile(source, destination)
    flush(destination)
    flush(folder)
    return destination


def _file_name(name: str, source: Path) -> str:
    """A person's name for a file as one that every system allows, in the folder it is put in."""
    ending = Path(name).suffix if Path(name).suffix.lower() in EXTENSIONS else source.suffix
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f\ud800-\udfff]', "_", name.removesuffix(ending))
    ending = ending if re.fullmatch(r"\.\w{1,10}", ending) else ""
    # most systems allow 255 bytes, and a letter may take four
    return (stem.strip(" .")[:50] or "table") + ending


def _write_table(table: Table, directory: Path) -> None:
    known = {
        "format": table.format.model_dump(mode="json"),
        "notes": list(table.notes),
        "embedding_columns": list(table.embedding_columns),
        "image_shape": None if table.image_shape is None else list(table.image_shape),
    }
    path = directory / "table.json"
    path.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")
    flush(path)
    frame_path = directory / "frame.parquet"
    try:
        _write_frame(table.frame, frame_path)
        exact = _same(_read_frame(frame_path), table.frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError):
        exact = False  # columns of mixed types: read the original each time instead
    if not exact:
        frame_path.unlink(missing_ok=True)


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, engine="pyarrow", index=False)
    flush(path)


def _read_frame(path: Path, names: Sequence[str] | None = None) -> pd.DataFrame:
    columns = None if names is None else list(names)
    return pd.read_parquet(path, engine="pyarrow", columns=columns)


def _same(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether two frames hold the same columns, types and values."""
    return (
        list(first.columns) == list(second.columns)
        and list(first.dtypes) == list(second.dtypes)
        and first.equals(second)
    )
