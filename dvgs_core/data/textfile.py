"""Text files: which encoding, which delimiter, which lines are rows.

Everything here works on the decoded text held in memory. One pass with the standard library's
reader checks every record before pandas parses them, so that a broken line is named by its number
and a blank line never shifts a row id.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dvgs_core.data.wording import one_line, quoted
from dvgs_core.errors import InputError

_SAMPLE = 64_000  # characters; clevercsv is fast on this much of a well-formed file
_SNIFF = 16_000  # its slower path grows faster than the sample
_DELIMITERS = (",", ";", "\t", "|")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Without a byte order mark these make text of anything.
_NEVER_GUESSED = [f"utf_{bits}{order}" for bits in (16, 32) for order in ("", "_be", "_le")] + [
    "utf_7"
]
# Windows' Western code page: quotes, dashes, currencies and units; and the letters in use.
_SIGNS = frozenset("€‚„…†‡‰‹‘’“”•–—™›\xa0£§©«®°±²³µ·º»¼½¾×".encode("cp1252"))
_WESTERN = _SIGNS | frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÍÎÑÓÔÕÖØÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüœŒ".encode("cp1252")
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
# Some tables have a text of a megabyte in one cell; the standard limit is 128 kB.
csv.field_size_limit(2**31 - 1)


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text of a file and its encoding.

    A byte order mark decides; then UTF-8, tried on every byte; then charset-normalizer on the
    lines that are not plain ASCII.

    Raises:
        InputError: the bytes are no text.
    """
    no_text = (
        f"{quoted(name)} is not readable as text: save it as a CSV file in UTF-8, "
        "or give it the ending of its true format."
    )
    if data[:4] in (b"PK\x03\x04", b"PAR1") or data[:6] == b"\x93NUMPY":
        raise InputError(no_text)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return _checked(data.decode(encoding), no_text), encoding
            except UnicodeDecodeError as error:
                raise InputError(no_text) from error
    if b"\x00" in data[:_SAMPLE]:
        encoding = "utf-16-le" if b"\x00" in data[1:_SAMPLE:2] else "utf-16-be"
    else:
        try:
            return _checked(data.decode("utf-8"), no_text), "utf-8"
        except UnicodeDecodeError:
            encoding = _guessed_encoding(data) or ""
    if not encoding:
        raise InputError(no_text)
    try:
        return _checked(data.decode(encoding), no_text), encoding
    except UnicodeDecodeError as error:
        raise InputError(no_text) from error


def _checked(text: str, no_text: str) -> str:
    odd = len(_CONTROL.findall(text[:_SAMPLE]))
    if "\x00" in text or odd > 0.01 * min(len(text), _SAMPLE):
        raise InputError(no_text)
    return text


def _guessed_encoding(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    lines: dict[bytes, None] = {}
    size = 0
    for line in re.finditer(rb"[^\r\n]*[\x80-\xff][^\r\n]*", data):
        piece = line.group()[:2000]
        size += 0 if piece in lines else len(piece)
        lines[piece] = None
        if size > _SAMPLE:
            break
    sample = b"\n".join(lines)
    if _western(sample):
        return "cp1252"
    matches = from_bytes(sample, cp_exclusion=_NEVER_GUESSED)
    best = matches.best()
    if best is None:
        return None
    # Code pages differ in a few letters, and short texts fit many. Between equals, the commonest.
    for match in matches:
        if "cp1252" in (match.encoding, *match.could_be_from_charset):
            as_good = match.chaos <= best.chaos and match.coherence >= best.coherence
            return "cp1252" if as_good else best.encoding
    return best.encoding


def _western(sample: bytes) -> bool:
    """Whether the letters with accents are those of Western Europe, and stand alone in words.

    A detector of encodings needs more text than a table has: it takes one ä for half a Chinese
    sign. In Cyrillic, Greek and Asian text such bytes follow one another, and Eastern European
    text has other letters.
    """
    odd = [i for i, byte in enumerate(sample) if byte >= 0x80]
    known = sum(sample[i] in _WESTERN for i in odd)
    beside = sum(sample[i - 1] >= 0x80 for i in odd if i > 0 and sample[i] not in _SIGNS)
    return known >= 0.98 * len(odd) and beside <= 0.1 * len(odd)


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart."""

    delimiter: str
    quotechar: str = '"'
    escapechar: str | None = None
    skip_initial_space: bool = False

    def records(self, lines) -> Iterator[list[str]]:
        """Records of an iterable of physical lines, as the standard library reads them."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quotechar,
            escapechar=self.escapechar,
            skipinitialspace=self.skip_initial_space,
        )


