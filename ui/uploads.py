"""Ways to bring data: files, demos, what was brought before."""

import tempfile
from pathlib import Path

import streamlit as st

from dvgs_core.data.demos import DEMOS
from dvgs_core.store import Dataset
from ui import style
from ui.frame import errors_for_people
from ui.state import keep, open_dataset, state, workspace

TYPES = ["csv", "tsv", "txt", "parquet", "xlsx", "npy", "npz"]


def upload() -> None:
    """Upload a file, and a table of labels where it holds embeddings only."""
    key = f"upload.{state.uploader_generation}"
    file = st.file_uploader("Upload a table or embeddings", type=TYPES, key=key)
    st.caption("CSV, TSV, Parquet, XLSX, npy or npz. Files stay on this machine.")
    labels = None
    if file is not None and Path(file.name).suffix.lower() in (".npy", ".npz"):
        labels = st.file_uploader(
            "Labels table with the same rows (optional)", type=TYPES, key=f"{key}.labels"
        )
        if not st.button("Open", type="primary"):
            return
    if file is not None:
        with errors_for_people(), st.spinner("Reading the file …"):
            added = add_uploaded(file, labels)
            state.uploader_generation += 1
            open_dataset(added.id)
            st.rerun()


def add_uploaded(file, labels=None) -> Dataset:
    """Keep an uploaded file in the workspace.

    Raises:
        InputError: it cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(file.name).suffix.lower()}"
        path.write_bytes(file.getbuffer())
        labels_path = None
        if labels is not None:
            labels_path = Path(folder) / f"labels{Path(labels.name).suffix.lower()}"
            labels_path.write_bytes(labels.getbuffer())
        return workspace().add_dataset(path, file.name, labels_path=labels_path)


def demos() -> None:
    """Data to try, without any download."""
    st.subheader("Or try it on a demo", anchor=False)
    for name, demo in DEMOS.items():
        if st.button(demo.title, key=f"demo.{name}", icon=":material/science:", width="stretch"):
            with tempfile.TemporaryDirectory() as folder, errors_for_people():
                files = demo.write(Path(folder))
                added = workspace().add_dataset(files.path, files.path.name, truth=files.truth)
                open_dataset(added.id)
                if state.dataset_id == added.id:
                    keep("demo", name)
                st.rerun()
        st.caption(demo.description)


def recent() -> None:
    """Datasets of this workspace, the newest first."""
    datasets = workspace().datasets()
    if not datasets:
        return
    st.subheader("Or go on with", anchor=False)
    for one in datasets[:6]:
        label = f"{style.shortened(one.name, 36)}  {one.rows:,} × {one.columns:,}"
        if st.button(label, key=f"recent.{one.id}", icon=":material/history:", type="tertiary"):
            open_dataset(one.id)
            st.rerun()
