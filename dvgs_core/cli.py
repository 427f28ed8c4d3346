"""The command line: `dvgs value | corrupt | detect | apply | methods | app`.

Options that are settings are drawn from their declaration. Input that is at fault ends with exit
code 2 and one line on standard error.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import click

from dvgs_core import __version__, methods
from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import Kind, Role, Task
from dvgs_core.data.split import SplitSettings
from dvgs_core.errors import InputError
from dvgs_core.settings import Setting, Settings, fields, validated

_SPLIT_OPTIONS = (
    "target_query",
    "target_size",
    "balance_by",
    "source_query",
    "source_size",
    "holdout_query",
    "holdout_size",
    "rotations",
)


def main() -> None:
    """Entry point; never shows a traceback for input that is at fault."""
    try:
        code = dvgs.main(standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "dvgs"
        _fail(f"{error.format_message()} See `{path} --help`.")
    except click.ClickException as error:
        _fail(error.format_message())
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}; choose another place, or make this one usable.")
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    click.echo(f"dvgs: {' '.join(message.split())}", err=True)
    sys.exit(2)


def _option(setting: Setting) -> Callable:
    facts = [setting.unit] if setting.unit else []
    if setting.minimum is not None and setting.maximum is not None:
        facts.append(f"{setting.minimum} to {setting.maximum}")
    if setting.default not in (None, ""):
        facts.append(f"default: {setting.default}")
    choices = click.Choice(setting.choices) if setting.choices else None
    return click.option(
        f"--{setting.name.replace('_', '-')}",
        type=choices or (setting.type if setting.type in (int, float) else str),
        default=None,
        help=f"{setting.help} [{'; '.join(facts)}]" if facts else setting.help,
    )


def _settings_options(cls: type[Settings], names: tuple[str, ...]) -> Callable:
    """Decorator: one option a setting, with the help of its declaration."""

    def add(command: Callable) -> Callable:
        for setting in reversed([s for s in fields(cls) if s.name in names]):
            command = _option(setting)(command)
        return command

    return add


def _given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}


def _report(summary: dict[str, Any], lines: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, allow_nan=False, sort_keys=True))
    else:
        for line in lines:
            click.echo(line)


as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="A machine-readable summary on standard output."
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root of every draw."
)
data_argument = click.argument("data", type=click.Path(path_type=Path))
out_option = click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write."
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="dvgs")
@click.pass_context
def dvgs(context: click.Context) -> None:
    """Find, review and remove the rows that hurt."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@dvgs.command()
