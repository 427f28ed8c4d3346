"""How the cells of each column are distributed, as a tidy frame for small pictures."""

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from dvgs_core.data.columns import holds_bytes, holds_containers
from dvgs_core.data.dates import as_dates
from dvgs_core.data.query import family
from dvgs_core.data.schema import Schema
from dvgs_core.data.wording import number

#: Bars of a quantity, and named bars of a category (one more holds the others).
BINS, CATEGORIES = 20, 7
#: A quantity's outer bars reach to its ends; the others share what lies between these quantiles.
_INNER = (0.01, 0.99)


def distributions(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Counts of each column's values.

    A quantity (numbers, dates) has up to 20 bars of equal width between its 1st and 99th
    percentile, the outermost holding the rest; numbers of few whole values, truth values and
    categories have a bar a value, the most frequent seven, then one for all others. Columns of
    text count words.

    Returns:
        One line a bar, columns in the table's order: column, form ("quantity" or "category"),
        bar (position), name (what the bar holds), rows. Columns without any value, and those of
        bytes or lists, have no line.
    """
    lines: list[tuple[str, str, int, str, int]] = []
    for column in schema.columns:
        values = frame[column.name].dropna()
        if len(values) == 0 or holds_bytes(values) or holds_containers(values):
            continue
        form, bars = _counts(values, column.kind)
        lines += [(column.name, form, at, name, rows) for at, (name, rows) in enumerate(bars)]
    return pd.DataFrame(lines, columns=["column", "form", "bar", "name", "rows"])


#: What each bar holds, and how many rows; and whether the column is a quantity or a category.
Bars = tuple[str, list[tuple[str, int]]]


def _counts(values: pd.Series, kind: str) -> Bars:
    holds = family(values)
    if holds == "truth values":
        return _categories(values.astype(bool).map({True: "true", False: "false"}))
    if kind == "text" and holds == "text":
        return _quantity(values.str.count(r"\S+").to_numpy(dtype="float64"), " words")
    if kind == "date":
        dates = values if holds == "dates" else _dates(values)
        if dates is not None:
            return _dated(dates)
    if holds != "numbers" or kind in ("category", "boolean"):
        return _categories(values)
    numbers = values.to_numpy(dtype="float64")
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) == 0:
        return _categories(values)
    return _quantity(numbers)


def _dates(values: pd.Series) -> pd.Series | None:
    texts = values.astype(str).str.strip()
    read = as_dates(pd.Series(texts.unique()))
    if read is None:
        return None
    return texts.map(dict(zip(texts.unique(), read[0], strict=True)))


def _dated(dates: pd.Series) -> Bars:
    index = pd.DatetimeIndex(dates)
    seconds = (index - index.min()).total_seconds().to_numpy()
    counts, edges = _histogram(seconds)
    starts = [index.min() + pd.Timedelta(seconds=float(edge)) for edge in edges]
    names = [f"{a:%Y-%m-%d} to {b:%Y-%m-%d}" for a, b in itertools.pairwise(starts)]
    return _bars("quantity", names, counts)


def _quantity(numbers: np.ndarray, unit: str = "") -> Bars:
    distinct = _few_distinct(numbers)
    if distinct is not None and (distinct == np.floor(distinct)).all():
        rows = [int((numbers == value).sum()) for value in distinct]
        return _bars("quantity", [f"{number(value)}{unit}" for value in distinct], rows)
    counts, edges = _histogram(numbers)
    names = [f"{number(a)} to {number(b)}{unit}" for a, b in itertools.pairwise(edges)]
    return _bars("quantity", names, counts)


def _few_distinct(numbers: np.ndarray) -> np.ndarray | None:
    """The distinct values, ascending, if a bar each is enough; None for more of them."""
    # a look at some saves sorting all where there are many
    if len(np.unique(numbers[:: max(1, len(numbers) // 1000)])) > BINS:
        return None
    distinct = np.unique(numbers)
    return distinct if len(distinct) <= BINS else None


def _histogram(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts, and the edges with the true ends."""
    low, high = np.quantile(numbers, _INNER)
    least, most = numbers.min(), numbers.max()
    if not high > low:
        low, high = least, most
    if not high > low:
        return np.array([len(numbers)]), np.array([least, most])
    edges = np.linspace(low, high, BINS + 1)
    if (numbers == np.floor(numbers)).all():  # bars of whole numbers hold equally many of them
        step = max(1.0, np.ceil((high - low + 1) / BINS))
        edges = np.arange(np.floor(low), high + step + 0.5, step)
    counts, _ = np.histogram(np.clip(numbers, edges[0], edges[-1]), edges)
    edges[0], edges[-1] = min(edges[0], least), max(edges[-1], most)
    return counts, edges


def _categories(values: pd.Series) -> Bars:
    counts = values.value_counts() if values.dtype == "str" else values.astype(str).value_counts()
    names, rows = counts.index[:CATEGORIES].tolist(), counts.iloc[:CATEGORIES].tolist()
    rest = counts.iloc[CATEGORIES:]
    if len(rest):
        names.append(f"{len(rest):,} others")
        rows.append(int(rest.sum()))
    return _bars("category", names, rows)


def _bars(form: str, names: list[str], rows: Iterable[int]) -> Bars:
    return form, list(zip(names, map(int, rows), strict=True))
