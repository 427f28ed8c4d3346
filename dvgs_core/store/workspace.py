"""The workspace: one folder with everything a person has brought and made.

    workspace.sqlite     what there is: datasets, settings, runs, decisions, processes
    datasets/<id>/       originals, quick copies, studies
    runs/<id>/           what runs computed
    maps/<key>.npz       layouts
    logs/                what the worker processes had to say

Any number of processes and threads may use one folder at once.
"""

import os
from pathlib import Path

import platformdirs

from dvgs_core.errors import InputError
from dvgs_core.store.database import Database
from dvgs_core.store.datasets import DatasetStore
from dvgs_core.store.files import full_disk_told
from dvgs_core.store.settings import SettingStore
from dvgs_core.store.studies import StudyStore
from dvgs_core.store.workers import WorkerStore


class Workspace(DatasetStore, SettingStore, StudyStore, WorkerStore):
    """A folder that remembers; made when it is not there.

    Args:
        path: the folder. By default the environment's DVGS_WORKSPACE, else the place where this
            system keeps a person's data.

    Raises:
        InputError: the folder cannot be made or opened.
    """

    def __init__(self, path: Path | str | None = None):
        chosen = path or os.environ.get("DVGS_WORKSPACE")
        self.root = (
            Path(chosen) if chosen else platformdirs.user_data_path("dvgs", appauthor=False)
        ).absolute()
        try:
            with full_disk_told(self.root):
                for name in ("datasets", "runs", "maps", "logs"):
                    (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"The workspace folder {self.root} cannot be made ({error.strerror}). "
                "Choose another with DVGS_WORKSPACE."
            ) from error
        self.database = Database(self.root / "workspace.sqlite")

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    def close(self) -> None:
        """Close what is open; the workspace can be used again afterwards."""
        self.database.close()
