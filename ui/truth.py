"""What was done on purpose to rows of damaged data, in words. Streamlit is not imported."""

import pandas as pd

from dvgs_core.data.corrupt.plan import DUPLICATE, LABEL, MISSING, NOISE, OUTLIER, SWAPPED

_WORDS = {
    LABEL: "label replaced",
    NOISE: "noise",
    MISSING: "values emptied",
    SWAPPED: "columns swapped",
    OUTLIER: "outliers",
    DUPLICATE: "features copied from another row",
}


def damage(truth: pd.DataFrame) -> pd.Series:
    """What was done to each row, such as "columns swapped, noise"; "" for nothing.

    Args:
        truth: (n, columns) see `dvgs_core.data.corrupt.plan.truth_frame`. A truth without kinds,
            as the demos have it, knows of replaced labels alone.

    Returns:
        (n,) text, with the index of `truth`.
    """
    if "kind" not in truth:
        return truth["corrupted"].astype(bool).map({True: _WORDS[LABEL], False: ""})
    kinds = truth["kind"].astype(str)
    return kinds.map({kind: _in_words(kind) for kind in kinds.unique()})


def _in_words(kind: str) -> str:
    return ", ".join(_WORDS.get(part, part) for part in kind.split(" + "))


def told(truth: pd.DataFrame, row: int) -> list[str]:
    """What is known of a row, a line each: what was done, and the label that was replaced.

    Args:
        truth: indexed by row id.
        row: a row id in it.
    """
    line = truth.loc[row]
    done = damage(truth.loc[[row]]).iloc[0]
    if not done:
        return ["not damaged"]
    if not line["corrupted"]:  # every row has a little of it, so it is not counted as damage
        return ["noise added on purpose, nothing else"]
    lines = [f"damaged on purpose: {done}"]
    if _WORDS[LABEL] in done:
        lines.append(f"its label was {line['original_label']}")
    return lines
