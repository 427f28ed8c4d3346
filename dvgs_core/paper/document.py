"""docs/results.md and its figures, written from the records alone; never edited by hand."""

from pathlib import Path

from dvgs_core.paper.catalogue import ITEMS
from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import Section
from dvgs_core.store.files import replacing

_HEAD = """# Results: the paper's tables and figures, run again

<!-- Written by `dvgs reproduce`; edit dvgs_core/paper instead of this file. -->

Every table and figure of Evans et al. 2024 (arXiv 2405.08217), made again with this library, the
paper's number beside ours. `dvgs reproduce NAME` makes one of them again, `dvgs reproduce list`
names them; how each run was made stands under its table, and every run of it, with its settings,
in {records}.
"""
_QUICK = "\n**A quick run on few rows: it shows that everything runs; its numbers mean nothing.**\n"


def write(records: Records, out: Path, *, quick: bool = False) -> Path:
    """Write the figures into `out` and the document beside it, as `out`.md.

    Args:
        records: what was computed.
        out: folder of the figures; made if it is not there.
        quick: whether to say that the numbers mean nothing.

    Returns:
        Where the document is.
    """
    out.mkdir(parents=True, exist_ok=True)
    shown = f"{out.name}/{records.folder.name}"
    parts = [_HEAD.format(records=f"[{shown}]({shown})") + (_QUICK if quick else "")]
    for name, item in ITEMS.items():
        made: Section | None = item.section(records)
        if made is None:
            body = f"Not run yet: `dvgs reproduce {name}`."
        else:
            body = made.body
            for file, text in made.figures.items():
                with replacing(out / file) as temporary:
                    temporary.write_text(text, encoding="utf-8")
                body = f"![{item.TITLE}]({out.name}/{file})\n\n{body}"
        parts.append(f"## {item.TITLE}\n\n`dvgs reproduce {name}`\n\n{body}\n")
    path = out.with_suffix(".md")
    with replacing(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")
    return path
