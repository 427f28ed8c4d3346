"""A workbook with one sheet, its rows written as XML straight away.

openpyxl makes what is around the rows (styles, names, relations); its own way of writing a row
takes about 20 µs a cell, this one about 1.
"""

import datetime
import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_FOOT = "</sheetData></worksheet>"
_AT = "xl/worksheets/sheet1.xml"
_DATED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_LONG_AGO = rb"\g<1>1980-01-01T00:00:00Z"
_TIMES = {
    datetime.datetime: "yyyy-mm-dd h:mm:ss",
    datetime.date: "yyyy-mm-dd",
    datetime.time: "h:mm:ss",
    datetime.timedelta: "[hh]:mm:ss",
}


class Styles:
    """Number formats of a workbook, in the order in which they were first met."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {"General": 0}

    def number(self, format: str) -> int:
        """The place of a format among the workbook's styles."""
        return self.numbers.setdefault(format, len(self.numbers))


def cell_xml(value: Any, format: str, error: bool, styles: Styles) -> str:
    """A cell's XML after its place; "" for an empty one.

    Args:
        value: None, a number, a flag, a text, or a time that a workbook has.
        format: number format.
        error: the text is an error's name, such as #N/A.
        styles: the formats met so far; a new one is added.

    Raises:
        TypeError: a value of another kind.
    """
    if value is None:
        return ""
    style = "" if format == "General" else f' s="{styles.number(format)}"'
    if isinstance(value, str):
        if error:
            return f'{style} t="e"><v>{escape(value)}</v></c>'
        kept = ' xml:space="preserve"' if value != value.strip() or "\n" in value else ""
        text = escape(value, {"\r": "&#13;"})
        return f'{style} t="inlineStr"><is><t{kept}>{text}</t></is></c>'
    if isinstance(value, bool):
        return f'{style} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f"{style}><v>{value!r}</v></c>"
    if isinstance(value, tuple(_TIMES)):
        from openpyxl.utils.datetime import to_excel

        if not style:  # it would be read as a plain number
            format = next(form for kind, form in _TIMES.items() if isinstance(value, kind))
            style = f' s="{styles.number(format)}"'
        return f"{style}><v>{to_excel(value)!r}</v></c>"
    raise TypeError(f"cannot convert {str(value)[:40]!r} to a cell")


def write_book(rows: Iterable[Sequence[str]], styles: Styles, title: str, out: Path) -> None:
    """Write the workbook; the same rows give the same bytes.

    Args:
        rows: of `cell_xml`s.
        styles: where these have put their formats; complete once the rows are.
        title: of the sheet.
        out: the file to write.
    """
    with tempfile.TemporaryFile() as sheet:
        sheet.write(_HEAD.encode())
        places: list[str] = []
        for number, row in enumerate(rows, start=1):
            places += [f'<c r="{_letters(at)}' for at in range(len(places), len(row))]
            cells = [
                f'{place}{number}"{cell}' for place, cell in zip(places, row, strict=False) if cell
            ]
            sheet.write(f'<row r="{number}">{"".join(cells)}</row>'.encode())
        sheet.write(_FOOT.encode())
        with zipfile.ZipFile(_around(styles, title)) as source, zipfile.ZipFile(out, "w") as copy:
            for name in source.namelist():
                entry = zipfile.ZipInfo(name)  # without the time of writing
                entry.compress_type = zipfile.ZIP_DEFLATED
                if name != _AT:
                    data = source.read(name)
                    copy.writestr(entry, _DATED.sub(_LONG_AGO, data) if "core" in name else data)
                    continue
                entry.file_size = sheet.tell()  # decides whether it is a large file's entry
                sheet.seek(0)
                with copy.open(entry, "w") as written:
                    shutil.copyfileobj(sheet, written, 1 << 20)


def _around(styles: Styles, title: str) -> io.BytesIO:
    """A workbook with these styles and an empty sheet."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.append([])
    for format, number in styles.numbers.items():
        cell = WriteOnlyCell(sheet)
        cell.number_format = format
        assert cell.style_id == number, "openpyxl numbers styles as they come"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer


def _letters(at: int) -> str:
    """A, B, ... Z, AA, ... of a column counted from 0."""
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(at + 1))
