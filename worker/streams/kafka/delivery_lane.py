"""A delivery lane: one partition whose records are settled in any order, each with what it comes to.

Up to a thousand records are under way at once. What is settled leaves from the front only: so the committed offset is a
low-water mark, below which everything is settled. What records come to (a later attempt, a dead letter) goes out in the
transaction that commits them, and not before those in front of them are settled too. So each is settled exactly once
for Kafka; only what was done outside of it, with records behind the mark, is done again after a crash. One at the front
that takes its time holds up the mark and not the lane: fifty thousand may be settled behind it.

A lane opens as the worker's lanes do (`lane`): the producer starts and fences, then the committed offset is read. And
as there, one recovery for whatever fails: throw the producer away and open again.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError, ProducerFenced

from worker.streams.kafka.outgoing import Parcel
from worker.streams.kafka.positions import LaneStoppedError, Positions
from worker.streams.kafka.producers import Producers, hand_over, lane_id

UNDER_WAY = 1000
"""How many records of a partition are under way at once, at the most."""
_WORTH_READING = 200  # so many fewer: reading one by one takes as long as delivering
_BEHIND_THE_FRONT = 50_000
_BYTES_AT_HAND = 16 << 20
_OPEN_SECONDS = 60.0
_POLL_MS = 500
_GATHER_SECONDS = 0.25  # what is settled within that time is committed together
_GRACE_SECONDS = 8.0  # for what is under way when the lane must end
_FENCED_SECONDS = 2.0
_FIRST_BACKOFF, _LAST_BACKOFF = 0.1, 5.0


class Sent(NamedTuple):
    """A record to send."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


class Begun(Protocol):
    """A record that was begun."""

    def drop(self) -> bool:
        """Forget it if it is not under way; tell whether it was forgotten."""
        ...


Settle = Callable[[Sequence[Sent]], None]
Begin = Callable[[ConsumerRecord, Settle], Begun]


class Watcher(Protocol):
    """Told what delivery lanes do."""

    def opened(self, partition: TopicPartition, offset: int) -> None:
        """Note where the lane begins."""
        ...

    def committed(self, partition: TopicPartition, records: int, lag: int) -> None:
        """Note how many records were settled, and how many are to come."""
        ...

    def failed(self, partition: TopicPartition, error: BaseException, seconds: float) -> None:
        """Note that the lane opens again after that time."""
        ...

    def stopped(self, partition: TopicPartition, reason: str) -> None:
        """Note that the lane can't go on by itself."""
        ...

    def gone(self, partition: TopicPartition) -> None:
        """Note that the lane has ended."""
        ...


class Delivering(msgspec.Struct, frozen=True):
    """What all delivery lanes of a process have in common; `begin` begins a record and returns at once."""

    group: str
    consumer: AIOKafkaConsumer
    producers: Producers
    positions: Positions
    begin: Begin
    watcher: Watcher
    transaction_seconds: float


class _Entry:
    __slots__ = ("begun", "offset", "outputs", "size")

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size
        self.outputs: Sequence[Sent] | None = None
        self.begun: Begun | None = None


