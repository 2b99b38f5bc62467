"""Producing a run's inputs, so that each lands at the place that is known beforehand."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from tests.faults.layout import Layout
from tests.faults.traffic import PARTITIONS, Input

_STAMP = 1_772_000_000_000  # record timestamps are boring


class Feeder:
    """Produces inputs in batches, in order, each once (an idempotent producer)."""

    def __init__(self, bootstrap_servers: str, layout: Layout, inputs: Sequence[Input]) -> None:
        self._topic = layout.triggers
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers, enable_idempotence=True, max_batch_size=1 << 20
        )
        self._left = iter(inputs)
        self._ends = [0] * PARTITIONS
        self.places: dict[str, Input] = {}  # what was produced, by its place
        self.outcomes = 0  # how many of it end as an output

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def feed(self, count: int) -> int:
        """Produce the next inputs, wait until the broker has them, return how many there were."""
        lanes: list[list[Input]] = [[] for _ in range(PARTITIONS)]
        chunk = list(islice(self._left, count))
        for each in chunk:
            lanes[each.partition].append(each)
        sent = [(partition, await self._send(partition, lane)) for partition, lane in enumerate(lanes) if lane]
        for partition, futures in sent:
            for number, future in futures:
                metadata = await future
                assert metadata.offset == self._ends[partition], "an input is not at its place"
                self._ends[partition] += number
        self._note(lanes)
        return len(chunk)

    def _note(self, lanes: Sequence[Sequence[Input]]) -> None:
        self.outcomes += sum(each.due != "skip" for lane in lanes for each in lane)
        for partition, lane in enumerate(lanes):
            first = self._ends[partition] - len(lane)
            self.places |= {f"{self._topic}/{partition}/{first + at}": each for at, each in enumerate(lane)}

    @property
    def ends(self) -> Sequence[int]:
        """Return where the inputs of each partition end."""
        return self._ends

    def sent_back(self, ends: Mapping[int, int]) -> None:
        """Note that somebody else has produced up to there; nothing can be fed after that."""
        self._left = iter(())
        self._ends = [ends.get(partition, end) for partition, end in enumerate(self._ends)]

    async def _send(self, partition: int, lane: Iterable[Input]) -> list[tuple[int, Awaitable[RecordMetadata]]]:
        futures = []
        batch = self._producer.create_batch()
        for each in lane:
            while batch.append(timestamp=_STAMP, key=each.key, value=each.value, headers=[]) is None:
                futures.append(await self._close(batch, partition))
                batch = self._producer.create_batch()
        futures.append(await self._close(batch, partition))
        return futures

    async def _close(self, batch: BatchBuilder, partition: int) -> tuple[int, Awaitable[RecordMetadata]]:
        return batch.record_count(), await self._producer.send_batch(batch, self._topic, partition=partition)
