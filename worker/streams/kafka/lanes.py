"""All lanes of one worker, as the group assigns them: rebalances start and stop lanes and do nothing else.

aiokafka logs what a rebalance listener raises and goes on, so its methods are kept too small to fail. It does not call
`on_partitions_revoked` when the consumer stops; `Lanes.aclose` stops the lanes itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Literal, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from worker.streams.kafka.offset_fetch import mind_answers
from worker.streams.kafka.producers import Producers

_NEVER_MS = 2**31 - 1  # aiokafka counts only `getmany` as activity: lanes that wait for the store would have to leave
_REBALANCE_MS = 30_000
_FETCH_BYTES = 1 << 20
_LEAVE_SECONDS = 10.0
_LOST_SECONDS, _LOST_TIMES = 60.0, 4


class ConsumerOptions(msgspec.Struct, frozen=True):
    """How to connect (aiokafka's keywords) and how to be a member of the group."""

    connection: Mapping[str, Any]
    group: str
    group_instance_id: str | None
    session_timeout_ms: int
    isolation_level: Literal["read_committed", "read_uncommitted"]


def new_consumer(options: ConsumerOptions) -> AIOKafkaConsumer:
    """Return a consumer that never decides about offsets by itself."""
    return AIOKafkaConsumer(
        **options.connection,
        group_id=options.group,
        group_instance_id=options.group_instance_id,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=options.isolation_level,
        session_timeout_ms=options.session_timeout_ms,
        heartbeat_interval_ms=max(300, options.session_timeout_ms // 6),
        rebalance_timeout_ms=_REBALANCE_MS,
        max_poll_interval_ms=_NEVER_MS,
        max_partition_fetch_bytes=_FETCH_BYTES,
        request_timeout_ms=40_000,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )


class Assigned(msgspec.Struct, frozen=True):
    """What is told of rebalances: the partitions given, or taken away."""

    given: Callable[[Collection[TopicPartition]], None]
    taken: Callable[[Collection[TopicPartition]], None]


class Running(Protocol):
    """One partition's task, from assignment to revocation."""

    task: asyncio.Task[None]

    def stop(self) -> None:
        """Let it end soon."""
        ...


class Member(msgspec.Struct, frozen=True):
    """What a member of the group works with; `stop` ends it with a reason."""

    consumer: AIOKafkaConsumer
    producers: Producers
    stop: Callable[[str], None]


class Lanes(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Runs one lane, which `open_lane` starts, for each partition that the group gives this member."""

    def __init__(
        self, member: Member, open_lane: Callable[[TopicPartition], Running], told: Assigned, stop_seconds: float
    ) -> None:
        self._member = member
        self._open_lane = open_lane
        self._told = told
        self._stop_seconds = stop_seconds
        self._lanes: dict[TopicPartition, Running] = {}
        self._closing = False
        self._lost: list[float] = []

    async def start(self, *topics: str) -> None:
        """Join the group; only once nothing that the coordinator answers goes unheard."""
        consumer = self._member.consumer
        await consumer.start()
        mind_answers(consumer, self._member_lost)
        consumer.subscribe(topics, listener=self)

    async def aclose(self) -> None:
        """Let transactions finish, end the lanes, leave the group, close the producers."""
        self._closing = True
        await self._stop()
        with suppress(TimeoutError):  # then the group notices by itself
            await asyncio.wait_for(self._member.consumer.stop(), _LEAVE_SECONDS)
        await self._member.producers.aclose()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """End all lanes; those that are inside a transaction may finish it."""
        self._told.taken(revoked)
        await self._stop()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Start a lane for each; it opens its own gate."""
        if not self._closing:
            self._told.given(assigned)
            self._lanes = {partition: self._open_lane(partition) for partition in assigned}

    async def _stop(self) -> None:
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            lane.stop()
        if not lanes:
            return
        tasks = {lane.task for lane in lanes.values()}
        _, late = await asyncio.wait(tasks, timeout=self._stop_seconds)
        for task in late:
            task.cancel()  # safe wherever it is: its producer is thrown away, the outcome is read anew
        if late:
            await asyncio.wait(late)

    def _member_lost(self) -> None:
        """Note that the group does not know this member any longer; that again and again has one cause."""
        now = time.monotonic()
        self._lost = [moment for moment in self._lost if now - moment < _LOST_SECONDS] + [now]
        if len(self._lost) >= _LOST_TIMES and self._member.consumer._group_instance_id is not None:  # noqa: SLF001
            self._member.stop(
                f"the group threw this worker out {_LOST_TIMES} times within a minute: another worker uses the same"
                " kafka.group_instance_id, expected a name that only one has (a StatefulSet's pod name)"
            )
