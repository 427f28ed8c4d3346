"""Would the ranking change with another target? Other draws, valued quickly, and how they agree.

result.json     draws, rows compared, how the draws were made, means and the conclusion
pairs.parquet   a line a pair of draws: a, b, spearman, overlap of the lowest 5 %
rows.parquet    a line a row, the least steady first; see `evaluation.sensitivity`
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.load import Table
from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.split import Split, SplitSettings, draw_splits
from dvgs_core.data.wording import number, percent
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import Prepared, prepare
from dvgs_core.errors import InputError
from dvgs_core.evaluation.sensitivity import (
    Sensitivity,
    sensitivity,
    values_under_other_targets,
)
from dvgs_core.samples import Samples, Valuation
from dvgs_core.store.files import replacing
from dvgs_core.store.studies import Study
from dvgs_core.store.workspace import Workspace

VERSION = 3
#: Targets, the chosen one among them; and starts of the chosen one, the first among them.
DRAWS, STARTS = 4, 3
#: Most source rows that are valued in each draw; a sample tells how rankings agree.
MOST_ROWS = 2_000
#: Fewer rows say nothing about rankings; fewer target rows cannot be halved.
LEAST_ROWS, LEAST_TARGET = 40, 8
#: Settings of each draw: enough for a ranking, quick enough to wait for.
SETTINGS: dict[str, Any] = {"restarts": 3, "every": 4, "suggest": False}
#: Rank correlations closer than this are told as equal.
APART = 0.1


def sensitivity_job(
    columns: Schema, encoding: EncodingSettings, split: SplitSettings, target_dataset: str | None
) -> dict[str, Any]:
    """What to ask of the study."""
    return {
        "version": VERSION,
        "columns": columns.model_dump(mode="json"),
        "encoding": encoding.model_dump(mode="json"),
        "split": split.model_dump(mode="json"),
        "target_dataset": target_dataset,
        "draws": DRAWS,
    }


def execute(workspace: Workspace, study: Study) -> str | None:
    """Value a sample of the source with several targets, and compare the rankings.

    Args:
        workspace: where the study waits.
        study: its job is what `sensitivity_job` gives.

    Returns:
        "stopped" if someone asked for that, else None.

    Raises:
        InputError: the data cannot be valued, or the target is too small to be drawn anew.
    """
    asked, count = study.job, int(study.job["draws"])
    split = SplitSettings.model_validate(asked["split"]).model_copy(update={"rotations": 1})
    job = Job(
        columns=Schema.model_validate(asked["columns"]),
        encoding=EncodingSettings.model_validate(asked["encoding"]),
        split=split,
        seed=split.seed,
        target_dataset=asked["target_dataset"],
    )
    table, other = workspace.load_table(study.dataset), job.target_dataset
    folder = workspace.dataset(study.dataset).directory
    prepared = prepare(table, job, workspace.load_table(other) if other else None, folder=folder)
    draws = other_draws(table, prepared, count)
    rows = shared_source(draws or prepared.splits, split.seed)
    values, total = [], count + STARTS - 1
    for one in _rankings(prepared, draws, rows, count):
        values.append(one)
        workspace.report_progress(study.id, len(values), total)
        if len(values) < total and workspace.stop_requested(study.id):
            return "stopped"
    found = sensitivity(np.stack(values[:count]), ids=rows)
    starts = sensitivity(np.stack([values[0], *values[count:]]), ids=rows)
    for name, frame in (("pairs", found.pairs), ("rows", found.rows)):
        with replacing(study.directory / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary, index=False)
    result = {
        "targets": count,
        "starts": STARTS,
        "rows": len(rows),
        "how": "drawn" if draws else "halved",
        "spearman": found.spearman,
        "overlap": found.overlap,
        "starts_spearman": starts.spearman,
        "starts_overlap": starts.overlap,
        "conclusion": conclusion(found, starts),
    }
    with replacing(study.directory / "result.json") as temporary:
        temporary.write_text(json.dumps(result), encoding="utf-8")
    return None


def conclusion(targets: Sensitivity, starts: Sensitivity) -> str:
    """One sentence: whether the target matters, beyond what the start of the network does."""
    numbers = (
        f"rankings under other targets have the rank correlation "
        f"{number(targets.spearman, decimals=2)} and share {percent(targets.overlap)} of their "
        f"lowest 5 %; under the same target from another start it is "
        f"{number(starts.spearman, decimals=2)} and {percent(starts.overlap)}"
    )
    if targets.spearman < starts.spearman - APART:
        return f"Yes: {numbers}. A larger or more typical target would be steadier."
    if targets.spearman >= 0.9:
        return f"Hardly: {numbers}."
    if targets.spearman >= 0.7:
        return f"No more than by chance: {numbers}. Single rows move; more restarts steady them."
    return (
        f"Not because of the target: {numbers}. The ranking itself is unsteady; more restarts and "
        "a longer training would steady it."
    )


def other_draws(table: Table, prepared: Prepared, count: int) -> list[Split]:
    """The chosen draw of the target and others in the same manner, with other seeds.

    Returns:
        `count` of them; none where the target is fixed (a file, listed rows, all rows that match).
    """
    job, first = prepared.job, prepared.splits[0]
    if len(prepared.labels.y) > prepared.rows:
        return []  # the target is a file
    labels = read_labels(table.frame, job.columns)
    draws = [first]
    for again in range(1, count):
        split = job.split.model_copy(update={"seed": job.split.seed + 1000 * again})
        drawn = draw_splits(table.frame, labels, job.columns, split)[0]
        if np.array_equal(drawn.target, first.target):
            return []
        draws.append(drawn)
    return draws


def shared_source(draws: list[Split], seed: int) -> NDArray[np.int64]:
    """Row ids that are source in every draw, at most `MOST_ROWS` of them, ascending.

    Raises:
        InputError: too few are.
    """
    rows = draws[0].source
    for draw in draws[1:]:
        rows = np.intersect1d(rows, draw.source)
    if len(rows) < LEAST_ROWS:
        raise InputError(
            f"Only {len(rows)} rows are source with every target, and rankings of so few say "
            "nothing: choose a smaller target."
        )
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    return rows


def _rankings(
    prepared: Prepared, draws: list[Split], rows: NDArray[np.int64], count: int
) -> Iterator[NDArray[np.float64]]:
    """Values of the same rows: `count` targets from one start, then other starts of the first."""
    seed, source = prepared.job.split.seed, prepared.samples(rows)
    targets: list[Samples] = []

    def value(source: Samples, target: Samples, other_seed: int) -> Valuation:
        targets.append(target)
        return _value(prepared, source, target, seed)

    if draws:
        for draw in draws:
            yield value(source, prepared.samples(draw.target), seed).values
    else:
        fixed = prepared.splits[0].target
        if len(fixed) < LEAST_TARGET:
            raise InputError(
                f"The target has {len(fixed)} rows, too few to be halved: choose at least "
                f"{LEAST_TARGET}."
            )
        pool = prepared.samples(fixed)
        yield from values_under_other_targets(value, source, pool, draws=count, seed=seed)
    for start in range(1, STARTS):
        yield _value(prepared, source, targets[0], seed + start).values


def _value(prepared: Prepared, source: Samples, target: Samples, seed: int) -> Valuation:
    from dvgs_core import methods

    task, labels = prepared.job.columns.task, prepared.labels
    classes = len(labels.classes) if task == "classification" else None
    return methods.create("dvgs", seed=seed, **SETTINGS).value(source, target, classes=classes)
