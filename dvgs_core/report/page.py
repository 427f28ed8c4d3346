"""The report as one HTML file: nothing is loaded from elsewhere, nothing runs in it."""

from pathlib import Path

from dvgs_core.report import sections
from dvgs_core.report.content import Content
from dvgs_core.report.markup import text

_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def report_html(content: Content) -> str:
    """The report; the same content gives the same text.

    It is readable on light and dark screens and in print, and forbids itself to load anything.
    """
    recipe = content.recipe
    when = ""
    if recipe.created is not None:
        when = f" · last decision {recipe.created[:16].replace('T', ' ')} UTC"
    parts = [
        sections.damaged(content),
        sections.summary(content),
        sections.data(content),
        sections.target(content),
        sections.method(content),
        sections.values(content),
        sections.filtering(content),
        sections.changes(content),
        sections.holdout(content),
        sections.reviewers(content),
        sections.again(content),
    ]
    name = text(recipe.original.name)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Review of {name}</title><style>{_STYLE}</style></head><body><main>",
            f'<h1>Review of <bdi>{name}</bdi></h1><p class="muted">DVGS Workbench{text(when)}</p>',
            *(part for part in parts if part),
            "</main></body></html>",
            "",
        ]
    )
