"""Valuing data as it stands after a review: without the dropped rows, with the new labels.

Row ids stay those of the original, and target, source and holdout are drawn from the original
labels, so that two runs differ in nothing but the decisions and their ranks can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from pydantic import Field

from dvgs_core.data.schema import Labels, Schema
from dvgs_core.data.split import Split
from dvgs_core.data.wording import count, quoted
from dvgs_core.errors import InputError
from dvgs_core.settings import Settings


class Corrections(Settings):
    """Decisions that a run takes into account, and the run after which they were made."""

    dropped: tuple[int, ...] = Field((), title="Ids of the rows left out")
    relabelled: dict[int, bool | int | float | str] = Field(
        default_factory=dict, title="New label of each relabelled row, by row id"
    )
    after_run: int | None = Field(None, title="The run whose values were reviewed")

    def __bool__(self) -> bool:
        return bool(self.dropped or self.relabelled)


def corrected_labels(labels: Labels, relabelled: Mapping[int, object]) -> Labels:
    """The labels with some replaced.

    Args:
        labels: of all rows.
        relabelled: class by row id, as `labels.classes` has it or as its text.

    Raises:
        InputError: a row that is not there, a class that no row has, or labels that are not
            classes.
    """
    if not relabelled:
        return labels
    if not labels.classes:
        raise InputError(
            "Only rows of a classification can be relabelled; take those decisions back."
        )
    codes = {str(name): code for code, name in enumerate(labels.classes)}
    codes |= {name: code for code, name in enumerate(labels.names)}
    y, missing = labels.y.copy(), labels.missing.copy()
    for row, label in relabelled.items():
        if not 0 <= row < len(y):
            raise InputError(f"Row {row} was relabelled, but the data has {count(len(y), 'row')}.")
        if str(label) not in codes:
            raise InputError(
                f"Row {row} was relabelled to {quoted(label)}, which no row of the data has: "
                "relabel it to one of the classes."
            )
        y[row], missing[row] = codes[str(label)], False
    return replace(labels, y=y, missing=missing)


def corrected_splits(
    splits: Sequence[Split], dropped: Sequence[int], labels: Labels, schema: Schema
) -> list[Split]:
    """The splits without dropped rows in source and target; the holdout stays as it is.

    Args:
        splits: drawn from the original labels.
        dropped: row ids.
        labels: after relabelling.
        schema: for the task.

    Raises:
        InputError: nothing is left of a source or target, or a target has one class only.
    """
    gone = np.asarray(dropped, dtype=np.int64)
    left = []
    for split in splits:
        kept = replace(
            split,
            source=np.setdiff1d(split.source, gone),
            target=np.setdiff1d(split.target, gone),
        )
        for part, rows in (("source", kept.source), ("target", kept.target)):
            if not len(rows):
                raise InputError(
                    f"Every row of the {part} was dropped, so there is nothing to compute from: "
                    "take some of those decisions back."
                )
        if schema.task == "classification" and len(np.unique(labels.y[kept.target])) < 2:
            raise InputError(
                "After these decisions the target has one class only, and it needs two: take some "
                "of them back."
            )
        left.append(kept)
    return left
