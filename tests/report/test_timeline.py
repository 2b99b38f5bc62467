from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.report.timeline import SHOWN, Timeline

DAY = 86_400
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())


def timeline(*moments: float, key: str = "a") -> Timeline[str]:
    found: Timeline[str] = Timeline()
    for moment in moments:
        found.add(key, moment)
    return found


def test_nothing_dated_has_no_series() -> None:
    assert timeline().series(["a"]) is None


def test_a_minute_is_shown_in_seconds() -> None:
    series = timeline(MONDAY, MONDAY + 1.5, MONDAY + 3).series(["a"])
    assert series is not None
    assert (series.start, series.step, series.counts) == (MONDAY, 1, [[1, 1, 0, 1]])


@pytest.mark.parametrize(("span", "step"), [(30 * 60, 60), (DAY - 900, 900), (31 * DAY, DAY), (400 * DAY, 7 * DAY)])
def test_steps_grow_with_the_time_that_passed(span: int, step: int) -> None:
    series = timeline(MONDAY, MONDAY + span).series(["a"])
    assert series is not None
    assert series.step == step


def test_days_begin_at_midnight_and_weeks_on_mondays() -> None:
    days = timeline(MONDAY + 3600, MONDAY + 40 * DAY).series(["a"])
    weeks = timeline(MONDAY + 3 * DAY, MONDAY + 500 * DAY).series(["a"])
    assert days is not None
    assert weeks is not None
    assert (days.start, weeks.start) == (MONDAY, MONDAY)


def test_every_key_has_a_row_over_the_time_of_all() -> None:
    found = timeline(MONDAY)
    found.add("b", MONDAY + 2)
    series = found.series(["b", "a", "never"])
    assert series is not None
    assert series.counts == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


@given(st.lists(st.integers(-62_135_596_800, 253_402_300_799), min_size=1))
def test_no_count_is_lost_and_the_steps_stay_few(moments: list[int]) -> None:
    series = timeline(*moments).series(["a"])
    assert series is not None
    assert sum(series.counts[0]) == len(moments)
    assert len(series.counts[0]) <= SHOWN
    assert series.start <= min(moments)
    assert max(moments) < series.start + series.step * len(series.counts[0])


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_the_order_of_the_events_makes_no_difference(moments: list[int]) -> None:
    assert timeline(*moments).series(["a"]) == timeline(*reversed(moments)).series(["a"])


def test_what_is_kept_is_bounded_by_steps_not_by_events() -> None:
    found = timeline(*range(MONDAY, MONDAY + 200 * DAY, 997))
    assert len(found._counts["a"]) <= 1024
