"""A real Chromium and real Streamlit servers for the tests of this folder. Nothing here skips."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# a condition is waited for as long as a busy machine may take; a quiet one is not slowed by it
expect.set_options(timeout=90_000)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path(playwright) -> str:
    """Where a Chromium is: DVGS_CHROMIUM, the path, or the one that Playwright installed."""
    named = os.environ.get("DVGS_CHROMIUM")
    found = [named] if named else [shutil.which(name) for name in NAMES]
    found += [] if named else [playwright.chromium.executable_path]
    for path in found:
        if path and Path(path).exists():
            return path
    pytest.fail(
        "Browser tests need a Chromium, none was found: install one (for example `playwright "
        "install chromium`) or set DVGS_CHROMIUM to its path.",
        pytrace=False,
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium_path(playwright), args=ARGUMENTS
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all tests, so that Streamlit's own files are loaded once."""
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A fresh tab, 1280 × 900. The test fails on any error the page did not catch."""
    errors: list[str] = []
    opened = context.new_page()
    opened.set_default_timeout(90_000)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: errors.append(message.text) if is_fault(message) else None,
    )
    yield opened
    opened.close()
    assert not errors, "The page reported errors:\n" + "\n".join(errors)


def is_fault(message) -> bool:
    """Errors of components and scripts; not the network's, which tests cause on purpose."""
    ours = "BidiComponent" in message.text or "Uncaught" in message.text
    return message.type == "error" and ours


class Server:
    """One Streamlit process."""

    def __init__(self, script: Path, log: Path, env: dict[str, str], port: int | None = None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        options = {
            "server.headless": "true",
            "server.port": str(self.port),
            "server.address": "127.0.0.1",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        for name, value in options.items():
            command += [f"--{name}", value]
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **env}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def wait(self, seconds: float = 120) -> None:
        """Until it answers."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)  # between two questions; the condition is the answer
        self.stop()
        pytest.fail(f"Streamlit did not start:\n{self.log.read_text()}", pytrace=False)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def start_server(tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """start_server(script, env={}, port=None) -> Server, running; stopped at the end."""
    running: list[Server] = []

    def start(script: Path, env: dict[str, str] | None = None, port: int | None = None) -> Server:
        log = tmp_path_factory.mktemp("server") / "log.txt"
        server = Server(Path(script), log, env or {}, port)
        running.append(server)
        server.wait()
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="module")
def serve(start_server) -> Callable[..., str]:
    """serve(script, env={}) -> address. The same script and env share one server."""
    addresses: dict[tuple, str] = {}

    def address(script: Path, env: dict[str, str] | None = None) -> str:
        name = (str(script), tuple(sorted((env or {}).items())))
        if name not in addresses:
            addresses[name] = start_server(script, env).url
        return addresses[name]

    return address


@pytest.fixture(scope="session")
def apps() -> Path:
    """Small apps that show one component each."""
    return Path(__file__).parent / "apps"


def pytest_collection_modifyitems(items) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
