"""One layout of the map, as a worker computes it."""

import os

import numpy as np

from dvgs_core.engine import look
from dvgs_core.engine.courtesy import give_way
from dvgs_core.store.files import replacing
from dvgs_core.store.runs import MapJob
from dvgs_core.store.workspace import Workspace


class _Stopped(Exception):
    """Someone asked for the layout to be given up."""


def execute(workspace: Workspace, job: MapJob) -> str | None:
    """Compute the layout that a map job asks for and keep it under the job's key.

    It takes minutes of a large table, and someone may wait for the first look at another one, or
    for the first trace of a run: looks that come meanwhile are done in between, and runs given way.

    Args:
        workspace: where the job waits.
        job: its input is (n, d) float32.

    Returns:
        "stopped" if someone asked for that, else None, and the result is in place. The input is
        gone either way; who asks again brings it again.

    Raises:
        InputError: the points cannot be laid out, or the disk is full.
    """
    from dvgs_core.engine.worker import do
    from dvgs_core.neighbours.layout import umap_layout

    def progress(share: float) -> None:
        workspace.report_progress(job.id, round(100 * share), 100)
        if workspace.stop_requested(job.id):
            raise _Stopped
        give_way(workspace)
        while workspace.waiting("look"):
            if (waits := workspace.claim_next("look", os.getpid())) is not None:
                do(workspace, waits, look.execute)

    try:
        X = np.load(job.input, allow_pickle=False)
        layout = umap_layout(
            X, seed=job.job["seed"], neighbours=job.job["neighbours"], progress=progress
        )
        with replacing(job.result) as temporary:
            np.savez(temporary, layout=layout.astype(np.float32))
    except _Stopped:
        return "stopped"
    finally:
        job.input.unlink(missing_ok=True)
    return None
