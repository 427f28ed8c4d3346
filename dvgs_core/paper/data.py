"""The paper's data sets, from a folder of files or, where a file is missing, from OpenML.

The folder (DVGS_DATA) holds any of these; an experiment asks for what it needs only:

    adult.parquet                  the 15 columns of UCI Adult, and split: train or test
    blog_feedback.parquet          f0 .. f279, comments, and split
    cifar10n_features.npz          features (n, 256), label (n,), split (n,)
    cifar10_thumbnails.parquet     jpeg: the bytes of 32 x 32 pictures
    l1000_*.parquet                profiles, genes in columns named g_...
"""

import io
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.store.files import sha256_of

ADULT, BLOG = "adult.parquet", "blog_feedback.parquet"
FEATURES, PICTURES = "cifar10n_features.npz", "cifar10_thumbnails.parquet"
KNOCKDOWN = "l1000_knockdown_level4_plate.parquet"
SIGNATURES = "l1000_level5_modz_signatures.parquet"
DOSES = "l1000_ljp005_a375_level3_plate.parquet"

#: What the pictures are standardised by, a number a colour (the published configuration).
PICTURE_MEAN, PICTURE_SPREAD = (0.4914, 0.4822, 0.4465), (0.2469, 0.2434, 0.2615)

_OPENML = {ADULT: ("adult", 2), BLOG: ("BlogFeedback", 1), PICTURES: ("CIFAR_10", 1)}
_ADULT_TEST_ROWS, _BLOG_TRAIN_ROWS, _BLOG_ROWS = 16_281, 52_397, 60_021


class DataSets:
    """The data sets, read when they are first asked for.

    Args:
        folder: where the files are; None: everything comes from OpenML.

    Raises:
        InputError: the folder is not there; later, a file is neither there nor to be had.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise InputError(f"There is no folder {folder}: set DVGS_DATA, or give --data DIR.")
        self.folder = folder

    def fingerprint(self, name: str) -> str:
        """12 hexadecimal digits of the file, or the name of the set at OpenML."""
        path = self._path(name)
        if path is None:
            return "openml " + " ".join(map(str, _openml(name)))
        return sha256_of(path)[:12]

    @cached_property
    def adult(self) -> pd.DataFrame:
        """48,842 rows: the features of UCI Adult, income, and split."""
        path = self._path(ADULT)
        if path is not None:
            return pd.read_parquet(path)
        frame = _fetched(ADULT).rename(columns={"class": "income"})
        first = (frame["fnlwgt"].astype(int) == 77_516).to_numpy()
        if len(frame) != 48_842 or not (first[0] or first[_ADULT_TEST_ROWS]):
            raise InputError(_no_data(ADULT, "OpenML's rows are not in a known order"))
        train = np.arange(len(frame)) >= _ADULT_TEST_ROWS
        if first[0]:
            train = np.arange(len(frame)) < len(frame) - _ADULT_TEST_ROWS
        return frame.assign(split=np.where(train, "train", "test"))

    @cached_property
    def blog(self) -> pd.DataFrame:
        """60,021 rows: f0 .. f279, comments as "some" or "none", and split."""
        path = self._path(BLOG)
        if path is not None:
            frame = pd.read_parquet(path)
        else:
            frame = _fetched(BLOG)
            if frame.shape != (_BLOG_ROWS, 281):
                raise InputError(_no_data(BLOG, f"OpenML's table has the shape {frame.shape}"))
            frame.columns = pd.Index([*(f"f{i}" for i in range(280)), "comments"])
            train = np.arange(_BLOG_ROWS) < _BLOG_TRAIN_ROWS
            frame["split"] = np.where(train, "train", "test")
        kept = [c for c in frame.columns if c.startswith("f")]
        some = np.where(frame["comments"].astype(float) > 0, "some", "none")
        return frame[kept].assign(comments=some, split=frame["split"])

    @cached_property
    def cifar_features(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        """(n, 256) features with one scale, (n,) classes, (n,) whether of the training part."""
        path = self._path(FEATURES)
        if path is None:
            raise InputError(_no_data(FEATURES))
        with np.load(path, allow_pickle=False) as arrays:
            X = arrays["features"].astype(np.float32)
            label, split = arrays["label"].astype(np.int64), arrays["split"]
        return X / X.std(), label, split == "train"

    @cached_property
    def pictures(self) -> NDArray[np.float32]:
        """(n, 3072) standardised pictures, one colour plane after another."""
        path = self._path(PICTURES)
        if path is not None:
            cells = np.stack([_decoded(jpeg) for jpeg in pd.read_parquet(path)["jpeg"]])
        else:
            frame = _fetched(PICTURES)
            cells = frame.drop(columns="class").to_numpy(dtype=np.float32) / 255
        planes = cells.reshape(len(cells), 3, -1)
        mean, spread = (np.array(p, dtype=np.float32) for p in (PICTURE_MEAN, PICTURE_SPREAD))
        return ((planes - mean[:, None]) / spread[:, None]).reshape(len(cells), -1)

    def l1000(self, name: str) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        """What describes each row of an L1000 file, and its (rows, genes) expression."""
        path = self._path(name)
        if path is None:
            raise InputError(_no_data(name))
        frame = pd.read_parquet(path)
        genes = [column for column in frame.columns if column.startswith("g_")]
        return frame.drop(columns=genes), frame[genes].to_numpy(dtype=np.float32)

    def _path(self, name: str) -> Path | None:
        if self.folder is None or not (self.folder / name).is_file():
            return None
        return self.folder / name


def _decoded(jpeg: bytes) -> NDArray[np.float32]:
    """(3072,) in [0, 1], one colour plane after another."""
    from PIL import Image

    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    if picture.size != (32, 32):
        raise InputError(f"The pictures must be 32 x 32; one is {picture.size}.")
    planes: NDArray[np.float32] = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)
    return planes.reshape(-1) / np.float32(255)


def _openml(name: str) -> tuple[str, int]:
    if name not in _OPENML:
        raise InputError(_no_data(name))
    return _OPENML[name]


def _fetched(name: str) -> pd.DataFrame:
    """The table that OpenML has under this name, features and label."""
    from sklearn.datasets import fetch_openml

    called, version = _openml(name)
    fetched: Any
    try:
        fetched = fetch_openml(called, version=version, as_frame=True, parser="auto", n_retries=0)
    except Exception as error:  # no network, no such set, a changed answer: urllib, http, sklearn
        raise InputError(_no_data(name, f"OpenML could not be reached for {called!r}")) from error
    return fetched.frame


def _no_data(name: str, why: str = "it is not to be had from OpenML") -> str:
    return (
        f"The data file {name} is missing ({why}): set DVGS_DATA, or give --data DIR, to a folder "
        "that holds it."
    )
