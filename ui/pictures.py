"""Small pictures in HTML: bars and histograms that take the theme's colours and need no script.

Tidy frame in, markup out. Every text of a person's data is escaped here, and stands in the markup
as text or title only; numbers are ours. Streamlit is not imported.
"""

from html import escape

import pandas as pd

from dvgs_core.data.wording import percent
from ui.names import told_apart


def multiples(bars: pd.DataFrame, columns: pd.DataFrame) -> str:
    """One small picture a column, in a grid that fits the page's width.

    Args:
        bars: from `dvgs_core.data.distributions`.
        columns: what stands above each: name, role, kind, missing_share, distinct; in order.
    """
    by_column = dict(tuple(bars.groupby("column", sort=False)))
    figures = []
    for line in columns.itertuples():
        part = by_column.get(line.name)
        gaps = f" · {percent(line.missing_share, 1)} missing" if line.missing_share > 0 else ""
        facts = f"{line.role}, {line.kind}{gaps}" if line.role != "feature" else line.kind + gaps
        figures.append(
            f'<figure class="{escape(line.role)}">'
            f'<figcaption title="{escape(line.name, quote=True)}">'
            f'<b dir="auto">{escape(line.name)}</b><span>{escape(facts)}</span></figcaption>'
            f"{_picture(part)}</figure>"
        )
    return f'<div class="multiples">{"".join(figures)}</div>'


def _picture(part: pd.DataFrame | None) -> str:
    if part is None:
        return '<div class="none">nothing to show</div>'
    if part["form"].iloc[0] == "category":
        return _few(part)
    top = max(int(part["rows"].max()), 1)
    bars = "".join(
        f'<i title="{escape(str(line.name), quote=True)}: {line.rows:,} rows" '
        f'style="height:{max(100 * line.rows / top, 1.5 if line.rows else 0):.1f}%"></i>'
        for line in part.itertuples()
    )
    ends = str(part["name"].iloc[0]).split(" to ")[0], str(part["name"].iloc[-1]).split(" to ")[-1]
    words = f"Histogram from {ends[0]} to {ends[1]}, at most {top:,} rows in a bar"
    return (
        f'<div class="hist" role="img" aria-label="{escape(words, quote=True)}">{bars}</div>'
        f'<div class="ends"><span>{escape(ends[0])}</span><span>{escape(ends[1])}</span></div>'
    )


def _few(part: pd.DataFrame) -> str:
    """A category's most frequent values; what does not fit is summed up."""
    shown = part.head(4 if len(part) > 5 else 5)
    rest = part.iloc[len(shown) :]
    total, top = int(part["rows"].sum()), max(int(part["rows"].max()), 1)
    lines = [_line(str(line.name), line.rows, total, top) for line in shown.itertuples()]
    if len(rest):
        last = str(rest["name"].iloc[-1])
        more = last if len(rest) == 1 else "all others"
        lines.append(_line(more, int(rest["rows"].sum()), total, top))
    return f'<div class="few">{"".join(lines)}</div>'


def _line(name: str, rows: int, total: int, top: int) -> str:
    share = rows / max(total, 1)
    return (
        f'<div title="{escape(name, quote=True)}: {rows:,} rows, {percent(share, 1)}">'
        f'<i style="width:{min(100 * rows / top, 100):.1f}%"></i>'
        f'<span dir="auto">{escape(name)}</span><em>{percent(share)}</em></div>'
    )


def class_bars(shares: pd.DataFrame, *, first: str, second: str | None = None) -> str:
    """How many rows of each class, for one group of rows or two side by side.

    Args:
        shares: columns name, group, share in [0, 1], rows; optionally few (bool: too few rows).
        first, second: the groups, in the colours of the first and of what it is compared with.
    """
    groups = [first] if second is None else [first, second]
    wide = shares.pivot(index="name", columns="group", values=["rows", "share"])
    order = list(dict.fromkeys(shares["name"]))
    top = max(float(shares["share"].max()), 1e-9)
    few = set(shares.loc[shares["few"], "name"]) if "few" in shares else set()
    lines = [
        '<div class="head"><span></span><span></span>'
        + "".join(f"<b class='n{i}'>{escape(group)}</b>" for i, group in enumerate(groups))
        + "</div>"
    ]
    short = told_apart(order, 36)
    for name in order:
        bars, numbers = [], []
        for i, group in enumerate(groups):
            rows, share = int(wide.loc[name, ("rows", group)]), wide.loc[name, ("share", group)]
            bars.append(f'<i class="g{i}" style="width:{100 * share / top:.1f}%"></i>')
            numbers.append(f"<em>{rows:,}<small>{_percent(share)}</small></em>")
        mark = ' class="small"' if name in few else ""
        lines.append(
            f'<div{mark}><span dir="auto" title="{escape(str(name), quote=True)}">'
            f"{escape(short[str(name)])}</span><div>{''.join(bars)}</div>{''.join(numbers)}</div>"
        )
    return f'<div class="classes w{len(groups)}" role="table">{"".join(lines)}</div>'


def gaps(columns: pd.DataFrame) -> str:
    """Share of missing cells of columns that have any.

    Args:
        columns: name, missing (cells), missing_share.
    """
    lines = [
        f'<div><span dir="auto" title="{escape(line.name, quote=True)}">{escape(line.name)}</span>'
        f'<div><i class="g1" style="width:{100 * line.missing_share:.2f}%"></i></div>'
        f"<em>{line.missing:,}<small>{_percent(line.missing_share)}</small></em></div>"
        for line in columns.itertuples()
    ]
    return f'<div class="classes w1" role="table">{"".join(lines)}</div>'


def _percent(share: float) -> str:
    """One decimal, so that numbers stand in line; of what is there, never 0.0."""
    return "&lt;0.1 %" if 0 < share < 0.001 else percent(share, 1)
