"""`dvgs reproduce`: the paper's tables and figures, made again."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from dvgs_core.cli.options import as_json_option, seed_option
from dvgs_core.cli.output import report
from dvgs_core.errors import InputError


@click.command("reproduce", short_help="Make the paper's tables and figures again.")
@click.argument("name")
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Draws of rows and damage, each with the next seed.",
)
@seed_option
@click.option("--methods", help="Names with commas between. [default: those of the paper]")
@click.option(
    "--experiments", help="The paper's numbers with commas between. [default: all of NAME's]"
)
@click.option(
    "--permutations",
    type=click.IntRange(1, 1_000_000),
    help="Of TMC-Shapley, at most. [default: as in the paper, hours for each experiment]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of the data files. [default: the environment's DVGS_DATA, else OpenML]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of figures and records; the document stands beside it. [default: docs/results]",
)
@click.option(
    "--quick", is_flag=True, help="Few rows, to see that all runs; the numbers mean nothing."
)
@as_json_option
def command(
    name: str,
    repeats: int,
    seed: int,
    methods: str | None,
    experiments: str | None,
    permutations: int | None,
    data: Path | None,
    out: Path | None,
    quick: bool,
    as_json: bool,
) -> None:
    """Make a table or figure of the paper again: NAME is one of those that `list` names, or all.

    What was computed before is kept and not computed again; a run that was killed goes on.
    """
    from tqdm import tqdm

    from dvgs_core.paper.catalogue import ITEMS
    from dvgs_core.paper.data import DataSets
    from dvgs_core.paper.reproduce import reproduce
    from dvgs_core.paper.work import Request, Work

    if name == "list":
        lines = [f"{known:10} {item.TITLE}" for known, item in ITEMS.items()]
        report({"names": list(ITEMS)}, lines, as_json)
        return
    if quick and out is None:
        raise InputError("--quick writes numbers that mean nothing: give --out another folder.")
    folder = data or (Path(os.environ["DVGS_DATA"]) if os.environ.get("DVGS_DATA") else None)
    chosen = None if methods is None else tuple(_parts(methods))
    numbers = None if experiments is None else tuple(map(_number, _parts(experiments)))
    request = Request(
        data=DataSets(folder),
        out=out or Path("docs") / "results",
        repeats=repeats,
        seed=seed,
        methods=chosen,
        experiments=numbers,
        permutations=permutations,
        quick=quick,
        command=_typed(name, repeats, seed, methods, experiments, permutations, quick),
    )
    with tqdm(unit="run", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:

        def on_work(work: Work, left: int) -> None:
            bar.total = bar.n + left
            bar.set_description(work.title)
            bar.update()

        made = reproduce(name, request, on_work)
    summary: dict[str, Any] = {
        "names": made.names,
        "computed": made.computed,
        "known": made.known,
        "document": str(made.document),
        "numbers": made.numbers,
    }
    line = f"{made.computed} runs computed, {made.known} were known; wrote {made.document}"
    report(summary, [line], as_json)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"--experiments takes numbers such as 1,2; got {text!r}.")
    return int(text)


def _typed(
    name: str,
    repeats: int,
    seed: int,
    methods: str | None,
    experiments: str | None,
    permutations: int | None,
    quick: bool,
) -> str:
    """The command without what does not change a number: folders and the form of the output."""
    words = ["dvgs reproduce", name, "--repeats", str(repeats), "--seed", str(seed)]
    for option, given in (("--methods", methods), ("--experiments", experiments)):
        words += [] if given is None else [option, ",".join(_parts(given))]
    words += [] if permutations is None else ["--permutations", str(permutations)]
    return " ".join(words + (["--quick"] if quick else []))
