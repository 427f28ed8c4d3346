"""Small pieces of HTML. Every text that comes from data goes through `text` or `table`."""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from dvgs_core.data.wording import percent


def text(value: object) -> str:
    """Anything as text that a browser shows as it is."""
    return escape(str(value))


def count(number: int, noun: str = "") -> str:
    """ "2,003", "1 row", "2,003 rows"."""
    return f"{number:,}" + (f" {noun}{'' if number == 1 else 's'}" if noun else "")


def share(value: float | None) -> str:
    """A percentage with one decimal; – for nothing."""
    return "–" if value is None or value != value else percent(value, 1).replace("-", "−")


def signed_share(value: float | None) -> str:
    """A percentage with its sign; – for nothing."""
    if value is None or value != value:
        return "–"
    return "0.0 %" if abs(value) < 0.0005 else f"{100 * value:+.1f} %".replace("-", "−")


def paragraph(words: str) -> str:
    """Plain words as a paragraph."""
    return f"<p>{text(words)}</p>"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and what belongs to them, one a line."""
    lines = (f'<dt>{text(name)}</dt><dd dir="auto">{text(value)}</dd>' for name, value in pairs)
    return f"<dl>{''.join(lines)}</dl>"


def table(
    rows: Sequence[Sequence[Any]],
    head: Sequence[str],
    form: Sequence[Callable[[Any], str]],
    *,
    most: int | None = None,
    noun: str = "line",
    marked: Sequence[bool] = (),
) -> str:
    """A table; text columns on the left, all others with aligned digits.

    Args:
        rows: cells as they are.
        head: a name a column.
        form: how each column's cells become text: `str` for text.
        most: lines that are shown; how many more there are stands below.
        noun: what a line is.
        marked: which lines stand out.
    """
    kinds = ["t" if how is str else "n" for how in form]
    top = "".join(f'<th class="{k}">{text(name)}</th>' for k, name in zip(kinds, head, strict=True))
    body = []
    for at, row in enumerate(rows[:most]):
        cells = "".join(
            f'<td class="{kind}"{direction}>{text(how(cell))}</td>'
            for kind, how, cell in zip(kinds, form, row, strict=True)
            for direction in [' dir="auto"' if kind == "t" else ""]
        )
        stands_out = ' class="marked"' if at < len(marked) and marked[at] else ""
        body.append(f"<tr{stands_out}>{cells}</tr>")
    left = 0 if most is None else len(rows) - most
    below = f'<p class="muted">and {count(left, noun)} more</p>' if left > 0 else ""
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{below}"
    )


def code(lines: str) -> str:
    """Lines to be copied."""
    return f'<pre dir="ltr"><code>{text(lines)}</code></pre>'


def section(title: str, *parts: str) -> str:
    """A part of the report under its title; nothing where all parts are empty."""
    inside = "".join(parts)
    return f"<section><h2>{text(title)}</h2>{inside}</section>" if inside else ""
