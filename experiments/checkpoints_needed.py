"""How many checkpoints a valuation needs, and what the rule "ranking settled" makes of it.

    DVGS_DATA=folder python -m experiments.checkpoints_needed [--seeds 2]

Writes docs/checkpoints.md.

One label of five is replaced in ADULT and BLOG (1,000 source and 400 target rows, the default
encoding) and in CIFAR-10 features (2,500 and 1,000); one of ten is wrong in the bundled digits.
Shares are of the detection AUROC of the full run, which has a checkpoint at every optimiser step.

    first    the least number of its first checkpoints from which on the share stays at 99.5 %
    spaced   the least number that reaches 99.5 % when they are spread evenly over the training
    /N       the share with N checkpoints spread evenly
    0.95 …   where the rule "ranking settled" with this threshold ends a run of at most 100
             checkpoints spread evenly, and the share then

Some minutes on two cores.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from dvgs_core import DVGS, Samples, __version__, corrupt_labels, detection
from dvgs_core.data import Encoder, EncodingSettings, SplitSettings, infer_schema, load
from dvgs_core.data.demos import DEMOS
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.paper.summary import markdown_table
from dvgs_core.stopping import Halfway, Progress, Settled

DOCUMENT = Path(__file__).parents[1] / "docs" / "checkpoints.md"
THRESHOLDS = (0.95, 0.97, 0.98, 0.99, 0.995)
SPACED = (10, 13, 17, 20, 25, 34, 50, 100)
SHARE = 0.995


def table_rows(frame: pd.DataFrame, label: str, source: int, target: int, seed: int):
    """Source and target of a frame with a column `split`: encoded rows and their classes."""
    rng = np.random.default_rng(seed)
    picked = [
        rng.choice(np.flatnonzero(frame["split"] == name), size, replace=False)
        for name, size in (("train", source), ("test", target))
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        frame.iloc[np.concatenate(picked)].drop(columns="split").to_parquet(path)
        table = load(path)
    schema = infer_schema(table, label)
    X = Encoder.fit(table.frame, schema, EncodingSettings()).transform(table.frame)
    y = np.unique(table.frame[label].astype(str), return_inverse=True)[1]
    return X[:source], y[:source], X[source:], y[source:]


def adult(folder: Path, seed: int):
    return table_rows(pd.read_parquet(folder / "adult.parquet"), "income", 1000, 400, seed)


def blog(folder: Path, seed: int):
    frame = pd.read_parquet(folder / "blog_feedback.parquet").drop(columns="test_day")
    frame["comments"] = np.where(frame["comments"] > 0, "some", "none")
    return table_rows(frame, "comments", 1000, 400, seed)


def cifar(folder: Path, seed: int):
    arrays = np.load(folder / "cifar10n_features.npz")
    rng = np.random.default_rng(seed)
    X = arrays["features"].astype(np.float32)
    X /= X.std()
    y = arrays["label"].astype(np.int64)
    source, target = (
        rng.choice(np.flatnonzero(arrays["split"] == name), size, replace=False)
        for name, size in (("train", 2500), ("test", 1000))
    )
    return X[source], y[source], X[target], y[target]


DATA = {"ADULT": adult, "BLOG": blog, "CIFAR features": cifar}


def share(wrong: NDArray, trace: NDArray, full: float) -> float:
    """AUROC of the mean of some checkpoints, as a share of the full run's."""
    return detection(wrong, trace.mean(axis=0)).auroc / full


def ended(wrong: NDArray, trace: NDArray, full: float, threshold: float) -> str:
    """Where the rule ends a run with these checkpoints, and the share then."""
    rule, halfway = Settled(threshold), Halfway()
    for count in range(1, len(trace) + 1):
        halfway.look(count, trace[:count].mean(axis=0))
        if rule.reason(Progress(count, 0.0, halfway.settled, halfway.overlap)):
            break
    return f"{count} {share(wrong, trace[:count], full):.2%}"


