"""Dates written as text."""

import re

import pandas as pd

_LOOKS_LIKE_A_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ]\d{1,2}:\d{2}.*)?")
_ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
# A day may stand first or second; the first order that fits every value is taken.
_ORDERS = {
    "-": ("%d-%m-%Y", "%m-%d-%Y"),
    "/": ("%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d"),
    ".": ("%d.%m.%Y", "%m.%d.%Y", "%Y.%m.%d"),
}
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S")


def as_dates(texts: pd.Series) -> tuple[pd.Series, str] | None:
    """Dates from texts, if every one of them is a date in the same notation.

    Args:
        texts: (n,) str, stripped, nothing missing.

    Returns:
        (n,) datetime64 without a time zone (an offset is applied: the times are UTC then), and
        how the dates are written, such as "day.month.year"; None if some text is no date.
    """
    if len(texts) == 0 or not all(_LOOKS_LIKE_A_DATE.fullmatch(text) for text in texts):
        return None
    if all(_ISO.match(text) for text in texts):
        dates = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
        if dates.notna().all():
            return dates.dt.tz_localize(None), "year-month-day"
        return None
    mark = _LOOKS_LIKE_A_DATE.fullmatch(texts.iloc[0]).group(1)  # type: ignore[union-attr]
    for order in _ORDERS[mark]:
        for time in _TIMES:
            dates = pd.to_datetime(texts, format=order + time, errors="coerce")
            if dates.notna().all():
                words = order.replace("%d", "day").replace("%m", "month").replace("%Y", "year")
                return dates, words
    return None
