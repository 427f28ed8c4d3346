"""Settings that outlive the page: JSON values by name, for one dataset or for the workspace."""

import json
from typing import Any

from dvgs_core.store.base import Store


class SettingStore(Store):
    """The part of a workspace that remembers what a person chose."""

    def get_setting(self, dataset_id: str | None, name: str, default: Any = None) -> Any:
        """A value as it was last set.

        Args:
            dataset_id: the dataset it belongs to, or None for the workspace itself.
            name: any text.
            default: what to return when it was never set.
        """
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT value FROM settings WHERE dataset = ? AND name = ?",
                (dataset_id or "", name),
            ).fetchone()
        return default if row is None else json.loads(row["value"])

    def set_setting(self, dataset_id: str | None, name: str, value: Any) -> None:
        """Remember a value.

        Args:
            dataset_id: the dataset it belongs to, or None for the workspace itself.
            name: any text.
            value: anything JSON can hold; NaN and infinities it cannot.

        Raises:
            TypeError, ValueError: JSON cannot hold the value.
        """
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO settings VALUES (?, ?, ?) "
                "ON CONFLICT (dataset, name) DO UPDATE SET value = excluded.value",
                (dataset_id or "", name, text),
            )
