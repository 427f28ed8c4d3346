"""The command line: `dvgs value | corrupt | curve | detect | apply | …`, one file a command.

A command is a file here with a `command` made by `click.command`, and its name among those added
below. Options that are settings are drawn from their declaration (`options`). Input that is at
fault ends with exit code 2 and one line on standard error.
"""

import sys

import click

from dvgs_core import __version__
from dvgs_core.cli import (
    app,
    apply,
    compare,
    corrupt,
    curve,
    detect,
    methods,
    replay,
    report,
    reproduce,
    value,
)
from dvgs_core.errors import InputError


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


_COMMANDS = (value, corrupt, detect, compare, curve, apply, replay, report, methods, reproduce, app)
for module in _COMMANDS:
    dvgs.add_command(module.command)


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
