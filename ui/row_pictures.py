"""Small drawings of one row, in HTML that takes the theme's colours: nothing moves between rows.

Tidy frame in, markup out. Every text of a person's data is escaped and stands as text or title
only. Streamlit is not imported.
"""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.wording import number
from ui.names import told_apart
from ui.words import explained

_WIDE, _HIGH = 300, 92
_LONGEST = 6_000  # characters of a text that are shown
_TAGS = {"own": "given", "suggested": "suggested", "other": ""}


def label_values(frame: pd.DataFrame) -> str:
    """A row's value under every label, as bars from zero, in the colours of the value scale.

    The given label and the suggested one stand out by weight and a word, the given one by an
    outline too.

    Args:
        frame: columns name, value, place (-1 to 1 on the value scale), kind (own, suggested or
            other), in the order to be shown.
    """
    low, high = min(float(frame["value"].min()), 0.0), max(float(frame["value"].max()), 0.0)
    span = (high - low) or 1.0
    zero = -low / span * 100
    short = told_apart(frame["name"], 20)
    room = max(map(len, short.values())) + 1
    lines = []
    for line in frame.itertuples():
        start = zero if line.value >= 0 else zero - abs(line.value) / span * 100
        width = abs(line.value) / span * 100
        name = escape(short[str(line.name)])
        tag = _TAGS[line.kind]
        lines.append(
            f'<div class="{line.kind}" style="--name:{room}ch"><span dir="auto" '
            f'title="{escape(str(line.name), quote=True)}">{name}</span><div>'
            f'<i class="{"low" if line.place < 0 else "high"}" style="--far:'
            f'{100 * abs(line.place):.0f}%;left:{start:.1f}%;width:{max(width, 0.6):.1f}%"></i>'
            f"</div><em>{number(line.value)}</em><small>{tag}</small></div>"
        )
    return f'<div class="labelvalues" role="table">{"".join(lines)}</div>'


def trace(row: NDArray[np.floating], usual: NDArray[np.floating], words: str, *, dark: bool) -> str:
    """One row's similarity by checkpoint, against the median of its class.

    Args:
        row, usual: (steps,); NaN where there is none.
        words: what `usual` is, for the legend.
        dark: whether the ground is dark.
    """
    both = np.concatenate([row, usual])
    both = both[np.isfinite(both)]
    if not len(both):
        return ""
    low, high = min(float(both.min()), 0.0), max(float(both.max()), 0.0)
    span = (high - low) or 1.0
    steps = max(len(row) - 1, 1)

    def path(values: NDArray[np.floating]) -> str:
        parts, pen = [], "M"
        for step, value in enumerate(values):
            if not np.isfinite(value):
                pen = "M"
                continue
            x, y = step / steps * _WIDE, (high - float(value)) / span * _HIGH
            parts.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        return " ".join(parts)

    zero = high / span * _HIGH
    ink, muted = ("#E6E8EB", "#98A2B3") if dark else ("#1B1F24", "#98A2B3")
    line = '<path fill="none" vector-effect="non-scaling-stroke" stroke="{}" {} d="{}"/>'
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" '
        f'height="{_HIGH}" preserveAspectRatio="none">'
        + line.format(ink, 'stroke-opacity="0.3"', f"M0 {zero:.1f}L{_WIDE} {zero:.1f}")
        + line.format(muted, 'stroke-width="1.4"', path(usual))
        + line.format(ink, 'stroke-width="1.7"', path(row))
        + "</svg>"
    )
    # st.html leaves out <svg>, not a picture that holds one
    address = "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode("ascii")
    here = row[np.isfinite(row)]
    told = (
        f"Similarity at {len(row)} checkpoints: this row {number(float(here.mean()))} on average"
        if len(here)
        else "This row has no trace"
    )
    return (
        '<div class="rowtrace"><div class="key"><b class="row">this row</b>'
        f'<b class="usual">{escape(words)}</b></div><div class="plot"><div class="ends">'
        f"<span>{number(high)}</span><span>{number(low)}</span></div>"
        f'<img src="{address}" alt="{escape(told, quote=True)}"></div>'
        f'<div class="steps"><span>checkpoint 1</span><span>{len(row):,}</span></div></div>'
    )


def text(name: str, pieces: Sequence[tuple[str, bool]]) -> str:
    """A text in a reading column, with the words that differ from its class marked.

    Args:
        name: of its column.
        pieces: parts of the text in order, and whether each is to be marked.
    """
    left, parts, marked = _LONGEST, [], False
    for piece, differs in pieces:
        shown = escape(piece[: max(left, 0)])
        left -= len(piece)
        marked |= differs
        parts.append(f"<mark>{shown}</mark>" if differs and shown else shown)
    more = f"<small>{-left:,} more characters</small>" if left < 0 else ""
    note = "<small>underlined: more usual in other classes</small>" if marked else ""
    return (
        f'<div class="rowtext"><div class="head"><b dir="auto">{escape(name[:60])}</b>{note}</div>'
        f'<p dir="auto">{"".join(parts)}</p>{more}</div>'
    )


def fields(frame: pd.DataFrame) -> str:
    """A row's fields beside what is usual in its class.

    Args:
        frame: columns field, value, usual (text), difference (0 = usual; 3 and more: far from it).
    """
    head = (
        '<div class="head"><span>field</span><span>this row</span><span>usual in its class</span>'
        '<span title="Standard deviations from the class\'s median, up to 3; for words, how rare.">'
        "differs</span></div>"
    )
    lines = []
    for line in frame.itertuples():
        width = min(max(float(line.difference), 0.0), 3.0) / 3 * 100
        cells = "".join(
            f'<span dir="auto" title="{escape(text[:2000], quote=True)}">'
            f"{escape(text[:200])}</span>"
            for text in (str(line.field), str(line.value), str(line.usual))
        )
        lines.append(f'<div>{cells}<span><i style="width:{width:.0f}%"></i></span></div>')
    return f'<div class="rowfields" role="table">{head}{"".join(lines)}</div>'


def alike(words: str, frame: pd.DataFrame) -> str:
    """Rows like one row, side by side, each with its label and how far it is.

    Args:
        words: what the rows are.
        frame: columns row, label ("" for none), same (whether the row has this label too),
            distance, picture (an address, or "").
    """
    cells = []
    for line in frame.itertuples():
        picture = f'<img src="{escape(line.picture, quote=True)}" alt="">' if line.picture else ""
        name = escape(line.label)
        label = f'<span dir="auto" class="{"" if line.same else "other"}">{name}</span>'
        cells.append(
            f"<div>{picture}<small>#{line.row}</small>{label if name else ''}"
            f"<small>{number(line.distance)} apart</small></div>"
        )
    return f'<div class="rowsalike"><p>{explained(escape(words))}</p>{"".join(cells)}</div>'
