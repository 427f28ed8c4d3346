"""Whether a kept state belongs to the run that is to go on from it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.samples import Samples

#: Settings that say when a run ends early. They do not tell one run from another, so that one can
#: go on under another time budget.
_ENDINGS = ("stop_when_settled", "time_budget")


def fingerprint(facts: Mapping[str, Any], source: Samples, target: Samples) -> NDArray[np.uint8]:
    """(32,) bytes that tell whether a kept state is of this run: its facts, row ids and labels.

    Args:
        facts: "settings" and whatever else tells this run from another, as JSON takes it.
        source, target: its rows.
    """
    chosen = {k: v for k, v in facts["settings"].items() if k not in _ENDINGS}
    text = json.dumps({**facts, "settings": chosen}, sort_keys=True)
    found = hashlib.sha256(text.encode())
    for samples in (source, target):
        found.update(samples.ids.tobytes())
        found.update(b"" if samples.y is None else samples.y.tobytes())
    return np.frombuffer(found.digest(), dtype=np.uint8)


def check_state(
    state: Mapping[str, NDArray], run: NDArray[np.uint8], *, done: int, total: int
) -> None:
    """Raise unless a kept state is of this run, and not of its end.

    Args:
        state: what `Step.state` gave; holds a "fingerprint".
        run: the fingerprint of the run that is to go on.
        done, total: steps that the state comes after, and steps in all.

    Raises:
        InputError: other settings, seed or rows, or nothing is left to do.
    """
    if not np.array_equal(state["fingerprint"], run):
        raise InputError(
            "The kept state is of a run with other settings, another seed or other rows; resume "
            "it with what it was begun with, or begin anew."
        )
    if done == total:
        raise InputError("The kept state is of a run that is complete; there is nothing to resume.")
