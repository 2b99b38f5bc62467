"""`dlq` as a command, on dead letters that a real worker has made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from deploy.dev.servers import Kafka, Redis, free_port
from tests.cli.homes import Home, login, until
from tests.topic_records import records_of, send_records
from worker.cli.main import app

BROKEN = "from worker import Handlers\nhandlers = Handlers()\n@handlers.post_login\ndef act(event, api):\n    {}\n"
FAILS = BROKEN.format("raise KeyError(event.user.email)")
MENDED = BROKEN.format('api.enroll("programme", {"user_id": event.user.user_id})')
EMAIL = "ada.secret@example.com"


@pytest.fixture
def home(kafka: Kafka, redis: Redis, tmp_path: Path) -> Home:
    found = Home(kafka, redis, tmp_path)
    found.make_topics(2)
    return found


def dlq(home: Home, *arguments: str, code: int = 0, **environment: str) -> str:
    result = CliRunner().invoke(app, ["dlq", *arguments], env={**home.environment, **environment})
    assert result.exit_code == code, result.stderr
    return result.stdout if code == 0 else result.stderr


def answer(home: Home, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(dlq(home, *arguments, "--json"))
    return found


def work(home: Home, handler: str, events: int) -> None:
    """Let a worker with that handler process so many inputs."""
    file = home.definitions.with_name("handlers.py")
    file.write_text(handler)
    with home.worker(WORKER_HANDLERS=str(file)) as process:
        until(process, "worker_started")
        done = 0
        while done < events:
            assert process.poll() is None
            lines = home.ask("/metrics")[1].decode().splitlines()
            done = int(
                sum(float(line.split()[-1]) for line in lines if line.startswith("experiment_worker_events_total{"))
            )


def source(record: Any) -> str:
    return bytes(dict(record.headers)["source"]).decode()


def failed(home: Home, count: int = 5) -> None:
    """Dead letters of a handler that fails, and one of an input that is no JSON."""
    topic, bare = home.topic("triggers"), login(99)
    del bare["id"], bare["time"]
    values = [orjson.dumps({**login(n), "padding": EMAIL}) for n in range(count - 1)]
    send_records(home.brokers, topic, [*values, orjson.dumps(bare)])
    send_records(home.brokers, topic, [b"{"], partition=1)
    work(home, FAILS, count + 1)


def test_after_a_handler_was_mended_every_event_has_what_it_would_have_had(home: Home) -> None:
    failed(home)
    before = records_of(home.brokers, home.topic("dead_letters"))
    assert answer(home, "redrive", "--dry-run")["sent"] == 6
    assert answer(home, "redrive", "--reason", "handler_failed") == {
        "dry_run": False, "sent": 5, "already": 0, "not_kept": 0, "elsewhere": 0,
    }  # fmt: skip
    assert answer(home, "redrive", "--reason", "handler_failed")["sent"] == 0
    work(home, MENDED, 5)
    triggers = {f"{home.topic('triggers')}/0/{offset}" for offset in range(5)}
    for kind in ("enriched", "enrollments"):
        assert Counter(map(source, records_of(home.brokers, home.topic(kind)))) == Counter(triggers)
    exposures = [orjson.loads(record.value) for record in records_of(home.brokers, home.topic("exposures"))]
    assert Counter(Counter(each["exposure_id"] for each in exposures).values()) == {2: 5}  # the same id again
    assert {each["event_id"] for each in exposures} >= {f"{home.topic('triggers')}/0/4"}
    assert len(records_of(home.brokers, home.topic("dead_letters"))) == len(before) == 6


def test_what_goes_back_is_what_came_to_the_same_partition_at_the_same_time(home: Home) -> None:
    failed(home)
    dlq(home, "redrive")
    came, went = {}, {}
    for record in records_of(home.brokers, home.topic("triggers")):
        headers = dict(record.headers)
        place = headers.pop("redrive.source", b"").decode()
        facts = (record.partition, record.timestamp, record.key, record.value, headers)
        if place:
            went[place] = facts
        else:
            came[f"{record.topic}/{record.partition}/{record.offset}"] = facts
    assert went == came


def test_a_second_call_sends_nothing_whatever_filter_the_first_one_had(home: Home) -> None:
    failed(home)
    assert answer(home, "redrive", "--limit", "2", "--reason", "handler_failed")["sent"] == 2
    assert answer(home, "redrive", "--reason", "not_json")["sent"] == 1
    rest = answer(home, "redrive")
    assert (rest["sent"], rest["already"]) == (3, 3)
    assert (answer(home, "redrive")["sent"], answer(home, "redrive")["already"]) == (0, 6)
    assert len(records_of(home.brokers, home.topic("triggers"))) == 12
    assert {each["redriven"] for each in answer(home, "list")["letters"]} == {True}


def test_one_that_fails_again_is_a_new_letter_of_the_same_source(home: Home) -> None:
    failed(home, 1)
    dlq(home, "redrive")
    work(home, FAILS, 2)
    letters = answer(home, "list")["letters"]
    assert Counter(each["source"] for each in letters) == dict.fromkeys(
        [f"{home.topic('triggers')}/{partition}/0" for partition in (0, 1)], 2
    )
    assert Counter(each["redriven"] for each in letters) == {True: 2, False: 2}
    assert answer(home, "redrive")["sent"] == 2
    again = records_of(home.brokers, home.topic("triggers"))
    assert sorted([name for name, _ in record.headers].count("redrive.source") for record in again) == [
        0,
        0,
        1,
        1,
        1,
        1,
    ]


def test_what_was_not_kept_or_came_from_elsewhere_is_counted(home: Home) -> None:
    here = f"{home.topic('triggers')}/0/7"
    description = orjson.dumps({"size": 9, "sha256": "00", "source": here})
    asyncio.run(_letters(home, [(description, here), (b"x", "other.topic/0/1"), (b"x", "log.ndjson/1")]))
    done = answer(home, "redrive")
    assert (done["sent"], done["not_kept"], done["elsewhere"]) == (0, 1, 2)
    text = dlq(home, "redrive")
    assert "1 can't be: they were too large to be kept" in text
    assert f"2 came from elsewhere than {home.topic('triggers')}" in text


async def _letters(home: Home, letters: Sequence[tuple[bytes, str]]) -> None:
    """Write letters with these values and sources; and a record of somebody else's."""
    async with AIOKafkaProducer(bootstrap_servers=home.brokers) as producer:
        topic, reason = home.topic("dead_letters"), ("error.reason", b"too_large")
        sent = [
            await producer.send(topic, value, partition=0, headers=[reason, ("error.source", place.encode())])
            for value, place in letters
        ]
        await asyncio.gather(*sent, await producer.send(topic, b"of somebody else"))


