"""The time as the workspace writes it: UTC, ISO 8601, to the microsecond."""

from datetime import UTC, datetime


def now() -> str:
    """The present as text; texts sort as the times do."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def parsed(text: str | None) -> datetime | None:
    """The time that `now` wrote, or None for None."""
    return None if text is None else datetime.fromisoformat(text)
