"""What comes in: bad records between good ones, and people met by two workers at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from tests.faults.handlers import CRASHED
from tests.faults.stage import Hit, Stage
from tests.faults.traffic import PARTITIONS, REFUSED_BYTES
from tests.faults.waiting import until
from tests.faults.workers import Breakage, Worker

_TRICKLES = 30
_DEATHS = 6  # of one record: once after work that was done, twice more in a batch, three times alone


async def poison(stage: Stage, _: int) -> None:
    """Bad records of every kind between good ones."""
    await stage.join("a")
    bad = sum(each.due == "dead_letter" for each in stage.plan.inputs)
    stage.hits.append(Hit(f"{bad} bad records", bad))
    await stage.feeder.feed(len(stage.plan.inputs))


async def refused(stage: Stage, _: int) -> None:
    """Records that the broker refuses, although the limits read at start let them pass, alone and among others."""
    await stage.join("a")
    await stage.layout.limit_enriched(stage.servers.kafka.bootstrap_servers, REFUSED_BYTES)
    large = sum(each.reason == "output_too_large" for each in stage.plan.inputs)
    stage.hits.append(Hit(f"{large} refused records", large))
    for _ in range(_TRICKLES):  # a lane that waits between attempts has sometimes one record, sometimes more
        await stage.feeder.feed(4)
        await asyncio.sleep(stage.random.uniform(0, 0.1))
    await stage.feeder.feed(len(stage.plan.inputs))


async def races(stage: Stage, _: int) -> None:
    """Two workers meet the triggers of one person at the same instant."""
    for name in ("a", "b"):
        await stage.join(name)
    await stage.running()
    lanes: dict[int, set[int]] = defaultdict(set)
    for each in stage.plan.inputs:
        if each.event is not None and each.event.person is not None:
            lanes[each.event.person].add(each.partition)
    half = PARTITIONS // 2  # each worker has a range of partitions
    met = sum(min(partitions) < half <= max(partitions) for partitions in lanes.values())
    stage.hits.append(Hit(f"{met} people met by both", met))
    await stage.feeder.feed(len(stage.plan.inputs))


async def crashing(stage: Stage, _: int) -> None:
    """A record ends the process, and a supervisor starts it again, until it gets through."""
    dead = await supervised(stage)
    _expect_exits(CRASHED, dead)
    assert any(worker.said("deaths_noticed") for worker in dead)


async def freezing(stage: Stage, _: int) -> None:
    """A record freezes the process, the watchdog ends it, and a supervisor starts it again, until it gets through."""
    dead = await supervised(stage, WORKER_WATCHDOG_S="2")
    _expect_exits(1, dead)
    for worker in dead:
        stacks = worker.log.read_text()
        assert "Timeout (0:00:02)!" in stacks, worker.tail()
        assert "tests/faults/handlers.py" in stacks, worker.tail()


def _expect_exits(code: int, dead: Sequence[Worker]) -> None:
    for worker in dead:
        assert worker.returncode == code, f"exit {worker.returncode}, expected {code}: {worker.tail()}"


_BLAMED = {"WORKER_DEAD_LETTERS__MAX_DEATHS": "3"}


async def supervised(
    stage: Stage, lives: int | None = None, broken: Breakage | None = None, **settings: str
) -> list[Worker]:
    """Start a worker again whenever it has died, until all inputs have an outcome; return the dead.

    It may have so many `lives`; without a number, as many as its deadly records may take.
    """
    deadly = sum(each.reason == "crashed" for each in stage.plan.inputs)
    stage.hits.append(Hit(f"{deadly} deadly records", deadly))
    await stage.feeder.feed(len(stage.plan.inputs))
    dead: list[Worker] = []
    while stage.unsettled > 0 and len(dead) < (lives or _DEATHS * deadly + 1):
        worker = stage.workers.start("w", static=True, broken=broken, **_BLAMED, **settings)
        await until(lambda: worker.returncode is not None or stage.unsettled <= 0, stage.plan.seconds, "all outcomes")  # noqa: B023 - awaited within the round
        dead += [worker] if worker.returncode is not None else []
    assert stage.unsettled <= 0 or lives, f"no end after {len(dead)} deaths"
    return dead
