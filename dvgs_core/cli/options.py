"""Options: those that several commands share, and those drawn from a settings declaration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from dvgs_core.data.schema import Kind, Role
from dvgs_core.settings import Setting, Settings, fields

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="A machine-readable summary on standard output."
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root of every draw."
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu or cuda."
)
data_argument = click.argument("data", type=click.Path(path_type=Path))
labels_option = click.option(
    "--labels", type=click.Path(path_type=Path), help="Labels table for embeddings."
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write."
)

roles_option = click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="COLUMN=ROLE",
    help=f"Correct a column's role ({', '.join(get_args(Role))}), and its kind after a colon "
    f"({', '.join(get_args(Kind))}), as in zip=feature:category.",
)


def settings_options(cls: type[Settings], names: tuple[str, ...]) -> Callable:
    """Decorator: one option a setting, with the help of its declaration.

    An option that is not given comes as None; `given` leaves those out.

    Args:
        cls: the settings.
        names: which of them become options, in the order of their declaration.
    """

    def add(command: Callable) -> Callable:
        for setting in reversed([s for s in fields(cls) if s.name in names]):
            command = _option(setting)(command)
        return command

    return add


def given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the named options that were given."""
    return {name: options[name] for name in names if options[name] is not None}


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