@data_argument
@click.option("--label", help="The label column; left out: rows are valued by reconstruction.")
@click.option("--labels", type=click.Path(path_type=Path), help="Labels table for embeddings.")
@click.option(
    "--target-file", type=click.Path(path_type=Path), help="A file whose rows are the target."
)
@_settings_options(SplitSettings, _SPLIT_OPTIONS)
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="COLUMN=ROLE",
    help=f"Correct a column's role ({', '.join(get_args(Role))}), and its kind after a colon "
    f"({', '.join(get_args(Kind))}), as in zip=feature:category.",
)
@click.option(
    "--task",
    type=click.Choice(("classification", "regression")),
    help="What the label is, where the guess from its values is wrong.",
)
@_settings_options(EncodingSettings, ("numeric",))
@click.option("--method", default="dvgs", show_default=True, help="See `dvgs methods`.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the method; `dvgs methods METHOD` lists them.",
)
@seed_option
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@as_json_option
@out_option
def value(
    data: Path,
    label: str | None,
    labels: Path | None,
    target_file: Path | None,
    roles: tuple[str, ...],
    task: Task | None,
    numeric: str | None,
    method: str,
    assignments: tuple[str, ...],
    seed: int,
    device: str,
    as_json: bool,
    out: Path,
    **options: Any,
) -> None:
    """Value the rows of DATA; writes one line a row, in DATA's order."""
    from tqdm import tqdm

    from dvgs_core.data.load import load
    from dvgs_core.engine.job import Job, Outcome, finish, prepare, valuate, value_table

    started = time.monotonic()
    _check_out(out, data, labels, target_file, suffix=".parquet")
    drawn = [name for name in ("target_query", "target_size", "balance_by") if options[name]]
    if target_file is not None and drawn:
        raise InputError(
            f"With --target-file all rows of that file are the target: leave "
            f"--{drawn[0].replace('_', '-')} out, or the file."
        )
    table = load(data, labels=labels)
    schema = _schema(table, label)
    for text in roles:
        name, role, kind = _role(text)
        schema = schema.with_role(name, role, kind)
    if task is not None:
        schema = schema.with_task(task)
    split = validated(SplitSettings, {**_given(options, _SPLIT_OPTIONS), "seed": seed})
    encoding = validated(EncodingSettings, {} if numeric is None else {"numeric": numeric})
    entry = methods.entry(method)
    settings = validated(entry.settings, dict(_assignment(text) for text in assignments))
    job = Job(
        columns=schema,
        encoding=encoding,
        split=split,
        method=method,
        settings=settings.model_dump(),
        seed=seed,
        device=device,
    )
    target = None if target_file is None else load(target_file)
    prepared = prepare(table, job, target)
    outcomes = valuate(prepared)
    # whatever the method refuses shows at its first step; a refusal is then the only line
    first = next(outcomes)
    notes = [*table.notes, *prepared.notes]
    notes += [] if target is None else [f"{target.name}: {note}" for note in target.notes]
    for note in notes:
        click.echo(f"note: {note}", err=True)
    with tqdm(unit="checkpoint", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:

        def on_step(outcome: Outcome) -> bool:
            bar.total = outcome.total
            bar.update()
            return True

        outcome = finish(chain([first], outcomes), on_step)
    values = value_table(prepared, outcome)
    _write_values(values, out)
    counts = {str(k): int(v) for k, v in values["role"].value_counts().items()}
    lowest = [
        {
            "row": int(r.row),
            "value": float(r.value),
            "label": _none(r.label),
            "suggested_label": _none(r.suggested_label),
        }
        for r in values.dropna(subset=["value"]).nsmallest(5, "rank").itertuples()
    ]
    seconds = time.monotonic() - started
    summary = {
        "data": str(data),
        "out": str(out),
        "rows": len(values),
        "roles": counts,
        "method": method,
        "settings": settings.model_dump(),
        "seed": seed,
        "checkpoints": outcome.scored,
        "stopped_because": outcome.stopped_because,
        "settled": outcome.settled if math.isfinite(outcome.settled) else None,
        "notes": notes,
        "seconds": round(seconds, 2),
        "lowest": lowest,
    }
    lines = [
        f"{len(values):,} rows: " + ", ".join(f"{n:,} {role}" for role, n in counts.items()),
        "lowest: " + ", ".join(f"#{row['row']} ({row['value']:.3g})" for row in lowest),
        f"wrote {out} in {seconds:.1f} s",
    ]
    _report(summary, lines, as_json)


@dvgs.command(short_help="Damage a copy of DATA in known places.")
@data_argument
@click.option("--label", help="The label column.")
@click.option(
    "--label-rate",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of labels replaced by another class. [share]",
)
@click.option(
    "--feature-noise",
    type=float,
    default=0.0,
    show_default=True,
    help="Largest noise on numeric features. [standard deviations of the column]",
)
@click.option("--rows", help="Only rows matching this condition are damaged.")
@seed_option
@as_json_option
@out_option
def corrupt(
    data: Path,
    label: str | None,
    label_rate: float,
    feature_noise: float,
    rows: str | None,
    seed: int,
    as_json: bool,
    out: Path,
) -> None:
    """Damage a copy of DATA; the truth is written beside it, as OUT's name with .truth.parquet."""
    from dvgs_core.data.corrupt import corrupt_table
    from dvgs_core.data.load import load
    from dvgs_core.data.query import matching_rows
    from dvgs_core.review.frames import known_ending, write_frame

    beside = out.with_suffix(".truth.parquet")
    _check_out(out, data)
    known_ending(out)
    _check_out(beside, data)
    table = load(data)
    schema = _schema(table, label)
    mask = None if rows is None else matching_rows(table.frame, rows)
    if mask is not None and not mask.any():
        raise InputError(f"No row matches --rows {rows!r}; {len(table.frame):,} rows were tried.")
    damaged, truth = corrupt_table(table.frame, schema, label_rate, feature_noise, seed, rows=mask)
    write_frame(damaged, out, embedding_columns=table.embedding_columns)
    write_frame(truth, beside)
    replaced = int(truth["corrupted"].sum())
    _report(
        {
            "out": str(out),
            "truth": str(beside),
            "rows": len(damaged),
            "labels_replaced": replaced,
            "seed": seed,
        },
        [f"{replaced:,} labels replaced in {len(damaged):,} rows; wrote {out} and {beside}"],
        as_json,
    )


@dvgs.command(short_help="How well values find the rows that are known to be damaged.")
@click.argument("values", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@as_json_option
def detect(values: Path, truth: Path, as_json: bool) -> None:
    """How well VALUES (from `value`) find the rows that TRUTH (from `corrupt`) names."""
    import numpy as np

    from dvgs_core.data.load import load
    from dvgs_core.evaluation.detection import detection

    scores, known = load(values).frame, load(truth).frame
    for name, frame, column in ((values, scores, "value"), (truth, known, "corrupted")):
        _check_columns(name, frame, column)
    valued = scores[scores["value"].notna()]
    unknown = valued[~valued["row"].isin(known["row"])]
    if len(unknown):
        raise InputError(
            f"{truth} does not know {len(unknown):,} of the {len(valued):,} rows that {values} "
            f"values (the first is {unknown['row'].iloc[0]}); give the truth of the same data."
        )
    both = valued.merge(known, on="row")
    found = detection(
        both["corrupted"].to_numpy(dtype=bool), both["value"].to_numpy(dtype=np.float64)
    )
    summary = {
        "rows": len(both),
        "corrupted": found.damaged,
        "auroc": found.auroc,
        "average_precision": found.average_precision,
        "precision_at_corrupted": found.precision_at(found.damaged),
    }
    lines = [
        f"{found.damaged:,} of {len(both):,} rows are corrupted",
        f"AUROC {found.auroc:.3f}, average precision {found.average_precision:.3f}",
        f"of the {found.damaged:,} lowest rows {found.precision_at(found.damaged):.1%} "
        "are corrupted",
    ]
    _report(summary, lines, as_json)


@dvgs.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@data_argument
@click.option("--labels", type=click.Path(path_type=Path), help="Labels table for embeddings.")
@click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="Put an apostrophe before CSV cells that a spreadsheet would run as a formula. "
    "Alters cells.",
)
@as_json_option
@out_option
def apply(
    recipe: Path, data: Path, labels: Path | None, spreadsheet_safe: bool, as_json: bool, out: Path
) -> None:
    """Produce the cleaned data of RECIPE again from the original DATA."""
    from dvgs_core.review.apply import apply_recipe
    from dvgs_core.review.recipe import Recipe

    _check_out(out, recipe, data, labels)
    read = Recipe.load(recipe)
    apply_recipe(read, data, out, labels, spreadsheet_safe=spreadsheet_safe)
    dropped, relabelled = len(read.dropped), len(read.relabelled)
    _report(
        {
            "out": str(out),
            "rows": read.rows - dropped,
            "dropped": dropped,
            "relabelled": relabelled,
        },
        [
            f"{dropped:,} rows dropped, {relabelled:,} relabelled, {read.rows - dropped:,} rows "
            f"written to {out}"
        ],
        as_json,
    )


@dvgs.command("methods")
@click.argument("name", required=False)
@as_json_option
def methods_command(name: str | None, as_json: bool) -> None:
    """List the methods, or the settings of the method NAME."""
    if name is None:
        _report({"methods": methods.names()}, methods.names(), as_json)
        return
    settings = list(fields(methods.entry(name).settings))
    lines = []
    for setting in settings:
        bounds = ", ".join(map(str, setting.choices)) or _bounds(setting)
        unit = f" {setting.unit}" if setting.unit else ""
        default = "automatic" if setting.default is None else setting.default
        lines.append(f"{setting.name} = {default}{unit}  ({bounds})")
        lines.append(f"    {setting.help}")
    _report({"method": name, "settings": {s.name: s.default for s in settings}}, lines, as_json)


def _bounds(setting: Setting) -> str:
    low, high = setting.minimum, setting.maximum
    if low is None and high is None:
        return setting.type.__name__
    return f"{setting.type.__name__} {'' if low is None else low}–{'' if high is None else high}"


@dvgs.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="localhost", show_default=True, help="Whom to listen to.")
@click.option("--workspace", type=click.Path(path_type=Path), help="Folder that keeps the work.")
def app(port: int, address: str, workspace: Path | None) -> None:
    """Open the dashboard in a browser."""
    home = Path(__file__).resolve().parent.parent
    environment = dict(os.environ)
    if workspace is not None:
        environment["DVGS_WORKSPACE"] = str(workspace.absolute())
    click.echo(f"DVGS Workbench: http://{address}:{port}  (Ctrl-C stops it; runs go on)")
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(home / "app.py"),
        "--server.port",
        str(port),
        "--server.address",
        address,
    ]
    # Streamlit reads .streamlit/config.toml from the working folder: the project's, or the copy
    # that an installation puts beside the interpreter
    settings = home if (home / ".streamlit").is_dir() else Path(sys.prefix) / "share" / "dvgs"
    if os.name == "posix":
        # becoming Streamlit, so that a signal to this process reaches it
        os.chdir(settings)
        sys.stdout.flush()
        os.execve(sys.executable, command, environment)
    try:
        sys.exit(subprocess.call(command, env=environment, cwd=settings))
    except KeyboardInterrupt:
        sys.exit(0)


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set takes NAME=VALUE, such as --set restarts=5; got {text!r}.")
    return name.strip(), None if value.strip().lower() in ("", "none") else value.strip()


