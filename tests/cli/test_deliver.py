"""`deliver` as a process, on a real broker, with receivers on loopback."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from standardwebhooks import Webhook
from typer.testing import CliRunner

from deploy.dev.servers import Kafka, Redis
from tests.cli.homes import PATIENCE, Home, kill_all
from tests.delivery.receivers import Listener, Request, answer, ledger
from tests.faults.waiting import until as waited
from tests.topic_records import records_of
from worker.cli.main import app

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published
QUICK = (0.2, 0.2, 0.2)


@pytest.fixture
def home(kafka: Kafka, redis: Redis, tmp_path: Path) -> Home:
    found = Home(kafka, redis, tmp_path)
    found.environment |= {
        "WORKER_WEBHOOKS__ALLOW_HTTP": "true",
        "WORKER_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.1/32"]',
    }
    return found


def endpoint(home: Home, name: str, url: str, schedule: Sequence[float] = QUICK, **more: Any) -> None:
    prefix = f"WORKER_WEBHOOKS__ENDPOINTS__{name.upper()}__"
    settings = {"url": url, "secrets": [SECRET], "retry_schedule_s": schedule, **more}
    home.environment |= {
        prefix + key.upper(): value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()
    }


def enrollment(number: int, to: str = "welcome", user: str | None = None) -> dict[str, Any]:
    user_id = user or f"auth0|{number}"
    return {
        "enrollment_id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        "event_id": f"evt_{number}",
        "occurred_at": "2026-03-01T00:00:00Z",
        "tenant_id": "acme",
        "user_id": user_id,
        "experiment_id": "exp_a",
        "variation_id": "var_b",
        "endpoint": to,
        "payload": {"user_id": user_id, "email": f"{number}@planted.example", "number": number},
    }


async def send(home: Home, enrollments: Sequence[Any]) -> None:
    """Write enrollments as the worker does: a user's to one partition, some with a header of their own."""
    async with AIOKafkaProducer(bootstrap_servers=home.brokers) as producer:
        sent = [
            await producer.send(
                home.topic("enrollments"),
                each if isinstance(each, bytes) else orjson.dumps(each),
                key=b"k" if isinstance(each, bytes) else str(each["user_id"]).encode(),
                headers=[("ce_id", b"1")],
            )
            for each in enrollments
        ]
        await asyncio.gather(*sent)


@asynccontextmanager
async def delivering(home: Home, **environment: str) -> AsyncIterator[subprocess.Popen[str]]:
    """Run a deliverer; its log goes to a file beside the definitions."""
    log = home.definitions.with_name("deliver.log")
    with log.open("a") as output:
        process = await asyncio.to_thread(_start, home, output, environment)
    try:
        yield process
    finally:
        kill_all(process)
        await asyncio.to_thread(process.wait)


def _start(home: Home, output: Any, environment: dict[str, str]) -> subprocess.Popen[str]:
    return home.start(command="deliver", output=output, **environment)


async def until(condition: Callable[[], bool]) -> None:
    await waited(condition, PATIENCE, "deliveries", interval=0.02)


async def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 30) == 0


async def committed(home: Home) -> None:
    """Wait until every enrollment is settled."""
    admin = AIOKafkaAdminClient(bootstrap_servers=home.brokers)
    await admin.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=home.brokers)
    await consumer.start()
    try:
        topic = home.topic("enrollments")
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = await consumer.end_offsets(partitions)

        async def settled() -> bool:
            found = await admin.list_consumer_group_offsets(f"{home.name}.deliver")
            return all(at in found and found[at].offset == end for at, end in ends.items())

        await waited(settled, PATIENCE, "enrollments to be settled")
    finally:
        await consumer.stop()
        await admin.close()


def numbers(receiver: Listener) -> list[int]:
    return [orjson.loads(request.body)["number"] for request in receiver.requests]


def log_of(home: Home) -> str:
    return home.definitions.with_name("deliver.log").read_text()


async def metrics(home: Home) -> str:
    return (await asyncio.to_thread(home.ask, "/metrics"))[1].decode()


