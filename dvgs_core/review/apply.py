"""A recipe and the original file give the cleaned file; the same two give the same bytes."""

from dataclasses import replace
from pathlib import Path

from dvgs_core.data.format import FileFormat
from dvgs_core.data.load import Table, load
from dvgs_core.data.table import column_names
from dvgs_core.errors import InputError
from dvgs_core.review.arrays import clean_npy, clean_npz
from dvgs_core.review.cells import clean_cells
from dvgs_core.review.columnar import clean_parquet
from dvgs_core.review.edits import Edits, check_rows, edits_of
from dvgs_core.review.frames import TEXT, edited, known_ending, write_frame
from dvgs_core.review.recipe import Original, Recipe
from dvgs_core.review.sheets import clean_sheet
from dvgs_core.store.files import replacing, sha256_of


def apply_recipe(
    recipe: Recipe,
    original_path: Path | str,
    out_path: Path | str,
    labels_path: Path | str | None = None,
    *,
    labels_out_path: Path | str | None = None,
    spreadsheet_safe: bool | None = None,
    damaged: bool = False,
) -> tuple[Path, ...]:
    """Write the cleaned data: dropped rows left out, labels replaced, all else as it was.

    In the original's own form nothing else changes: a CSV keeps the text of its cells, its
    delimiter, encoding and line ends; Parquet its types and metadata; .npz its other arrays. In
    another form the typed table is written. A pair of embeddings and labels stays a pair in the
    embeddings' own form, and becomes one table in any other.

    Args:
        recipe: from `make_recipe` or `Recipe.load`.
        original_path: the file the recipe was made for.
        out_path: the file to write; its ending says in which form.
        labels_path: the labels table of a pair.
        labels_out_path: where the cleaned labels of a pair go; by default beside `out_path`,
            named after it, as in clean.labels.csv for clean.npy.
        spreadsheet_safe: in text files, put ' before text that a spreadsheet program would run.
            The cells are then not exactly the original's. None: as the recipe says.
        damaged: write data that was damaged on purpose all the same; it must never be taken for
            cleaned data.

    Returns:
        The files that were written; each whole, or not at all.

    Raises:
        InputError: another file than the recipe was made for, an ending that cannot be written,
            a new label that the column cannot hold, or data that was damaged on purpose without
            `damaged`.
    """
    original, out = Path(original_path), Path(out_path)
    labels = None if labels_path is None else Path(labels_path)
    safe = recipe.spreadsheet_safe if spreadsheet_safe is None else spreadsheet_safe
    known_ending(out)
    if recipe.damaged and not damaged:
        raise InputError(
            f"{recipe.original.name} was damaged on purpose, so what this recipe gives is no "
            "cleaned data; say --damaged (in Python damaged=True) to write it all the same."
        )
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent} to write {out.name} into.")
    table = load_original(recipe, original, labels)
    edits = edits_of(recipe, table.frame)
    if not _own_form(out, table.format):
        write_frame(
            edited(table.frame, edits),
            out,
            embedding_columns=table.embedding_columns,
            spreadsheet_safe=safe,
        )
        return (out,)
    _clean(original, table.format, table, edits, out, safe)
    if labels is None or table.format.labels is None:
        return (out,)
    beside = out.with_name(f"{out.stem}.labels{labels.suffix}")
    labels_out = Path(labels_out_path) if labels_out_path is not None else beside
    alone = replace(table, embedding_columns=())
    _clean(labels, table.format.labels, alone, edits, labels_out, safe)
    return (out, labels_out)


def load_original(
    recipe: Recipe, original_path: Path | str, labels_path: Path | str | None = None
) -> Table:
    """The typed table of the file that a recipe was made for.

    Args:
        recipe: knows the file by its content.
        original_path: the file.
        labels_path: the labels table of a pair.

    Raises:
        InputError: another file than the recipe was made for.
    """
    original = Path(original_path)
    labels = None if labels_path is None else Path(labels_path)
    _check_same(original, recipe.original)
    if (recipe.labels is None) != (labels is None):
        expected = "a labels table beside the original" if labels is None else "no labels table"
        raise InputError(f"This recipe was made with {expected}; give the same files.")
    if recipe.labels is not None and labels is not None:
        _check_same(labels, recipe.labels)
    table = load(original, labels=labels, name=recipe.original.name)
    if len(table.frame) != recipe.rows:
        raise InputError(
            f"{recipe.original.name} was read as {len(table.frame):,} rows, the recipe knows "
            f"{recipe.rows:,}; use the version of this program that made it."
        )
    check_rows(recipe, len(table.frame))
    return table


def _check_same(path: Path, known: Original) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    if found != known.sha256:
        raise InputError(
            f"The recipe was made for {known.name} with SHA-256 {known.sha256[:12]}…, but "
            f"{path.name} has {found[:12]}…; give the unchanged original."
        )


def _own_form(out: Path, original: FileFormat) -> bool:
    """Whether a path asks for the form that the original has."""
    ending = known_ending(out)
    return ending in TEXT if original.kind == "csv" else ending == f".{original.kind}"


def _clean(
    path: Path, format: FileFormat, table: Table, edits: Edits, out: Path, spreadsheet_safe: bool
) -> None:
    with replacing(out) as temporary:
        match format.kind:
            case "csv":
                tabs = "\t" if out.suffix.lower() == ".tsv" else None
                clean_cells(
                    path,
                    format,
                    edits,
                    temporary,
                    delimiter=tabs,
                    spreadsheet_safe=spreadsheet_safe,
                )
            case "parquet":
                clean_parquet(path, edits, temporary)
            case "npz":
                clean_npz(path, format.array, table.embedding_columns, edits, temporary)
            case "npy":
                clean_npy(path, table.embedding_columns, edits, temporary)
            case "xlsx":
                assert format.sheet is not None and format.header is not None
                names = column_names(format.header, path.name)
                label = names.index(edits.label) if edits.label in names else None
                clean_sheet(path, format.sheet, label, edits, temporary)
