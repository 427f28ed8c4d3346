"""From a table and a job to rows ready to be valued: checked, split, encoded."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core import methods
from dvgs_core.data.columns import described
from dvgs_core.data.load import Table
from dvgs_core.data.schema import Labels, Schema, check_label, check_schema, read_labels
from dvgs_core.data.split import Split, draw_splits
from dvgs_core.engine.corrected import corrected_labels, corrected_splits
from dvgs_core.engine.encoded import Encoded, encode, find
from dvgs_core.engine.job import Job
from dvgs_core.engine.look import look_job
from dvgs_core.errors import InputError
from dvgs_core.methods.candidates import candidates
from dvgs_core.methods.registry import Entry
from dvgs_core.samples import Samples
from dvgs_core.settings import Setting, fields, validated
from dvgs_core.store.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows ready to be valued.

    Attributes:
        job: what was asked for.
        rows: how many rows the table has; further rows, if any, came from a target file.
        encoded: all rows, fitted on source and target rows.
        labels: of all rows.
        splits: one a rotation.
        notes: what a person should know, a line each.
        columns: of all rows, the columns that the method's settings name.
    """

    job: Job
    rows: int
    encoded: Encoded
    labels: Labels
    splits: list[Split]
    notes: tuple[str, ...]
    columns: Mapping[str, NDArray]

    @property
    def X(self) -> NDArray[np.float32]:
        """(all rows, features)."""
        return self.encoded.X

    def samples(self, rows: NDArray[np.int64]) -> Samples:
        """The rows with these ids."""
        y = None if self.job.columns.task == "reconstruction" else self.labels.y[rows]
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Samples(self.X[rows], y, rows, columns)

    @property
    def source(self) -> NDArray[np.int64]:
        """Ids of all rows that are source in at least one rotation, ascending."""
        return np.unique(np.concatenate([split.source for split in self.splits]))


def prepare(
    table: Table,
    job: Job,
    target: Table | None = None,
    *,
    folder: Path | None = None,
    looked_at: Callable[[], bool] = lambda: False,
) -> Prepared:
    """Check, split and encode.

    Args:
        table: the data.
        job: roles, encoding, split.
        target: a separate table of target rows, with the same columns; its rows get the ids after
            the data's.
        folder: of the dataset, where encoded rows are kept; None for a table of no workspace.
        looked_at: as for `find` of `dvgs_core.engine.encoded`.

    Raises:
        InputError: whatever is wrong with the data or the choices, in one line.
    """
    frame, target_rows = table.frame, None
    if target is not None:
        frame = with_target(frame, target, job.columns)
        target_rows = np.arange(len(table.frame), len(frame))
    notes = check_schema(frame, job.columns)
    columns, labels, splits = _read(frame, job, target_rows)
    encoded = encode(
        frame,
        job.columns,
        job.encoding,
        rows=_fitted_on(splits),
        seed=job.seed,
        folder=folder,
        beside=job.target_dataset,
        looked_at=looked_at,
    )
    return Prepared(job, len(table.frame), encoded, labels, splits, tuple(notes), columns)


def prepare_in(workspace: Workspace, dataset_id: str, job: Job) -> Prepared:
    """Check, split and encode a dataset of a workspace; encoded rows are found, or to be kept.

    Raises:
        InputError: as for `prepare`.
    """

    def looked_at() -> bool:
        workspace.mark_interrupted()  # a look whose process is gone keeps nothing any more
        study = workspace.study(dataset_id, "look", look_job(job.columns, job.encoding))
        return study is not None and study.status == "running"

    with suppress(InputError):  # what is wrong is said with all columns at hand
        found = _find(workspace, dataset_id, job, looked_at)
        if found is not None:
            return found
    table = workspace.load_table(dataset_id)
    target = workspace.load_table(job.target_dataset) if job.target_dataset else None
    folder = workspace.dataset(dataset_id).directory
    prepared = prepare(table, job, target, folder=folder, looked_at=looked_at)
    return replace(prepared, notes=(*table.notes, *prepared.notes))


def _find(
    workspace: Workspace, dataset_id: str, job: Job, looked_at: Callable[[], bool]
) -> Prepared | None:
    """What `prepare_in` gives, without reading a feature: where its rows were encoded before.

    Their columns are most of a table, and whoever starts a run waits for them.
    """
    if job.target_dataset:
        return None
    table = workspace.load_columns(dataset_id, _beside_features(job))
    if table is None:
        return None
    notes = check_label(table.frame, job.columns)
    columns, labels, splits = _read(table.frame, job, None)
    encoded = find(
        len(table.frame),
        job.columns,
        job.encoding,
        rows=_fitted_on(splits),
        seed=job.seed,
        folder=workspace.dataset(dataset_id).directory,
        looked_at=looked_at,
    )
    if encoded is None:
        return None
    said = (*table.notes, *notes)
    return Prepared(job, len(table.frame), encoded, labels, splits, said, columns)


