"""What `auto` chooses and reaches, beside each of its candidates on its own.

    DVGS_DATA=folder python experiments/auto_choice.py [--seeds 2] [--only ADULT,digits]

Developed on: one label of five replaced in ADULT and BLOG (1,000 source and 400 target rows), in
CIFAR-10 features (2,500 and 1,000), and CIFAR-10N's human labels of the same features (random1,
about 17 % wrong, and worse, about 40 %); the target is clean. Numbers become normal by rank, ties
in the middle of their ranks; categories one column each.

Never looked at while `auto` was developed: scikit-learn's digits, breast cancer and wine, and the
L1000 signatures of three drugs; one label of five replaced, in digits also by the class that is
most easily mistaken.

Last, noise on the features (experiments 4 and 5 of the paper, min-max encoding), where the number
is the rank correlation of noise and low values, and auto is told fear=features.

    own        detection AUROC of each candidate alone, with the settings that auto gives it
    auto       of auto. expected: what it foretold. best: the best candidate's, known afterwards
    rate       estimated and true share of wrong labels
    precision  foretold and true share of wrong labels among the 5 %, the 10 % and as many lowest
               rows as are wrong
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core import Samples, corrupt_labels, detection, methods
from dvgs_core.data import (
    CorruptionSettings,
    Encoder,
    EncodingSettings,
    add_feature_noise,
    corrupt_samples,
    infer_schema,
)
from dvgs_core.data.frame import from_frame
from dvgs_core.evaluation.calibration import Calibration
from dvgs_core.evaluation.noise import noise_correlation
from dvgs_core.methods.candidates import candidates, damage_kinds

#: source and target rows, and which source rows are damaged or how strong their noise is.
Rows = tuple[Samples, Samples, NDArray]


def drawn(
    frame: pd.DataFrame, label: str, seed: int, numeric: str = "quantile"
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """1,000 source rows of the train part and 400 target rows of the test part, encoded."""
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(np.flatnonzero(frame["split"] == part), size, replace=False)
        for part, size in (("train", 1000), ("test", 400))
    ]
    some = frame.iloc[np.concatenate(rows)].drop(columns="split").reset_index(drop=True)
    table = from_frame(some, label)
    settings = EncodingSettings(numeric=numeric)
    X = Encoder.fit(table.frame, infer_schema(table, label), settings).transform(table.frame)
    y = np.unique(some[label].astype(str), return_inverse=True)[1]
    return X[:1000], y[:1000], X[1000:], y[1000:]


def adult(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "adult.parquet")


def blog(folder: Path) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "blog_feedback.parquet").drop(columns="test_day")
    return frame.assign(comments=np.where(frame["comments"] > 0, "some", "none"))


def replaced(X: NDArray, y: NDArray, X_target: NDArray, y_target: NDArray, seed: int) -> Rows:
    """One label of five replaced."""
    noisy, wrong = corrupt_labels(y, 0.2, seed=seed)
    return Samples(X, noisy), Samples(X_target, y_target), wrong


def cifar(folder: Path, seed: int, labels: str) -> Rows:
    """Replaced labels, or those people gave."""
    with np.load(folder / "cifar10n_features.npz", allow_pickle=False) as arrays:
        X, y = arrays["features"].astype(np.float32), arrays["label"].astype(np.int64)
        given = y if labels == "label" else arrays[labels].astype(np.int64)
        split = arrays["split"]
    X, rng = X / X.std(), np.random.default_rng(seed)
    source, target = (
        rng.choice(np.flatnonzero(split == part), size, replace=False)
        for part, size in (("train", 2500), ("test", 1000))
    )
    if labels == "label":
        return replaced(X[source], y[source], X[target], y[target], seed)
    found = Samples(X[source], given[source]), Samples(X[target], y[target])
    return *found, given[source] != y[source]


def bundled(
    X: NDArray, y: NDArray, sizes: tuple[int, int], seed: int, kind: str = "uniform"
) -> Rows:
    """Rows of a small data set, standardised, one label of five replaced in the source."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(X))[: sum(sizes)]
    X = X[rows][:, np.ptp(X[rows], axis=0) > 0]
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), y[rows]
    source = Samples(X[: sizes[0]], y[: sizes[0]])
    settings = CorruptionSettings(label_rate=0.2, label_kind=kind)
    damaged, truth = corrupt_samples(source, settings, seed, classes=int(y.max()) + 1)
    return damaged, Samples(X[sizes[0] :], y[sizes[0] :]), truth["corrupted"].to_numpy()


def signatures(folder: Path) -> tuple[NDArray, NDArray]:
    """Expression, and which of three drugs."""
    frame = pd.read_parquet(folder / "l1000_level5_modz_signatures.parquet")
    X = frame[[name for name in frame if name.startswith("g_")]].to_numpy(dtype=np.float64)
    return X, np.unique(frame["pert_iname"], return_inverse=True)[1]


