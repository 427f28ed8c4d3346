"""Ways to bring data: files, a folder of this machine, demos."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dvgs_core.data import folder
from dvgs_core.data.demos import DEMOS
from dvgs_core.data.gather import Gathered, NamedFile, gather, refuse_by_name
from dvgs_core.errors import InputError
from dvgs_core.store import Dataset
from ui import style
from ui.frame import errors_for_people
from ui.state import keep, open_dataset, state, workspace

TYPES = ["csv", "tsv", "txt", "parquet", "xlsx", "npy", "npz"]


def upload() -> None:
    """One table opens at once; several files, or embeddings, after a look at what they will be."""
    key = f"upload.{state.uploader_generation}"
    files = st.file_uploader(
        "Upload a table or embeddings",
        type=TYPES,
        accept_multiple_files=True,
        key=key,
        help="Several tables with the same columns are stacked. Embeddings (.npy, .npz) go with "
        "one table of labels, row by row.",
    )
    files = sorted(files or [], key=lambda file: file.name)
    if not files:
        st.caption("CSV, TSV, Parquet, XLSX, npy or npz. Files stay on this machine.")
        return
    if len(files) > 1 or _is_array(files[0].name):
        names = [file.name for file in files]
        try:
            refuse_by_name(names)
        except InputError as error:
            st.error(style.plain(str(error)), icon=":material/error:")
            return
        st.caption(style.plain(_plan(names)))
        words = "Open" if len(files) == 1 else f"Open {len(files)} files as one dataset"
        if not st.button(words, type="primary", icon=":material/arrow_forward:"):
            return
    with errors_for_people(), st.spinner("Reading …"):
        _open(add_uploaded(files))


def _plan(names: list[str]) -> str:
    """What several files will become, before they are read; their names go together."""
    arrays = [name for name in names if _is_array(name)]
    if len(names) == 1:
        return (
            "Embeddings alone. Add their table of labels to the same box, or open them as they are."
        )
    if len(arrays) == 2:
        return f"Embeddings with their labels, row by row: {names[0]} and {names[1]}."
    if arrays:
        other = next(name for name in names if name not in arrays)
        return f"{arrays[0]} with the labels of {other}, row by row."
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"{len(names)} tables, stacked in this order: {shown}."


def _is_array(name: str) -> bool:
    return Path(name).suffix.lower() in (".npy", ".npz")


def _open(added: Dataset) -> None:
    state.uploader_generation += 1
    open_dataset(added.id)
    st.rerun()


def add_uploaded(files: Sequence) -> Dataset:
    """Keep uploaded files in the workspace as one dataset.

    Raises:
        InputError: one cannot be read, or they do not go together.
    """
    with tempfile.TemporaryDirectory() as directory:
        named = []
        for number, file in enumerate(files):
            path = Path(directory) / f"{number}{Path(file.name).suffix.lower()}"
            path.write_bytes(file.getbuffer())
            named.append(NamedFile(file.name, path))
        return _add(gather(named, Path(directory)))


def _add(found: Gathered) -> Dataset:
    labels = found.labels
    added = workspace().add_dataset(
        found.file.path,
        found.file.name,
        labels_path=None if labels is None else labels.path,
        labels_name=None if labels is None else labels.name,
    )
    if found.parts:
        workspace().set_setting(added.id, "parts", [list(part) for part in found.parts])
    return added


def parts_line(parts: list[tuple[str, int]]) -> str:
    """Which rows came from which file."""
    words, first = [], 0
    for name, rows in parts[:6]:
        words.append(f"{name} (rows {first:,}–{first + rows - 1:,})")
        first += rows
    more = f" and {len(parts) - 6:,} more" if len(parts) > 6 else ""
    return f"Stacked from {', '.join(words)}{more}."


def by_path() -> None:
    """A file or folder under the one that the server allows; nothing where it allows none."""
    with errors_for_people():
        root = folder.allowed_root()
        if root is None:
            st.caption(
                "Folders of this machine can be opened too, once the server is started with "
                f"{folder.VARIABLE} naming the one that is allowed."
            )
            return
        place = st.text_input(
            "Or a file or folder of Parquet on this machine",
            placeholder=f"a path inside {root}",
            key="upload.path",
            help=f"All Parquet files of a folder and below, stacked. Only inside {root}.",
        )
        if not place.strip():
            return
        found = folder.look(root, place)
        if found.rows is None:
            st.caption(style.plain(f"One file: {found.path.name}"))
        else:
            files = style.count(len(found.files), "file")
            st.caption(f"{files}, {found.rows:,} rows, {found.columns:,} columns")
        if st.button("Open it", type="primary", icon=":material/arrow_forward:"):
            with st.spinner("Reading …"):
                _open(_add_found(found))


def _add_found(found: folder.Found) -> Dataset:
    if found.path.is_file():
        return workspace().add_dataset(found.path, found.path.name)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "stacked.parquet"
        folder.stack(found.files, path)
        return workspace().add_dataset(path, f"{found.path.name}.parquet")


def demos() -> None:
    """Data to try, without any download."""
    st.subheader("Or try it on a demo", anchor=False)
    for name, demo in DEMOS.items():
        if st.button(demo.title, key=f"demo.{name}", icon=":material/science:", width="stretch"):
            with tempfile.TemporaryDirectory() as directory, errors_for_people():
                files = demo.write(Path(directory))
                added = workspace().add_dataset(files.path, files.path.name, truth=files.truth)
                open_dataset(added.id)
                if state.dataset_id == added.id:
                    keep("demo", name)
                st.rerun()
        st.caption(demo.description)
