"""Pages of a run that has no results: finished runs stay in reach."""

import pytest

from .test_pages import start_small

OFFER = "Meanwhile, look at a finished run"


@pytest.fixture
def going(app):
    """Two finished runs, and a third that goes on."""
    app.go("data")
    app.press("Breast cancer")
    for _ in range(2):
        start_small(app)
        assert app.work().status == "done"
    start_small(app)
    assert app.space.claim_next("valuation", 1) is not None
    return app


@pytest.mark.parametrize("page", ["performance", "review"])
def test_while_a_run_goes_on_a_finished_one_can_be_chosen(going, page):
    going.go(page)
    assert "as soon as the run has ended" in going.said and going.labels == ["Watch the run"]
    (box,) = [b for b in going.tab.selectbox if b.label == OFFER]
    _, newest, oldest = going.space.runs()
    assert box.value is None
    assert [name.split("  ")[0] for name in box.options] == [newest.name, oldest.name]
    going.choose(OFFER, oldest.id)
    assert "as soon as the run has ended" not in going.said
    if page == "performance":
        assert next(b for b in going.tab.selectbox if b.label == "Run").value == oldest.id
    else:
        assert "lowest values: 1 / " in going.said
    assert going.space.run(going.space.runs()[0].id).active


def test_without_a_finished_run_there_is_none_to_choose(app):
    app.go("data")
    app.press("Breast cancer")
    start_small(app)
    for page in ("performance", "review"):
        app.go(page)
        assert app.labels == ["Watch the run"] and not app.tab.selectbox
