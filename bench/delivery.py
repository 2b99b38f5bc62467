"""Deliveries per second of `deliver`, against a bare aiohttp client loop that posts the same bodies.

Both have the same concurrency, and the same receiver measures both, from the first request to the last. Then every
other enrollment is for another endpoint, which never answers: that must slow the first one no more than its
being well does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from aiokafka import AIOKafkaProducer

from bench.table import Row
from bench.worker import PARTITIONS, make_topics
from deploy.dev.servers import Kafka

DELIVERIES = 60_000
ROUNDS = 3
CONCURRENCY = 16
_WARM_UP = 1
_ROOT = Path(__file__).parent.parent
_TOPICS = ("retries", "endpoints", "enrollments_dead_letters")
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the specification's example


def compare(folder: Path) -> list[Row]:
    """Return rows: against the bare loop, on either event loop, and beside a dead endpoint against alone."""
    bodies = [_body(number) for number in range(DELIVERIES)]
    file = folder / "bodies.ndjson"
    file.write_bytes(b"\n".join(bodies))
    kafka = Kafka(folder / "delivery-kafka")
    kafka.start()
    try:
        asyncio.run(_fill(kafka.bootstrap_servers, bodies))
        plain, plain_uvloop, alone, beside_dead, beside_well = [], [], [], [], []
        for number in range(_WARM_UP + ROUNDS):
            plain.append(_plain(file, "asyncio"))
            plain_uvloop.append(_plain(file, "uvloop"))
            alone.append(_ours(kafka, "healthy", f"alone{number}"))
            beside_dead.append(_ours(kafka, "mixed", f"dead{number}"))
            beside_well.append(_ours(kafka, "mixed", f"well{number}", other_is_well=True))
    finally:
        kafka.stop()
    size = sum(map(len, bodies)) / len(bodies)
    return [
        _row(
            f"`deliver`, POSTs/s ({size:.0f} B, {CONCURRENCY} at once) against a bare aiohttp loop",
            alone,
            plain,
            "≥ 0.7 x",
        ),
        _row("… against the same loop on uvloop, which `deliver` runs on", alone, plain_uvloop, "reported"),
        _row(
            "`deliver`, POSTs/s to one of two endpoints when the other one never answers, against when it does",
            beside_dead,
            beside_well,
            "≥ 1 x",
        ),
        _row("… against when nothing is for the other one", beside_dead, alone, "reported"),
    ]


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], aim: str) -> Row:
    mine, other = median(ours[_WARM_UP:]), median(theirs[_WARM_UP:])
    return Row(what, f"{mine:,.0f}/s", f"{other:,.0f}/s", f"{mine / other:.2f} x", aim)


def _body(number: int) -> bytes:
    return json.dumps(
        {
            "user_id": f"auth0|{number:024d}",
            "email": f"person.{number}@example.com",
            "experiment_id": "exp_welcome",
            "variation_id": "var_treatment",
        }
    ).encode()


async def _fill(servers: str, bodies: Sequence[bytes]) -> None:
    """Write every enrollment to one topic, and to another one each beside one for another endpoint."""
    await make_topics(servers, ["healthy", "mixed", "endpoints", "enrollments_dead_letters"])
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=1 << 20, linger_ms=50)
    await producer.start()
    try:
        sent = []
        for number, body in enumerate(bodies):
            key, partition = f"k{number}".encode(), number % PARTITIONS
            healthy = _enrollment(number, body, "healthy")
            for topic, values in (
                ("healthy", [healthy]),
                ("mixed", [_enrollment(-number - 1, body, "other"), healthy]),
            ):
                sent += [await producer.send(topic, value, key, partition=partition) for value in values]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def _enrollment(number: int, body: bytes, endpoint: str) -> bytes:
    id_ = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    head = {"enrollment_id": id_, "event_id": f"evt_{number}", "occurred_at": "2026-03-01T00:00:00Z"}
    head |= {"tenant_id": "acme", "user_id": f"auth0|{number}", "experiment_id": "exp_welcome"}
    text = json.dumps(head | {"variation_id": "var_treatment", "endpoint": endpoint})
    return text[:-1].encode() + b', "payload": ' + body + b"}"


@contextmanager
def _receiving() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.receiver", str(DELIVERIES)], cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/", process
    finally:
        process.kill()
        process.wait()


def _rate(receiver: subprocess.Popen[str]) -> float:
    assert receiver.stdout is not None
    return DELIVERIES / float(receiver.stdout.readline())


def _plain(file: Path, loop: str) -> float:
    with _receiving() as (url, receiver):
        command = [sys.executable, "-m", "bench.plain_post", url, str(file), str(CONCURRENCY), loop]
        subprocess.run(command, cwd=_ROOT, check=True)  # noqa: S603 - our own module
        return _rate(receiver)


def _ours(kafka: Kafka, topic: str, group: str, *, other_is_well: bool = False) -> float:
    retries = f"retries.{group}"  # or it would find what another one has put off
    asyncio.run(make_topics(kafka.bootstrap_servers, [retries]))
    with (
        _receiving() as (url, receiver),
        _receiving() as (well, _),
        socket.create_server(("127.0.0.1", 0), backlog=1000) as deaf,
    ):
        endpoint = "WORKER_WEBHOOKS__ENDPOINTS__"
        other = well if other_is_well else f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        settings = {
            "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "WORKER_KAFKA__GROUP_ID": group,
            "WORKER_HTTP__PORT": "0",
            "WORKER_WEBHOOKS__ALLOW_HTTP": "true",
            "WORKER_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.1/32"]',
            **{f"WORKER_TOPICS__{name.upper()}": name for name in _TOPICS},
            "WORKER_TOPICS__ENROLLMENTS": topic,
            "WORKER_TOPICS__RETRIES": retries,
        }
        for name, address in (("HEALTHY", url), ("OTHER", other)):
            settings |= {f"{endpoint}{name}__URL": address, f"{endpoint}{name}__SECRETS": json.dumps([_SECRET])}
            settings |= {f"{endpoint}{name}__MAX_IN_FLIGHT": str(CONCURRENCY)}
        command = [sys.executable, "-m", "worker", "deliver", "--log-level", "error"]
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), **settings}
        deliverer = subprocess.Popen(command, env=environment)  # noqa: S603 - our own module
        try:
            return _rate(receiver)
        finally:
            deliverer.send_signal(signal.SIGKILL)
            deliverer.wait()
