"""How fast someone is deciding: the decisions of one sitting."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

#: A pause longer than this begins a new sitting.
PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class Sitting:
    """Decisions of one person without a long pause between them.

    Attributes:
        decisions: how many actions; a decision about many rows counts once.
        seconds: from the first to the last.
    """

    decisions: int
    seconds: float

    @property
    def per_minute(self) -> float | None:
        """Decisions a minute; None before there is a pace to speak of."""
        if self.decisions < 3 or self.seconds <= 0:
            return None
        return 60 * (self.decisions - 1) / self.seconds


def current_sitting(times: Iterable[datetime], now: datetime) -> Sitting:
    """The sitting that is going on.

    Args:
        times: of decisions, the newest first; read only as far back as the sitting goes.
        now: the present.

    Returns:
        No decisions if the last one is longer ago than `PAUSE`.
    """
    count, last, earliest = 0, None, now
    for time in times:
        if earliest - time > PAUSE:
            break
        last = last or time
        earliest = time
        count += 1
    return Sitting(count, (last - earliest).total_seconds() if last is not None else 0.0)