def _beside_features(job: Job) -> list[str]:
    """The columns that something else than the encoding looks at, and perhaps a few more.

    Whose name stands in a query, if only as part of another word, may be meant by it.
    """
    split = job.split
    named = {name for _, _, name in _names(job)} | {split.balance_by}
    queries = _plain(" ".join((split.target_query, split.source_query, split.holdout_query)))
    return [
        column.name
        for column in job.columns.columns
        if column.role not in ("feature", "ignore")
        or column.name in named
        or _plain(column.name) in queries
    ]


def _plain(text: str) -> str:
    """As a query reads names: in their usual form, with ` for the `` between back ticks."""
    return unicodedata.normalize("NFKC", text).replace("``", "`")


def _read(
    frame: pd.DataFrame, job: Job, target_rows: NDArray[np.int64] | None
) -> tuple[dict[str, NDArray], Labels, list[Split]]:
    """The columns that settings name, the labels and the splits, with corrections."""
    methods.entry(job.method).require(job.columns.task)
    columns = named_columns(frame, job)
    labels = read_labels(frame, job.columns)
    splits = draw_splits(frame, labels, job.columns, job.split, target_file_rows=target_rows)
    if job.corrections is not None:
        labels = corrected_labels(labels, job.corrections.relabelled)
        splits = corrected_splits(splits, job.corrections.dropped, labels, job.columns)
    return columns, labels, splits


def _fitted_on(splits: list[Split]) -> NDArray[np.int64]:
    """Ids of the rows that an encoding is fitted on: source and target."""
    return np.unique(np.concatenate([np.concatenate([s.source, s.target]) for s in splits]))


def named_columns(frame: pd.DataFrame, job: Job) -> dict[str, NDArray]:
    """The columns that settings of the job's methods name: numbers as float64, all else as objects.

    Returns:
        Each (rows,); a missing cell is NaN among numbers and None among the rest.

    Raises:
        InputError: no column is named where one is needed, or the table has none of that name.
    """
    found: dict[str, NDArray] = {}
    for entry, setting, name in _names(job):
        if name not in frame.columns:
            there = ", ".join(map(repr, frame.columns[:20]))
            more = " …" if len(frame.columns) > 20 else ""
            said = f"there is no column {name!r}" if name else "none is named"
            raise InputError(
                f"The method {entry.name} needs a column as its setting {setting.name!r}; {said}. "
                f"The columns are {there}{more}."
            )
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            found[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            found[name] = column.astype(object).where(column.notna(), None).to_numpy(dtype=object)
    return found


def _names(job: Job) -> Iterator[tuple[Entry, Setting, str]]:
    """Method, setting and name of each column that the job's method or its candidates need."""
    used = [(job.method, job.settings)]
    if job.method == "auto" and job.settings.get("candidates"):
        named = candidates(job.settings["candidates"], job.columns.task, ())
        used += [(one.method, dict(one.settings)) for one in named]
    for method, given in used:
        entry = methods.entry(method)
        settings = validated(entry.settings, given)
        for setting in fields(entry.settings):
            if setting.column:
                yield entry, setting, getattr(settings, setting.name)


def with_target(frame: pd.DataFrame, target: Table, schema: Schema) -> pd.DataFrame:
    """The data's rows, then those of a target file.

    Raises:
        InputError: the target file lacks a label or feature column of the data, or holds another
            kind of values there.
    """
    needed = [column.name for column in schema.columns if column.role in ("label", "feature")]
    missing = [name for name in needed if name not in target.frame.columns]
    if missing:
        raise InputError(
            f"The target file must have the columns of the data; {target.name} lacks "
            f"{', '.join(map(repr, missing[:5]))}{' …' if len(missing) > 5 else ''}."
        )
    for name in needed:
        here, there = described(frame[name]), described(target.frame[name])
        if here != there and not (frame[name].isna().all() or target.frame[name].isna().all()):
            raise InputError(
                f"The target file must hold what the data holds; in {target.name} the column "
                f"{name!r} holds {there}, in the data {here}: write both in the same way."
            )
    return pd.concat([frame, target.frame.reindex(columns=frame.columns)], ignore_index=True)
