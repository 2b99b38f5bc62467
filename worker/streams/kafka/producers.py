"""Transactional producers: opened when a lane opens, thrown away whenever something went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from worker.streams.kafka.outgoing import Entry, Parcel

_CLOSE_SECONDS = 5.0
_RETRY_BACKOFF_MS = 20  # after a commit the broker still completes, it answers "not yet" for some milliseconds
_BATCH_BYTES = 1 << 20


def lane_id(group: str, partition: TopicPartition) -> str:
    """Return the transactional id of a partition's lane: whoever opens it fences whoever had the partition before."""
    return f"{group}.{partition.topic}.{partition.partition}"


class ProducerOptions(msgspec.Struct, frozen=True):
    """How to connect (aiokafka's keywords), how long the broker leaves a transaction open, how to compress."""

    connection: Mapping[str, Any]
    transaction_timeout_ms: int
    compression: str | None
    batch_bytes: int = _BATCH_BYTES
    request_timeout_ms: int = 10_000


class Producers:
    """Opens producers and closes them in the background: `stop()` can hang while a broker is away."""

    def __init__(self, options: ProducerOptions) -> None:
        self._options = options
        self._closing: dict[int, asyncio.Task[None]] = {}

    async def open(self, transactional_id: str) -> AIOKafkaProducer:
        """Return a producer after its InitProducerId: the previous owner of the id is fenced."""
        options = self._options
        producer = AIOKafkaProducer(
            **options.connection,
            transactional_id=transactional_id,
            transaction_timeout_ms=options.transaction_timeout_ms,
            acks="all",
            compression_type=options.compression,
            max_batch_size=options.batch_bytes,
            request_timeout_ms=options.request_timeout_ms,
            retry_backoff_ms=_RETRY_BACKOFF_MS,
        )
        try:
            await producer.start()
        except BaseException:
            self.discard(producer)
            raise
        return producer

    def discard(self, producer: AIOKafkaProducer) -> None:
        """Close a producer that is not used any more, in the background; twice is once."""
        if id(producer) not in self._closing:
            task = asyncio.create_task(self._close(producer), name="close a producer")
            self._closing[id(producer)] = task
            task.add_done_callback(lambda _: self._closing.pop(id(producer), None))

    async def aclose(self) -> None:
        """Wait until all are closed; each takes a few seconds at most."""
        if self._closing:
            await asyncio.wait(self._closing.values())

    @staticmethod
    async def _close(producer: AIOKafkaProducer) -> None:
        try:
            await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
        except Exception:  # noqa: BLE001 - it is thrown away; only its task and sockets are left to end
            sender = producer._sender  # noqa: SLF001 - stop() leaves them when it does not come back
            if sender is not None and sender.sender_task is not None:
                sender.sender_task.cancel()
            await producer.client.close()


async def hand_over(producer: AIOKafkaProducer, parcel: Parcel) -> list[Awaitable[Any]]:
    """Give all records to the producer, partition by partition side by side; return their acknowledgements."""
    handed = await asyncio.gather(
        *[_hand_over_to(producer, topic, partition, entries) for (topic, partition), entries in parcel.items()]
    )
    return [acknowledgement for each in handed for acknowledgement in each]


async def _hand_over_to(producer: AIOKafkaProducer, topic: str, partition: int, entries: Sequence[Entry]) -> list[Any]:
    acknowledgements = []
    batch = producer.create_batch()
    for key, value, headers in entries:
        while batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    return acknowledgements
