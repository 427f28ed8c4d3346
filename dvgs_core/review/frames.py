"""A typed table as a file of any kind; the same table gives the same bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dvgs_core.data.columns import holds_bytes, holds_containers
from dvgs_core.errors import InputError
from dvgs_core.review.cells import without_formulas
from dvgs_core.review.edits import Edits
from dvgs_core.review.sheets import check_sheet, write_sheet
from dvgs_core.store.files import replacing

TEXT = {".csv": ",", ".txt": ",", ".tsv": "\t"}
ENDINGS = (*TEXT, ".parquet", ".xlsx", ".npy", ".npz")


def write_frame(
    frame: pd.DataFrame,
    path: Path | str,
    *,
    embedding_columns: tuple[str, ...] = (),
    spreadsheet_safe: bool = False,
) -> None:
    """Write a table, whole or not at all, in the form its path ends in.

    Args:
        frame: (n, columns); the index is not written.
        path: ends in .csv, .tsv, .txt, .parquet, .xlsx, or, with embeddings, .npz or .npy.
        embedding_columns: columns that are one array of an .npz or .npy file.
        spreadsheet_safe: in text files, put ' before text that a spreadsheet program would run.

    Raises:
        InputError: another ending, or cells that such a file cannot hold.
    """
    path = Path(path)
    ending = known_ending(path)
    frame = frame.reset_index(drop=True)
    with replacing(path) as temporary:
        if ending in TEXT:
            _refuse_bytes(frame, path)
            frame = without_formulas(frame) if spreadsheet_safe else frame
            frame.to_csv(
                temporary, index=False, sep=TEXT[ending], lineterminator="\n", encoding="utf-8"
            )
        elif ending == ".parquet":
            pq.write_table(_arrow(frame), temporary, compression="zstd")
        elif ending == ".xlsx":
            _refuse_bytes(frame, path)
            write_sheet(frame, temporary)
        else:
            _write_arrays(frame, embedding_columns, path, temporary)


def check_frame(
    frame: pd.DataFrame, path: Path | str, *, embedding_columns: tuple[str, ...] = ()
) -> None:
    """Refuse what `write_frame` would refuse, without writing anything.

    Args:
        frame, path, embedding_columns: as for `write_frame`.

    Raises:
        InputError: as `write_frame` does.
    """
    path = Path(path)
    ending = known_ending(path)
    if ending in TEXT:
        _refuse_bytes(frame, path)
    elif ending == ".xlsx":
        _refuse_bytes(frame, path)
        check_sheet(frame)
    elif ending == ".parquet":
        _arrow(frame[[name for name in frame.columns if frame[name].dtype == object]])
    else:
        others = _beside(frame, embedding_columns, path)
        for name in others if ending == ".npz" else ():
            _flat(frame[name])


def edited(frame: pd.DataFrame, edits: Edits) -> pd.DataFrame:
    """A typed table without the dropped rows and with the new labels, in its own types.

    Args:
        frame: (n, columns) typed table of the original.
        edits: what to do.

    Returns:
        (kept, columns) with a new RangeIndex.
    """
    if edits.label is not None:
        column = frame[edits.label]
        if edits.fresh and isinstance(column.dtype, pd.CategoricalDtype):
            column = column.cat.add_categories(list(edits.fresh))
        if edits.fresh:
            added = pd.Series(list(edits.fresh), dtype=column.dtype)
            column = pd.concat([column, added], ignore_index=True)
        column = column.take(edits.donors).set_axis(frame.index)
        frame = frame.assign(**{edits.label: column})
    return frame.iloc[edits.rows].reset_index(drop=True)


def known_ending(path: Path) -> str:
    """The ending of a path, if a table can be written so.

    Raises:
        InputError: it is none of `ENDINGS`.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path.name!r} should end in one of {', '.join(ENDINGS)}.")
    return ending


def _refuse_bytes(frame: pd.DataFrame, path: Path) -> None:
    for name in frame.columns:
        present = frame[name].dropna() if frame[name].dtype == object else frame[name].iloc[:0]
        if holds_bytes(present) or holds_containers(present):
            raise InputError(
                f"The column {name!r} holds bytes or lists, which {path.suffix} files cannot; "
                "export the table as Parquet."
            )


def _arrow(frame: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"Parquet cannot hold a column of mixed types ({str(error).splitlines()[0]}); "
            "export the table as CSV."
        ) from error


def _beside(frame: pd.DataFrame, embedding_columns: tuple[str, ...], path: Path) -> list[str]:
    """Columns that are not the embedding, where the file can hold them."""
    others = [name for name in frame.columns if name not in set(embedding_columns)]
    if not embedding_columns or (path.suffix.lower() == ".npy" and others):
        raise InputError(
            f"A table with these columns cannot be written as {path.suffix}; "
            "export it as CSV or Parquet."
        )
    return others


def _write_arrays(
    frame: pd.DataFrame, embedding_columns: tuple[str, ...], path: Path, temporary: Path
) -> None:
    others = _beside(frame, embedding_columns, path)
    features = frame[list(embedding_columns)].to_numpy()
    if path.suffix.lower() == ".npy":
        with temporary.open("wb") as file:
            np.save(file, features, allow_pickle=False)
        return
    arrays = {name: _flat(frame[name]) for name in others}
    # savez dates its entries 1980, so the same arrays give the same bytes
    with temporary.open("wb") as file:
        np.savez(file, **{"features": features, **arrays})


def _flat(column: pd.Series) -> np.ndarray:
    missing = int(column.isna().sum())
    if missing and column.dtype.kind not in "fM":
        raise InputError(
            f"The column {column.name!r} lacks {missing:,} values, which .npz files cannot say; "
            "export the table as CSV or Parquet."
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    if isinstance(column.dtype, pd.StringDtype) or column.dtype == object:
        return column.to_numpy(dtype=object).astype(str)
    return column.to_numpy()
