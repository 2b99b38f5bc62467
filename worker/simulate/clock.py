"""Times in milliseconds since the epoch, and when people are awake."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_WEEK = 7 * DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MONDAY = 4 * DAY


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds from the epoch to that moment."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def rfc3339(time: int) -> str:
    """Write a time in UTC: `2026-01-05T08:30:00.250Z`."""
    minute, rest = divmod(time, MINUTE)
    return f"{_minute(minute)}{rest // SECOND:02d}.{rest % SECOND:03d}Z"


@lru_cache(maxsize=1024)
def _minute(minute: int) -> str:
    return f"{_EPOCH + timedelta(minutes=minute):%Y-%m-%dT%H:%M:}"


class Rhythm:
    """How busy each hour of a week is, by whole-number weights of a weekday's and a weekend day's 24 hours."""

    def __init__(self, weekday: tuple[int, ...], weekend: tuple[int, ...]) -> None:
        self._weights = weekday * 5 + weekend * 2
        self._done = [0, *accumulate(weight * HOUR for weight in self._weights)]
        self._total = self._done[-1]

    def later(self, time: int, days: float, offset: int) -> int:
        """Return the time after that many average days' worth of activity, for people `offset` ms east of UTC."""
        weeks, rest = divmod(time + offset - _FIRST_MONDAY, _WEEK)
        hour, within = divmod(rest, HOUR)
        done = self._done[hour] + self._weights[hour] * within
        more, done = divmod(done + int(days * self._total / 7), self._total)
        hour = bisect_right(self._done, done) - 1
        within = (done - self._done[hour]) // self._weights[hour]
        return (weeks + more) * _WEEK + hour * HOUR + within + _FIRST_MONDAY - offset


CONSUMERS = Rhythm(
    weekday=(3, 2, 1, 1, 1, 3, 7, 11, 11, 10, 9, 9, 11, 10, 9, 9, 10, 13, 15, 17, 18, 16, 11, 6),
    weekend=(4, 2, 1, 1, 1, 1, 3, 5, 7, 9, 10, 9, 9, 8, 8, 8, 8, 9, 10, 11, 12, 11, 8, 5),
)
EMPLOYEES = Rhythm(
    weekday=(1, 1, 1, 1, 1, 2, 8, 25, 45, 40, 32, 26, 20, 30, 28, 24, 18, 9, 4, 3, 3, 2, 1, 1),
    weekend=(1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1),
)