async def test_every_enrollment_reaches_its_endpoint_signed_and_as_it_is(home: Home) -> None:
    await asyncio.to_thread(home.make_topics, 2)
    async with ledger() as receiver:
        endpoint(home, "welcome", receiver.url("/in"), headers={"Authorization": "Bearer planted-token"})
        given = [enrollment(number) for number in range(50)]
        await send(home, given)
        async with delivering(home) as process:
            await until(lambda: len(receiver.requests) >= 50)
            assert b'"ready":true' in (await asyncio.to_thread(home.ask, "/readyz"))[1]
            text = await metrics(home)
            await stopped(process)
        async with delivering(home) as process:  # all of it is committed
            await send(home, [enrollment(50)])
            await until(lambda: len(receiver.requests) >= 51)
            await stopped(process)
    assert sorted(numbers(receiver)) == list(range(51))
    by_number = {orjson.loads(request.body)["number"]: request for request in receiver.requests}
    for each in given:
        request = by_number[each["payload"]["number"]]
        assert request.body == orjson.dumps(each["payload"])
        assert request.headers["webhook-id"] == each["enrollment_id"]
        assert request.headers["authorization"] == "Bearer planted-token"
        Webhook(SECRET).verify(request.body, request.headers)
    assert 'delivery_attempts_total{endpoint="welcome",outcome="delivered"} 50.0' in text
    assert "planted" not in log_of(home) + text


async def test_what_fails_is_tried_again_with_the_same_id_and_body_and_holds_nothing_back(home: Home) -> None:
    await asyncio.to_thread(home.make_topics)
    seen: Counter[str] = Counter()

    def status(request: Request) -> int:
        seen[request.headers["webhook-id"]] += 1
        return 500 if orjson.loads(request.body)["number"] % 4 == 0 and seen[request.headers["webhook-id"]] < 3 else 200

    async with ledger(status) as receiver:
        endpoint(home, "welcome", receiver.url())
        await send(home, [enrollment(number) for number in range(20)])
        async with delivering(home) as process:
            await until(lambda: len(receiver.requests) >= 30)
            await stopped(process)
    assert sorted(Counter(numbers(receiver)).items()) == [(n, 3 if n % 4 == 0 else 1) for n in range(20)]
    assert len({(request.headers["webhook-id"], request.body) for request in receiver.requests}) == 20
    assert await asyncio.to_thread(records_of, home.brokers, home.topic("enrollments_dead_letters")) == []


async def test_what_can_not_be_delivered_becomes_a_dead_letter_that_can_be_sent_back(home: Home) -> None:
    await asyncio.to_thread(home.make_topics)
    well = False

    def status(_: Request) -> int:
        return 200 if well else 400

    async with ledger(status) as receiver:
        endpoint(home, "welcome", receiver.url(), (0.1, 0.1))
        away = enrollment(2, "https://elsewhere.example.com/in")
        await send(home, [enrollment(0), enrollment(1, "nobody"), away, b"no enrollment"])
        async with delivering(home) as process:
            dead = home.topic("enrollments_dead_letters")
            await until(lambda: '"exhausted"' in log_of(home))
            await stopped(process)
        letters = await asyncio.to_thread(records_of, home.brokers, dead)
        reasons = {
            dict(each.headers)["error.source"].decode().rpartition("/")[2]: dict(each.headers)["error.reason"]
            for each in letters
        }
        assert reasons == {
            "0": b"exhausted",
            "1": b"unknown_endpoint",
            "2": b"unknown_endpoint",
            "3": b"invalid_enrollment",
        }
        assert {dict(each.headers)["ce_id"] for each in letters} == {b"1"}
        assert not [name for each in letters for name, _ in each.headers if name.startswith("delivery.")]
        assert len(receiver.requests) == 3
        well = True
        redriven = await asyncio.to_thread(command, home, "dlq", "redrive", "--enrollments", "--reason", "exhausted")
        assert "1 sent back" in redriven
        again = await asyncio.to_thread(command, home, "dlq", "redrive", "--enrollments", "--reason", "exhausted")
        assert again.startswith("0 sent back")
        async with delivering(home) as process:
            await until(lambda: len(receiver.requests) >= 4)
            await stopped(process)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def command(home: Home, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments, env=home.environment)
    assert result.exit_code == code, result.stderr
    return result.stdout


