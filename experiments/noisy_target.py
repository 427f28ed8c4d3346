"""Whether DVGS normalises features, with a clean target and with one as bad as the other rows.

    DVGS_DATA=folder python -m experiments.noisy_target [--seeds 2]

One label of five is replaced in the source (1,000 rows of ADULT and BLOG in the default encoding,
2,500 of CIFAR-10 features, the bundled digits and diabetes without the target's rows), and in the
target too where it is called noisy. ADULT is asked for the income (two classes), the marital status
(seven) and the age (a number), CIFAR-10 for vehicle or animal (two), the class (ten), and the class
of the rows of its first three, the digits for odd or even and the digit, diabetes for its number.
Everything but what a column of the table names is the default, but that runs end once settled to
0.99. Each seed draws other rows and damage, and values them from two starts:

    AUROC              of finding the replaced labels, of both starts; 0.5 is chance
    start to start     Spearman correlation of the values of the two
    processor seconds  of one valuation

Each data set, target, seed and setting is recorded when it is done, in results/records beside the
document that is written from the records, docs/noisy-target.md; run again, it goes on. About five
minutes of processor time a seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits

from dvgs_core import corrupt_labels
from dvgs_core.paper.records import Record
from dvgs_core.paper.summary import markdown_table
from dvgs_core.paper.work import Work
from dvgs_core.store.files import replacing
from experiments.checkpoints_needed import table_rows
from experiments.target_batch import Rows, adult, blog, carry_out, cifar, from_two_starts, means

KIND = "noisy-target"  # of records
SHARE = 0.2
VEHICLES = (0, 1, 8, 9)


def marital(folder: Path, seed: int, target: int) -> Rows:
    frame = pd.read_parquet(folder / "adult.parquet")
    return table_rows(frame, "marital_status", 1000, target, seed)


def age(folder: Path, seed: int, target: int) -> Rows:
    frame = pd.read_parquet(folder / "adult.parquet")
    X, _, X_target, _ = table_rows(frame, "age", 1000, target, seed)
    rng = np.random.default_rng(seed)  # as table_rows draws them
    years = [
        frame["age"].to_numpy()[rng.choice(np.flatnonzero(frame["split"] == part), n, False)]
        for part, n in (("train", len(X)), ("test", target))
    ]
    return X, years[0].astype(np.float32), X_target, years[1].astype(np.float32)


def vehicle(folder: Path, seed: int, target: int) -> Rows:
    X, y, X_target, y_target = cifar(folder, seed, target)
    return X, np.isin(y, VEHICLES).astype(int), X_target, np.isin(y_target, VEHICLES).astype(int)


def first_three(folder: Path, seed: int, target: int) -> Rows:
    X, y, X_target, y_target = cifar(folder, seed, 5 * target)
    chosen = np.flatnonzero(y_target < 3)[:target]
    return X[y < 3], y[y < 3], X_target[chosen], y_target[chosen]


def digits(folder: Path, seed: int, target: int) -> Rows:
    X, y = load_digits(return_X_y=True)
    return _divided((X / X.std()).astype(np.float32), y, seed, target)


def odd(folder: Path, seed: int, target: int) -> Rows:
    X, y, X_target, y_target = digits(folder, seed, target)
    return X, y % 2, X_target, y_target % 2


def diabetes(folder: Path, seed: int, target: int) -> Rows:
    X, y = load_diabetes(return_X_y=True)
    return _divided((X / X.std()).astype(np.float32), y.astype(np.float32), seed, target)


def _divided(X: NDArray, y: NDArray, seed: int, target: int) -> Rows:
    order = np.random.default_rng(seed).permutation(len(y))
    source, chosen = order[target:], order[:target]
    return X[source], y[source], X[chosen], y[chosen]


@dataclass(frozen=True)
class Case:
    """Rows, what is asked about them, and how many are target."""

    data: str
    label: str
    target: int
    rows: Callable[[Path, int, int], Rows]


CASES = (
    Case("ADULT", "two classes", 500, adult),
    Case("ADULT", "two classes", 2000, adult),
    Case("BLOG", "two classes", 500, blog),
    Case("BLOG", "two classes", 2000, blog),
    Case("CIFAR vehicles", "two classes", 500, vehicle),
    Case("CIFAR vehicles", "two classes", 2000, vehicle),
    Case("digits, odd", "two classes", 500, odd),
    Case("ADULT, age", "a number", 500, age),
    Case("ADULT, age", "a number", 2000, age),
    Case("diabetes", "a number", 150, diabetes),
    Case("CIFAR, first three", "three classes", 400, first_three),
    Case("ADULT, marital status", "seven classes", 500, marital),
    Case("ADULT, marital status", "seven classes", 2000, marital),
    Case("CIFAR features", "ten classes", 500, cifar),
    Case("CIFAR features", "ten classes", 2000, cifar),
    Case("digits", "ten classes", 500, digits),
)


def works(folder: Path, seeds: int) -> Iterator[Work]:
    """One a case, seed, target and setting."""
    for seed in range(seeds):
        for case in CASES:
            for noisy in (False, True):
                for normalise in (True, False):
                    yield _work(folder, case, seed, noisy, normalise)


def _work(folder: Path, case: Case, seed: int, noisy: bool, normalise: bool) -> Work:
    def compute() -> tuple[dict[str, Any], float]:
        X, y, X_target, y_target = case.rows(folder, seed, case.target)
        y, wrong = replaced(y, seed)
        if noisy:
            y_target, _ = replaced(y_target, seed + 50)
        rows = (X, y, X_target, y_target)
        return from_two_starts(rows, wrong, seed, {"normalise": normalise})

    words = "noisy" if noisy else "clean"
    what = {**_named(case), "noisy": noisy, "normalise": normalise, "seed": seed}
    return Work(KIND, what, f"{case.data} · {case.target:,} {words} · seed {seed}", compute)


def _named(case: Case) -> dict[str, Any]:
    return {"data": case.data, "target": case.target}


def replaced(y: NDArray, seed: int) -> tuple[NDArray, NDArray[np.bool_]]:
    """Labels of which some are wrong, and which: another class, or another row's number."""
    if y.dtype.kind in "iu":
        return corrupt_labels(y, SHARE, seed=seed)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(y), round(SHARE * len(y)), replace=False)
    after = y.copy()
    after[chosen] = rng.permutation(y)[chosen]
    return after, after != y


