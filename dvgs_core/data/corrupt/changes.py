"""What damage did to a table, cell by cell: for a look before it is used."""

import pandas as pd

from dvgs_core.data.schema import Schema

CELLS_A_ROW = 3


def changed_cells(
    before: pd.DataFrame, after: pd.DataFrame, schema: Schema, truth: pd.DataFrame, most: int = 60
) -> pd.DataFrame:
    """Some of the cells that differ, of every kind of damage in turn.

    Args:
        before: (n, columns).
        after: the same rows and columns, damaged.
        schema: only labels and features are compared.
        truth: (n) columns row and kind, as `corrupt_table` gives it.
        most: how many damaged rows are shown at most; of each, the first `CELLS_A_ROW` cells.

    Returns:
        Columns row, kind, column, before, after (text; "missing" where there is nothing), and more:
        how many further cells of that row differ, on the last line of a row.
    """
    touched = truth.loc[truth["kind"] != ""]
    turn = touched.groupby("kind").cumcount()
    shown = touched.loc[turn.sort_values(kind="stable").index].head(most)
    columns = [c.name for c in schema.columns if c.role in ("label", "feature")]
    rows = shown["row"].to_numpy()
    old, new = (frame.iloc[rows][columns].astype(object) for frame in (before, after))
    lines = []
    for at, (row, kind) in enumerate(zip(rows, shown["kind"], strict=True)):
        pairs = list(zip(columns, old.iloc[at], new.iloc[at], strict=True))
        differ = [pair for pair in pairs if not _same(*pair[1:])]
        for name, was, became in differ[:CELLS_A_ROW]:
            lines.append([int(row), kind, name, _text(was), _text(became), 0])
        if len(differ) > CELLS_A_ROW:
            lines[-1][-1] = len(differ) - CELLS_A_ROW
    return pd.DataFrame(lines, columns=["row", "kind", "column", "before", "after", "more"])


def _same(old: object, new: object) -> bool:
    if _missing(old) or _missing(new):
        return _missing(old) and _missing(new)
    # cells that hold lists or bytes are compared by what they look like
    return bool(old == new) if pd.api.types.is_scalar(old) else str(old) == str(new)


def _missing(cell: object) -> bool:
    gone = pd.isna(cell) if pd.api.types.is_scalar(cell) else False
    return bool(gone)


def _text(cell: object) -> str:
    if _missing(cell):
        return "missing"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
