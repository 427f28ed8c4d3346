"""What a large target asks of DVGS: its batch of 500 rows, all rows a step, or fewer steps.

    DVGS_DATA=folder python -m experiments.target_batch [--seeds 2]

One label of five is replaced in 1,000 rows of ADULT and BLOG (the default encoding) and 2,500 of
CIFAR-10 features; the target has 2,000 clean rows, or as near 10,000 as there are (where the test
part is too small, rows of the train part fill it). Everything but what a column of the table names
is the default, but that features are normalised where it does not say otherwise, and that runs end
once settled to 0.99. Each seed draws other rows and damage, and values them from two starts:

    AUROC              of finding the replaced labels, of both starts
    start to start     Spearman correlation of the values of the two
    processor seconds  of one valuation

Each data set, size, seed and setting is recorded when it is done, in results/records beside the
document that is written from the records, docs/target-batch.md; run again, it goes on. About three
minutes of processor time a data set and seed.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dvgs_core import DVGS, Samples, corrupt_labels, detection
from dvgs_core.paper.data import DataSets
from dvgs_core.paper.records import Record
from dvgs_core.paper.summary import markdown_table
from dvgs_core.paper.work import Request, Work, done
from dvgs_core.store.files import replacing
from experiments.checkpoints_needed import table_rows

KIND = "target-batch"  # of records
SIZES = (2000, 10_000)
SETTINGS: dict[str, dict[str, Any]] = {
    "500 rows a step, 1,000 steps at most": {"target_batch": 500, "max_steps": 1000},
    "all rows a step, 1,000 at most": {"target_batch": None, "max_steps": 1000},
    "500 rows a step, 100 at most (the default of several classes)": {
        "target_batch": 500,
        "max_steps": 100,
    },
    "500 rows a step, 1,000 at most, not normalised": dict(
        target_batch=500, max_steps=1000, normalise=False
    ),
    "500 rows a step, 100 at most, not normalised (the default of two classes)": dict(
        target_batch=500, max_steps=100, normalise=False
    ),
}
_SPARE = 500  # rows that fill up a target, more than are missing
Rows = tuple[NDArray, NDArray, NDArray, NDArray]


def adult(folder: Path, seed: int, target: int) -> Rows:
    return table_rows(pd.read_parquet(folder / "adult.parquet"), "income", 1000, target, seed)


def blog(folder: Path, seed: int, target: int) -> Rows:
    frame = pd.read_parquet(folder / "blog_feedback.parquet").drop(columns="test_day")
    frame["comments"] = np.where(frame["comments"] > 0, "some", "none")
    missing = target - int((frame["split"] == "test").sum())
    if missing > 0:
        train = np.flatnonzero(frame["split"] == "train")
        moved = np.random.default_rng(99).choice(train, missing + _SPARE, replace=False)
        split = frame["split"].to_numpy().astype(object)
        split[moved] = "test"
        frame["split"] = split
    return table_rows(frame, "comments", 1000, target, seed)


def cifar(folder: Path, seed: int, target: int) -> Rows:
    with np.load(folder / "cifar10n_features.npz", allow_pickle=False) as arrays:
        X, y = arrays["features"].astype(np.float32), arrays["label"].astype(np.int64)
        split = arrays["split"]
    X, rng = X / X.std(), np.random.default_rng(seed)
    train, pool = (np.flatnonzero(split == part) for part in ("train", "test"))
    source = rng.choice(train, 2500, replace=False)
    if target > len(pool):
        pool = np.concatenate([pool, np.setdiff1d(train, source)])
    chosen = rng.choice(pool, target, replace=False)
    return X[source], y[source], X[chosen], y[chosen]


DATA: dict[str, Callable[[Path, int, int], Rows]] = {
    "ADULT": adult,
    "BLOG": blog,
    "CIFAR features": cifar,
}


def works(folder: Path, seeds: int) -> Iterator[Work]:
    """One a size, seed, data set and setting."""
    for size in SIZES:
        for seed in range(seeds):
            for name in DATA:
                for settings in SETTINGS.values():
                    yield _work(folder, name, size, seed, settings)


def _work(folder: Path, name: str, size: int, seed: int, settings: dict[str, Any]) -> Work:
    def compute() -> tuple[dict[str, Any], float]:
        X, y, X_target, y_target = DATA[name](folder, seed, size)
        noisy, wrong = corrupt_labels(y, 0.2, seed=seed)
        chosen = {"normalise": True, **settings}
        return from_two_starts((X, noisy, X_target, y_target), wrong, seed, chosen)

    what = {"data": name, "target": size, "seed": seed, "settings": settings}
    return Work(KIND, what, f"{name} · {size:,} · seed {seed}", compute)


def from_two_starts(
    rows: Rows, wrong: NDArray[np.bool_], seed: int, settings: dict[str, Any]
) -> tuple[dict[str, Any], float]:
    """How well two runs find the wrong rows, how alike they are, and the seconds of both.

    Args:
        rows: source and target, with the labels they are valued by.
        wrong: (n_source,) which are to be found.
        seed: of the draw; the starts follow from it.
        settings: of DVGS; runs end once settled to 0.99.
    """
    X, y, X_target, y_target = rows
    # dropout draws by id: none is a source row's
    ids = np.arange(1_000_000, 1_000_000 + len(X_target))
    source, target = Samples(X, y), Samples(X_target, y_target, ids)
    values, spent = [], []
    begun = time.perf_counter()
    chosen = {"suggest": False, "stop_when_settled": 0.99, **settings}
    for start in (0, 1):
        cpu = time.process_time()
        method = DVGS(seed=1000 * start + seed + 7, **chosen)
        values.append(method.value(source, target).values)
        spent.append(time.process_time() - cpu)
    outcome = {
        "auroc": [round(detection(wrong, some).auroc, 4) for some in values],
        "start_to_start": round(float(spearmanr(*values).statistic), 4),
        "processor_seconds": [round(seconds, 1) for seconds in spent],
    }
    return outcome, time.perf_counter() - begun


def main() -> None:
    carry_out("target_batch", __doc__, KIND, works, write)


def carry_out(
    module: str,
    about: str | None,
    kind: str,
    works: Callable[[Path, int], Iterator[Work]],
    write: Callable[[list[Record], Path], None],
) -> None:
    """The command of an experiment: do what is not recorded yet, and write the document.

    Args:
        module: of the experiment; its document is called the same, with dashes.
        about: its docstring.
        kind: of its records.
        works: (folder of the data, seeds) -> what is to be done.
        write: writes the document from the records.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(f"docs/{module.replace('_', '-')}.md"))
    options = parser.parse_args()
    folder = Path(os.environ["DVGS_DATA"])
    command = " ".join([f"python -m experiments.{module}", *sys.argv[1:]])
    request = Request(DataSets(folder), options.out.parent / "results", command=command)
    for record in done(request, list(works(folder, options.seeds))):
        print(record.what, record.outcome, flush=True)
        write(request.records.of(kind), options.out)
    write(request.records.of(kind), options.out)


