"""What workers find out about a dataset before it is valued, as the pages read it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import Schema
from dvgs_core.engine.look import look_job
from dvgs_core.store import Study
from ui.dialogs import rerun_when_free
from ui.state import kept, workspace


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Rows that are nearly the same.

    Attributes:
        pairs: (m, 2) int64 row ids, nearest first; exact duplicates are among them.
        distances: (m,) float32, in the unit of the encoded columns.
        threshold: the largest distance that counts.
    """

    pairs: NDArray[np.int64]
    distances: NDArray[np.float32]
    threshold: float


@dataclass(frozen=True, eq=False)
class Look:
    """The first look at a dataset, as far as it is there; see `dvgs_core.engine.look`.

    Attributes:
        study: the job that computes it.
        encoding: what each column becomes, or None.
        encoded: (up to 50, d) the first rows as the network sees them, or None.
        layout: (n, 2) the map of all rows, or None.
        near: rows that are nearly the same, or None.
        not_searched: why nearly equal rows were not looked for; "" otherwise.
    """

    study: Study
    encoding: dict[str, Any] | None
    encoded: NDArray[np.float32] | None
    layout: NDArray[np.float32] | None
    near: NearPairs | None
    not_searched: str

    @property
    def parts(self) -> tuple[str, ...]:
        """What is there already."""
        return _parts(self.study.directory)


_FILES = ("encoding.json", "encoded.npy", "layout.npy", "near.npz", "near.json")


def encoding_settings() -> EncodingSettings:
    """How columns will become numbers, as chosen on the Value page."""
    chosen = (kept("valuation") or {}).get("encoding")
    return EncodingSettings() if chosen is None else EncodingSettings(numeric=chosen)


def look(dataset_id: str, roles: Schema, *, again: bool = False) -> Look | None:
    """The first look under these roles; asked for if nobody did. None without features.

    Args:
        again: ask once more after a failure.
    """
    if not roles.features:
        return None
    job = look_job(roles, encoding_settings())
    study = workspace().study(dataset_id, "look", job)
    if study is None or study.status in ("interrupted", "stopped") or again:
        study = workspace().request_study(dataset_id, "look", job)
    return _look(study, _parts(study.directory))


def _parts(directory: Path) -> tuple[str, ...]:
    return tuple(name for name in _FILES if (directory / name).exists())


def _look(study: Study, parts: tuple[str, ...]) -> Look:
    files = _files(str(study.directory), parts)
    why = (files.get("near.json") or {}).get("why", "")
    return Look(
        study=study,
        encoding=files.get("encoding.json"),
        encoded=files.get("encoded.npy"),
        layout=files.get("layout.npy"),
        near=files.get("near.npz"),
        not_searched=why,
    )


@st.cache_resource(max_entries=12, show_spinner=False)
def _files(directory: str, parts: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in parts:
        path = Path(directory) / name
        if path.suffix == ".json":
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".npy":
            found[name] = np.load(path, allow_pickle=False)
        else:
            with np.load(path, allow_pickle=False) as arrays:
                found[name] = NearPairs(
                    arrays["pairs"], arrays["distances"], float(arrays["threshold"])
                )
    return found


def waiting(found: Look, what: str, *, part: str) -> None:
    """One line that says that something is being computed; the page is drawn anew when it is.

    Args:
        found: the look.
        what: the sentence.
        part: the file that is waited for.
    """
    known = found.parts

    # ticks only while something is missing: a tick that meets a click can swallow it
    @st.fragment(run_every=0.5)
    def tick() -> None:
        now = workspace().study(found.study.dataset, "look", found.study.job)
        if now is None or not now.active or _parts(now.directory) != known:
            rerun_when_free()
        st.caption(f":material/progress_activity: {what}")

    if found.study.active:
        tick()
    elif part not in known:
        st.caption(f"Not computed: {found.study.message or found.study.status}")
