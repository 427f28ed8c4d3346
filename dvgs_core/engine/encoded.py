"""Rows as the network sees them, computed once for all jobs that ask for the same.

    datasets/<id>/encoded/<key>.npy       (n, d) float32
                          <key>.encoder   what made them, good for rows that come later

The first look at a dataset encodes it, and the valuation that follows finds that done; a second
run of the same data and choices encodes nothing. A run's own files are second names of these.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.encode import ENCODING_VERSION, Encoder, EncodingSettings
from dvgs_core.data.schema import Schema
from dvgs_core.store.files import replacing

#: Encodings of one dataset that are kept, those used last.
MOST_KEPT = 3
#: What a first look at a dataset, which encodes all of its rows, is seeded with.
LOOK_SEED = 0
_LOOK_AGAIN = 0.05


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded rows.

    Attributes:
        X: (n, d) float32; not to be written to.
        kept: the file that holds X, or will; None where nothing is to be kept.
        fitted: the encoder that made X just now, or None where X was found.
    """

    X: NDArray[np.float32]
    kept: Path | None
    fitted: Encoder | None

    @property
    def found(self) -> bool:
        """Whether nothing had to be computed."""
        return self.fitted is None

    @cached_property
    def encoder(self) -> Encoder:
        """What made X."""
        if self.fitted is not None:
            return self.fitted
        assert self.kept is not None  # what was found is kept
        return Encoder.load(self.kept.with_suffix(".encoder"))

    def keep(self) -> None:
        """Put X where the next job will find it; nothing happens if it was found.

        Raises:
            InputError: the disk is full.
        """
        if self.kept is None or self.fitted is None:
            return
        folder = self.kept.parent
        folder.mkdir(exist_ok=True)
        # found when its rows are there: so they come last, and go first
        with replacing(self.kept.with_suffix(".encoder")) as temporary:
            self.fitted.save(temporary)
        with replacing(self.kept) as temporary:
            np.save(temporary, self.X, allow_pickle=False)
        by_use = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime)
        for path in by_use[:-MOST_KEPT]:
            with suppress(OSError):  # Windows keeps a file that someone reads
                path.unlink()
                path.with_suffix(".encoder").unlink()

    def write(self, directory: Path, rows: int) -> None:
        """Put `encoder` and the first `rows` rows, as `encoded.npy`, into a run's directory.

        Raises:
            InputError: the disk is full.
        """
        self.keep()
        if self.kept is None:
            with replacing(directory / "encoder") as temporary:
                self.encoder.save(temporary)
        else:
            _name_too(self.kept.with_suffix(".encoder"), directory / "encoder")
        if self.kept is not None and rows == len(self.X):
            _name_too(self.kept, directory / "encoded.npy")
        else:
            with replacing(directory / "encoded.npy") as temporary:
                np.save(temporary, self.X[:rows], allow_pickle=False)


def encode(
    frame: pd.DataFrame,
    columns: Schema,
    settings: EncodingSettings,
    *,
    rows: NDArray[np.int64],
    seed: int = 0,
    folder: Path | None = None,
    beside: str | None = None,
    looked_at: Callable[[], bool] = lambda: False,
) -> Encoded:
    """Encode rows, or find them encoded.

    Args:
        frame: (n, columns).
        columns: whose features are encoded; nothing else of them matters.
        settings: how.
        rows: positions of the rows it is fitted on.
        seed: as for `Encoder.fit`.
        folder: of the dataset that `frame` is; None looks for nothing and keeps nothing.
        beside: the dataset whose rows follow those of the first in `frame`.
        looked_at: as for `find`.

    Raises:
        InputError: a feature cannot be encoded, or none varies.
    """
    kept = None
    if folder is not None:
        kept = folder / "encoded" / f"{_key(columns, settings, rows, seed, beside)}.npy"
        found = find(
            len(frame),
            columns,
            settings,
            rows=rows,
            seed=seed,
            folder=folder,
            beside=beside,
            looked_at=looked_at,
        )
        if found is not None:
            return found
    whole = len(rows) == len(frame)
    fitted_on = frame if whole else frame.iloc[rows]
    encoder = Encoder.fit(fitted_on, columns.only_features, settings, seed=seed)
    return Encoded(encoder.transform(frame), kept, encoder)


def find(
    n: int,
    columns: Schema,
    settings: EncodingSettings,
    *,
    rows: NDArray[np.int64],
    seed: int,
    folder: Path,
    beside: str | None = None,
    looked_at: Callable[[], bool] = lambda: False,
) -> Encoded | None:
    """Rows that were encoded before, without a look at them.

    Args:
        n: how many they are.
        columns, settings, rows, seed, folder, beside: as for `encode`.
        looked_at: whether another process has begun a first look at the dataset, with the same
            columns and settings: if it is to keep the very rows that are asked for, they are waited
            for.

    Returns:
        The rows, or None.
    """
    key = _key(columns, settings, rows, seed, beside)
    kept = folder / "encoded" / f"{key}.npy"
    if key == _key(columns, settings, np.arange(n), LOOK_SEED, None):
        while not kept.exists() and looked_at():
            time.sleep(_LOOK_AGAIN)
    with suppress(OSError, EOFError, ValueError):  # not there, or half of it after a power cut
        X = np.load(kept, mmap_mode="r", allow_pickle=False)
        if len(X) == n and kept.with_suffix(".encoder").exists():
            os.utime(kept)
            return Encoded(X, kept, None)
    return None


def _key(
    columns: Schema,
    settings: EncodingSettings,
    rows: NDArray[np.int64],
    seed: int,
    beside: str | None,
) -> str:
    """32 hexadecimal digits: the same for what gives the same rows of one dataset."""
    import sklearn

    asked = [
        [ENCODING_VERSION, sklearn.__version__, seed, beside, len(rows)],
        [[column.name, column.kind, column.embedding] for column in columns.features],
        [columns.image_shape, columns.pixels],
        settings.model_dump(mode="json"),
    ]
    digest = hashlib.blake2b(json.dumps(asked, ensure_ascii=False).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
    return digest.hexdigest()


def _name_too(file: Path, path: Path) -> None:
    """Give a file a second name; where the disk knows none, a copy gets it."""
    with replacing(path) as temporary:
        try:
            os.link(file, temporary)
        except OSError:
            shutil.copyfile(file, temporary)
