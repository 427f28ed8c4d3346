"""Average Pearson correlation: how alike a row is to its replicates.

Repeated measurements of one thing should agree; where a group's rows do, they are likely sound.
Looks at features only: it knows neither label nor target, and is what gene-expression work (LINCS
L1000) has filtered by.

Source: Evans et al. 2024, section 3 ("APC").
"""

from collections.abc import Hashable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.methods.named_column import further_column
from dvgs_core.methods.registry import register
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings


class ApcSettings(Settings):
    """Which rows are replicates of one another, and whether they share one value."""

    group: str = Field(
        default="",
        title="Replicate group",
        description="The column that says which rows are replicates: those with the same entry.",
        json_schema_extra={"column": True},
    )
    of: Literal["row", "group"] = Field(
        default="row",
        title="Value of",
        description="row: mean correlation of the row with its replicates. group: mean over all "
        "pairs of the group, the same for each of its rows.",
    )


@register(
    "apc",
    ApcSettings,
    title="Replicate correlation (APC)",
    help="Mean Pearson correlation of a row's features with those of its replicates.",
)
class Apc(Base[ApcSettings]):
    """Mean Pearson correlation with the other rows of the group, among source and target rows.

    In [-1, 1], over the encoded features. A row without replicates, or without a group, has no
    value; a row whose features are all equal correlates with nothing and counts as 0.
    """

    declared = ApcSettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step that holds everything."""
        agreed("apc", source, target, classes)
        name = self.settings.group
        keys = further_column(source, name, "apc", "group").tolist()
        X = source.X
        if name in target.columns:
            keys = keys + target.columns[name].tolist()
            X = np.concatenate([X, target.X])
        values = np.full(len(X), np.nan)
        for rows in _groups(keys):
            if len(rows) > 1:
                values[rows] = _mean_correlation(X[rows], self.settings.of)
        values = values[: len(source)]
        without = int(np.isnan(values).sum())
        if without == len(values):
            raise InputError(
                f"No source row has a replicate: no two rows share an entry of {name!r}. Choose "
                "the column that tells which rows belong together."
            )
        notes: tuple[str, ...] = ()
        if without:
            notes = (f"{without:,} rows have no other row with their {name!r} and no value.",)
        yield only_step(values, notes=notes)


def _groups(keys: list[Hashable]) -> Iterator[list[int]]:
    """Positions with the same entry; missing entries belong to no group."""
    found: dict[Hashable, list[int]] = {}
    for position, key in enumerate(keys):
        if key is not None and key == key:
            found.setdefault(key, []).append(position)
    yield from found.values()


def _mean_correlation(X: NDArray[np.float32], of: str) -> NDArray[np.float64]:
    """(rows,) of one group.

    With z the rows at mean 0 and length 1, a row's correlations with all rows, itself included,
    add up to z · Σz: no matrix of pairs is needed.
    """
    z = X.astype(np.float64)
    z -= z.mean(axis=1, keepdims=True)
    length = np.linalg.norm(z, axis=1, keepdims=True)
    z = np.divide(z, length, out=np.zeros_like(z), where=length > 0)
    each = (z @ z.sum(axis=0) - np.square(z).sum(axis=1)) / (len(z) - 1)
    each = np.clip(each, -1, 1)
    return each if of == "row" else np.full(len(z), each.mean())