def detect_dialect(text: str, suffix: str) -> Dialect:
    """Delimiter, quote and escape of a text, from its beginning.

    clevercsv proposes; a proposal holds only if the records it gives are of equal width, because
    prose in a single column looks delimited to any detector.
    """
    import clevercsv

    sample, cut = text, False
    if len(text) > _SAMPLE:
        sample, cut = text[: max(text.rfind("\n", 0, _SAMPLE) + 1, 1)], True
        sample = sample if len(sample) > 1 else text[:_SAMPLE]
    delimiters = (*_DELIMITERS, " ") if suffix == ".txt" else _DELIMITERS
    if not any(d in _first_line(sample) for d in delimiters):
        return Dialect(_absent(text))

    sniffed = sample[: sample.rfind("\n", 0, _SNIFF) + 1] or sample[:_SNIFF]
    try:
        found = clevercsv.Sniffer().sniff(sniffed, delimiters=list(_DELIMITERS))
    except Exception:  # its parser gives up in several ways; the candidates below remain
        found = None
    quotes = ['"']
    if found is not None and found.quotechar == "'":
        quotes.append("'")
    proposed = [found.delimiter] if found is not None and found.delimiter else []
    candidates = []
    for delimiter in dict.fromkeys([*proposed, *delimiters]):
        for quote in quotes:
            for escape in (None, "\\") if f"\\{quote}" in sample else (None,):
                for skip in (False, True) if f"{delimiter} {quote}" in sample else (False,):
                    candidates.append(Dialect(delimiter, quote, escape, skip or delimiter == " "))
    scores = [_evenness(sample, cut, dialect) for dialect in candidates]
    best = max(scores)
    if best == (0.0, 0):
        # The header has delimiters but the lines do not fit it: `scan` will name the first one.
        head = _first_line(sample)
        return Dialect(max([*proposed, *delimiters], key=head.count))
    dialect = candidates[scores.index(best)]
    single = Dialect(dialect.delimiter, "'")
    if (
        "'" in quotes
        and dialect.quotechar == '"'
        and _evenness(sample, cut, single) == best
        and _only_as_quotes(sample, dialect, "'")
    ):
        return single
    return dialect


def _first_line(text: str) -> str:
    return next((line for line in io.StringIO(text) if line.strip()), "")


def _absent(text: str) -> str:
    """A delimiter that a text of one column does not contain."""
    return next((d for d in _DELIMITERS if d not in text), "\x1f")


def _evenness(sample: str, cut: bool, dialect: Dialect) -> tuple[float, int]:
    """Share of records as wide as the first, and that width; zeros for a single column."""
    try:
        records = [r for r in dialect.records(io.StringIO(sample, newline="")) if r]
    except csv.Error:
        return 0.0, 0
    if cut and len(records) > 2:
        records.pop()
    if not records or len(records[0]) < 2:
        return 0.0, 0
    width = len(records[0])
    share = sum(len(record) == width for record in records) / len(records)
    # A quoted cell that swallowed the rest of the sample is no evidence of even records.
    return (round(share, 2), width) if share > 0.5 or len(records) < 3 else (0.0, 0)


def _only_as_quotes(sample: str, dialect: Dialect, quote: str) -> bool:
    cells = [
        cell.strip()
        for record in dialect.records(io.StringIO(sample, newline=""))
        for cell in record
        if quote in cell
    ]
    return bool(cells) and all(
        len(cell) > 1 and cell[0] == cell[-1] == quote and quote not in cell[1:-1] for cell in cells
    )


