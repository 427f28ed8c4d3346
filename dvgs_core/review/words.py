"""Words of a text that are more usual in other classes than in its own."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_PIECES = re.compile(r"\w+|\W+")
_MOST_TEXTS = 4_000  # of each class that are counted, evenly spread: shares move very little
_TIMES = 2.0  # a word must be so much more usual elsewhere
_SURE = 3.0  # and so many standard errors


class ClassWords:
    """In how many texts of each class every word stands.

    Args:
        texts: (n,) texts, missing where there is none.
        codes: (n,) int64 class of each row; -1 for rows of none, which are not counted.
    """

    def __init__(self, texts: pd.Series, codes: NDArray[np.int64]) -> None:
        self.texts, self.codes = texts, codes
        classes = int(codes.max(initial=-1)) + 1
        self.counted = np.zeros(classes, dtype=np.int64)
        self.found: dict[str, NDArray[np.int64]] = {}
        for code in range(classes):
            rows = np.flatnonzero((codes == code) & texts.notna().to_numpy())
            rows = rows[:: max(1, -(-len(rows) // _MOST_TEXTS))]
            self.counted[code] = len(rows)
            for text in texts.iloc[rows]:
                for word in words_of(str(text)):
                    if word not in self.found:
                        self.found[word] = np.zeros(classes, dtype=np.int64)
                    self.found[word][code] += 1

    def pieces(self, row: int) -> list[tuple[str, bool]]:
        """A row's text in pieces, with whether each is a word that differs.

        A word differs where the texts of the row's class hold it far less often than those of the
        other classes, beyond chance. The pieces joined are the text.
        """
        text, code = self.texts.iloc[row], int(self.codes[row])
        if not isinstance(text, str):
            return []
        parts = _PIECES.findall(text)
        differ = {word for word in set(map(str.casefold, parts)) if self._differs(word, code)}
        return [(part, part.casefold() in differ) for part in parts]

    def _differs(self, word: str, code: int) -> bool:
        if code < 0 or word not in self.found:
            return False
        here, there = int(self.found[word][code]), int(self.found[word].sum())
        n, others = int(self.counted[code]), int(self.counted.sum() - self.counted[code])
        if not n or not others:
            return False
        own, other, both = here / n, (there - here) / others, there / (n + others)
        error = np.sqrt(both * (1 - both) * (1 / n + 1 / others))
        return bool(other > _TIMES * own and other - own > _SURE * error)


def words_of(text: str) -> set[str]:
    """The words of a text, in small letters."""
    return {part.casefold() for part in _PIECES.findall(text) if part[0].isalnum()}