async def test_an_endpoint_that_is_gone_gets_nothing_until_it_is_enabled_and_nothing_is_lost(home: Home) -> None:
    await asyncio.to_thread(home.make_topics)
    gone = True

    def status(_: Request) -> int:
        return 410 if gone else 200

    async with ledger(status) as receiver, ledger() as other:
        endpoint(home, "welcome", receiver.url(), max_in_flight=1)
        endpoint(home, "other", other.url())
        await send(home, [enrollment(number) for number in range(10)] + [enrollment(10, "other")])
        async with delivering(home) as process:
            await until(lambda: '"endpoint_disabled"' in log_of(home) and len(other.requests) == 1)
            text = await metrics(home)
            assert 'endpoint_disabled{endpoint="welcome"} 1.0' in text
            await stopped(process)
        assert len(receiver.requests) == 1
        listed = await asyncio.to_thread(command, home, "webhooks", "list", "--json")
        states = {each["endpoint"]: each["state"] for each in orjson.loads(listed)["endpoints"]}
        assert states == {"welcome": "disabled", "other": "enabled"}
        retries = await asyncio.to_thread(records_of, home.brokers, home.topic("retries"))
        assert sorted(orjson.loads(each.value)["payload"]["number"] for each in retries) == list(range(10))
        gone = False
        await asyncio.to_thread(command, home, "webhooks", "enable", "welcome")
        async with delivering(home) as process:
            await send(home, [enrollment(11)])
            await until(lambda: len(receiver.requests) == 2)
            await stopped(process)
    assert numbers(receiver)[-1] == 11


async def test_first_attempts_of_a_user_come_in_order_whatever_becomes_of_them(home: Home) -> None:
    await asyncio.to_thread(home.make_topics)
    async with ledger(lambda request: 500 if orjson.loads(request.body)["number"] % 3 == 0 else 200) as receiver:
        endpoint(home, "welcome", receiver.url(), (60,))
        await send(home, [enrollment(number, user=f"auth0|{number % 2}") for number in range(40)])
        async with delivering(home) as process:
            await until(lambda: len(receiver.requests) >= 40)
            await stopped(process)
    for user in (0, 1):
        mine = [number for number in numbers(receiver) if number % 2 == user]
        assert mine == sorted(mine)


async def test_a_forbidden_address_is_never_dialled(home: Home) -> None:
    await asyncio.to_thread(home.make_topics)
    async with ledger() as forbidden:
        endpoint(home, "welcome", forbidden.url(host="localhost"), (0.1,))
        home.environment["WORKER_WEBHOOKS__ALLOW_NETWORKS"] = "[]"
        await send(home, [enrollment(0)])
        async with delivering(home) as process:
            await until(lambda: '"exhausted"' in log_of(home))
            await stopped(process)
        assert forbidden.connections == 0
    assert '"forbidden_address"' in log_of(home)


async def test_killed_again_and_again_every_enrollment_arrives_with_one_id_each(home: Home) -> None:
    """Kill -9 at any moment: at least once, and never with another id or body, also of what failed at first."""
    await asyncio.to_thread(home.make_topics, 4)
    seen: Counter[str] = Counter()

    def status(request: Request) -> int | bytes:
        seen[request.headers["webhook-id"]] += 1
        if seen[request.headers["webhook-id"]] == 1 and orjson.loads(request.body)["number"] % 7 == 0:
            return 503
        return answer(200, body=b"ok")

    async with ledger(status) as receiver:
        endpoint(home, "welcome", receiver.url(), max_in_flight=4)
        given = [enrollment(number) for number in range(600)]
        await send(home, given)
        home.environment["WORKER_KAFKA__SESSION_TIMEOUT_MS"] = "1000"  # after which the dead are missed
        for kill in range(1, 5):
            async with delivering(home) as process:
                await until(lambda: len(seen) >= kill * 120)  # noqa: B023 - awaited within the round
                process.kill()
        async with delivering(home) as process:
            await committed(home)
            await until(lambda: len(seen) >= 600 and all(seen[each["enrollment_id"]] > 1 for each in given[::7]))
            await stopped(process)
    bodies = {request.headers["webhook-id"]: set[bytes]() for request in receiver.requests}
    for request in receiver.requests:
        bodies[request.headers["webhook-id"]].add(request.body)
        Webhook(SECRET).verify(request.body, request.headers)
    assert bodies.keys() == {each["enrollment_id"] for each in given}
    assert all(len(each) == 1 for each in bodies.values())


async def test_two_deliverers_share_the_work_and_what_one_has_scheduled_the_other_may_do(home: Home) -> None:
    await asyncio.to_thread(home.make_topics, 4)
    well = False

    def status(_: Request) -> int:
        return 200 if well else 500

    async with ledger(status) as receiver:
        endpoint(home, "welcome", receiver.url(), (4, 4, 4), max_in_flight=2)
        await send(home, [enrollment(number) for number in range(4)])
        async with delivering(home) as process:
            await until(lambda: len(receiver.requests) >= 4)
            await stopped(process)
        well = True
        async with delivering(home) as one, delivering(home, WORKER_HTTP__PORT="0") as other:
            await until(lambda: len(receiver.requests) >= 8)
            await stopped(one)
            await stopped(other)
    assert Counter(numbers(receiver)) == dict.fromkeys(range(4), 2)
