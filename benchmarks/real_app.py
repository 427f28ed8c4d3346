"""The real app on an empty workspace, and a real browser, for scripts that drive them."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def real_app(port: int) -> Iterator[tuple[str, int, Path]]:
    """Serve the app; yields its address, its process id, and a folder that goes away after."""
    url = f"http://localhost:{port}"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DVGS_WORKSPACE": str(Path(folder) / "workspace")}
        command = [sys.executable, "-m", "dvgs_core", "app", "--port", str(port)]
        with answering(command, url, environment) as pid:
            yield url, pid, Path(folder)


@contextmanager
def answering(command: list[str], url: str, environment: dict[str, str]) -> Iterator[int]:
    """Run a server from the project's root; yields its process id once it answers."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def real_browser() -> Iterator[Browser]:
    """Headless Chromium: Debian's, or the one that DVGS_CHROMIUM names."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("DVGS_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield browser
        browser.close()