def _role(text: str) -> tuple[str, Any, Any]:
    name, equals, role = text.rpartition("=")
    if not equals:
        raise InputError(f"--role takes COLUMN=ROLE, such as --role zip=ignore; got {text!r}.")
    role, _, kind = role.partition(":")
    return name, role, kind or None


def _check_out(out: Path, *inputs: Path | None, suffix: str | None = None) -> None:
    """Refuse a place that cannot be written, before anything is computed."""
    if out.is_dir():
        raise InputError(f"--out must name a file; {out} is a folder: add a file name to it.")
    if suffix is not None and out.suffix.lower() != suffix:
        raise InputError(f"--out must end in {suffix}; got {out.name!r}.")
    if not out.absolute().parent.is_dir():
        raise InputError(f"There is no folder {out.absolute().parent}; make it first.")
    for path in inputs:
        if path is not None and out.exists() and path.exists() and out.samefile(path):
            raise InputError(f"--out would overwrite the input {path}; give another name.")


def _check_columns(name: Path, frame: Any, column: str) -> None:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    absent = [wanted for wanted in ("row", column) if wanted not in frame.columns]
    if absent:
        raise InputError(
            f"{name} must have the columns row and {column}; it lacks {' and '.join(absent)}."
        )
    suits = is_bool_dtype if column == "corrupted" else is_numeric_dtype
    if not suits(frame[column].dtype) or (column == "corrupted" and frame[column].isna().any()):
        kind = "true or false in every row" if column == "corrupted" else "numbers"
        raise InputError(f"The column {column} of {name} must hold {kind}; it does not.")
    if frame["row"].duplicated().any():
        raise InputError(f"{name} has row ids that come twice; every row has one line.")


def _schema(table: Any, label: str | None) -> Any:
    """Inferred roles; without a label, none is guessed."""
    from dvgs_core.data.schema import infer_schema

    return infer_schema(table).with_label(None) if label is None else infer_schema(table, label)


def _write_values(frame: Any, out: Path) -> None:
    from dvgs_core.engine.job import write_values
    from dvgs_core.store.files import replacing

    with replacing(out) as temporary:
        write_values(frame, temporary)


def _none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