def summary(name: str, seed: int, trace: NDArray[np.float32], wrong: NDArray) -> dict[str, object]:
    """One line of the table, from the similarities at every optimiser step."""
    steps, trace = len(trace), trace.astype(np.float64)
    full = detection(wrong, trace.mean(axis=0)).auroc
    running = trace.cumsum(axis=0) / np.arange(1, steps + 1)[:, None]
    low = [c for c in range(1, steps + 1) if detection(wrong, running[c - 1]).auroc < SHARE * full]
    spread = {n: trace[:: -(-steps // n)] for n in SPACED}
    shares = {n: share(wrong, some, full) for n, some in spread.items()}
    enough = [n for n, reached in shares.items() if reached >= SHARE]
    return {
        "data": name,
        "seed": seed,
        "steps": steps,
        "AUROC": f"{full:.4f}",
        "first": max(low, default=0) + 1,
        "spaced": min(enough),
        **{f"/{n}": f"{shares[n]:.2%}" for n in SPACED[:-1]},
        **{f"{t}": ended(wrong, spread[100], full, t) for t in THRESHOLDS},
    }


def every_step(source: Samples, target: Samples, seed: int) -> NDArray[np.float32]:
    """(steps, n_source) similarities, default settings otherwise."""
    method = DVGS(seed=seed, every=1, suggest=False, stop_when_settled=None)
    trace = method.value(source, target).trace
    assert trace is not None
    return trace


def measured(folder: Path, seeds: int) -> Iterator[dict[str, object]]:
    """The lines of the table as they are known."""
    for name, rows in DATA.items():
        for seed in range(seeds):
            X_source, y, X_target, y_target = rows(folder, seed)
            noisy, wrong = corrupt_labels(y, 0.2, seed=seed)
            source, target = Samples(X_source, noisy), Samples(X_target, y_target)
            yield summary(name, seed, every_step(source, target, seed), wrong)
    with tempfile.TemporaryDirectory() as written:
        files = DEMOS["digits"].write(Path(written))
        table = load(files.path)
        for seed in range(seeds):
            split = SplitSettings(rotations=2, target_size=0.3, seed=seed)
            prepared = prepare(table, Job(columns=infer_schema(table), split=split, seed=seed))
            rotation = prepared.splits[0]
            wrong = files.truth["corrupted"].to_numpy()[rotation.source]
            source, target = (prepared.samples(r) for r in (rotation.source, rotation.target))
            yield summary("digits", seed, every_step(source, target, seed), wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    lines = []
    for line in measured(Path(os.environ["DVGS_DATA"]), options.seeds):
        lines.append({name: str(value) for name, value in line.items()})
        print(" ".join(f"{key}={value}" for key, value in line.items()), flush=True)
    about = (__doc__ or "").partition("\n\n")[2].partition("Some minutes")[0]
    DOCUMENT.write_text(
        f"# How many checkpoints a valuation needs\n\n"
        f"<!-- Written by experiments/checkpoints_needed.py; edit that instead. -->\n\n"
        f"```\n{about.strip()}\n```\n\n"
        f"{markdown_table(list(lines[0]), [list(line.values()) for line in lines])}\n\n"
        f"{conclusion(lines)} {date.today()}, seeds 0 to {options.seeds - 1}, "
        f"dvgs-workbench {__version__}, torch {torch.__version__}.\n",
        encoding="utf-8",
    )


def conclusion(lines: list[dict[str, str]]) -> str:
    """What follows for the default run, in two sentences."""
    first = [int(line["first"]) for line in lines]
    spaced = [int(line["spaced"]) for line in lines]
    share = min(float(line["0.99"].split()[1].rstrip("%")) for line in lines)
    return (
        f"From checkpoint {min(first)} to {max(first)} on, by data set and seed, the "
        f"AUROC stays within 0.5 % of the full run's; spread evenly, {min(spaced)} to "
        f"{max(spaced)} are enough. So a default run has at most 100, spread evenly over the "
        f"training, and may end earlier by its rule (0.99), which left at least {share:.2f} % of "
        "the AUROC here."
    )


if __name__ == "__main__":
    main()
