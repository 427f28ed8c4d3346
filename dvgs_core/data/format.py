"""What it takes to read the same file again, and to write one like it."""

from typing import Literal

from pydantic import Field

from dvgs_core.settings import Settings


class FileFormat(Settings):
    """How a file was read. Fields that have no meaning for its kind are None."""

    kind: Literal["csv", "parquet", "xlsx", "npy", "npz"] = Field(title="Kind of file")
    delimiter: str | None = Field(default=None, title="Delimiter between cells")
    quotechar: str | None = Field(default=None, title="Quote around cells")
    escapechar: str | None = Field(
        default=None, title="Escape", description="Character before a quote inside a quoted cell."
    )
    skip_initial_space: bool = Field(
        default=False, title="Blanks after a delimiter are no part of the cell"
    )
    quote_all: bool = Field(default=False, title="Every cell is quoted")
    encoding: str | None = Field(default=None, title="Encoding")
    decimal: str | None = Field(default=None, title="Decimal mark")
    line_terminator: str | None = Field(default=None, title="End of a line")
    final_newline: bool = Field(default=True, title="The last line is ended too")
    preamble: str = Field(
        default="",
        title="Text before the column names",
        description="Blank lines, or Excel's sep=;",
    )
    header: tuple[str, ...] | None = Field(
        default=None, title="Column names as the file has them, blanks included"
    )
    sheet: str | None = Field(default=None, title="Sheet of a workbook")
    array: str | None = Field(default=None, title="Array of an .npz file that holds the features")
    labels: "FileFormat | None" = Field(
        default=None, title="Format of the labels table, for a pair"
    )
