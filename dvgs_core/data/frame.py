"""A frame that someone has in memory -> `Table`, with the types that a file's table would have."""

import numpy as np
import pandas as pd

from dvgs_core.data.columns import holds_containers
from dvgs_core.data.format import FileFormat
from dvgs_core.data.table import Table, check_rows, column_names
from dvgs_core.data.wording import count, listed, quoted
from dvgs_core.errors import InputError


def from_frame(frame: pd.DataFrame, name: str) -> Table:
    """The rows of a frame as a table; the frame itself is not changed.

    Args:
        frame: (n, columns), any index, any names.
        name: what to call it in messages.

    Returns:
        The table. Its row ids are the positions in `frame`; names of columns are text; columns of
        Python objects have the type of what they hold, where that is one.

    Raises:
        InputError: no or one row, two columns of the same name, complex numbers.
    """
    names = column_names([str(column) for column in frame.columns], name)
    plain = frame.reset_index(drop=True).set_axis(names, axis=1)
    check_rows(plain, name)
    unusable = [c for c in names if pd.api.types.is_complex_dtype(plain[c].dtype)]
    if unusable:
        raise InputError(
            f"{quoted(name)} holds complex numbers in {listed(unusable)}: give real and imaginary "
            "part as two columns."
        )
    notes: list[str] = []
    changed = {}
    for column in names:
        values = plain[column]
        if isinstance(values.dtype, pd.PeriodDtype):
            changed[column] = values.dt.to_timestamp()
        elif values.dtype == object:
            changed[column], said = _settled(values)
            notes += said
    return Table(plain.assign(**changed), name, "", FileFormat(kind="parquet"), tuple(notes))


def _settled(values: pd.Series) -> tuple[pd.Series, list[str]]:
    """A column of Python objects in the type that they are of, and what to say about it."""
    gaps = bool(values.isna().any())
    match pd.api.types.infer_dtype(values, skipna=True):
        case "boolean":
            return values.astype("boolean" if gaps else "bool"), []
        case "integer" if all(abs(value) < 2**63 for value in values.dropna()):
            return values.astype("Int64" if gaps else "int64"), []
        case "floating" | "mixed-integer-float" | "decimal":
            return values.map(float, na_action="ignore").astype("float64"), []
        case "integer" | "mixed" | "mixed-integer" if not holds_containers(values.dropna()):
            present = values.dropna()
            numbers = int(present.map(lambda v: isinstance(v, (int, float, np.number))).sum())
            note = (
                f"{quoted(values.name)}: mixed types, {count(numbers, 'number')} among "
                f"{count(len(present), 'cell')}; kept as text."
            )
            return values.map(str, na_action="ignore").astype("str"), [note]
    return values, []
