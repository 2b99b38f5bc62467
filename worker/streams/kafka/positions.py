"""Where a lane begins: what its group has committed, if the partition still has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from worker.streams.kafka.offset_fetch import settled_offset, shows_commits_at_once

_LEADER_LOOKS, _LEADER_PAUSE = 30, 0.5


class LaneStoppedError(Exception):
    """The lane can't go on without somebody's decision; the message says why and what to do."""


class Positions(msgspec.Struct, frozen=True):
    """The positions of one group's member.

    `committed` answers what the group has committed for a partition, for good (see `offset_fetch`); `begin_at` where a
    partition without a committed offset begins.
    """

    consumer: AIOKafkaConsumer
    committed: Callable[[TopicPartition], Awaitable[int | None]]
    begin_at: Callable[[TopicPartition], Awaitable[int]]

    async def of(self, partition: TopicPartition, begin: Callable[[int], Awaitable[None]]) -> int:
        """Return where a lane begins, whose producer has fenced whoever had the partition before.

        `begin` writes down where a new group begins: else a restart before its first batch would begin anew.

        Raises:
            LaneStoppedError: the topic does not have what was not processed yet.
        """
        found = await self.committed(partition)
        if found is None:
            offset = await self.begin_at(partition)
            await begin(offset)
            return offset
        first = (await self.consumer.beginning_offsets([partition]))[partition]
        if found < first:
            raise LaneStoppedError(
                f"records {found} to {first - 1} are gone ({first - found:,} records): the topic's retention was"
                f" shorter than the lag. To go on at {first}, set the group's offset"
            )
        if not await self._reaches(partition, found):
            raise LaneStoppedError(
                f"the committed offset is {found}, and the topic ends before it: it was made anew or truncated."
                " To go on, set the group's offset"
            )
        return found

    async def _reaches(self, partition: TopicPartition, offset: int) -> bool:
        """Tell whether the partition goes as far; a new leader may say less for some seconds."""
        for _ in range(_LEADER_LOOKS):
            if (await self.consumer.end_offsets([partition]))[partition] >= offset:
                return True
            await asyncio.sleep(_LEADER_PAUSE)
        return False


Start = Literal["earliest", "latest"] | int
"""Where a new group begins; a number is a time in ms."""


def positions_of(consumer: AIOKafkaConsumer, start_of: Callable[[TopicPartition], Start]) -> Positions:
    """Return the positions of a consumer's group."""

    async def committed(partition: TopicPartition) -> int | None:
        async def read() -> int | None:
            found: int | None = await consumer.committed(partition)
            return found

        return await read() if await shows_commits_at_once(consumer) else await settled_offset(read)

    async def begin_at(partition: TopicPartition) -> int:
        start = start_of(partition)
        if isinstance(start, int):
            found = (await consumer.offsets_for_times({partition: start})).get(partition)
            if found is not None:
                return int(found.offset)
        ask = consumer.beginning_offsets if start == "earliest" else consumer.end_offsets
        return int((await ask([partition]))[partition])

    return Positions(consumer, committed, begin_at)
