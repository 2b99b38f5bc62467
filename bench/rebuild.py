"""Rebuilding the store: `restore` of a million assignments, against a loop that only reads them; and its memory."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from aiokafka import AIOKafkaProducer

from bench.table import Row
from bench.worker import PARTITIONS, make_topics
from deploy.dev.servers import Kafka, Redis

FEW, MANY = 100_000, 1_000_000
_ROOT = Path(__file__).parent.parent


def compare(folder: Path) -> list[Row]:
    """Return two rows: the time of many, and the peak memory of many against few."""
    kafka, redis = Kafka(folder / "rebuild-kafka"), Redis(folder / "rebuild-redis")
    kafka.start()
    redis.start()
    try:
        few, many = (_restored(kafka, redis, count) for count in (FEW, MANY))
        plain = _read(kafka, f"assignments.{MANY}")
    finally:
        redis.stop()
        kafka.stop()
    (_, small), (seconds, large) = few, many
    return [
        Row(
            f"`restore` of {MANY:,} assignments into Redis, against a loop that only reads them",
            f"{seconds:.1f} s",
            f"{plain:.1f} s",
            f"{seconds / plain:.1f} x",
            "minutes",
        ),
        Row(
            f"`restore`, peak memory of {MANY:,} assignments against {FEW:,}",
            f"{large / 1024:.0f} MiB",
            f"{small / 1024:.0f} MiB",
            f"{large / small:.2f} x",
            "≤ 1.2 x",
        ),
    ]


def _restored(kafka: Kafka, redis: Redis, count: int) -> tuple[float, int]:
    """Publish so many, restore them and return the seconds and the peak resident memory in KiB."""
    topics = {"ASSIGNMENTS": f"assignments.{count}", "ERASURES": f"erasures.{count}"}
    asyncio.run(_publish(kafka.bootstrap_servers, list(topics.values()), count))
    settings = {
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WORKER_REDIS__URL": redis.url,
        "WORKER_SUBJECTS__PEPPER": "bench",
        **{f"WORKER_TOPICS__{kind}": name for kind, name in topics.items()},
    }
    command = [sys.executable, "-m", "worker", "restore", "--store-prefix", f"bench{count}", "--json"]
    started = time.perf_counter()
    process = os.posix_spawn(
        command[0],
        command,
        {**os.environ, "PYTHONPATH": str(_ROOT), **settings},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the restore of {count} assignments failed"
    return time.perf_counter() - started, usage.ru_maxrss


async def _publish(servers: str, topics: list[str], count: int) -> None:
    await make_topics(servers, topics)
    producer = AIOKafkaProducer(bootstrap_servers=servers, compression_type="zstd", max_batch_size=1 << 20)
    await producer.start()
    try:
        for partition in range(PARTITIONS):
            batch = producer.create_batch()
            for key, value in _records(range(partition, count, PARTITIONS)):
                while batch.append(timestamp=None, key=key, value=value) is None:
                    await producer.send_batch(batch, topics[0], partition=partition)
                    batch = producer.create_batch()
            await producer.send_batch(batch, topics[0], partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


def _records(people: range) -> Iterator[tuple[bytes, bytes]]:
    for person in people:
        subject = sha256(b"%d" % person).hexdigest()
        record = {
            "tenant_id": "acme",
            "experiment_id": "exp_passkeys",
            "subject_type": "user",
            "subject": subject,
            "variation_id": "var_treatment" if person % 2 else "var_control",
            "version": 0,
            "experiment_revision": "5f2c8a1b9d3e",
            "experiment_updated_at": "2026-01-01T00:00:00.000000Z",
            "assigned_at": "2026-03-01T12:00:00.000Z",
            "event_id": f"evt_{person:012d}",
        }
        yield f"acme|exp_passkeys|{subject}".encode(), json.dumps(record).encode()


def _read(kafka: Kafka, topic: str) -> float:
    """Return the seconds that a command takes which only reads the topic to its end."""
    command = [sys.executable, "-m", "bench.plain_read", kafka.bootstrap_servers, topic]
    started = time.perf_counter()
    subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own module
    return time.perf_counter() - started
