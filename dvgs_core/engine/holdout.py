"""Before and after: what the decisions do to a small network's score on the holdout.

result.json    a `HoldoutScores`

Networks are trained on the source as it came, and on the source without the dropped rows and with
the new labels; both are scored on the holdout as it came, which no decision touches.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.table import Table
from dvgs_core.engine.corrected import corrected_labels
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import Prepared, prepare
from dvgs_core.errors import InputError
from dvgs_core.evaluation.scores import METRIC_NAMES
from dvgs_core.review.recipe import Recipe
from dvgs_core.samples import Samples
from dvgs_core.store.files import replacing
from dvgs_core.store.studies import Study
from dvgs_core.store.workspace import Workspace

VERSION = 1
#: Networks on each side; each pair has the same start.
SEEDS = 5
#: Rows an optimiser step.
BATCH = 256

# A change smaller than this is none.
_SMALLEST_CHANGE = 0.001


@dataclass(frozen=True)
class HoldoutScores:
    """Scores of networks trained on the source before and after the decisions.

    Attributes:
        metric: "auroc", "accuracy", "r2" or "loss"; higher is better.
        before, after: one a seed; those at the same place had the same start.
        rows_before, rows_after: source rows the networks were trained on.
        holdout: rows they were scored on.
        decided_holdout: holdout rows that were dropped or relabelled, without effect here.
        uninformed: the score of the best constant answer.
    """

    metric: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    rows_before: int
    rows_after: int
    holdout: int
    decided_holdout: int
    uninformed: float

    @property
    def change(self) -> float:
        """Mean of after - before."""
        return float(np.mean(np.subtract(self.after, self.before)))

    @property
    def standard_error(self) -> float:
        """Of `change`, over the seeds; of the holdout's own size it knows nothing."""
        differences = np.subtract(self.after, self.before)
        return float(np.std(differences, ddof=1) / np.sqrt(len(differences)))

    @property
    def sentence(self) -> str:
        """The outcome; a change counts if it is twice its standard error and at least 0.001."""
        name = METRIC_NAMES[self.metric]
        before, after = float(np.mean(self.before)), float(np.mean(self.after))
        error = self.standard_error
        if abs(self.change) < max(2 * error, _SMALLEST_CHANGE):
            verdict = f"leave {name} as it was, {before:.3f} before and {after:.3f} after"
        else:
            verb = "raise" if self.change > 0 else "lower"
            verdict = f"{verb} {name} from {before:.3f} to {after:.3f}"
        return (
            f"On {self.holdout:,} holdout rows the decisions {verdict} "
            f"({self.change:+z.3f} ± {error:.3f} over {len(self.before)} seeds)."
        ).replace("-", "−")


def holdout_job(recipe: Recipe) -> dict[str, Any] | None:
    """What to ask of the study; None where the recipe's run has no holdout, or there is no run."""
    if not has_holdout(recipe):
        return None
    return {
        "version": VERSION,
        "seeds": SEEDS,
        "job": recipe.job,
        "dropped": list(recipe.dropped),
        # pairs, since JSON would make text of the row ids
        "relabelled": [list(pair) for pair in sorted(recipe.relabelled.items())],
    }


def has_holdout(recipe: Recipe) -> bool:
    """Whether rows were kept aside for judging when the recipe's run was made."""
    if recipe.job is None:
        return False
    split = Job.model_validate(recipe.job).split
    return split.holdout_size > 0 or bool(split.holdout_query.strip() or split.holdout_rows)


def execute(workspace: Workspace, study: Study) -> str | None:
    """Score the holdout before and after the decisions, in a worker.

    Args:
        workspace: where the study waits.
        study: its job is what `holdout_job` gives.

    Raises:
        InputError: the data cannot be prepared, or nothing is left to train on.
    """
    asked = study.job
    job = Job.model_validate(asked["job"])
    table = workspace.load_table(study.dataset)
    target = workspace.load_table(job.target_dataset) if job.target_dataset else None
    relabelled = {int(row): label for row, label in asked["relabelled"]}
    found = holdout_scores(
        table,
        job,
        asked["dropped"],
        relabelled,
        target=target,
        seeds=asked["seeds"],
        folder=workspace.dataset(study.dataset).directory,
    )
    with replacing(study.directory / "result.json") as temporary:
        temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
    return None


