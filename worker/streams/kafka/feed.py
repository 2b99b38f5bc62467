"""Records into one topic, without a transaction: each is there exactly once when its send is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from worker.streams.kafka.cluster import ClusterError, Connection, explained
from worker.streams.kafka.topics import describe

_ANSWER_MS = 10_000
_CLOSE_SECONDS = 5.0
_BATCH_BYTES = 1 << 20
_LARGEST = 1 << 27  # the broker says what is too large; aiokafka measures before compression


class Keyed(NamedTuple):
    """A record to send; without a value it is a tombstone."""

    key: bytes | None
    value: bytes | None


class Feed:
    """An open topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, connection: Connection) -> None:
        self._producer = producer
        self._topic = topic
        self._connection = connection

    async def send(self, records: Iterable[Keyed]) -> None:
        """Return when the brokers have all of them; those of one key stay in their order.

        Raises:
            ClusterError: a broker did not answer or did not take one; of the records some may be there.
        """
        with explained(self._connection):
            try:
                sent = [await self._producer.send(self._topic, value, key) for key, value in records]
                await asyncio.gather(*sent)
            except MessageSizeTooLargeError as error:
                raise ClusterError(
                    f"{self._topic}: a record is larger than the topic takes (max.message.bytes)"
                ) from error


@asynccontextmanager
async def open_feed(connection: Connection, topic: str, compression: str | None) -> AsyncIterator[Feed]:
    """Open a topic that exists.

    Raises:
        ClusterError: no broker answers, or there is no such topic.
    """
    if topic not in await describe(connection, [topic]):
        raise ClusterError(f"{topic}: no such topic on {connection.bootstrap_servers}, expected one that exists")
    producer = AIOKafkaProducer(
        **connection.options(),
        enable_idempotence=True,
        compression_type=compression,
        max_batch_size=_BATCH_BYTES,
        max_request_size=_LARGEST,
        request_timeout_ms=_ANSWER_MS,
    )
    try:
        with explained(connection):
            await producer.start()
        yield Feed(producer, topic, connection)
    finally:
        with suppress(TimeoutError, KafkaError):  # what it still held was not confirmed to anybody
            await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
