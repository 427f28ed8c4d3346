"""The whole app without a browser, with work done in this process instead of by workers."""

import os
import re
from html import unescape
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dvgs_core.engine.execute import execute
from dvgs_core.engine.supervisor import Supervisor
from dvgs_core.engine.worker import do
from dvgs_core.store import Run, Workspace
from ui import ahead

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("data", "target", "corrupt", "value", "performance", "review", "export")


class App:
    """A tab that shows the app; every step asserts that the page raised nothing."""

    def __init__(self) -> None:
        self.space = Workspace()
        self.tab = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        self.run()

    def run(self) -> None:
        self.tab.run()
        assert not self.tab.exception, [error.value for error in self.tab.exception]

    def go(self, page: str) -> None:
        self.tab.switch_page(f"pages/{page}.py")
        self.run()

    def press(self, label: str) -> None:
        (button,) = [b for b in self.tab.button if b.label == label]
        button.click()
        self.run()

    def choose(self, label: str, value: object) -> None:
        (box,) = [b for b in self.tab.selectbox if b.label == label]
        box.set_value(value)
        self.run()

    def pick(self, key: str, value: str) -> None:
        """Choose a part of a segmented control."""
        self.tab.segmented_control(key=key).set_value(value)
        self.run()

    def study(self, kind: str, execute) -> None:
        """Do the study of a kind that waits, as a worker would."""
        study = self.space.claim_next(kind, os.getpid())
        assert study is not None
        do(self.space, study, execute)
        self.run()

    def upload(self, name: str, data: bytes) -> None:
        """Give a file to the first uploader, as a person does."""
        self.tab.file_uploader[0].set_value((name, data, "application/octet-stream"))
        self.run()
        if name.endswith((".npy", ".npz")):
            self.press("Open")

    def work(self) -> Run:
        """Do the run that waits, as a worker would."""
        run = self.space.claim_next("valuation", os.getpid())
        assert run is not None
        do(self.space, run, execute)
        self.run()
        return self.space.run(run.id)

    @property
    def title(self) -> str:
        (title,) = self.tab.title
        return title.value

    @property
    def errors(self) -> list[str]:
        """Error lines as a person reads them: without the escapes of Markdown."""
        return [error.value.replace("\\", "") for error in self.tab.error]

    @property
    def said(self) -> str:
        """Every text of the page but errors, without Markdown's escapes and HTML's tags."""
        kinds = (self.tab.caption, self.tab.info, self.tab.warning, self.tab.markdown)
        said = "\n".join(one.value for kind in kinds for one in kind).replace("\\", "")
        drawn = (one.value for one in self.tab.get("html") if hasattr(one, "value"))
        drawn = (one for one in drawn if not one.startswith("<style>"))
        return "\n".join([said, *(unescape(re.sub("<[^>]*>", "", one)) for one in drawn)])

    @property
    def labels(self) -> list[str]:
        """What the buttons say."""
        return [button.label for button in self.tab.button]


@pytest.fixture
def new_app(tmp_path, monkeypatch):
    """new_app() -> App on this test's workspace; a second call is a restart of the program."""
    monkeypatch.setenv("DVGS_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setattr(Supervisor, "start", lambda self: None)
    # what a thread makes later would come in the middle of another test
    monkeypatch.setattr(ahead, "_soon", lambda *work, **when: None)

    def start() -> App:
        st.cache_resource.clear()
        st.cache_data.clear()
        return App()

    yield start
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def app(new_app) -> App:
    return new_app()
