from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from worker.simulate.clock import CONSUMERS, DAY, EMPLOYEES, HOUR, Rhythm, milliseconds, rfc3339

MONDAY = milliseconds(datetime(2026, 1, 5, tzinfo=UTC))
EVEN = Rhythm(weekday=(1,) * 24, weekend=(1,) * 24)
NINE_TO_FIVE = Rhythm(weekday=(1,) * 9 + (1000,) * 8 + (1,) * 7, weekend=(1,) * 24)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (MONDAY + 61_007, "2026-01-05T00:01:01.007Z"),
        (MONDAY - 1, "2026-01-04T23:59:59.999Z"),
    ],
)
def test_a_time_is_written_as_rfc_3339(time: int, text: str) -> None:
    assert rfc3339(time) == text


def test_milliseconds_respect_the_zone() -> None:
    noon_in_berlin = datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=1)))

    assert milliseconds(noon_in_berlin) == MONDAY + 11 * HOUR


@pytest.mark.parametrize("rhythm", [EVEN, CONSUMERS, EMPLOYEES])
@pytest.mark.parametrize("time", [MONDAY, MONDAY + 3 * DAY + 7 * HOUR + 13])
def test_a_week_of_activity_takes_a_week(rhythm: Rhythm, time: int) -> None:
    assert abs(rhythm.later(time, 7, 0) - time - 7 * DAY) <= 1


def test_without_a_rhythm_activity_is_time() -> None:
    assert EVEN.later(MONDAY + 123, 2.5, 0) == MONDAY + 123 + 5 * DAY // 2


def test_nobody_comes_back_earlier() -> None:
    times = [EMPLOYEES.later(MONDAY + 5 * DAY, days / 10, 0) for days in range(100)]

    assert times == sorted(times)
    assert times[0] == MONDAY + 5 * DAY


def test_quiet_hours_pass_quickly() -> None:
    after_work = MONDAY + 4 * DAY + 18 * HOUR

    back = NINE_TO_FIVE.later(after_work, 0.2, 0)

    assert MONDAY + 7 * DAY + 9 * HOUR < back < MONDAY + 7 * DAY + 17 * HOUR


def test_the_day_begins_earlier_in_the_east() -> None:
    here, east = (NINE_TO_FIVE.later(MONDAY, 0.1, offset) for offset in (0, 9 * HOUR))

    assert here >= MONDAY + 9 * HOUR
    assert east < MONDAY + 9 * HOUR
