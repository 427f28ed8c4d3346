"""Field terms: the first mention of each is explained, and nothing becomes markup."""

import re

from ui.words import MEANINGS, explained, term


def terms(html: str) -> list[str]:
    return re.findall(r'<span class="term"[^>]*>([^<]*)</span>', html)


def test_the_first_mention_of_every_term_is_explained_in_the_form_it_has():
    html = explained("12 target rows of the Target; values and traces, and the target again")
    assert terms(html) == ["target", "values", "traces"]
    assert f'data-meaning="{MEANINGS["value"]}"' in html


def test_a_longer_term_goes_before_the_one_in_it():
    assert terms(explained("target loss and rank correlation")) == [
        "target loss",
        "rank correlation",
    ]


def test_words_that_only_begin_like_a_term_are_left():
    text = "unranked, mapped, sourceless, evaluated"
    assert explained(text) == text


def test_missing_values_are_no_values_of_rows():
    assert terms(explained("rows: missing values; lowest values")) == ["values"]
    assert terms(explained("Missing values")) == []


def test_a_meaning_is_never_markup():
    html = term("similarity", "<b>")
    assert "&lt;b&gt;" in html and "target&#x27;s" in html
