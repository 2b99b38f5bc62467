"""How many may wait for an endpoint, and when the others have their turn."""

from __future__ import annotations

from tests.delivery.test_circuit import Clock
from worker.delivery.pace import LONGEST_WAIT_S, Pace


def answering(clock: Clock, pace: Pace, interval: float, seconds: float) -> None:
    """Let answers come in that interval for so long."""
    for _ in range(round(seconds / interval)):
        clock.now += interval
        pace.answered()
        pace.room()


def test_at_first_nobody_knows_and_all_may_wait() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 0.9
    assert pace.room() == float("inf")
    pace.answered()
    clock.now = 2.9
    assert pace.room() == float("inf")


def test_few_wait_for_one_that_has_not_answered_yet_and_the_others_come_back_together() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 1.0
    assert pace.room() == 100
    assert {pace.book() for _ in range(1000)} == {LONGEST_WAIT_S}
    pace.answered()
    assert pace.room() == float("inf")


def test_as_many_may_wait_as_have_their_turn_soon() -> None:
    for interval in (0.001, 0.1, 1.0):
        clock = Clock()
        pace = Pace(clock)
        answering(clock, pace, interval, 10)
        assert 0.8 <= pace.room() * interval / LONGEST_WAIT_S <= 1.25


def test_one_that_falls_silent_is_noticed_within_seconds() -> None:
    clock = Clock()
    pace = Pace(clock)
    answering(clock, pace, 0.001, 10)
    for _ in range(70):
        clock.now += 0.1
        pace.room()
    assert pace.room() < 15


def test_one_that_comes_back_has_room_again() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 100.0
    assert pace.room() < 1
    answering(clock, pace, 0.01, 10)
    assert pace.room() > 2000


def test_turns_are_half_a_minute_ahead_and_follow_each_other_at_its_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    answering(clock, pace, 0.5, 20)
    first, *others = [pace.book() for _ in range(101)]
    assert first == LONGEST_WAIT_S
    assert 40 <= others[-1] - first <= 62
    assert others == sorted(others)


def test_nobody_is_sent_away_for_more_than_an_hour() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 1000.0
    assert max(pace.book() for _ in range(100)) == 3600
