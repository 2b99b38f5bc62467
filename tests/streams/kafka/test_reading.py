from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from deploy.dev.servers import Kafka
from tests.topic_records import make_topic
from worker.streams.kafka.cluster import ClusterError, Connection
from worker.streams.kafka.reading import Stretch, TopicReader, open_reader


@pytest.fixture
def connection(kafka: Kafka) -> Connection:
    return Connection(kafka.bootstrap_servers, "a test")


async def made(connection: Connection, name: str, partitions: int) -> str:
    return await asyncio.to_thread(make_topic, connection.bootstrap_servers, name, partitions)


@asynccontextmanager
async def producer_of(connection: Connection, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=connection.bootstrap_servers, transactional_id=transactional_id)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, values: Sequence[bytes], *, at_ms: int | None = None) -> None:
    await asyncio.gather(*[await producer.send(topic, each, partition=0, timestamp_ms=at_ms) for each in values])


async def values(reader: TopicReader, stretches: dict[int, Stretch]) -> list[bytes]:
    return [record.value async for records in reader.read(stretches) for record in records]


async def test_what_open_transactions_hold_is_waited_for_and_what_is_aborted_is_left_out(
    connection: Connection,
) -> None:
    topic = await made(connection, "reading.open", 1)
    async with producer_of(connection, "reading.open") as producer, open_reader(connection, topic) as reader:
        await producer.begin_transaction()
        await send(producer, topic, [b"aborted"])
        await producer.abort_transaction()
        await producer.begin_transaction()
        await send(producer, topic, [b"open", b"too"])
        stretches = await reader.stretches()
        reading = asyncio.create_task(values(reader, stretches))
        await producer.commit_transaction()
        await send_more(producer, topic)
        assert await reading == [b"open", b"too"]


async def send_more(producer: AIOKafkaProducer, topic: str) -> None:
    async with producer.transaction():
        await send(producer, topic, [b"after the end"])


async def test_reading_begins_at_the_time_asked_for(connection: Connection) -> None:
    topic = await made(connection, "reading.since", 2)
    async with producer_of(connection, "reading.since") as producer, open_reader(connection, topic) as reader:
        async with producer.transaction():
            await send(producer, topic, [b"before"], at_ms=1_700_000_000_000)
            await send(producer, topic, [b"at", b"after"], at_ms=1_700_000_001_000)
        found = await reader.stretches(1_700_000_001_000)
        assert await values(reader, found) == [b"at", b"after"]
        later = await reader.stretches(1_900_000_000_000)
        assert await values(reader, later) == []


async def test_one_reader_reads_again(connection: Connection) -> None:
    topic = await made(connection, "reading.again", 1)
    async with producer_of(connection, "reading.again") as producer, open_reader(connection, topic) as reader:
        async with producer.transaction():
            await send(producer, topic, [b"one", b"two"])
        stretches = await reader.stretches()
        assert await values(reader, stretches) == await values(reader, stretches) == [b"one", b"two"]


async def test_a_topic_that_is_not_there_is_one_message(connection: Connection) -> None:
    with pytest.raises(ClusterError, match="no such topic"):
        async with open_reader(connection, "reading.nothing"):
            pass
