"""Words that differ from a text's own class."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.review.words import ClassWords

SPORT, FOOD = "The team won the Match.", "Salt the bread and the soup."
TEXTS = pd.Series([SPORT] * 30 + [FOOD] * 30 + ["The MATCH: salt? <b>", None, "the match"])
CODES = np.array([0] * 30 + [1] * 30 + [1, 1, -1])


def differing(words: ClassWords, row: int) -> list[str]:
    return [piece for piece, differs in words.pieces(row) if differs]


def test_words_of_another_class_differ_and_words_of_all_do_not():
    words = ClassWords(TEXTS, CODES)
    assert differing(words, 60) == ["MATCH"]  # however it is written; "the" and "salt" are usual
    assert differing(words, 0) == [] and differing(words, 30) == []


def test_a_missing_text_and_a_row_without_class_have_none():
    words = ClassWords(TEXTS, CODES)
    assert words.pieces(61) == [] and differing(words, 62) == []
    nobody = ClassWords(TEXTS, np.full(len(TEXTS), -1))
    assert differing(nobody, 60) == []


@given(st.text(max_size=60))
def test_the_pieces_joined_are_the_text(text):
    words = ClassWords(pd.Series([text, "other words"]), np.array([0, 1]))
    assert "".join(piece for piece, _ in words.pieces(0)) == text
