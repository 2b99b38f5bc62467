"""What a store is rebuilt from, as it stands on a real broker's topics."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from deploy.dev.servers import Kafka, free_port
from tests.topic_records import make_topic
from worker.app.truth import PublishedAssignments
from worker.settings import Kafka as KafkaSettings
from worker.settings import Redis, Settings, Topics
from worker.stores.truth import Entry, TruthUnavailableError

ADA, BOB = "a" * 64, "b" * 64
NOON_MS = 1_772_366_400_000


def settings_of(servers: str, **topics: str) -> Settings:
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=servers, group_id=uuid.uuid4().hex, transaction_timeout_ms=2000),
        redis=Redis(claim_max_age_ms=100),
        topics=Topics(**topics),
    )


@pytest.fixture
def settings(kafka: Kafka) -> Settings:
    names = {kind: f"{uuid.uuid4().hex}.{kind}" for kind in ("assignments", "erasures")}
    for name in names.values():
        make_topic(kafka.bootstrap_servers, name, 2)
    return settings_of(kafka.bootstrap_servers, **names)


async def send(settings: Settings, kind: str, key: str, value: Any, *, at_ms: int = NOON_MS) -> None:
    raw = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(getattr(settings.topics, kind), raw, key.encode(), timestamp_ms=at_ms)


async def publish(settings: Settings, subject: str, *, at_ms: int = NOON_MS, **fields: Any) -> None:
    record: dict[str, Any] = {"tenant_id": "acme", "experiment_id": "exp|a", "subject_type": "user", "subject": subject}
    record |= {"variation_id": "var_a", "version": 0, "experiment_revision": "r", "experiment_updated_at": None}
    record |= {"assigned_at": None, "event_id": "evt_1", **fields}
    await send(settings, "assignments", f"acme|exp|a|{subject}", record, at_ms=at_ms)


async def told(settings: Settings, since_ms: int = 0) -> tuple[list[str], list[Entry]]:
    """Who was erased since, and what is told of the others."""
    truth = PublishedAssignments(settings)
    erased = list(await truth.erased(since_ms))
    return erased, [entry async for entries in truth.entries(since_ms) for entry in entries]


async def test_what_was_published_before_an_erasure_is_left_out_though_no_tombstone_stands_there(
    settings: Settings,
) -> None:
    await publish(settings, ADA)
    await publish(settings, BOB)
    await send(settings, "erasures", ADA, {"subject": ADA}, at_ms=NOON_MS + 1000)
    erased, entries = await told(settings)
    assert (erased, [entry.subject for entry in entries]) == ([ADA], [BOB])
    await publish(settings, ADA, at_ms=NOON_MS + 2000, event_id="evt_again")
    _, entries = await told(settings)
    assert {entry.subject: entry.assignment.event_id for entry in entries if entry.assignment} == {
        ADA: "evt_again",
        BOB: "evt_1",
    }
    assert (await told(settings, NOON_MS + 1001))[0] == []


async def test_an_entry_is_the_record_and_a_tombstone_is_one_without_assignment(settings: Settings) -> None:
    await publish(settings, ADA, version=3, variation_id="var_b")
    await send(settings, "assignments", f"acme|exp|a|{ADA}", None)
    _, (entry, erased) = await told(settings)
    assert (entry.tenant, entry.subject_type, entry.subject, entry.experiment_id) == ("acme", "user", ADA, "exp|a")
    assert entry.assignment is not None
    assert (entry.assignment.version, entry.assignment.variation_id) == (3, "var_b")
    assert erased == Entry("acme", None, ADA, "exp|a", None)


async def test_what_nobody_of_us_has_written_is_passed_over(settings: Settings) -> None:
    await send(settings, "assignments", "x", b"{")
    await send(settings, "assignments", "x", {"other": 1})
    await send(settings, "assignments", "a|b", None)
    await publish(settings, BOB)
    _, entries = await told(settings)
    assert [entry.subject for entry in entries] == [BOB]


async def test_only_a_group_that_never_began_has_nothing_in_flight(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(min(seconds, 0.1))

    longest = pytest.approx(0.1 + 1 + 2)  # claim, transaction, and the broker's own limit of that
    truth = PublishedAssignments(settings)
    await truth.settled()  # also where the broker must make its topic of offsets first
    monkeypatch.setattr("worker.app.truth.asyncio.sleep", note)
    await truth.settled()
    assert longest not in waits
    await publish(settings, ADA)
    await truth.settled()
    assert longest in waits


async def test_a_broker_that_is_away_is_told() -> None:
    truth = PublishedAssignments(settings_of(f"127.0.0.1:{free_port()}"))
    with pytest.raises(TruthUnavailableError, match="nobody answers"):
        await truth.erased(0)
