"""A link that names what is not here says so, and shows what there is."""

import pandas as pd
import pytest

from .test_pages import start_small


@pytest.fixture
def valued(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    start_small(app)
    app.work()
    return app


def opened(app, **link) -> list[str]:
    """The toasts of a new visit of the Review page by a link."""
    for name, text in link.items():
        app.tab.query_params[name] = text
    app.go("review")
    assert not app.errors
    return [toast.value.replace("\\", "") for toast in app.tab.toast]


NOT_HERE = (
    ({"queue": "named", "named": "Ann <b>"}, "the selection Ann <b>, which is not here"),
    ({"queue": "best"}, "a queue that there is not for this run"),
    ({"queue": "disagreement", "against": "99"}, "a run to compare with that is not here"),
    ({"queue": "cut", "cut": "much"}, "a cut that cannot be read"),
    ({"label": "neither"}, "the label neither, which no row has"),
    ({"row": "99999"}, "a row that is not in these data"),
    ({"row": "²"}, "a row that is not in these data"),
)


@pytest.mark.parametrize(("link", "words"), NOT_HERE)
def test_what_a_link_names_and_is_not_here_is_told_once(valued, link, words):
    assert f"The link names {words}." in opened(valued, **link)
    shown = "up to a cut: 1 / 100" if "cut" in link else "lowest values: 1 / 200"
    assert shown in valued.said
    valued.run()
    assert not valued.tab.toast


def test_a_row_without_a_value_is_told_but_not_one_that_the_page_itself_has_written(valued):
    (run,) = valued.space.runs()
    path = run.directory / "values.parquet"
    values = pd.read_parquet(path)
    values.loc[7, ["value", "rank"]] = None
    values.to_parquet(path)
    assert opened(valued, row="7") == ["The link names row #7, which this run has not valued."]
    valued.tab.session_state["state.queue"] = None
    valued.run()
    assert not valued.tab.toast


def test_a_link_to_what_is_here_says_nothing(valued):
    assert opened(valued, queue="undecided", row="3") == []
    assert "Row #3" in valued.said and "undecided rows" in valued.said
