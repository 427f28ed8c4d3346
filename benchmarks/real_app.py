"""The real app on an empty workspace, and a real browser, for scripts that drive them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.machine import family

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
    """Run a server from the project's root; yields its process id once it answers.

    The server and its workers end with the block, also where SIGTERM ends the script.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated."))
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
        signal.signal(signal.SIGTERM, before)
        workers = family(process.pid) - {process.pid}
        process.terminate()
        process.wait()
        # a worker would go on with its job, which nobody waits for
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGTERM)


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