@dataclass(frozen=True)
class Scanned:
    """A text whose every record after the first is a row.

    Attributes:
        text: the header and the rows, without blank lines that are no rows.
        header: the cells of the first record.
        rows: number of records after it.
        line_terminator: what ended the header's line.
        preamble, final_newline: what was cut off before and after.
        blank_lines: blank lines inside the file that are no rows.
        short, first_short: records with fewer cells than the header; line number of the first.
        quote_all: the header and the first rows have quotes around every cell.
    """

    text: str
    header: tuple[str, ...]
    rows: int
    line_terminator: str
    preamble: str
    final_newline: bool
    blank_lines: int
    short: int
    first_short: int
    quote_all: bool


_BLANK_BEFORE = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*(?:sep=.(?:\r\n|\n|\r))?", re.IGNORECASE)
_BLANK_AFTER = re.compile(r"(?:\r\n|\n|\r)[ \t\r\n]*\Z")


def split_preamble(text: str) -> tuple[str, str]:
    """What stands before the column names (blank lines, Excel's `sep=;`), and the rest."""
    match = _BLANK_BEFORE.match(text)
    end = match.end() if match else 0
    return text[:end], text[end:]


def scan(text: str, dialect: Dialect, name: str) -> Scanned:
    """Check every record of a text and take out the lines that are no rows.

    A blank line inside a table of several columns is no row; in a table of one column it is a
    row whose only cell is empty. Blank lines at the end are never rows.

    Raises:
        InputError: no rows, or a record with more cells than there are column names.
    """
    preamble, body = split_preamble(text)
    trimmed = _trim_end(body, dialect)
    lines = list(io.StringIO(trimmed, newline=""))
    reader = dialect.records(iter(lines))
    header: list[str] = []
    rows = short = first_short = 0
    blank: list[int] = []
    header_lines, all_quoted = 0, True
    offset = preamble.count("\n")
    try:
        for record in reader:
            if not header:
                header, header_lines = record, reader.line_num  # type: ignore[attr-defined]
                continue
            number = reader.line_num  # type: ignore[attr-defined]
            if not record or (len(header) > 1 and len(record) == 1 and not record[0].strip()):
                if len(header) > 1 and dialect.quotechar not in lines[number - 1]:
                    blank.append(number - 1)
                    continue
                record = record or [""]
            rows += 1
            if rows <= 3:
                all_quoted &= _all_quoted(lines[number - 1], len(record), dialect)
            if len(record) > len(header):
                raise InputError(
                    f"Line {number + offset:,} of {quoted(name)} has {len(record):,} cells, the "
                    f"header {len(header):,} names: give every column a name, or put cells that "
                    f"contain {one_line(repr(dialect.delimiter))} between quotes."
                )
            if len(record) < len(header):
                short, first_short = short + 1, first_short or number + offset
    except csv.Error as error:
        raise InputError(f"{quoted(name)} cannot be read as CSV: {one_line(error)}.") from error
    if blank:
        gone = set(blank)
        trimmed = "".join(line for i, line in enumerate(lines) if i not in gone)
    ending = lines[header_lines - 1] if header_lines else ""
    terminator = next((end for end in ("\r\n", "\n", "\r") if ending.endswith(end)), "\n")
    first = _all_quoted(lines[0], len(header), dialect) if lines else False
    return Scanned(
        text=trimmed,
        header=tuple(header),
        rows=rows,
        line_terminator=terminator,
        preamble=preamble,
        final_newline=body.endswith(("\n", "\r")),
        blank_lines=len(blank),
        short=short,
        first_short=first_short,
        quote_all=first and rows > 0 and all_quoted,
    )


def _trim_end(body: str, dialect: Dialect) -> str:
    # With blanks for delimiter or in the last cell, only line ends are cut off.
    match = _BLANK_AFTER.search(body)
    if not match:
        return body
    if dialect.delimiter in " \t" and match.group().strip("\r\n"):
        return body.rstrip("\r\n")
    return body[: match.start()]


def _all_quoted(line: str, cells: int, dialect: Dialect) -> bool:
    line, q = line.rstrip("\r\n"), dialect.quotechar
    return (
        len(line) >= 2
        and line[0] == line[-1] == q
        and line.count(f"{q}{dialect.delimiter}{q}") >= cells - 1
    )
