"""A column the user already has, taken as the values: a score, a weight, another tool's answer."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from dvgs_core.errors import InputError
from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.methods.named_column import further_column, numeric
from dvgs_core.methods.registry import register
from dvgs_core.samples import Samples, Step
from dvgs_core.settings import Settings


class ColumnSettings(Settings):
    """Which column, and which end of it is bad."""

    column: str = Field(
        default="",
        title="Column",
        description="The numeric column whose numbers are the values.",
        json_schema_extra={"column": True},
    )
    worse: Literal["lower", "higher"] = Field(
        default="lower",
        title="Worse is",
        description="Which numbers speak against a row. higher: values are the numbers negated.",
    )


@register(
    "column",
    ColumnSettings,
    title="A column of yours",
    help="The numbers of a column of the table, to compare with the other methods.",
)
class Column(Base[ColumnSettings]):
    """The numbers of a column as values; a row without a number has no value."""

    declared = ColumnSettings

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One step that holds everything."""
        agreed("column", source, target, classes)
        name = self.settings.column
        numbers = numeric(name, further_column(source, name, "column", "column"))
        missing = int(np.isnan(numbers).sum())
        if missing == len(numbers):
            raise InputError(f"The column {name!r} holds no number in any source row.")
        notes: tuple[str, ...] = ()
        if missing:
            notes = (f"{missing:,} rows without a number in {name!r} have no value.",)
        yield only_step(-numbers if self.settings.worse == "higher" else numbers, notes=notes)
