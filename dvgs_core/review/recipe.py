"""The recipe: everything needed to make the cleaned data again from the original file.

It holds no data. With the original beside it, `apply_recipe` writes the cleaned file, the same
bytes each time; the hash in the recipe makes sure that it is the same original. The recipe itself
is the same bytes for the same decisions, too.
"""

import functools
import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, ValidationError

from dvgs_core import __version__
from dvgs_core.data.format import FileFormat
from dvgs_core.errors import InputError
from dvgs_core.review.damage import damage_of
from dvgs_core.review.decisions import DecisionLog, Label
from dvgs_core.settings import Settings, one_line
from dvgs_core.store.datasets import Dataset
from dvgs_core.store.files import replacing, sha256_of
from dvgs_core.store.runs import Run

#: 1 did not know: reviewers, notes, ended, damaged, spreadsheet_safe.
VERSION = 2

_SOFTWARE = ("numpy", "openpyxl", "pandas", "pyarrow", "torch")


class Original(Settings):
    """A file that the recipe starts from, known by its content."""

    name: str = Field(title="File name")
    sha256: str = Field(title="SHA-256 of its bytes", pattern="^[0-9a-f]{64}$")


class RunEnd(Settings):
    """How a run ended."""

    stopped_because: str = Field(title="Why there were no more checkpoints")
    settled: float | None = Field(None, title="How settled the ranking was, at most 1")
    checkpoints: int = Field(ge=0, title="Checkpoints scored")
    total: int = Field(ge=0, title="Checkpoints there could have been")
    seconds: float = Field(ge=0, title="Time it took", json_schema_extra={"unit": "s"})


class Recipe(Settings):
    """What was decided about which file; see `make_recipe` and `apply_recipe`."""

    kind: Literal["dvgs-recipe"] = Field(default="dvgs-recipe", title="Kind of file")
    version: int = Field(default=VERSION, ge=1, title="Version of this form")
    software: dict[str, str] = Field(title="Versions of the software")
    created: str | None = Field(None, title="Time of the last decision, UTC")
    original: Original = Field(title="The original file")
    labels: Original | None = Field(None, title="The labels table of a pair")
    format: FileFormat = Field(title="How the original was read")
    rows: int = Field(ge=0, title="Rows of the original")
    label: str | None = Field(None, title="Label column")
    dropped: tuple[int, ...] = Field((), title="Ids of the rows to leave out")
    relabelled: dict[int, bool | int | float | str] = Field(
        default_factory=dict, title="New label of each relabelled row, by row id"
    )
    counts: dict[str, int] = Field(default_factory=dict, title="Rows with each decision")
    reviewers: dict[str, dict[str, int]] = Field(
        default_factory=dict, title="Rows with each decision, by the reviewer's name"
    )
    notes: dict[int, str] = Field(default_factory=dict, title="Why, by row id")
    seed: int | None = Field(None, title="Seed of the run")
    job: dict[str, Any] | None = Field(None, title="The run the decisions were made with")
    ended: RunEnd | None = Field(None, title="How that run ended")
    damaged: bool = Field(False, title="Whether the original was damaged on purpose")
    spreadsheet_safe: bool = Field(
        False, title="Whether text files get an apostrophe before what a spreadsheet would run"
    )

    def text(self) -> str:
        """The recipe as JSON; the same recipe gives the same text."""
        # Python values, so that row ids sort as numbers
        values = self.model_dump()
        return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @functools.cached_property
    def digest(self) -> str:
        """32 hexadecimal digits, the same for the same recipe."""
        return hashlib.blake2b(self.text().encode(), digest_size=16).hexdigest()

    def save(self, path: Path | str) -> None:
        """Write the recipe, whole or not at all."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.text(), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path | str) -> "Recipe":
        """Read a recipe.

        Raises:
            InputError: it is not there, not a recipe, or newer than this program.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"The recipe {path} cannot be read ({error.strerror}).") from error
        except ValueError as error:  # of JSON and of UTF-8
            raise InputError(
                f"{path.name} is not a recipe: expected the JSON of a recipe.json."
            ) from error
        if not isinstance(values, dict) or values.get("kind") != "dvgs-recipe":
            raise InputError(f"{path.name} is not a recipe: expected a recipe.json of an export.")
        if isinstance(values.get("version"), int) and values["version"] > VERSION:
            raise InputError(
                f"{path.name} is a recipe of a newer form (version {values['version']}; this "
                f"program knows {VERSION}); update the program."
            )
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(f"{path.name} is damaged: {one_line(cls, error)}") from error


