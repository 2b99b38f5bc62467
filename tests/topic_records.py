"""What stands in the topics of a broker, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


def make_topic(brokers: str, name: str, partitions: int = 2, **configs: str) -> str:
    """Make a topic; `cleanup_policy="compact"` stands for the setting with dots."""
    asyncio.run(_make(brokers, NewTopic(name, partitions, 1, topic_configs=_dotted(configs))))
    return name


def records_of(brokers: str, topic: str) -> list[Any]:
    """Return what a topic holds, partition by partition."""
    return asyncio.run(_read(brokers, topic))


def _dotted(configs: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "."): value for name, value in configs.items()}


async def _make(brokers: str, topic: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        answer = await admin.create_topics([topic])
        assert [code for _, code, _ in answer.topic_errors] == [0]
        async with asyncio.timeout(10):  # brokers hear of a new topic a little later than the controller
            while not await _is_led(admin, topic):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def _is_led(admin: AIOKafkaAdminClient, topic: NewTopic) -> bool:
    known = {each["topic"]: each["partitions"] for each in await admin.describe_topics()}
    led = [each for each in known.get(topic.name, ()) if each["leader"] >= 0]
    return len(led) == int(topic.num_partitions)


async def _read(brokers: str, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed", fetch_max_wait_ms=10)
    await consumer.start()
    try:
        known = await consumer._client.fetch_all_metadata()
        partitions = [TopicPartition(topic, number) for number in sorted(known.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        found = {partition: await _read_partition(consumer, partition) for partition in partitions}
    finally:
        await consumer.stop()
    return [record for partition in partitions for record in found[partition]]


async def _read_partition(consumer: AIOKafkaConsumer, partition: TopicPartition) -> list[Any]:
    end = (await consumer.end_offsets([partition]))[partition]
    found: list[Any] = []
    while await consumer.position(partition) < end:
        found += (await consumer.getmany(partition, timeout_ms=500)).get(partition, [])
    return found


def send_records(brokers: str, topic: str, values: Sequence[bytes], partition: int = 0) -> None:
    """Send these values into one partition."""
    asyncio.run(_send(brokers, topic, values, partition))


async def _send(brokers: str, topic: str, values: Sequence[bytes], partition: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        sent = [await producer.send(topic, value, partition=partition) for value in values]
        await asyncio.gather(*sent)
