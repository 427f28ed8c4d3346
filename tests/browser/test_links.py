"""Links, reloads and restarts: the same page, with its frame."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.util import calc_hash

from dvgs_core.data import infer_schema
from dvgs_core.data.demos import DEMOS
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.job import Job
from dvgs_core.store import Workspace
from ui.jobs import RunFiles

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser
FINISHED = re.compile("^Finished")


@pytest.fixture
def app(start_server, tmp_path):
    return start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(tmp_path / "workspace")})


@pytest.mark.parametrize("name", ["Data", "Target", "Review"])
def test_the_first_visitor_who_comes_by_a_link_sees_the_page_in_its_frame(page: Page, app, name):
    page.goto(f"{app.url}/{name.lower()}")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("link", name="Export").first).to_be_visible()
    expect(page.get_by_text("no data yet")).to_be_visible()


def test_the_first_visitor_of_a_server_is_never_told_of_another_page(page: Page, app):
    """A browser repeats the page it was last told with all it sends, so it would end there."""
    told = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: told.extend(_pages_named(frame)))

    page.on("websocket", listen)
    page.goto(f"{app.url}/review")
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    expect(page.get_by_role("link", name="Export").first).to_be_visible()
    assert set(told) == {calc_hash("review")}


def _pages_named(frame: str | bytes) -> list[str]:
    message = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
    return [message.navigation.page_script_hash] if message.HasField("navigation") else []


def test_a_reload_and_a_second_tab_show_the_same_dataset(page: Page, app):
    page.goto(app.url)
    page.get_by_role("button", name="Breast cancer").click()
    expect(page.get_by_text("569", exact=True)).to_be_visible()
    page.get_by_role("button", name="Choose the target").click()
    expect(page.get_by_role("button", name="Value 569 rows")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Value 569 rows")).to_be_visible()
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.get_by_role("button", name="Value 569 rows")).to_be_visible()
    second.close()


def test_the_first_page_is_found_by_its_name_too(page: Page, app):
    page.goto(app.url)
    page.get_by_role("button", name="Breast cancer").click()
    expect(page.get_by_text("569", exact=True)).to_be_visible()
    page.goto(page.url.replace("/?", "/data?"))
    expect(page.get_by_text("569", exact=True)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Choose the target").click()
    expect(page.get_by_role("heading", name="Target")).to_be_visible()


def test_a_run_outlives_the_server_and_is_found_again(page: Page, app, start_server, tmp_path):
    page.goto(app.url)
    page.get_by_role("button", name="Breast cancer").click()
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_role("button", name="Value 569 rows").click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    page.get_by_role("button", name="Value 569 rows").click()
    expect(page.get_by_text("rows that hurt most")).to_be_visible()
    app.stop()
    again = start_server(ROOT / "app.py", {"DVGS_WORKSPACE": str(tmp_path / "workspace")})
    page.goto(f"{again.url}/value")
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=60_000)


def test_every_page_can_be_linked_to_and_opens_elsewhere_with_its_data_and_run(
    page: Page, browser: Browser, app
):
    page.goto(app.url)
    page.get_by_role("button", name="Breast cancer").click()
    page.get_by_role("button", name="Choose the target").click()
    page.get_by_role("button", name="Value 569 rows").click()
    expect(page.get_by_role("heading", name="Value")).to_be_visible()
    page.get_by_role("button", name="Value 569 rows").click()
    expect(page.get_by_text(FINISHED)).to_be_visible(timeout=240_000)
    links = {}
    for name in ("Target", "Corrupt", "Value", "Performance", "Review", "Export", "Data"):
        page.get_by_role("link", name=name).first.click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        page.wait_for_function("() => location.search.includes('run=')")
        links[name] = page.url
    said = [parse_qs(urlsplit(link).query) for link in links.values()]
    assert len({(one["dataset"][0], one["run"][0]) for one in said}) == 1
    page.get_by_role("button", name="Another file").click()
    page.get_by_role("button", name="Handwritten digits").click()  # now the last visit's data
    expect(page.get_by_text("1,797", exact=True)).to_be_visible()
    for name, link in links.items():
        elsewhere = browser.new_context(viewport={"width": 1280, "height": 900})
        other = elsewhere.new_page()
        other.goto(link)
        expect(other.get_by_role("heading", name=name, exact=True)).to_be_visible()
        expect(other.get_by_role("link", name="breast-cancer.csv").first).to_be_visible()
        expect(other.get_by_role("link", name="run dvgs#1").first).to_be_visible()
        elsewhere.close()


def test_a_link_to_what_is_not_here_says_so(page: Page, app):
    page.goto(f"{app.url}/target?dataset=0123456789abcdef")
    expect(page.get_by_text("The link names data that is not in this workspace.")).to_be_visible()
    expect(page.get_by_role("heading", name="Target")).to_be_visible()
    page.goto(app.url)
    page.get_by_role("button", name="Breast cancer").click()
    expect(page.get_by_text("569", exact=True)).to_be_visible()
    page.goto(f"{page.url}&run=99")
    expect(page.get_by_text("The link names a run that is not here.")).to_be_visible()


def test_reload_second_tab_and_restart_in_the_middle_of_a_run_lose_no_checkpoint(
    page: Page, start_server, tmp_path
):
    space = Workspace(tmp_path / "workspace")
    dataset = space.add_dataset(DEMOS["digits"].write(tmp_path).path, "digits.csv").id
    space.set_setting(None, "dataset", dataset)
    roles, split = infer_schema(space.load_table(dataset)), SplitSettings()
    space.set_setting(dataset, "schema", roles.model_dump(mode="json"))
    space.set_setting(dataset, "split", split.model_dump(mode="json"))
    long = {"restarts": 4, "epochs": 4_000, "max_steps": None, "width": 16}
    long["stop_when_settled"] = None
    job = Job(columns=roles, split=split, settings=long, device="cpu")
    run = space.create_run(dataset, job.model_dump(mode="json"))
    environment = {"DVGS_WORKSPACE": str(space.root)}
    server = start_server(ROOT / "app.py", environment)

    def goes_on(shown: Page) -> None:
        """The page shows the run at work, and it gets further while it is looked at."""
        expect(shown.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        before = space.run(run.id).step or 0
        for _ in range(1_800):
            if (space.run(run.id).step or 0) > before + 1:
                return
            shown.wait_for_timeout(100)  # between two looks; the condition is the step
        pytest.fail(f"The run stays at checkpoint {before}.")

    page.goto(f"{server.url}/value")
    goes_on(page)
    process = space.run(run.id).pid
    page.reload()
    goes_on(page)
    second = page.context.new_page()
    second.goto(page.url)
    goes_on(second)
    second.close()
    server.stop()
    start_server(ROOT / "app.py", environment, server.port)
    page.goto(f"{server.url}/value")
    goes_on(page)
    assert space.run(run.id).pid == process  # it was never begun again
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    stopped = space.run(run.id)
    steps = RunFiles(stopped.directory).steps()
    assert stopped.status == "stopped"
    assert steps["index"].tolist() == list(range(stopped.step))
    space.close()
