"""What a command gives out: a report on standard output, files where they may be written."""

import json
from pathlib import Path
from typing import Any

import click

from dvgs_core.errors import InputError


def report(summary: dict[str, Any], lines: list[str], as_json: bool) -> None:
    """The summary as one line of JSON, or the lines for a person."""
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, allow_nan=False, sort_keys=True))
    else:
        for line in lines:
            click.echo(line)


def check_out(out: Path, *inputs: Path | None, suffix: str | None = None) -> None:
    """Refuse a place that cannot be written, before anything is computed.

    Args:
        out: the file to be written.
        inputs: files that must not be overwritten.
        suffix: what its name must end in; None: anything.

    Raises:
        InputError: a folder, another suffix, a folder that is not there, or an input.
    """
    if out.is_dir():
        raise InputError(f"--out must name a file; {out} is a folder: add a file name to it.")
    if suffix is not None and out.suffix.lower() != suffix:
        raise InputError(f"--out must end in {suffix}; got {out.name!r}.")
    if not out.absolute().parent.is_dir():
        raise InputError(f"There is no folder {out.absolute().parent}; make it first.")
    for path in inputs:
        if path is not None and out.exists() and path.exists() and out.samefile(path):
            raise InputError(f"--out would overwrite the input {path}; give another name.")
