"""`python -m bench.plain_read SERVERS TOPIC`: read a topic to its end and print how many records it has."""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.worker import PARTITIONS


async def read(servers: str, topic: str) -> int:
    """Return how many records the topic has."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records = 0
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            records += sum(map(len, (await consumer.getmany(timeout_ms=500)).values()))
        return records
    finally:
        await consumer.stop()


if __name__ == "__main__":
    print(asyncio.run(read(*sys.argv[1:])))
