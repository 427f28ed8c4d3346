"""The pace of a reviewer."""

from datetime import UTC, datetime, timedelta

import pytest

from dvgs_core.review.sitting import current_sitting

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(*seconds):
    return [NOW - timedelta(seconds=second) for second in seconds]


def test_a_sitting_goes_back_to_the_last_long_pause():
    sitting = current_sitting(ago(10, 20, 40, 340, 641, 650), NOW)
    assert sitting.decisions == 4 and sitting.seconds == 330
    assert sitting.per_minute == pytest.approx(60 * 3 / 330)


def test_after_a_long_pause_there_is_no_sitting_and_no_pace():
    assert current_sitting(ago(301, 302, 303), NOW).decisions == 0
    assert current_sitting([], NOW).per_minute is None
    assert current_sitting(ago(1, 2), NOW).per_minute is None
    assert current_sitting(ago(1, 1, 1), NOW).per_minute is None


def test_no_more_is_read_than_the_sitting():
    def endless():
        yield from ago(1, 2, 1000)
        raise AssertionError("read on")

    assert current_sitting(endless(), NOW).decisions == 2
