"""A cleaned CSV file: the original's cells, letter for letter, without the dropped rows."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from dvgs_core.data.csvfile import read_cells, write_cells
from dvgs_core.data.format import FileFormat
from dvgs_core.review.edits import Edits

_FORMULA = frozenset("=+-@\t\r\n|")
_NUMBER = re.compile(r"[+-]?[\d.,\s]*\d[\d.,]*(e[+-]?\d+)?%?", re.IGNORECASE)


def clean_cells(
    path: Path,
    format: FileFormat,
    edits: Edits,
    out: Path,
    *,
    delimiter: str | None = None,
    spreadsheet_safe: bool = False,
) -> None:
    """Write a CSV file without the dropped rows and with the new labels.

    Every cell that was not relabelled keeps its text; a relabelled one gets the text with which
    most rows with that label are written. Delimiter, encoding and line ends are the original's.

    Args:
        path, format: the original and how it was read.
        edits: what to do.
        out: the file to write.
        delimiter: another than the original's.
        spreadsheet_safe: see `without_formulas`.
    """
    cells = read_cells(path, format)
    if edits.label in cells.columns:
        cells[edits.label] = _relabelled(cells[edits.label], edits, format.decimal or ".")
    kept = cells.iloc[edits.rows]
    if delimiter is not None and delimiter != format.delimiter:
        # the lines above the names may say which delimiter follows
        format = format.model_copy(update={"delimiter": delimiter, "preamble": ""})
    write_cells(without_formulas(kept) if spreadsheet_safe else kept, out, format)


def without_formulas(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells that a spreadsheet program will not run: ' before text that begins like a formula.

    Numbers are left alone, though they may begin with + or -. What was changed is no longer what
    stood in the original; only ask for it where a spreadsheet program will open the file.

    Args:
        cells: (n, columns) of str, or of anything else, which is left alone.
    """

    def safe(value: object) -> object:
        if not isinstance(value, str) or value.lstrip(" ")[:1] not in _FORMULA:
            return value
        return value if _NUMBER.fullmatch(value.strip()) else f"'{value}"

    changed = cells.copy()
    for position, column in enumerate(cells.columns):
        if cells[column].dtype == object or isinstance(cells[column].dtype, pd.StringDtype):
            changed.isetitem(position, cells[column].map(safe, na_action="ignore"))
    changed.columns = pd.Index([safe(name) for name in cells.columns])
    return changed


def _relabelled(cells: pd.Series, edits: Edits, decimal: str) -> list[str]:
    texts = cells.astype(object).tolist()
    written = [*texts, *(_written(value, decimal) for value in edits.fresh)]
    # The typed column says which rows have the same label; of their spellings take the commonest.
    wanted = {int(edits.codes[d]) for d in edits.donors[edits.relabelled] if d < len(texts)}
    spellings: dict[int, Counter[str]] = {code: Counter() for code in wanted}
    for row in np.flatnonzero(np.isin(edits.codes, list(wanted))):
        spellings[int(edits.codes[row])][texts[row]] += 1
    commonest = {code: counter.most_common(1)[0][0] for code, counter in spellings.items()}
    for row in edits.relabelled:
        donor = int(edits.donors[row])
        known = donor < len(texts)
        texts[row] = commonest[int(edits.codes[donor])] if known else written[donor]
    return texts


def _written(value: object, decimal: str) -> str:
    return str(value).replace(".", decimal) if isinstance(value, float) else str(value)