class _Window:
    """The records at hand, in their order; `changed` is set when one is settled, `room` when some have left."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._under_way = self._bytes = 0
        self.changed = asyncio.Event()
        self.room = asyncio.Event()

    @property
    def space(self) -> int:
        """Return how many more records may be taken."""
        if self._bytes >= _BYTES_AT_HAND:
            return 0
        return max(0, min(UNDER_WAY - self._under_way, _BEHIND_THE_FRONT - len(self._entries)))

    def begin(self, record: ConsumerRecord, begin: Begin) -> None:
        entry = _Entry(record.offset, len(record.value or b""))
        self._entries.append(entry)
        self._bytes += entry.size
        self._under_way += 1

        def settle(outputs: Sequence[Sent]) -> None:
            entry.outputs = outputs
            self._under_way -= 1
            if not outputs:  # else its bytes are still there
                self._bytes -= entry.size
                entry.size = 0
            self.changed.set()
            if self._under_way <= UNDER_WAY - _WORTH_READING:
                self.room.set()

        entry.begun = begin(record, settle)

    def drop(self) -> bool:
        """Forget what is not under way; tell whether something is."""
        kept = [each for each in self._entries if each.outputs is not None or (each.begun and not each.begun.drop())]
        if len(kept) < len(self._entries):  # what stands behind a gap is not committed: it is done again
            first = next(at for at, each in enumerate(self._entries) if at >= len(kept) or each is not kept[at])
            kept = kept[:first]
            self._entries = deque(kept)
        return any(each.outputs is None for each in kept)

    def settled(self) -> list[_Entry]:
        """Take away what is settled at the front."""
        found = []
        while self._entries and self._entries[0].outputs is not None:
            entry = self._entries.popleft()
            entry.begun = None  # which knows how to settle the entry: no cycle is left for the collector
            self._bytes -= entry.size
            found.append(entry)
        return found


class DeliveryLane:
    """One partition's task, from assignment to revocation."""

    def __init__(self, shared: Delivering, partition: TopicPartition) -> None:
        self._shared = shared
        self._partition = partition
        self._stopping = asyncio.Event()
        self._backoff = _FIRST_BACKOFF
        self.task = asyncio.create_task(self._run(), name=f"deliver {partition.topic}/{partition.partition}")
        self._serving = False

    def stop(self) -> None:
        """Let it end: what is under way gets a moment, and what is settled is committed."""
        self._stopping.set()
        if not self._serving:
            self.task.cancel()

    async def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    await self._serve()
                except LaneStoppedError:
                    raise
                except Exception as error:  # noqa: BLE001 - the one recovery: whatever it was, open again
                    pause = self._pause(error)
                    self._shared.watcher.failed(self._partition, error, pause)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), pause)
        except LaneStoppedError as error:
            self._shared.watcher.stopped(self._partition, str(error))
            await asyncio.get_running_loop().create_future()  # the partition stays with this process, and says so
        finally:
            self._shared.watcher.gone(self._partition)

    def _pause(self, error: Exception) -> float:
        backoff = self._backoff
        self._backoff = min(2 * backoff, _LAST_BACKOFF)
        if isinstance(error, ProducerFenced):
            return _FENCED_SECONDS
        return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - jitter

    async def _serve(self) -> None:
        producer = await self._open()
        window = _Window()
        reader = asyncio.create_task(self._read(window), name="read deliveries")
        stopping = asyncio.create_task(self._stopping.wait())
        reader.add_done_callback(lambda _: window.changed.set())
        stopping.add_done_callback(lambda _: window.changed.set())
        self._serving = True
        try:
            while not (reader.done() or stopping.done()):
                await window.changed.wait()
                await asyncio.sleep(_GATHER_SECONDS)
                await self._commit_settled(producer, window)
            if stopping.done():
                reader.cancel()
                await self._finish(producer, window)
            else:
                reader.result()
        finally:
            self._serving = False
            reader.cancel()
            stopping.cancel()
            await asyncio.wait([reader, stopping])
            window.drop()
            self._shared.producers.discard(producer)

    async def _finish(self, producer: AIOKafkaProducer, window: _Window) -> None:
        """Wait a moment for what is under way, and commit what is settled by then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                while window.drop():
                    await window.changed.wait()
                    window.changed.clear()
        await self._commit_settled(producer, window)

    async def _open(self) -> AIOKafkaProducer:
        """Fence whoever had the partition before, and stand where its last commit left it."""
        shared, partition = self._shared, self._partition
        async with asyncio.timeout(_OPEN_SECONDS):
            producer = await shared.producers.open(lane_id(shared.group, partition))

            async def begin(offset: int) -> None:
                await self._commit(producer, offset, ())

            try:
                position = await shared.positions.of(partition, begin)
                shared.consumer.seek(partition, position)
            except BaseException:
                shared.producers.discard(producer)
                raise
        shared.watcher.opened(partition, position)
        return producer

    async def _read(self, window: _Window) -> None:
        shared, partition = self._shared, self._partition
        while True:
            while not (space := window.space):
                window.room.clear()
                await window.room.wait()
            try:
                got = await shared.consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=space)
            except OffsetOutOfRangeError:
                raise LaneStoppedError(
                    "the topic lost records that were not processed, or was made anew. To go on, set the group's offset"
                ) from None
            for record in got.get(partition, ()):
                window.begin(record, shared.begin)

    async def _commit_settled(self, producer: AIOKafkaProducer, window: _Window) -> None:
        window.changed.clear()
        settled = window.settled()
        if not settled:
            return
        outputs = [output for entry in settled for output in entry.outputs or ()]
        await self._commit(producer, settled[-1].offset + 1, outputs)
        self._backoff = _FIRST_BACKOFF
        window.room.set()  # what was settled with outputs has left its bytes
        end = self._shared.consumer.highwater(self._partition) or 0
        self._shared.watcher.committed(self._partition, len(settled), max(0, end - settled[-1].offset - 1))

    async def _commit(self, producer: AIOKafkaProducer, offset: int, outputs: Sequence[Sent]) -> None:
        parcel: Parcel = {}
        for topic, partition, key, value, headers in outputs:
            parcel.setdefault((topic, partition), []).append((key, value, list(headers)))
        async with asyncio.timeout(self._shared.transaction_seconds):
            await producer.begin_transaction()
            await asyncio.gather(*await hand_over(producer, parcel))
            await producer.send_offsets_to_transaction({self._partition: offset}, self._shared.group)
            await producer.commit_transaction()
