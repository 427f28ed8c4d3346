"""A running valuation on the disk: what a page reads meanwhile, and what a later run needs."""

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dvgs_core.engine.prepare import Prepared
from dvgs_core.engine.state import STATE, write_state
from dvgs_core.engine.valuate import Outcome
from dvgs_core.engine.values import value_table, write_values
from dvgs_core.store.files import full_disk_told, replacing

# what `replacing` calls a file before it has its name
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}(\.\w+)?")


class Recorder:
    """Writes a running valuation into its directory, for a page in another process to read.

    trace.f32     (steps, n) float32, a row appended at every step; NaN where a row is not source
    steps.jsonl   a line a step: loss, quantiles of the similarities, seconds since the start, how
                  settled the ranking is
    ids.npy, values.npy   the latest, replaced whole, at most twice a second
    values.parquet, label_values.npy   the same with all that goes with them, every few seconds, so
                  that even a killed run leaves something to review
    report.json   what the method has to say of its values, one a rotation, where it says anything
    state.safetensors   what `valuate` needs to go on, every few seconds and at a stop, until the
                  run is complete

    A file that is replaced is whole at every moment, whatever ends the process; a full disk leaves
    the one before it.

    Args:
        directory: where to.
        prepared: the rows.
        kept: what `read_state` gave; the files are cut back to that step and continued.

    Raises:
        InputError: the disk is full.
    """

    QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
    KEEP_SECONDS = 5.0

    def __init__(
        self, directory: Path, prepared: Prepared, kept: Mapping[str, NDArray] | None = None
    ) -> None:
        self.directory, self.prepared = directory, prepared
        before = 0.0
        for path in directory.iterdir():  # a process that was killed leaves what it was writing
            if _UNFINISHED.fullmatch(path.name):
                path.unlink()
        if kept is None:
            (directory / STATE).unlink(missing_ok=True)
            self.trace = (directory / "trace.f32").open("wb")
            self.steps = (directory / "steps.jsonl").open("w", encoding="utf-8")
        else:
            lines = _cut(directory, int(kept["scored"]), len(prepared.source))
            before = float(json.loads(lines[-1])["seconds"])
            self.trace = (directory / "trace.f32").open("ab")
            self.steps = (directory / "steps.jsonl").open("a", encoding="utf-8")
        self.started = time.monotonic() - before
        self.written, self.tabled, self.keep_at = -1.0, before, before + self.KEEP_SECONDS
        replace_array(directory / "ids.npy", prepared.source)

    def step(self, outcome: Outcome) -> None:
        """Take in one step."""
        with full_disk_told(self.directory):
            self._step(outcome)

    def _step(self, outcome: Outcome) -> None:
        seconds = time.monotonic() - self.started
        self.trace.write(outcome.similarity.tobytes())
        self.trace.flush()
        scored = outcome.similarity[np.isfinite(outcome.similarity)]
        loss = outcome.target_loss
        line = {
            "index": outcome.index,
            "total": outcome.total,
            "seconds": round(seconds, 3),
            "target_loss": loss if np.isfinite(loss) else None,
            "quantiles": [float(q) for q in np.quantile(scored, self.QUANTILES)],
            "rows": len(scored),
            "done": outcome.done,
            "settled": outcome.settled if np.isfinite(outcome.settled) else None,
            "stopped_because": outcome.stopped_because,
        }
        self.steps.write(json.dumps(line) + "\n")
        self.steps.flush()
        if self.written < 0 or seconds - self.written > 0.5:
            self.written = seconds
            replace_array(self.directory / "values.npy", outcome.values)
        if seconds - self.tabled > 5.0:
            self.tabled = seconds
            self._tables(outcome)
        if seconds >= self.keep_at:
            self.keep(outcome)
            cost = time.monotonic() - self.started - seconds
            self.keep_at = seconds + max(self.KEEP_SECONDS, 20 * cost)

    def keep(self, outcome: Outcome) -> None:
        """Write what is needed to go on after this step, where the method can."""
        if outcome.state is None or outcome.done == outcome.total:
            return
        for file in (self.trace, self.steps):  # the state counts on the steps before it
            os.fsync(file.fileno())
        write_state(self.directory, outcome.state())

    def close(self) -> None:
        """Leave it at the steps that were taken in."""
        self.trace.close()
        self.steps.close()

    def finish(self, outcome: Outcome) -> None:
        """Write the final tables."""
        self.close()
        replace_array(self.directory / "values.npy", outcome.values)
        self._tables(outcome)
        if outcome.reports:
            with replacing(self.directory / "report.json") as temporary:
                text = json.dumps(list(outcome.reports), allow_nan=False, ensure_ascii=False)
                temporary.write_text(text, encoding="utf-8")
        if outcome.done == outcome.total:
            (self.directory / STATE).unlink(missing_ok=True)

    def _tables(self, outcome: Outcome) -> None:
        if outcome.label_values is not None:
            replace_array(self.directory / "label_values.npy", outcome.label_values)
        with replacing(self.directory / "values.parquet") as temporary:
            write_values(value_table(self.prepared, outcome), temporary)


def _cut(directory: Path, steps: int, rows: int) -> list[str]:
    """Forget what was recorded after so many steps; the lines of steps.jsonl that are left."""
    with (directory / "trace.f32").open("r+b") as trace:
        trace.truncate(4 * rows * steps)
    path = directory / "steps.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()[:steps]
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lines


def replace_array(path: Path, array: NDArray) -> None:
    """Write a .npy file whose readers see the old array or the new one, never half of either.

    Raises:
        InputError: the disk is full; the old array is untouched.
    """
    with replacing(path) as temporary:
        np.save(temporary, array, allow_pickle=False)
