"""`dvgs app`: the dashboard in a browser."""

import os
import subprocess
import sys
from pathlib import Path

import click


@click.command("app")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="localhost", show_default=True, help="Whom to listen to.")
@click.option("--workspace", type=click.Path(path_type=Path), help="Folder that keeps the work.")
def command(port: int, address: str, workspace: Path | None) -> None:
    """Open the dashboard in a browser."""
    home = Path(__file__).resolve().parents[2]
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
