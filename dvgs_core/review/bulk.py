"""Deciding about many rows at a cut of the values, and what that would take from each group.

Computing only: nothing is decided here. A group is a class of the label, or a value of a column
that says who or what a row is about. When a cut takes 4 % of all rows but 40 % of a small group,
the group is probably rare rather than wrong; that is what `loses_more` is for.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

from dvgs_core.data.schema import Schema
from dvgs_core.errors import InputError

CutKind = Literal["rows", "share", "below"]

#: Features with at most this many values count as groups of people or things.
FEW_VALUES = 12
#: Losing this many times the share of all rows counts, if it is also no chance: a draw at random
#: would show such a loss in any group of the column with at most this probability.
TIMES = 1.5
CHANCE = 0.05

_CUT = re.compile(r"(?P<below><)?\s*(?P<number>[-−]?[\d.]+(?:e[-+]?\d+)?)\s*(?P<share>%)?")


@dataclass(frozen=True)
class Cut:
    """Where the lowest values end.

    Attributes:
        kind: rows (the lowest `amount` of them), share (the lowest `amount` percent of them) or
            below (those with a value less than `amount`).
        amount: see kind.
    """

    kind: CutKind
    amount: float

    def __str__(self) -> str:
        number = f"{self.amount:.10g}"
        return {"rows": number, "share": f"{number}%", "below": f"<{number}"}[self.kind]

    @classmethod
    def parsed(cls, text: str) -> "Cut":
        """From text such as 200, 5% or <-0.1, as `str` writes it.

        Raises:
            InputError: it is none of these.
        """
        match = _CUT.fullmatch(text.strip())
        if match is None or (match["below"] and match["share"]):
            raise InputError(f"A cut is written like 200, 5% or <-0.1; got {text[:40]!r}.")
        kind: CutKind = "below" if match["below"] else "share" if match["share"] else "rows"
        try:
            amount = float(match["number"].replace("−", "-"))
        except ValueError as error:
            raise InputError(f"A cut needs a number; got {text[:40]!r}.") from error
        if (kind != "below" and amount < 0) or (kind == "share" and amount > 100):
            raise InputError(f"A cut takes 0 rows or more, and 100% at most; got {text[:40]!r}.")
        return cls(kind, amount)

    def count(self, values: NDArray[np.float64]) -> int:
        """How many rows it takes.

        Args:
            values: (n,) ascending, none missing.
        """
        if self.kind == "below":
            return int(np.searchsorted(values, self.amount, side="left"))
        if self.kind == "share":
            return round(self.amount / 100 * len(values))
        return min(int(self.amount), len(values))


def group_columns(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Columns whose values are groups that a cut should treat alike, the label first.

    They are those with the role group, and categories and truth values among the features that
    have 2 to `FEW_VALUES` values.
    """
    label = schema.label if schema.task == "classification" else None
    few = [
        column.name
        for column in schema.features
        if column.kind in ("category", "boolean")
        and not column.embedding
        and 2 <= frame[column.name].nunique(dropna=True) <= FEW_VALUES
    ]
    return [*([] if label is None else [label]), *schema.groups, *few]


def effect_of_cut(groups: pd.Series, rows: NDArray[np.int64]) -> pd.DataFrame:
    """What each group would lose.

    Args:
        groups: (n,) name of each valued row's group, by row id; missing is a group too.
        rows: (k,) ids of the rows that would go, all of them among the valued.

    Returns:
        Columns name (str), rows, lost, share (lost of rows), more (bool: it loses more than its
        share, beyond chance); the largest share first, then the largest group.
    """
    names = groups.astype("str").where(groups.notna(), "missing")
    before = names.value_counts(sort=False)
    lost = names.reindex(rows).value_counts(sort=False).reindex(before.index, fill_value=0)
    frame = pd.DataFrame(
        {
            "name": before.index.astype("str"),
            "rows": before.to_numpy(),
            "lost": lost.to_numpy(dtype=np.int64),
        }
    )
    frame["share"] = frame["lost"] / frame["rows"]
    frame["more"] = loses_more(frame["rows"].to_numpy(), frame["lost"].to_numpy())
    frame = frame.sort_values(
        ["share", "rows", "name"], ascending=[False, False, True], kind="stable"
    )
    return frame.reset_index(drop=True)


def loses_more(rows: NDArray[np.int64], lost: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which groups lose more than a draw of as many rows at random would take from them.

    Args:
        rows: (groups,) rows of each.
        lost: (groups,) how many of them go.

    Returns:
        (groups,) bool: more than one row goes, `TIMES` the share of all rows that go and more, and
        in a random draw some group would lose as much with a probability of at most `CHANCE`.
    """
    total, gone = int(rows.sum()), int(lost.sum())
    if gone == 0 or gone == total:
        return np.zeros(len(rows), dtype=bool)
    share = gone / total
    by_chance = hypergeom.sf(lost - 1, total, rows, gone) * len(rows)
    return (by_chance < CHANCE) & (lost > TIMES * share * rows) & (lost > 1)
