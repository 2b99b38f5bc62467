from __future__ import annotations

from collections import Counter

from tests.definitions_documents import percentage_set
from tests.pipelines import snapshot_of
from tests.report.replayed import batch, login, watched
from worker.app.study import Stopwatch, Study
from worker.report.collect import Collector


class Clock:
    """A clock that passes a second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_a_part_is_what_passed_since_the_one_before() -> None:
    stopwatch = Stopwatch(Clock())
    for part in ("read", "decode", "read"):
        stopwatch.lap(part)
    assert stopwatch.seconds == {"read": 2.0, "decode": 1.0}


def test_a_handlers_calls_add_up() -> None:
    stopwatch = Stopwatch(Clock())
    stopwatch.handler("act", "post_login", 0.5)
    stopwatch.handler("act", "post_login", 0.25)
    assert stopwatch.handlers == {("act", "post_login"): 0.75}


async def test_a_watched_batch_tells_its_decisions_in_the_order_of_the_events() -> None:
    pipeline = watched(snapshot_of(percentage_set()))
    first, _ = await pipeline.process(batch(login(1), b"nonsense", login(2)))
    second, _ = await pipeline.process(batch({**login(1), "id": "evt_3"}))
    assert [(each.trigger.id, each.decision.reason) for each in first] == [("evt_1", "split"), ("evt_2", "split")]
    assert [(each.decision.reason, each.exposed) for each in second] == [("sticky", True)]


async def test_every_part_of_a_batchs_walk_is_measured_once() -> None:
    snapshot = snapshot_of(percentage_set())
    stopwatch = Stopwatch(Clock())
    pipeline = watched(snapshot, lap=stopwatch.lap)
    await Study(pipeline, Collector(snapshot), None, stopwatch).process(batch(login(1)))
    assert stopwatch.seconds == Counter(["decode", "decide", "claim", "handlers", "emit", "report"])
