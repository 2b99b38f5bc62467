"""What comes in: bad records between good ones, and people met by two workers at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from tests.faults.stage import Hit, Stage
from tests.faults.traffic import PARTITIONS, REFUSED_BYTES

_TRICKLES = 30


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
