"""Names and messages as a person reads them: on one line, and not longer than needed."""

import difflib
from collections.abc import Iterable, Sequence

import numpy as np

_LARGEST = 1e15  # whole numbers beyond are not exact


def one_line(text: object, limit: int = 200) -> str:
    """`text` without line breaks, cut after `limit` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def quoted(name: object) -> str:
    """A column name or a cell between quotes, on one line."""
    return f"'{one_line(name, 60)}'"


def listed(items: Iterable[object], limit: int = 5) -> str:
    """The first `limit` items between quotes, then how many more there are."""
    items = list(items)
    text = ", ".join(quoted(item) for item in items[:limit])
    return text if len(items) <= limit else f"{text} and {len(items) - limit:,} more"


def rows_listed(rows: Sequence[int] | np.ndarray, limit: int = 3) -> str:
    """'row 4' or 'rows 4, 7, 9 and 12 more'; row ids, counted from 0."""
    shown = ", ".join(str(int(row)) for row in rows[:limit])
    more = f" and {len(rows) - limit:,} more" if len(rows) > limit else ""
    return f"row{'' if len(rows) == 1 else 's'} {shown}{more}"


def count(number: int, thing: str, plural: str | None = None) -> str:
    """'1 row', '2,000 rows'."""
    return f"{number:,} {thing if number == 1 else plural or thing + 's'}"


def number(value: float | None, *, decimals: int | None = None) -> str:
    """'0.0381', '−1.2', '230,624'; – for nothing.

    Whole numbers stand in full, others with three significant digits, or from a thousand to ten
    million as the nearest whole number: both are then written alike.

    Args:
        value: None and NaN are nothing.
        decimals: so many digits behind the point instead, for numbers that are compared.
    """
    if value is None or value != value:
        return "–"
    if decimals is not None:
        text = f"{value:z,.{decimals}f}"  # never −0.000
    elif 999.5 <= abs(value) < 1e7 or (value == round(value, 0) and abs(value) < _LARGEST):
        text = f"{round(value):,}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", "−")


def signed(value: float) -> str:
    """As `number`, with a plus sign before what is above 0."""
    return f"+{number(value)}" if value > 0 else number(value)


def percent(share: float, digits: int = 0) -> str:
    """'62 %', '4.1 %'."""
    return f"{100 * share:.{digits}f} %"


def nearest_names(name: str, names: Iterable[str]) -> str:
    """A sentence that helps after a name that is not there: near names, or all of a few."""
    names = list(names)
    lowered: dict[str, str] = {}
    for known in names:
        lowered.setdefault(known.lower(), known)
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {listed(lowered[n] for n in near)}?"
    return f"The columns are {listed(names, 8)}."
