"""What the parts of a workspace share: its folder and its database."""

from pathlib import Path

from dvgs_core.store.database import Database


class Store:
    """A folder and the database in it.

    Attributes:
        root: the folder that holds everything.
        database: its SQLite file.
    """

    root: Path
    database: Database
