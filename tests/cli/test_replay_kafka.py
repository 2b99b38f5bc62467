"""`replay kafka://topic`: what the live topics hold, again, and never into them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner, Result

from deploy.dev.servers import Kafka, Redis, free_port
from tests.cli.homes import Home, login, until
from tests.definitions_documents import percentage_set
from tests.topic_records import make_topic, records_of, send_records
from worker.cli.main import app
from worker.streams.kafka.topic_needs import TOPIC_KINDS

START_MS = 1_772_352_000_000  # 2026-03-01T08:00:00Z
FILES = ("enriched", "exposures", "enrollments", "commands", "assignments")
HANDLER = (
    "from worker import Handlers\nhandlers = Handlers()\n@handlers.post_login\ndef act(event, api):\n"
    '    api.enroll("programme", {"user_id": event.user.user_id})\n'
)


@pytest.fixture
def home(kafka: Kafka, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handlers.py").write_text(HANDLER)
    found = Home(kafka, redis, tmp_path)
    found.environment["WORKER_HANDLERS"] = "handlers.py"
    found.make_topics(3)
    return found


def fill(home: Home, values: Sequence[tuple[int, bytes]]) -> None:
    """Send values into partitions, a second of record time apart."""

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=home.brokers) as producer:
            topic = home.topic("triggers")
            sent = [
                await producer.send(topic, value, partition=partition, timestamp_ms=START_MS + 1000 * number)
                for number, (partition, value) in enumerate(values)
            ]
            await asyncio.gather(*sent)

    asyncio.run(send())


def logins(count: int) -> list[tuple[int, bytes]]:
    """Logins of people who come again, over all partitions, and one input that is no JSON."""
    events = [{**login(number % 7), "id": f"evt_{number}"} for number in range(count - 1)]
    return [(number * 5 % 3, orjson.dumps(event)) for number, event in enumerate(events)] + [(1, b"{")]


def run(home: Home, *arguments: str, **environment: str) -> Result:
    source = f"kafka://{home.topic('triggers')}"
    return CliRunner().invoke(app, ["replay", source, *arguments], env={**home.environment, **environment})


def summary(home: Home, *arguments: str) -> dict[str, Any]:
    result = run(home, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = orjson.loads(result.stdout)
    return found


def refused(home: Home, *arguments: str, **environment: str) -> str:
    result = run(home, *arguments, **environment)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    return result.stderr


def lines(folder: str, kind: str) -> list[bytes]:
    return Path(folder, f"{kind}.ndjson").read_bytes().splitlines()


def test_a_topic_is_replayed_as_the_log_of_the_same_events_in_their_order(home: Home) -> None:
    values = logins(60)
    fill(home, values)
    Path("log.ndjson").write_bytes(b"\n".join(value for _, value in values))
    assert summary(home, "--out", "a")["events"] == 60
    result = CliRunner().invoke(app, ["replay", "log.ndjson", "--out", "b"], env=home.environment)
    assert result.exit_code == 0
    for kind in FILES:
        assert lines("a", kind) == lines("b", kind)
    (letter,) = map(orjson.loads, lines("a", "dead_letters"))
    assert letter["source"].startswith(f"{home.topic('triggers')}/1/")
    assert summary(home, "--out", "again")["dead_letters"] == {"not_json": 1}
    for kind in FILES:
        assert lines("again", kind) == lines("a", kind)


def test_ranges_are_by_the_records_timestamps(home: Home) -> None:
    fill(home, logins(30))
    since, until_ = ("--since", "2026-03-01T08:00:10Z"), ("--until", "2026-03-01T08:00:20Z")
    assert summary(home, *since, *until_, "--out", "a")["events"] == 10
    assert [orjson.loads(line)["event_id"] for line in lines("a", "exposures")] == [f"evt_{n}" for n in range(10, 20)]
    assert summary(home, *since, "--dry-run")["events"] == 20
    assert summary(home, *until_, "--dry-run")["events"] == 20
    assert summary(home, "--limit", "7", "--dry-run")["events"] == 7
    assert summary(home, "--since", "2030-01-01T00:00:00Z", "--dry-run")["events"] == 0


def test_a_value_with_line_breaks_is_one_line(home: Home) -> None:
    fill(home, [(0, orjson.dumps(login(1), option=orjson.OPT_INDENT_2).replace(b"\n", b"\r\n"))])
    summary(home, "--out", "a")
    (line,) = Path("a/enriched.ndjson").read_bytes().split(b"\n")[:-1]
    assert b"\r" not in line
    assert orjson.loads(line)["id"] == "evt_1"


def test_outputs_go_to_new_topics_beside_the_live_ones(home: Home) -> None:
    fill(home, logins(60))
    live = {kind: len(records_of(home.brokers, home.topic(kind))) for kind in TOPIC_KINDS}
    found = summary(home, "--topic-suffix", ".again")
    summary(home, "--out", "a")
    for kind in FILES:
        records = records_of(home.brokers, f"{home.topic(kind)}.again")
        assert sorted(record.value for record in records) == sorted(lines("a", kind))
        if kind != "assignments":
            sources = [dict(record.headers)["source"].decode() for record in records]
            assert [int(source.rsplit("/", 2)[1]) for source in sources] == [record.partition for record in records]
    (letter,) = records_of(home.brokers, f"{home.topic('dead_letters')}.again")
    assert (letter.value, found["dead_letters"]) == (b"{", {"not_json": 1})
    assert {kind: len(records_of(home.brokers, home.topic(kind))) for kind in TOPIC_KINDS} == live
    assert not Path("out").exists()
    assert "written to the topics ….once-more" in " ".join(run(home, "--topic-suffix", ".once-more").stdout.split())
    assert "holds records already, expected new topics" in refused(home, "--topic-suffix", ".again")


def test_the_live_topics_are_never_written(home: Home) -> None:
    fill(home, logins(3))
    assert "expected letters, digits" in refused(home, "--topic-suffix", "")
    make_topic(home.brokers, f"{home.name}.x.exposures", 1)
    message = refused(
        home,
        "--topic-suffix",
        ".exposures",
        WORKER_TOPICS__ENRICHED=f"{home.name}.x",
        WORKER_TOPICS__EXPOSURES=f"{home.name}.x.exposures",
    )
    assert f"{home.name}.x.exposures, expected neither a live topic nor the source" in message
    assert records_of(home.brokers, f"{home.name}.x.exposures") == []


def test_a_replay_that_begins_with_the_assignments_gives_everybody_the_live_variation(home: Home) -> None:
    send_records(home.brokers, home.topic("triggers"), [orjson.dumps(login(number)) for number in range(12)])
    with home.worker() as process:
        until(process, "worker_started")
        while b'experiment_worker_events_total{outcome="processed"} 12.0' not in home.ask("/metrics")[1]:
            assert process.poll() is None
    live = [orjson.loads(record.value) for record in records_of(home.brokers, home.topic("exposures"))]
    document = percentage_set(updated_at="2026-02-01T00:00:00Z")
    for allocation in document["experiments"][0]["allocations"]:
        allocation["weight"] = 100 - allocation["weight"]
    home.define(document)
    summary(home, "--from-assignments", "--out", "seeded")
    summary(home, "--out", "empty")
    seeded, empty = (list(map(orjson.loads, lines(folder, "exposures"))) for folder in ("seeded", "empty"))
    assert _given(seeded) == _given(live)
    assert {each["is_first"] for each in seeded} == {True}  # the creating events are these
    assert _given(empty) != _given(live)  # the control


def _given(exposures: Sequence[dict[str, Any]]) -> dict[str, str]:
    return {each["subject"]: each["variation_id"] for each in exposures}


def test_wrong_usage_is_one_message(home: Home) -> None:
    other = CliRunner().invoke(app, ["replay", "kafka://a/b"], env=home.environment)
    both = CliRunner().invoke(app, ["replay", "kafka://a", "log.ndjson"], env=home.environment)
    files = CliRunner().invoke(app, ["replay", "log.ndjson", "--topic-suffix", ".x"], env=home.environment)
    unknown = CliRunner().invoke(app, ["replay", "kafka://nothing", "--dry-run"], env=home.environment)
    assert [each.exit_code for each in (other, both, files, unknown)] == [2, 2, 2, 2]
    assert "expected kafka://TOPIC" in other.stderr
    assert "expected a topic alone" in both.stderr
    assert "expected SOURCE kafka://TOPIC" in files.stderr
    assert "nothing: no such topic" in unknown.stderr
    assert "--topic-suffix and --out don't go together" in refused(home, "--topic-suffix", ".x", "--out", "a")
    assert "--topic-suffix and --dry-run don't go together" in refused(home, "--topic-suffix", ".x", "--dry-run")
    nowhere = f"127.0.0.1:{free_port()}"
    assert "nobody answers" in refused(home, "--dry-run", WORKER_KAFKA__BOOTSTRAP_SERVERS=nowhere)
    del home.environment["WORKER_SUBJECTS__PEPPER"]
    assert "subjects.pepper is not set" in refused(home, "--from-assignments")
