"""Events per second of the worker, against a plain transactional copy loop on the same broker.

Native events of about 1.7 KB on 8 partitions; the worker with two handlers and enriched events, exposures, commands and
assignments. Both run as processes of their own, one after the other, with the same broker beside them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.replay import EXAMPLES, HANDLERS, write_log
from bench.table import Row
from deploy.dev.servers import Kafka, Redis

EVENTS = 60_000
ROUNDS = 3
PARTITIONS = 8
_OUTPUTS = ("enriched", "exposures", "enrollments", "commands", "assignments", "dead_letters")


def compare(folder: Path) -> list[Row]:
    """Return two rows: the loop as a plain script runs it, and on the faster event loop that the worker uses."""
    log = folder / "worker.ndjson"
    size = write_log(log, EVENTS, people=6000)
    (folder / "worker_handlers.py").write_text(HANDLERS)
    kafka, redis = Kafka(folder / "kafka"), Redis(folder / "redis")
    kafka.start()
    redis.start()
    try:
        asyncio.run(_fill(kafka.bootstrap_servers, log.read_bytes().splitlines()))
        plain, fast, ours = [], [], []
        for number in range(ROUNDS):
            plain.append(_plain(kafka, "asyncio", number))
            ours.append(_ours(kafka, redis, folder, number))
            fast.append(_plain(kafka, "uvloop", number))
    finally:
        redis.stop()
        kafka.stop()
    what = f"worker, events/s ({size / EVENTS / 1000:.1f} KB, 8 partitions), against a plain transactional copy"
    return [_row(what, ours, plain, "≥ 0.6 x"), _row(f"{what} on uvloop", ours, fast, "")]


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], aim: str) -> Row:
    ratio = median(ours) / median(theirs)
    return Row(what, f"{median(ours):,.0f}/s", f"{median(theirs):,.0f}/s", f"{ratio:.2f} x", aim)


async def _fill(servers: str, lines: Sequence[bytes]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    names = ["triggers", *(f"{name}{number}" for name in ("copy", *_OUTPUTS) for number in range(ROUNDS))]
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=1 << 20, linger_ms=50)
    await producer.start()
    sent = [await producer.send("triggers", line, partition=place % PARTITIONS) for place, line in enumerate(lines)]
    await asyncio.gather(*sent)
    await producer.stop()


def _plain(kafka: Kafka, loop: str, number: int) -> float:
    arguments = [loop, kafka.bootstrap_servers, "triggers", f"copy{number}", f"{loop}{number}", str(EVENTS)]
    return _rate("bench.plain_copy", arguments, {})


def _ours(kafka: Kafka, redis: Redis, folder: Path, number: int) -> float:
    settings = {
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WORKER_KAFKA__GROUP_ID": f"ours{number}",
        "WORKER_REDIS__URL": redis.url,
        "WORKER_REDIS__KEY_PREFIX": f"bench{number}",
        "WORKER_SUBJECTS__PEPPER": "bench",
        "WORKER_HTTP__PORT": "0",
        "WORKER_DEFINITIONS__PATH": str(EXAMPLES / "definitions"),
        "WORKER_HANDLERS": str(folder / "worker_handlers.py"),
        "WORKER_TOPICS__TRIGGERS": "triggers",
        **{f"WORKER_TOPICS__{name.upper()}": f"{name}{number}" for name in _OUTPUTS},
    }
    return _rate("bench.worker_process", [str(EVENTS)], settings)


def _rate(module: str, arguments: Sequence[str], environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", module, *arguments]
    root = Path(__file__).parent.parent
    done = subprocess.run(  # noqa: S603 - our own modules
        command, env={**os.environ, **environment}, cwd=root, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return EVENTS / float(done.stdout)
