"""The time as the workspace writes it: UTC, ISO 8601, to the microsecond."""

from datetime import UTC, datetime, timedelta


def now(*, seconds_ago: float = 0.0) -> str:
    """The present, or a moment before it, as text; texts sort as the times do."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return moment.isoformat(timespec="microseconds")


def parsed(text: str | None) -> datetime | None:
    """The time that `now` wrote, or None for None."""
    return None if text is None else datetime.fromisoformat(text)
