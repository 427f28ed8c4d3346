"""Tables that come with the program, so that it can be tried without a file of one's own.

A demo is written as an ordinary CSV file and takes the same way as any upload.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dvgs_core.data.corrupt import corrupt_labels

_DIGITS_DAMAGE = 0.1


@dataclass(frozen=True)
class DemoFiles:
    """What a demo wrote.

    Attributes:
        path: the CSV file.
        truth: columns row, corrupted, original_label; None if nothing was damaged.
    """

    path: Path
    truth: pd.DataFrame | None


@dataclass(frozen=True)
class Demo:
    """A table to try the program with; `write(directory)` puts it into an existing directory."""

    title: str
    description: str
    write: Callable[[str | Path], DemoFiles]


def _digits(directory: str | Path) -> DemoFiles:
    from sklearn.datasets import load_digits

    digits = load_digits()
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    frame = pd.DataFrame(digits.data.astype("int64"), columns=names)
    label, corrupted = corrupt_labels(digits.target.astype("int64"), _DIGITS_DAMAGE, seed=0)
    frame["label"] = label
    path = Path(directory) / "digits.csv"
    frame.to_csv(path, index=False, lineterminator="\n")
    truth = pd.DataFrame(
        {
            "row": pd.RangeIndex(len(frame)).to_numpy("int64"),
            "corrupted": corrupted,
            "original_label": digits.target.astype("int64"),
        }
    )
    return DemoFiles(path, truth)


def _breast_cancer(directory: str | Path) -> DemoFiles:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    frame = pd.DataFrame(data.data, columns=[str(name) for name in data.feature_names])
    frame["diagnosis"] = [str(data.target_names[code]) for code in data.target]
    path = Path(directory) / "breast-cancer.csv"
    frame.to_csv(path, index=False, lineterminator="\n")
    return DemoFiles(path, None)


DEMOS: dict[str, Demo] = {
    "digits": Demo(
        "Handwritten digits",
        "1,797 pictures of 8 × 8 pixels. In one row of ten the label was replaced on purpose, so "
        "that you can see how many of the wrong ones you find.",
        _digits,
    ),
    "breast-cancer": Demo(
        "Breast cancer",
        "569 tumours with 30 measurements each and their diagnosis. Nothing was damaged.",
        _breast_cancer,
    ),
}
