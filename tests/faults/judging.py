"""The end of a run: everything is fed, done, committed and read again from the start, then checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from aiokafka import TopicPartition

from tests.faults.checker import Run, Verdict, check
from tests.faults.reading import ends_of, offsets_of, read_all
from tests.faults.stage import STOP_SECONDS, Stage
from tests.faults.waiting import until

_CHUNK = 5000
_OPEN_SECONDS = 30.0

Ends = Mapping[TopicPartition, int]


class Judged(NamedTuple):
    """The verdict, and how the last workers exited."""

    verdict: Verdict
    exits: Sequence[int]


async def judge(stage: Stage) -> Judged:
    """Feed what is left, let the living workers finish and stop, read everything again and check."""
    bootstrap, inputs = stage.servers.kafka.bootstrap_servers, stage.feeder.places
    while await stage.feeder.feed(_CHUNK):
        pass
    with suppress(TimeoutError):  # what is missing then is a difference
        await stage.committed()
    exits = await stage.workers.stop(STOP_SECONDS)
    with suppress(TimeoutError):
        await until(lambda: _none_open(stage), _OPEN_SECONDS, "transactions to end")
    last, ends = await _ends(stage)
    await until(lambda: stage.follower.reached(ends), stage.plan.seconds, "the follower to be done")
    run = Run(
        inputs,
        await read_all(bootstrap, stage.layout, ends),
        tuple(stage.follower.seen),
        await stage.stored.variations(inputs.values()),
        await _lag(stage),
        [f"{at.topic}/{at.partition}" for at, end in ends.items() if last[at] != end],
        [*stage.workers.leaks(), *await stage.stored.leaks()],
        stage.redriven,
        stage.forgotten,
    )
    return Judged(check(run), exits)


async def _lag(stage: Stage) -> dict[int, int]:
    async with offsets_of(stage.servers.kafka.bootstrap_servers, stage.layout) as offsets:
        return await stage.lag(offsets)


async def _ends(stage: Stage) -> tuple[Ends, Ends]:
    """Return where the outputs end, and where they end for a committed reader: before any open transaction."""
    bootstrap, outputs = stage.servers.kafka.bootstrap_servers, stage.layout.outputs
    last = await ends_of(bootstrap, outputs, "read_uncommitted")
    return last, await ends_of(bootstrap, outputs, "read_committed")


async def _none_open(stage: Stage) -> bool:
    last, ends = await _ends(stage)
    return last == ends
