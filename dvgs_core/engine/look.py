"""A first look at a dataset under its roles, before any target is chosen: what a worker computes.

    encoding.json   what each column becomes, by name
    encoded.npy     (up to 50, d) float32, the first rows as the network sees them
    layout.npy      (n, 2) float32, the first two principal components of all rows
    near.npz        pairs (m, 2), distances (m,), threshold: rows that are nearly the same
    near.json       in their place, why they were not looked for

They are written in this order, each whole, so that the map need not wait for the pairs; nor does
a UMAP that is asked for meanwhile.
"""

import json
import math
import os
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dvgs_core.data.encode import Encoder, EncodingSettings
from dvgs_core.data.schema import Schema
from dvgs_core.engine.courtesy import give_way
from dvgs_core.engine.encoded import LOOK_SEED, encode
from dvgs_core.store.files import replacing
from dvgs_core.store.studies import Study
from dvgs_core.store.workspace import Workspace

#: Rows of the encoded table that are kept to be shown.
SHOWN_ROWS = 50
#: Nearest rows looked at for near-duplicates.
NEIGHBOURS = 8
#: Nearly the same: closer than this share of the median distance from a row to its nearest other
#: one. The share is the one that cleanlab's Datalab uses.
NEAR_SHARE = 0.13
#: Rows, evenly spread, whose nearest other one says what is usual; of smaller tables all.
USUAL_ROWS = 2048
#: As many of them are compared at once: half a second's work at 50,000 × 275 on two cores.
_USUAL_AT_ONCE = 512
#: Multiply-adds above which pairs are not looked for: about four minutes on two cores.
MOST_WORK = 4e12

VERSION = 1


def look_job(columns: Schema, encoding: EncodingSettings) -> dict:
    """What to ask of a look; the same for roles that differ only in what is not encoded."""
    return {
        "version": VERSION,
        "columns": columns.only_features.model_dump(mode="json"),
        "encoding": encoding.model_dump(mode="json"),
    }


def execute(workspace: Workspace, study: Study) -> str | None:
    """Encode a dataset, lay it out, and find the rows that are nearly the same.

    Args:
        workspace: where the study waits.
        study: its job is what `look_job` gives.

    Returns:
        "stopped" if someone asked for that, else None; what was written until then stays.

    Raises:
        InputError: a feature cannot be encoded, or the disk is full.
    """
    from dvgs_core.neighbours import pca_layout

    frame = workspace.load_table(study.dataset).frame
    roles = Schema.model_validate(study.job["columns"])
    encoded = encode(
        frame,
        roles,
        EncodingSettings.model_validate(study.job["encoding"]),
        rows=np.arange(len(frame)),
        seed=LOOK_SEED,
        folder=workspace.dataset(study.dataset).directory,
    )
    X = encoded.X
    described = {"inputs": int(X.shape[1]), "columns": described_columns(encoded.encoder)}
    _write_json(study, "encoding", described)
    _write(study, "encoded", X[:SHOWN_ROWS])
    _write(study, "layout", pca_layout(X))
    encoded.keep()
    if workspace.stop_requested(study.id):
        return "stopped"
    n, d = X.shape
    if float(n) * n * d > MOST_WORK:
        _write_json(study, "near", {"why": f"too many rows to compare ({n:,} × {d:,} inputs)"})
        return None
    pairs, distances, threshold = near_pairs(X, partial(_let_others_first, workspace))
    with replacing(study.directory / "near.npz") as temporary:
        np.savez(temporary, pairs=pairs, distances=distances, threshold=np.float32(threshold))
    return None


def _let_others_first(workspace: Workspace) -> None:
    """Pairs can wait: a run that begins, and a map that is asked for, are looked at sooner."""
    from dvgs_core.engine import maps
    from dvgs_core.engine.worker import do

    give_way(workspace)
    while (job := workspace.claim_next("map", os.getpid())) is not None:
        do(workspace, job, maps.execute)


def near_pairs(
    X: NDArray[np.float32], between: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.int64], NDArray[np.float32], float]:
    """Pairs of rows that are much closer than rows usually are.

    Args:
        X: (n, d) finite.
        between: called every few hundred rows, and before each longer part.

    Returns:
        pairs: (m, 2) int64 positions, nearest first; exact duplicates are among them.
        distances: (m,) float32.
        threshold: the largest distance that counts, in the unit of X.
    """
    from dvgs_core.neighbours import close_pairs, nearest_among

    n = len(X)
    if n < 2:
        return np.empty((0, 2), np.int64), np.empty(0, np.float32), 0.0
    some = np.linspace(0, n - 1, min(n, USUAL_ROWS)).astype(np.int64)
    parts = []
    for few in np.array_split(some, math.ceil(len(some) / _USUAL_AT_ONCE)):
        between()
        # the nearest other row is the second nearest, where the first is not a copy
        parts.append(nearest_among(X[few], X, 2).distances[:, 1])
    nearest = np.concatenate(parts)
    apart = nearest[nearest > 0]  # rows with an exact copy say nothing about what is usual
    threshold = float(NEAR_SHARE * np.median(apart)) if len(apart) else 0.0
    return (*close_pairs(X, threshold, min(NEIGHBOURS, n - 1), between), threshold)


def described_columns(encoder: Encoder) -> list[dict]:
    """What each feature becomes: its name, how it is encoded, and the names of its inputs.

    Returns:
        In the order of the inputs, one entry a column; a column without inputs (it is the same
        in every row) comes last.
    """
    known = {column.name: column for column in encoder.schema.features}
    inputs: dict[str, list[int]] = {}
    for at, source in enumerate(encoder.source_columns):
        inputs.setdefault(source, []).append(at)
    lines = []
    for name in [*inputs, *(name for name in known if name not in inputs)]:
        column, places = known[name], inputs.get(name, [])
        pixel, embedding = name in set(encoder.schema.pixels), column.embedding
        how = "pixel" if pixel else "embedding" if embedding else column.kind
        names = [encoder.feature_names[at] for at in places]
        lines.append({"name": name, "how": how, "inputs": names, "at": places})
    return lines


def _write(study: Study, name: str, array: NDArray) -> None:
    with replacing(study.directory / f"{name}.npy") as temporary:
        np.save(temporary, array, allow_pickle=False)


def _write_json(study: Study, name: str, value: dict) -> None:
    with replacing(study.directory / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