def label_sets(folder: Path) -> dict[str, Callable[[int], Rows]]:
    """Every data set with wrong labels, by name; a `*` marks those not used in development."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine

    digits, cancer, wine = (
        load(return_X_y=True) for load in (load_digits, load_breast_cancer, load_wine)
    )
    return {
        "ADULT": lambda seed: replaced(*drawn(adult(folder), "income", seed), seed),
        "BLOG": lambda seed: replaced(*drawn(blog(folder), "comments", seed), seed),
        "CIFAR 20%": lambda seed: cifar(folder, seed, "label"),
        "random1": lambda seed: cifar(folder, seed, "random_label1"),
        "worse": lambda seed: cifar(folder, seed, "worse_label"),
        "digits*": lambda seed: bundled(*digits, (1000, 400), seed),
        "digits mistaken*": lambda seed: bundled(*digits, (1000, 400), seed, "confusable"),
        "breast cancer*": lambda seed: bundled(*cancer, (350, 150), seed),
        "wine*": lambda seed: bundled(*wine, (100, 60), seed),
        "L1000 drugs*": lambda seed: bundled(*signatures(folder), (160, 80), seed),
    }


def noise_sets(folder: Path) -> dict[str, Callable[[int], Rows]]:
    """Every data set with noise on the features, by name."""

    def noisy(frame: pd.DataFrame, label: str, seed: int) -> Rows:
        X, y, X_target, y_target = drawn(frame, label, seed, "minmax")
        X, rate = add_feature_noise(X, 3.0, seed)
        return Samples(X, y), Samples(X_target, y_target), rate

    return {
        "ADULT noise": lambda seed: noisy(adult(folder), "income", seed),
        "BLOG noise": lambda seed: noisy(blog(folder), "comments", seed),
    }


def tried(rows: Rows, seed: int, fear: str) -> Iterator[tuple[str, NDArray, float, Calibration]]:
    """Values of every candidate and of auto, and the seconds they took."""
    source, target, _ = rows
    classes = int(max(source.y.max(), target.y.max())) + 1
    kinds = damage_kinds(fear, source.task, classes)
    for candidate in candidates(None, source.task, kinds):
        begun = time.perf_counter()
        made = methods.create(candidate.method, seed=seed, **candidate.settings)
        values = made.value(source, target, classes=classes).values
        yield candidate.label, values, time.perf_counter() - begun, None
    begun = time.perf_counter()
    found = methods.create("auto", seed=seed, fear=fear).value(source, target, classes=classes)
    yield "auto", found.values, time.perf_counter() - begun, Calibration.of(found.report)


def line(name: str, seed: int, rows: Rows, fear: str) -> dict[str, object]:
    """One line of the table."""
    truth = rows[2]
    told: dict[str, object] = {"data": name, "seed": seed}
    for label, values, seconds, calibration in tried(rows, seed, fear):
        if fear == "features":
            told[label] = noise_correlation(truth, values).spearman
        else:
            # a row that a forest never left out has no value: it is taken for the median one
            filled = np.where(np.isnan(values), np.nanmedian(values), values)
            told[label] = detection(truth, filled).auroc
        if calibration is None:
            continue
        told["best"] = max(v for k, v in told.items() if k not in ("data", "seed", "auto"))
        told["expected"] = calibration.auroc if fear != "features" else None
        told["chosen"] = ", ".join(calibration.chosen.values())
        told["seconds"] = seconds
        if fear != "features":
            told["rate"], told["true rate"] = calibration.rate, truth.mean()
            found = detection(truth, values)
            for share, k in (("5%", len(truth) // 20), ("10%", len(truth) // 10), ("n", None)):
                k = k or int(truth.sum())
                told[f"p@{share}"] = float(1 - np.sort(values)[:k].mean())
                told[f"true p@{share}"] = found.precision_at(k)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="", help="names of data sets, separated by commas")
    options = parser.parse_args()
    folder = Path(os.environ["DVGS_DATA"])
    wanted = [name.strip() for name in options.only.split(",") if name.strip()]
    lines = []
    for fear, sets in (("auto", label_sets(folder)), ("features", noise_sets(folder))):
        for name, make in sets.items():
            if wanted and name not in wanted:
                continue
            for seed in range(options.seeds):
                lines.append(line(name, seed, make(seed), fear))
                shown = (
                    f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}"
                    for k, v in lines[-1].items()
                )
                print("; ".join(shown), flush=True)
    means = pd.DataFrame(lines).groupby("data", sort=False).mean(numeric_only=True)
    print(means.drop(columns="seed").T.round(3).to_string(na_rep=""))


if __name__ == "__main__":
    main()
