"""Every table and figure by name."""

from dvgs_core.errors import InputError
from dvgs_core.paper import (
    figure_2,
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    figure_8,
    table_1,
    table_2,
    table_3,
    table_4,
)

_TABLES = (table_1, table_2, table_3, table_4)
_FIGURES = (figure_2, figure_3, figure_4, figure_5, figure_6, figure_7, figure_8)
ITEMS = {item.NAME: item for item in (*_TABLES, *_FIGURES)}


def names(wanted: str) -> list[str]:
    """The names that a name stands for: itself, or all of them.

    Raises:
        InputError: no such name; those there are are listed.
    """
    if wanted == "all":
        return list(ITEMS)
    if wanted not in ITEMS:
        raise InputError(f"There is no {wanted!r} to reproduce; known: {', '.join(ITEMS)}, all.")
    return [wanted]
