"""Reading a run's topics: a follower during the run, a pass from the start after it, and where everything ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.faults.layout import Layout
from tests.faults.seen import Seen, parse
from tests.faults.waiting import until

_READ_SECONDS = 120
_Isolation = Literal["read_committed", "read_uncommitted"]


class Follower:
    """Reads all output topics, read_committed, from the start and for as long as it lives."""

    def __init__(self, bootstrap_servers: str, layout: Layout) -> None:
        self.seen: list[Seen] = []
        self._layout = layout
        self._consumer = _consumer(bootstrap_servers, "read_committed")
        self.settled: set[str] = set()  # the inputs that have a terminal outcome
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._layout.outputs)
        await self._consumer.seek_to_beginning()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._consumer.stop()

    async def reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Tell whether everything before those ends is read."""
        assert self._task is not None
        if self._task.done():
            self._task.result()
        return all([await self._consumer.position(partition) >= end for partition, end in ends.items()])

    async def _follow(self) -> None:
        kinds = self._layout.kinds
        while True:
            batches = await self._consumer.getmany(timeout_ms=200)
            for record in (each for batch in batches.values() for each in batch):
                place = (record.partition, record.offset)
                seen = parse(kinds[record.topic], place, record.key, record.value, record.headers)
                self.seen.append(seen)
                if seen.kind in {"enriched", "dead_letters"}:
                    self.settled.add(seen.source)


async def read_all(bootstrap_servers: str, layout: Layout, ends: Mapping[TopicPartition, int]) -> Sequence[Seen]:
    """Read the outputs from the start to those ends with a reader of its own."""
    async with Follower(bootstrap_servers, layout) as reader:
        await until(lambda: reader.reached(ends), _READ_SECONDS, "the outputs to be read")
        return reader.seen


async def ends_of(
    bootstrap_servers: str, partitions: Sequence[TopicPartition], isolation: _Isolation
) -> dict[TopicPartition, int]:
    """Return the ends as a reader of that isolation sees them: of a committed one, before any open transaction."""
    consumer = _consumer(bootstrap_servers, isolation)
    await consumer.start()
    try:
        found: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return found


class Offsets:
    """What a group has committed."""

    def __init__(self, admin: AIOKafkaAdminClient, layout: Layout) -> None:
        self._admin = admin
        self._layout = layout

    async def committed(self) -> Mapping[int, int]:
        """Return the committed offset by input partition, 0 where there is none or the broker does not say."""
        try:
            found = await self._admin.list_consumer_group_offsets(self._layout.group)
        except (KafkaError, OSError):
            found = {}
        topic = self._layout.triggers
        return {at.partition: each.offset for at, each in found.items() if at.topic == topic}


@asynccontextmanager
async def offsets_of(bootstrap_servers: str, layout: Layout) -> AsyncIterator[Offsets]:
    """Ask for a group's offsets, in a client of its own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=5000)
    await admin.start()
    try:
        yield Offsets(admin, layout)
    finally:
        await admin.close()


def _consumer(bootstrap_servers: str, isolation: _Isolation) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=isolation,
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=50,
    )