def read_scores(study: Study) -> HoldoutScores | None:
    """What a study found, or None while it has not."""
    path = study.directory / "result.json"
    if not path.exists():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    sides = {side: tuple(values[side]) for side in ("before", "after")}
    return HoldoutScores(**(values | sides))


def holdout_scores(
    table: Table,
    job: Job,
    dropped: list[int] | tuple[int, ...],
    relabelled: dict[int, Any],
    *,
    target: Table | None = None,
    seeds: int = SEEDS,
    folder: Path | None = None,
) -> HoldoutScores:
    """Train on the source before and after the decisions, and score the holdout.

    Args:
        table: the data as it came.
        job: roles, encoding and split; corrections in it are left out, so that before is before
            any decision.
        dropped: ids of the rows that are left out.
        relabelled: new label by row id.
        target: the table of a separate target file; it takes part in the encoding only.
        seeds: networks on each side, at least 2.
        folder: as for `prepare`.

    Raises:
        InputError: there is no holdout, it cannot be scored, or nothing is left to train on.
    """
    from dvgs_core.evaluation.utility import Utility, UtilitySettings
    from dvgs_core.models.stack import Member

    prepared = prepare(table, job.model_copy(update={"corrections": None}), target, folder=folder)
    holdout = prepared.splits[0].holdout
    if not len(holdout):
        raise InputError("There is no holdout to score on; choose its size with the target.")
    rows, before, after = _sides(prepared, np.asarray(dropped, dtype=np.int64), relabelled)
    if not len(after):
        raise InputError("Every source row is dropped, so there is nothing to train on.")
    classes = len(prepared.labels.classes) if job.columns.task == "classification" else 0
    starts = np.random.SeedSequence(job.seed).generate_state(seeds).tolist()
    members = [Member(side, start) for side in (before, after) for start in starts]
    settings = UtilitySettings(batch=BATCH)
    judge = prepared.samples(holdout)
    with Utility(settings, rows, judge, classes=classes, device=job.device) as utility:
        scores = utility.of(members)
        metric, uninformed = utility.metric, utility.empty
    decided = np.concatenate([np.asarray(dropped), np.array(list(relabelled))]).astype(np.int64)
    return HoldoutScores(
        metric=metric,
        before=tuple(scores[:seeds].tolist()),
        after=tuple(scores[seeds:].tolist()),
        rows_before=len(before),
        rows_after=len(after),
        holdout=len(holdout),
        decided_holdout=int(np.isin(holdout, decided).sum()),
        uninformed=float(uninformed),
    )


def _sides(
    prepared: Prepared, dropped: NDArray[np.int64], relabelled: dict[int, Any]
) -> tuple[Samples, NDArray[np.int64], NDArray[np.int64]]:
    """All rows that networks are trained on, and the positions of those before and after.

    A relabelled row is there twice, with its old and its new label.
    """
    source = prepared.source
    source = source[source < prepared.rows]
    changed = np.intersect1d(source, np.array(sorted(relabelled), dtype=np.int64))
    changed = np.setdiff1d(changed, dropped)
    ids = np.concatenate([source, changed])
    y = prepared.samples(ids).y
    if len(changed):
        assert y is not None  # without a label column no row can be relabelled
        y = y.copy()
        y[len(source) :] = _new_labels(prepared, changed, relabelled)
    before = np.arange(len(source))
    stays = ~np.isin(source, dropped) & ~np.isin(source, changed)
    after = np.concatenate([before[stays], np.arange(len(source), len(ids))])
    return Samples(prepared.X[ids], y, ids), before, after


def _new_labels(
    prepared: Prepared, changed: NDArray[np.int64], relabelled: dict[int, Any]
) -> NDArray:
    if prepared.job.columns.task == "regression":
        return pd.to_numeric(pd.Series([relabelled[row] for row in changed.tolist()])).to_numpy()
    new = {row: relabelled[row] for row in changed.tolist()}
    return corrected_labels(prepared.labels, new).y[changed]
