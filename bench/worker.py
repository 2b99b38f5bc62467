"""Events per second of the worker, against a plain transactional copy loop on the same broker.

Native events of about 1.7 KB on 8 partitions; the worker with two handlers and enriched events, exposures, commands and
assignments. Both run as commands of their own, one after the other, with the same broker beside them. A round of each
goes before those that count: a broker that has just started, its JVM cold, is slower.
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
ROUNDS = 5
PARTITIONS = 8
_WARM_UP = 1  # rounds before
_PATIENCE = 60  # seconds between two batches
_ROOT = Path(__file__).parent.parent
_OUTPUTS = ("enriched", "exposures", "enrollments", "commands", "erasures", "dead_letters")


def compare(folder: Path) -> list[Row]:
    """Return two rows, each against one copy loop: `run` in one process, and `run` in two that share the partitions.

    The aim is for what one process does. Two show what a second core adds, here one that the broker and Redis want too.
    """
    log = folder / "worker.ndjson"
    size = write_log(log, EVENTS, people=EVENTS // 10)
    (folder / "worker_handlers.py").write_text(HANDLERS)
    kafka, redis = Kafka(folder / "kafka"), Redis(folder / "redis")
    kafka.start()
    redis.start()
    try:
        asyncio.run(_fill(kafka.bootstrap_servers, log.read_bytes().splitlines()))
        plain, one, two = [], [], []
        for number in range(_WARM_UP + ROUNDS):
            plain.append(_plain(kafka, number))
            one.append(_ours(kafka, redis, folder, f"one{number}", processes=1))
            two.append(_ours(kafka, redis, folder, f"two{number}", processes=2))
    finally:
        redis.stop()
        kafka.stop()
    what = f"events/s ({size / EVENTS / 1000:.1f} KB, {PARTITIONS} partitions) against a plain transactional copy loop"
    return [
        _row(f"`run`, {what}", one, plain, "≥ 0.6 x"),
        _row(f"`run --processes 2`, {what}", two, plain, "reported"),
    ]


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], aim: str) -> Row:
    mine, other = median(ours[_WARM_UP:]), median(theirs[_WARM_UP:])
    return Row(what, f"{mine:,.0f}/s", f"{other:,.0f}/s", f"{mine / other:.2f} x", aim)


async def _fill(servers: str, lines: Sequence[bytes]) -> None:
    await make_topics(servers, ["triggers", "copied", *_OUTPUTS])
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=1 << 20, linger_ms=50)
    await producer.start()
    sent = [await producer.send("triggers", line, partition=place % PARTITIONS) for place, line in enumerate(lines)]
    await asyncio.gather(*sent)
    await producer.stop()


async def make_topics(servers: str, names: Sequence[str]) -> None:
    """Make topics of 8 partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()


def _plain(kafka: Kafka, number: int) -> float:
    arguments = [kafka.bootstrap_servers, "triggers", "copied", f"plain{number}", str(EVENTS)]
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.plain_copy", *arguments], cwd=_ROOT, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return EVENTS / float(done.stdout)


def _ours(kafka: Kafka, redis: Redis, folder: Path, group: str, processes: int) -> float:
    settings = {
        "WORKER_PROCESSES": str(processes),
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WORKER_KAFKA__GROUP_ID": group,
        "WORKER_REDIS__URL": redis.url,
        "WORKER_REDIS__KEY_PREFIX": group,
        "WORKER_SUBJECTS__PEPPER": "bench",
        "WORKER_HTTP__PORT": "0",
        "WORKER_DEFINITIONS__PATH": str(EXAMPLES / "definitions"),
        "WORKER_HANDLERS": str(folder / "worker_handlers.py"),
        "WORKER_TOPICS__TRIGGERS": "triggers",
        "WORKER_TOPICS__ASSIGNMENTS": f"assignments.{group}",  # or its store would be rebuilt from the others'
        **{f"WORKER_TOPICS__{name.upper()}": name for name in _OUTPUTS},
    }
    asyncio.run(make_topics(kafka.bootstrap_servers, [settings["WORKER_TOPICS__ASSIGNMENTS"]]))
    return asyncio.run(_rate(settings, processes))


async def _rate(settings: dict[str, str], processes: int) -> float:
    """Return the events per second from the moment when all processes have begun to the last commit."""
    command = [sys.executable, "-m", "bench.worker_process"]
    worker = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **settings}, cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    batches: list[tuple[float, int]] = []
    began: dict[bytes, float] = {}
    while sum(events for _, events in batches) < EVENTS:
        process, moment, events = await asyncio.wait_for(_told(worker), _PATIENCE)
        began.setdefault(process, moment)
        batches.append((moment, events))
    worker.terminate()
    await worker.communicate()
    assert len(began) == processes, "one process has done it all before another began"
    after = [(moment, events) for moment, events in batches if moment > max(began.values())]
    return sum(events for _, events in after) / (max(moment for moment, _ in after) - max(began.values()))


async def _told(worker: Process) -> tuple[bytes, float, int]:
    assert worker.stdout is not None
    line = await worker.stdout.readline()
    if not line:
        raise RuntimeError("the worker has ended; what it said stands above")
    process, moment, events = line.split()
    return process, float(moment), int(events)
