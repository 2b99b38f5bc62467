"""Reading stretches of a topic without a group: from where to where, as committed readers see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from worker.streams.kafka.cluster import ClusterError, Connection, explained
from worker.streams.kafka.topics import describe

_POLL_MS = 500
_FETCH_BYTES = 1 << 18  # compressed: what is read ahead unpacks to many times that
_MOST_RECORDS = 5000
_FETCH_WAIT_MS = 20  # a broker that waits for more at the end of one partition keeps the others from being read on
_STALL_SECONDS = 120.0


class Stretch(msgspec.Struct, frozen=True):
    """The offsets of a partition from `begin` up to, and without, `end`; some have no record for readers."""

    begin: int
    end: int


Stretches = Mapping[int, Stretch]
"""Stretches by partition."""

Progress = Callable[[int, int], None]
"""Told how many offsets are read, and how many there are."""


def unheard(read: int, whole: int) -> None:
    """Tell nobody."""


class TopicReader:
    """An open topic; one reading at a time."""

    def __init__(self, committed: AIOKafkaConsumer, every: AIOKafkaConsumer, topic: str, partitions: int) -> None:
        self._committed = committed
        self._every = every
        self._topic = topic
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        self._left: dict[TopicPartition, Stretch] = {}

    @property
    def left(self) -> Sequence[int]:
        """The partitions that are not read to the end of their stretch."""
        return [at.partition for at in self._left]

    async def stretches(self, since_ms: int | None = None, until_ms: int | None = None) -> dict[int, Stretch]:
        """Return what the topic holds now, open transactions included.

        `since_ms`, `until_ms`: from the first record of that time or later on, and without the first of the other.
        A committed reader's own end is before the first open transaction, and misses what that one will commit.
        """
        ends = await self._every.end_offsets(self._partitions)
        begins = await self._every.beginning_offsets(self._partitions)
        since, until = await self._at(since_ms, begins, ends), await self._at(until_ms, ends, ends)
        return {at.partition: Stretch(max(begins[at], since[at]), until[at]) for at in self._partitions}

    async def _at(
        self, moment_ms: int | None, otherwise: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]:
        """Return the offsets of the first records of that time or later; the end where there is none."""
        if moment_ms is None:
            return otherwise
        found = await self._every.offsets_for_times(dict.fromkeys(self._partitions, moment_ms))
        return {at: ends[at] if found[at] is None else found[at].offset for at in self._partitions}

    async def read(self, stretches: Stretches, progress: Progress = unheard) -> AsyncIterator[Sequence[ConsumerRecord]]:
        """Yield the records, some of one partition at a time and in its order; wait for open transactions to end.

        Raises:
            ClusterError: nothing comes for two minutes, or retention took what was to be read.
        """
        whole = sum(each.end - each.begin for each in stretches.values())
        done = dict.fromkeys(stretches, 0)
        progress(0, whole)
        self.begin(stretches)
        while self._left:
            for partition, records in (await self.more(self.left)).items():
                yield records
                done[partition] = records[-1].offset + 1 - stretches[partition].begin
                progress(sum(done.values()), whole)
        progress(whole, whole)

    def begin(self, stretches: Stretches) -> None:
        """Begin to read these stretches."""
        self._left = {TopicPartition(self._topic, at): each for at, each in stretches.items() if each.begin < each.end}
        self._committed.assign(list(self._left))
        for at, stretch in self._left.items():
            self._committed.seek(at, stretch.begin)

    async def more(self, partitions: Sequence[int]) -> dict[int, Sequence[ConsumerRecord]]:
        """Return the next records of these partitions, which are left; none if there are only some that nobody sees.

        Raises:
            ClusterError: as `read`.
        """
        found: dict[int, Sequence[ConsumerRecord]] = {}
        asked = [TopicPartition(self._topic, number) for number in partitions]
        for at, records in (await self._next(asked)).items():
            inside = [record for record in records if record.offset < self._left[at].end]
            if inside:
                found[at.partition] = inside
        for at in [at for at in asked if await self._committed.position(at) >= self._left[at].end]:
            del self._left[at]
        return found

    async def _next(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Return the next records; none if only a position moved, past what readers don't see."""
        before = await self._positions(partitions)
        try:
            async with asyncio.timeout(_STALL_SECONDS):
                while True:
                    found: dict[TopicPartition, list[ConsumerRecord]]
                    found = await self._committed.getmany(*partitions, timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
                    if found or await self._positions(partitions) != before:
                        return found
        except OffsetOutOfRangeError:
            raise ClusterError(f"{self._topic}: retention took records while they were to be read") from None
        except TimeoutError:
            raise ClusterError(
                f"{self._topic}: nothing came for {_STALL_SECONDS:.0f} s although there is more: a broker is away, or"
                " a transaction is open for so long"
            ) from None

    async def _positions(self, partitions: Sequence[TopicPartition]) -> list[int]:
        return [await self._committed.position(at) for at in partitions]


@asynccontextmanager
async def open_reader(connection: Connection, topic: str) -> AsyncIterator[TopicReader]:
    """Open a topic that exists.

    Raises:
        ClusterError: no broker answers, or there is no such topic.
    """
    states = await describe(connection, [topic])
    if topic not in states:
        raise ClusterError(f"{topic}: no such topic on {connection.bootstrap_servers}, expected one that exists")
    async with _started(connection, "read_committed") as committed, _started(connection, "read_uncommitted") as every:
        yield TopicReader(committed, every, topic, states[topic].partitions)


@asynccontextmanager
async def _started(
    connection: Connection, isolation: Literal["read_committed", "read_uncommitted"]
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **connection.options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=isolation,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        request_timeout_ms=40_000,
    )
    try:
        with explained(connection):
            await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
