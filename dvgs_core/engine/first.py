"""A first trace at once: a few rows at the first checkpoint, before all rows are scored at it.

Only for methods that value each row apart from the other source rows. The run itself, which
begins after it, knows nothing of it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from dvgs_core import methods
from dvgs_core.engine.prepare import Prepared
from dvgs_core.engine.recorder import Recorder
from dvgs_core.engine.valuate import valuate

#: The folder in a run's directory; in it is what `Recorder` writes of one step.
FIRST = "first"
#: Rows shown at first, evenly spread over the source of the first rotation.
FIRST_ROWS = 2048
#: With fewer source rows than this many times as many nobody waits for the whole.
_WORTH = 4


def record_first(directory: Path, prepared: Prepared) -> None:
    """Score a few rows at the first checkpoint, for the page to show until all rows are scored.

    Args:
        directory: the run's; `FIRST` in it is what the page reads.
        prepared: the rows.

    Raises:
        InputError: as from the run itself, or the disk is full.
    """
    split = prepared.splits[0]
    n = len(split.source)
    if n < _WORTH * FIRST_ROWS or not methods.entry(prepared.job.method).apart:
        return
    few = split.source[np.linspace(0, n - 1, FIRST_ROWS).astype(np.int64)]
    shown = replace(prepared, splits=[replace(split, source=few)])
    folder = directory / FIRST
    folder.mkdir(exist_ok=True)
    recorder, steps = Recorder(folder, shown), valuate(shown)
    recorder.step(next(steps))  # `steps` ends after it: that waits for what is trained ahead
    recorder.close()