def main() -> None:
    carry_out("noisy_target", __doc__, KIND, works, write)


def write(records: list[Record], out: Path) -> None:
    """The document, from the records alone."""
    rows = []
    for case in CASES:
        for noisy in (False, True):
            wanted = {**_named(case), "noisy": noisy}
            some = [record for record in records if wanted.items() <= record.what.items()]
            on, off = ([r for r in some if r.what["normalise"] is n] for n in (True, False))
            if on and off:
                words = [case.data, case.label, f"{case.target:,} {'noisy' if noisy else 'clean'}"]
                pairs = [f"{a} / {b}" for a, b in zip(means(off), means(on), strict=True)]
                rows.append([*words, *pairs, str(len(off))])
    about = (__doc__ or "").partition("\n\n")[2]
    dates = sorted({record.date[:10] for record in records})
    head = ["data", "label", "target rows", "AUROC: off / on", "start to start", "processor s"]
    text = (
        "# Normalised features, and targets with wrong labels\n\n"
        "<!-- Written by experiments/noisy_target.py; edit that instead. -->\n\n"
        f"```\n{about.strip()}\n```\n\n{markdown_table([*head, 'seeds'], rows)}\n\n"
        f"Means over seeds, not normalised / normalised. {', '.join(dates)}. What follows from it: "
        "[decisions/normalise.md](decisions/normalise.md).\n"
    )
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