def write(records: list[Record], out: Path) -> None:
    """The document, from the records alone."""
    rows = []
    for size in SIZES:
        for name in DATA:
            for label, settings in SETTINGS.items():
                wanted = {"data": name, "target": size, "settings": settings}
                some = [r for r in records if wanted.items() <= r.what.items()]
                if some:
                    rows.append([name, f"{size:,}", label, *means(some), str(len(some))])
    about = (__doc__ or "").partition("\n\n")[2]
    dates = sorted({record.date[:10] for record in records})
    head = ["data", "target rows", "setting", "AUROC", "start to start", "processor s", "seeds"]
    text = (
        "# What a large target asks of DVGS\n\n"
        "<!-- Written by experiments/target_batch.py; edit that instead. -->\n\n"
        f"```\n{about.strip()}\n```\n\n{markdown_table(head, rows)}\n\n"
        f"Means over seeds. {', '.join(dates)}. What follows from it: "
        "[decisions/target-batch.md](decisions/target-batch.md).\n"
    )
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


def means(records: list[Record]) -> list[str]:
    """AUROC, agreement and processor seconds of `from_two_starts`, over the records."""
    outcomes = [record.outcome for record in records]
    auroc = np.mean([outcome["auroc"] for outcome in outcomes])
    start = np.mean([outcome["start_to_start"] for outcome in outcomes])
    seconds = np.mean([outcome["processor_seconds"] for outcome in outcomes])
    return [f"{auroc:.3f}", f"{start:.2f}", f"{seconds:.1f}"]


if __name__ == "__main__":
    main()
