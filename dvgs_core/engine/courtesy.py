"""Standing back while a run begins: someone waits for its first trace, nobody for a map."""

import time

from dvgs_core.store.workspace import Workspace

#: A run without a step after so long reads or encodes much: others go on beside it.
BEGINS_SECONDS = 2.0
_LOOK_SECONDS = 0.05


def give_way(workspace: Workspace) -> None:
    """Wait while a run of the workspace is about to take its first step."""
    while workspace.run_begins(BEGINS_SECONDS):
        time.sleep(_LOOK_SECONDS)
