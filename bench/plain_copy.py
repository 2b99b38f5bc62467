"""A plain transactional copy loop with aiokafka: the least that exactly-once costs without any of our work.

`python -m bench.plain_copy BOOTSTRAP IN OUT GROUP EVENTS` prints the seconds from the first record to the last commit.
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

_BATCH = 1000


async def copy(servers: str, source: str, target: str, group: str, events: int) -> float:
    """Copy so many records, each batch and its offsets in one transaction."""
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=group, acks="all")
    await consumer.start()
    await producer.start()
    started, copied = 0.0, 0
    try:
        while copied < events:
            batch = await consumer.getmany(timeout_ms=1000, max_records=_BATCH)
            if not batch:
                continue
            started = started or time.perf_counter()
            async with producer.transaction():
                sent = [await producer.send(target, record.value) for records in batch.values() for record in records]
                await asyncio.gather(*sent)
                offsets = {partition: records[-1].offset + 1 for partition, records in batch.items()}
                await producer.send_offsets_to_transaction(offsets, group)
            copied += sum(map(len, batch.values()))
        return time.perf_counter() - started
    finally:
        await producer.stop()
        await consumer.stop()


if __name__ == "__main__":
    servers, source, target, group, events = sys.argv[1:]
    print(uvloop.run(copy(servers, source, target, group, int(events))))
