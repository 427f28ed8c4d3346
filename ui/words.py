"""Field terms, explained where they stand: a dotted underline, and the meaning under the pointer.

The meanings are those of the guide's table of words. Streamlit is not imported.
"""

import re
from html import escape

MEANINGS = {
    "source": "rows being valued",
    "target": "rows that define the task; trusted if possible",
    "holdout": "rows that score filtered models; never seen by valuation",
    "row id": "stable identity of a row: its place in the file, the first is 0",
    "value": "one number a source row; higher = more helpful",
    "rank": "1 = lowest value; ties by row id",
    "checkpoint": "a moment of training at which similarity is taken",
    "similarity": "how well a row's pull agrees with the target's; as a cosine between −1 and 1",
    "trace": "a row's similarities, checkpoint by checkpoint",
    "settled": "rank correlation of the values now with those at half as many checkpoints; 1 = "
    "the same",
    "target loss": "how wrong the network still is on the target; it falls while training goes on",
    "member": "one of several networks trained side by side, such as a restart",
    "trajectory": "all checkpoints of all members, in order; values further rows without training "
    "again",
    "corruption": "deliberate damage; its truth is kept beside it",
    "AUROC": "how often a damaged row lies below a sound one; 0.5 = by chance, 1 = always",
    "detection curve": "damage found against rows inspected",
    "filtering curve": "the holdout's score against rows removed",
    "rank correlation": "how alike two runs order the rows; 1 = the same, 0 = unrelated",
    "suggested": "the label under which the row has its highest value",
    "map": "a picture of all rows, for looking only",
    "decision": "keep, relabel, drop or undecided",
    "recipe": "everything needed to produce the cleaned data again from the original",
}

_LONGEST_FIRST = sorted(MEANINGS, key=len, reverse=True)
# missing values are cells of the table, and no value of a row
_TERM = re.compile(rf"(?<!missing )\b({'|'.join(_LONGEST_FIRST)})(s|es)?\b", re.IGNORECASE)
_NAMES = {name.lower(): name for name in MEANINGS}


def term(name: str, shown: str = "") -> str:
    """A term as HTML, for `st.html`.

    Args:
        name: a key of `MEANINGS`.
        shown: another form of it, such as a plural; our own words.
    """
    meaning = escape(MEANINGS[name], quote=True)
    return (
        f'<span class="term" tabindex="0" data-meaning="{meaning}" aria-description="{meaning}">'
        f"{escape(shown or name)}</span>"
    )


def explained(text: str) -> str:
    """A text with the first mention of every term in it explained.

    Args:
        text: HTML without tags, as `escape` returns it.
    """
    seen: set[str] = set()

    def one(found: re.Match[str]) -> str:
        name = _NAMES[found[1].lower()]
        if name in seen:
            return found[0]
        seen.add(name)
        return term(name, found[0])

    return _TERM.sub(one, text)
