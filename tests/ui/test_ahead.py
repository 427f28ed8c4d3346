"""What the Review page first shows is made while another page is read."""

import pytest

from ui import ahead, alike, card, review_map

from .test_pages import start_small


@pytest.fixture
def wishes(monkeypatch):
    """What is to be made ahead, when a test calls it."""
    waiting = []
    monkeypatch.setattr(ahead, "_soon", lambda work, *of, **when: waiting.append((work, of)))
    return waiting


@pytest.fixture
def valued(app, bad_files, wishes):
    app.upload("good.csv", bad_files["good.csv"])
    start_small(app)
    app.work()
    return app


def test_the_first_visit_of_the_review_page_finds_it_made(valued, wishes, monkeypatch):
    (wish,) = (each for each in wishes if each[0] is ahead._review)
    valued.run()
    assert wishes.count(wish) == 1
    work, of = wish
    work(*of)

    def made_again(*arguments, **named):
        raise AssertionError("it was to be made ahead")

    monkeypatch.setattr(review_map.MapHover, "of", made_again)
    monkeypatch.setattr(review_map.MapPoints, "of", made_again)
    monkeypatch.setattr(review_map, "value_colours", made_again)
    monkeypatch.setattr(card, "ClassContrast", made_again)
    monkeypatch.setattr(alike.RowSearch, "of", made_again)
    valued.go("review")
    assert valued.title == "Review"


def test_a_run_that_has_gone_meanwhile_is_left_alone(valued, wishes):
    (wish,) = (each for each in wishes if each[0] is ahead._review)
    valued.space.delete_run(valued.space.runs()[0].id)
    work, of = wish
    assert work(*of) is None


def test_pictures_are_made_ahead_of_anyones_session(app, wishes, bad_files):
    app.press("Handwritten digits")
    start_small(app)
    app.work()
    (wish,) = (each for each in wishes if each[0] is ahead._review)
    work, of = wish
    work(*of)  # outside of any session, as in the thread
