"""Kafka records as inputs of the pipeline, and what a topic holds in one order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from heapq import heapify, heappop, heapreplace

from aiokafka import ConsumerRecord

from worker.records import Record
from worker.streams.kafka.letters import redriven_from
from worker.streams.kafka.reading import Stretches, TopicReader


def input_of(found: ConsumerRecord) -> Record:
    """Return a record as an input; one that was sent back from the dead letters stands where it first did."""
    return Record(
        found.value or b"",
        redriven_from(found.headers) or f"{found.topic}/{found.partition}/{found.offset}",
        found.key,
        tuple(found.headers),
        found.timestamp,
    )


_When = tuple[int, int]  # the latest timestamp of the partition so far, and its number


class _Partition:
    """What is at hand of a partition; its order stands, even where timestamps go back."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.records: deque[ConsumerRecord] = deque()
        self._latest = 0

    def when(self) -> _When:
        """Return when its next record is due."""
        self._latest = max(self._latest, self.records[0].timestamp)
        return self._latest, self.number


async def in_order(reader: TopicReader, stretches: Stretches, size: int) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """Yield the records of all partitions by timestamp (then partition, then offset), so many at a time.

    The order is that of the records alone, not of their arrival; a few thousand of each partition are held at once.

    Raises:
        ClusterError: as `TopicReader.read`.
    """
    batch: list[ConsumerRecord] = []
    async for record in _merged(reader, stretches):
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


async def _merged(reader: TopicReader, stretches: Stretches) -> AsyncIterator[ConsumerRecord]:
    reader.begin(stretches)
    partitions = {number: _Partition(number) for number in reader.left}
    while True:
        dry = [each.number for each in partitions.values() if not each.records]
        while waiting := [number for number in dry if number in reader.left and not partitions[number].records]:
            for number, records in (await reader.more(waiting)).items():
                partitions[number].records.extend(records)
        queue = [(each.when(), each) for each in partitions.values() if each.records]
        if not queue:
            return
        for record in _due(queue, set(reader.left)):
            yield record


def _due(queue: list[tuple[_When, _Partition]], unfinished: set[int]) -> list[ConsumerRecord]:
    """Take the records in order, until a partition that is to go on has none at hand."""
    heapify(queue)
    found = []
    while queue:
        partition = queue[0][1]
        found.append(partition.records.popleft())
        if partition.records:
            heapreplace(queue, (partition.when(), partition))
        elif partition.number in unfinished:
            return found
        else:
            heappop(queue)
    return found