def make_recipe(
    dataset: Dataset,
    decisions: DecisionLog,
    *,
    label: str | None = None,
    run: Run | None = None,
    spreadsheet_safe: bool = False,
) -> Recipe:
    """The recipe of the decisions in effect.

    Args:
        dataset: the original.
        decisions: about that dataset.
        label: the label column, needed when rows were relabelled.
        run: the run the decisions were made with, if one was.
        spreadsheet_safe: put ' before cells of text files that a spreadsheet program would run.

    Raises:
        InputError: rows were relabelled but no label column is given.
    """
    current = decisions.current()
    dropped = current.loc[current["decision"] == "drop", "row"]
    relabelled = current.loc[current["decision"] == "relabel"]
    if len(relabelled) and label is None:
        raise InputError(
            f"{len(relabelled):,} rows were relabelled, but no column is the label; choose it."
        )
    new: dict[int, Label] = dict(
        zip(relabelled["row"].tolist(), relabelled["label"].tolist(), strict=True)
    )
    labels = None
    if dataset.labels_path is not None:
        labels = Original(name=dataset.labels_path.name, sha256=sha256_of(dataset.labels_path))
    seed = run.job.get("seed") if run is not None else None
    return Recipe(
        software=dict(_versions()),
        created=None if current.empty else current["at"].max().isoformat(),
        original=Original(name=dataset.name, sha256=_sha256(dataset)),
        labels=labels,
        format=decisions.workspace.file_format(dataset.id),
        rows=dataset.rows,
        label=label,
        dropped=tuple(dropped.tolist()),
        relabelled=new,
        counts={str(name): number for name, number in decisions.counts().items()},
        reviewers=_by_reviewer(current),
        notes=_notes(current),
        seed=seed if isinstance(seed, int) else None,
        job=run.job if run is not None else None,
        ended=run_end(run) if run is not None else None,
        damaged=damage_of(decisions.workspace, dataset.id) is not None,
        spreadsheet_safe=spreadsheet_safe,
    )


def run_end(run: Run) -> RunEnd | None:
    """How a run ended, from the steps it recorded; None for one that goes on or scored nothing."""
    path = run.directory / "steps.jsonl"
    if run.active or not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
    # a process that was killed may leave half a line
    lines = text[: text.rfind("\n") + 1].splitlines()
    if not lines:
        return None
    last = json.loads(lines[-1])
    complete = last.get("done") == last["total"]
    ended = {
        "paused": "paused",
        "stopped": "asked to stop",
        "interrupted": "the program ended",
        "failed": "it failed",
    }
    why = last.get("stopped_because") if complete else ended.get(run.status)
    return RunEnd(
        stopped_because=why or "all checkpoints",
        settled=last.get("settled"),
        checkpoints=len(lines),
        total=last["total"],
        seconds=last["seconds"],
    )


def _sha256(dataset: Dataset) -> str:
    """Of the original's bytes; for a pair the dataset knows that of both files only."""
    return dataset.sha256 if dataset.labels_path is None else sha256_of(dataset.path)


def _by_reviewer(current: pd.DataFrame) -> dict[str, dict[str, int]]:
    decided = current[current["decision"] != "undecided"]
    counts = decided.groupby(["reviewer", "decision"], observed=True, sort=True).size()
    found: dict[str, dict[str, int]] = {}
    for (reviewer, decision), rows in counts.items():
        found.setdefault(str(reviewer), {})[str(decision)] = int(rows)
    return found


def _notes(current: pd.DataFrame) -> dict[int, str]:
    noted = current[current["note"] != ""]
    return dict(zip(noted["row"].tolist(), noted["note"].tolist(), strict=True))


@functools.cache
def _versions() -> dict[str, str]:
    versions = {"dvgs-workbench": __version__}
    for name in _SOFTWARE:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed as a package"
    return versions
