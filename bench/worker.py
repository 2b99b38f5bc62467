"""Events per second of the worker, against a plain transactional copy loop on the same broker.

Native events of about 1.7 KB on 8 partitions; the worker with two handlers and enriched events, exposures, commands and
assignments. Both run as processes of their own, one after the other, with the same broker beside them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.replay import EXAMPLES, HANDLERS, write_log
from bench.table import Row
from deploy.dev.servers import Kafka, Redis

EVENTS = 100_000
ROUNDS = 3
PARTITIONS = 8
_PATIENCE = 60  # seconds between two batches
_ROOT = Path(__file__).parent.parent
_OUTPUTS = ("enriched", "exposures", "enrollments", "commands", "assignments", "dead_letters")


def compare(folder: Path) -> list[Row]:
    """Return two rows: one worker, and two that share the partitions, against one copy loop."""
    log = folder / "worker.ndjson"
    size = write_log(log, EVENTS, people=EVENTS // 10)
    (folder / "worker_handlers.py").write_text(HANDLERS)
    kafka, redis = Kafka(folder / "kafka"), Redis(folder / "redis")
    kafka.start()
    redis.start()
    try:
        asyncio.run(_fill(kafka.bootstrap_servers, log.read_bytes().splitlines()))
        plain, one, two = [], [], []
        for number in range(ROUNDS):
            plain.append(_plain(kafka, number))
            one.append(_ours(kafka, redis, folder, f"one{number}", workers=1))
            two.append(_ours(kafka, redis, folder, f"two{number}", workers=2))
    finally:
        redis.stop()
        kafka.stop()
    what = f"events/s ({size / EVENTS / 1000:.1f} KB, {PARTITIONS} partitions) against a plain transactional copy loop"
    return [_row(f"one worker, {what}", one, plain, "≥ 0.6 x"), _row(f"two workers, {what}", two, plain, "")]


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], aim: str) -> Row:
    ratio = median(ours) / median(theirs)
    return Row(what, f"{median(ours):,.0f}/s", f"{median(theirs):,.0f}/s", f"{ratio:.2f} x", aim)


async def _fill(servers: str, lines: Sequence[bytes]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    names = ["triggers", "copied", *_OUTPUTS]
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=1 << 20, linger_ms=50)
    await producer.start()
    sent = [await producer.send("triggers", line, partition=place % PARTITIONS) for place, line in enumerate(lines)]
    await asyncio.gather(*sent)
    await producer.stop()


def _plain(kafka: Kafka, number: int) -> float:
    arguments = [kafka.bootstrap_servers, "triggers", "copied", f"plain{number}", str(EVENTS)]
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.plain_copy", *arguments], cwd=_ROOT, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return EVENTS / float(done.stdout)


def _ours(kafka: Kafka, redis: Redis, folder: Path, group: str, workers: int) -> float:
    settings = {
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WORKER_KAFKA__GROUP_ID": group,
        "WORKER_REDIS__URL": redis.url,
        "WORKER_REDIS__KEY_PREFIX": group,
        "WORKER_SUBJECTS__PEPPER": "bench",
        "WORKER_HTTP__PORT": "0",
        "WORKER_DEFINITIONS__PATH": str(EXAMPLES / "definitions"),
        "WORKER_HANDLERS": str(folder / "worker_handlers.py"),
        "WORKER_TOPICS__TRIGGERS": "triggers",
        **{f"WORKER_TOPICS__{name.upper()}": name for name in _OUTPUTS},
    }
    return asyncio.run(_rate(settings, workers))


async def _rate(settings: dict[str, str], workers: int) -> float:
    """Return the events per second from the moment when all workers have begun to the last commit."""
    command = [sys.executable, "-m", "bench.worker_process"]
    environment, told = {**os.environ, **settings}, asyncio.Queue[tuple[int, float, int]]()
    processes = [
        await asyncio.create_subprocess_exec(*command, env=environment, cwd=_ROOT, stdout=asyncio.subprocess.PIPE)
        for _ in range(workers)
    ]
    readers = [asyncio.create_task(_listen(number, process, told)) for number, process in enumerate(processes)]
    lines: list[tuple[int, float, int]] = []
    while sum(events for _, _, events in lines) < EVENTS:
        lines.append(await asyncio.wait_for(told.get(), _PATIENCE))
    for process in processes:
        process.terminate()
    await asyncio.gather(*readers, *(process.wait() for process in processes))
    began = max(min(moment for number, moment, _ in lines if number == each) for each in range(workers))
    after = [(moment, events) for _, moment, events in lines if moment > began]
    return sum(events for _, events in after) / (max(moment for moment, _ in after) - began)


async def _listen(number: int, process: Process, told: asyncio.Queue[tuple[int, float, int]]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        moment, events = line.split()
        told.put_nowait((number, float(moment), int(events)))
