"""A generated table of any size with every kind of column, for benchmarks that need no download."""

import numpy as np
import pandas as pd

#: Kinds of column, in turns.
KINDS = ("number", "number", "whole", "category", "number", "date", "number", "truth", "gapped")
CLASSES = ("basic", "plus", "premium", "returned")
MISSING = 0.3
WRONG_LABELS = 0.05
LABEL = "label"


def mixed_table(rows: int, columns: int, *, seed: int = 0) -> pd.DataFrame:
    """Rows of four classes that the features tell apart, one label of twenty replaced.

    Args:
        rows: how many.
        columns: how many, the label (the last one) included; at least 2.
        seed: root of every draw.

    Returns:
        (rows, columns): numbers, whole numbers, categories with 12 values, dates, truth values,
        and numbers of which three in ten are missing, in turns; then the label.
    """
    random = np.random.default_rng(seed)
    # a few hidden numbers make the columns go together, as those of real tables do
    hidden = random.normal(size=(rows, 8)).astype(np.float32)
    found: dict[str, object] = {}
    for at in range(columns - 1):
        mixture = hidden @ random.normal(size=8).astype(np.float32)
        mixture += random.normal(size=rows).astype(np.float32)
        kind = KINDS[at % len(KINDS)]
        found[f"{kind}_{at}"] = _column(kind, mixture, random)
    scores = hidden @ random.normal(size=(8, len(CLASSES))) + random.normal(size=(rows, 4)) / 2
    code = scores.argmax(axis=1)
    wrong = random.random(rows) < WRONG_LABELS
    code[wrong] = (code[wrong] + random.integers(1, 4, wrong.sum())) % len(CLASSES)
    found[LABEL] = np.array(CLASSES)[code]
    return pd.DataFrame(found)


def _column(kind: str, numbers: np.ndarray, random: np.random.Generator) -> object:
    match kind:
        case "number":
            return np.round(numbers.astype(np.float64) * 10, 3)
        case "whole":
            return np.round(np.exp(numbers / 2) * 20).astype(np.int64)
        case "category":
            names = np.array([f"group {letter}" for letter in "ABCDEFGHIJKL"])
            return names[np.clip(np.round(numbers + 6), 0, 11).astype(int)]
        case "date":
            days = np.clip(np.round(numbers * 200 + 1500), 0, 4000).astype("timedelta64[D]")
            return np.datetime64("2015-01-01") + days
        case "truth":
            return numbers > 0
        case "gapped":
            return np.where(random.random(len(numbers)) < MISSING, np.nan, numbers)
    raise ValueError(f"unknown kind {kind!r}")
