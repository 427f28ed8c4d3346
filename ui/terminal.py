"""What makes the lines that pages show work in a terminal. Streamlit is not imported."""

import shlex
import sys
from pathlib import Path


def environment() -> Path | None:
    """The virtual environment that has the command `dvgs`; None where the program runs in none."""
    own = Path(sys.prefix)
    there = all((own / "bin" / name).exists() for name in ("activate", "dvgs"))
    return own if there and sys.prefix != sys.base_prefix else None


def with_dvgs(lines: str) -> str:
    """Command lines after the one that makes `dvgs` known to a new terminal."""
    own = environment()
    if own is None:
        return lines
    return f"source {shlex.quote(str(own / 'bin' / 'activate'))}\n{lines}"


def with_python(lines: str) -> str:
    """Python after a line that says whose Python has the program."""
    own = environment()
    return lines if own is None else f"# with {own / 'bin' / 'python'}\n{lines}"