def test_nothing_that_is_shown_names_anybody(home: Home) -> None:
    failed(home, 2)
    shown = (
        dlq(home, "list") + dlq(home, "show", "0/0") + dlq(home, "show", "0/0", "--json") + dlq(home, "list", "--json")
    )
    assert EMAIL not in shown
    assert "auth0|0" not in shown
    assert "handler_failed" in shown
    document = answer(home, "show", "0/0")
    assert document["value"]["trigger"] == "post_login"
    assert document["value"]["padding"] == "•••"
    assert document["source"] == f"{home.topic('triggers')}/0/0"
    assert answer(home, "show", "1/0")["value"].startswith("no JSON: 1 bytes, SHA-256 ")


def test_letters_are_listed_by_reason_and_time(home: Home) -> None:
    failed(home, 2)
    everything = answer(home, "list")["letters"]
    assert Counter(each["reason"] for each in everything) == {"handler_failed": 2, "not_json": 1}
    assert [each["reason"] for each in answer(home, "list", "--reason", "not_json")["letters"]] == ["not_json"]
    assert answer(home, "list", "--since", "2100-01-01T00:00:00Z")["letters"] == []
    assert len(answer(home, "list", "--limit", "1")["letters"]) == 1
    assert "3 dead letters: 2 handler_failed, 1 not_json" in dlq(home, "list")


def test_wrong_usage_is_one_message(home: Home) -> None:
    assert "expected one of empty, too_large" in dlq(home, "list", "--reason", "bad", code=2)
    assert "expected an RFC 3339 time" in dlq(home, "redrive", "--since", "yesterday", code=2)
    assert "expected PARTITION/OFFSET like 3/117" in dlq(home, "show", "3", code=2)
    assert "there is no dead letter at 0/5" in dlq(home, "show", "0/5", code=1)
    nowhere = f"127.0.0.1:{free_port()}"
    assert "nobody answers" in dlq(home, "list", code=2, WORKER_KAFKA__BOOTSTRAP_SERVERS=nowhere)
    assert "no such topic" in dlq(home, "redrive", code=2, WORKER_TOPICS__REDRIVEN="nothing")
