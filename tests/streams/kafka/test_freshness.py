"""How old claims may be when they are published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from worker.outputs import BatchResult, Tallies, no_outputs
from worker.streams.kafka.lane import Freshness, Limits, StaleClaimsError

LIMITS = Limits(batch_records=10, claim_seconds=5.0, transaction_seconds=10.0, deaths=3)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def batch(renew: Callable[[], Awaitable[bool]]) -> BatchResult:
    return BatchResult(no_outputs(), [], Tallies(0), lambda: None, renew)


class Store:
    """Answers as before, or not; asking takes some seconds."""

    def __init__(self, clock: Clock, *seconds: float, same: bool = True) -> None:
        self._clock = clock
        self._seconds = list(seconds)
        self._same = same
        self.asked = 0

    async def renew(self) -> bool:
        self.asked += 1
        self._clock.now += self._seconds.pop(0)
        return self._same


async def test_young_claims_are_not_asked_for_again(clock: Clock) -> None:
    store = Store(clock)
    claims = Freshness(clock(), batch(store.renew), LIMITS, clock)
    clock.now += 5.0
    await claims.renew()
    assert store.asked == 0


async def test_old_claims_are_asked_for_until_an_answer_is_young(clock: Clock) -> None:
    store = Store(clock, 30.0, 6.0, 1.0)
    claims = Freshness(clock(), batch(store.renew), LIMITS, clock)
    clock.now += 5.1
    await claims.renew()
    assert store.asked == 3
    claims.check()


async def test_an_answer_that_differs_throws_the_batch_away(clock: Clock) -> None:
    claims = Freshness(clock(), batch(Store(clock, 0.1, same=False).renew), LIMITS, clock)
    clock.now += 5.1
    with pytest.raises(StaleClaimsError):
        await claims.renew()


async def test_a_process_that_stood_still_in_its_transaction_does_not_commit(clock: Clock) -> None:
    claims = Freshness(clock(), batch(Store(clock).renew), LIMITS, clock)
    clock.now += 15.0
    claims.check()
    clock.now += 0.1
    with pytest.raises(StaleClaimsError):
        claims.check()
