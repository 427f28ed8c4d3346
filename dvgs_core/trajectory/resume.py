"""Whether a kept state belongs to the run that is to go on from it."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.samples import Samples
from dvgs_core.trajectory.plan import Plan


def fingerprint(plan: Plan, source: Samples, target: Samples) -> NDArray[np.uint8]:
    """(32,) bytes that tell whether a kept state is of this plan and these row ids and labels.

    When the run is to end early does not count, so that one can go on under another time budget.
    """
    facts = plan.facts()
    for name in ("stop_when_settled", "time_budget"):
        del facts["settings"][name]
    found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for samples in (source, target):
        found.update(samples.ids.tobytes())
        found.update(b"" if samples.y is None else samples.y.tobytes())
    return np.frombuffer(found.digest(), dtype=np.uint8)


def check_state(plan: Plan, source: Samples, target: Samples, state: Mapping[str, NDArray]) -> None:
    """Raise unless a kept state is of this run, and not of its end.

    Raises:
        InputError: other settings, seed or rows, or nothing is left to do.
    """
    if not np.array_equal(state["fingerprint"], fingerprint(plan, source, target)):
        raise InputError(
            "The kept state is of a run with other settings, another seed or other rows; resume "
            "it with what it was begun with, or begin anew."
        )
    if int(state["mean.count"]) == plan.checkpoints:
        raise InputError("The kept state is of a run that is complete; there is nothing to resume.")
