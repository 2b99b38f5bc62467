"""`forget` and `restore` as commands, beside a worker that goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis import Redis as Client
from redis import RedisCluster as ClusterClient
from typer.testing import CliRunner, Result

from deploy.dev.servers import Kafka, Redis, RedisCluster, free_port
from tests.cli.homes import Home, exposures, until
from tests.definitions_documents import percentage_set
from tests.factories import post_login
from tests.stores.redis_stores import layout_at
from tests.topic_records import records_of, send_records
from worker.cli.main import app

ADA = {"user_id": "auth0|ada", "email": "ada@example.com"}
TENANT = post_login()["event"]["tenant"]["id"]
BOB = {"user_id": "auth0|bob", "email": "bob@example.com"}


EITHER = pytest.mark.parametrize("home", ["redis", "redis_cluster"], indirect=True)
"""On one server, and on a Cluster."""


@pytest.fixture
def home(kafka: Kafka, request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    server: Redis | RedisCluster = request.getfixturevalue(getattr(request, "param", "redis"))
    found = Home(kafka, server, tmp_path)
    found.environment |= {"WORKER_KAFKA__TRANSACTION_TIMEOUT_MS": "2000", "WORKER_REDIS__CLAIM_MAX_AGE_MS": "200"}
    return found


@pytest.fixture
def client(home: Home) -> Iterator[Client]:
    scheme, _, hosts = home.environment["WORKER_REDIS__URL"].partition("://")
    opened: Any = (ClusterClient if "cluster" in scheme else Client).from_url(f"redis://{hosts.partition(',')[0]}")
    yield opened
    opened.close()


def key_of(home: Home, subject: str, prefix: str = "") -> str:
    return layout_at(home.environment["WORKER_REDIS__URL"], prefix or home.name).key_of(subject)


def command(home: Home, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, arguments, env={**home.environment, **environment})


def answer(home: Home, *arguments: str) -> dict[str, Any]:
    result = command(home, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = orjson.loads(result.stdout)
    return found


def seen(home: Home, id_: str) -> Mapping[str, Any]:
    """The exposure of an event."""
    (found,) = [each for each in exposures(home) if each["event_id"] == id_]
    return found


class Worker:
    """A worker that is fed events one by one."""

    def __init__(self, home: Home, process: subprocess.Popen[str]) -> None:
        self._home = home
        self._process = process
        self._events = 0

    def process(self, id_: str, user: Mapping[str, str]) -> Mapping[str, Any]:
        """Send an event, wait until it is processed, and return its exposure."""
        event = {**post_login(user=dict(user)), "id": id_}
        send_records(self._home.brokers, self._home.topic("triggers"), [orjson.dumps(event)])
        self._events += 1
        done = b'experiment_worker_events_total{outcome="processed"} %d.0' % self._events
        while done not in self._home.ask("/metrics")[1]:
            assert self._process.poll() is None
        return seen(self._home, id_)

    def turn_round(self) -> None:
        """Let the weights give everybody the other variation, and wait until the worker has them."""
        document = percentage_set(updated_at="2026-02-01T00:00:00Z")
        for allocation in document["experiments"][0]["allocations"]:
            allocation["weight"] = 100 - allocation["weight"]
        self._home.define(document)
        until(self._process, "definitions_reloaded")


@contextmanager
def working(home: Home) -> Iterator[Worker]:
    home.make_topics()
    with home.worker() as process:
        until(process, "lane_opened")
        yield Worker(home, process)


def lose(client: Client, home: Home) -> None:
    """Delete what the store holds, at once."""
    for key in client.keys(f"{home.name}:*"):
        client.delete(key)


@EITHER
def test_who_is_forgotten_is_new_afterwards_and_a_rebuild_brings_nobody_else_back(home: Home, client: Client) -> None:
    with working(home) as worker:
        first = worker.process("evt_ada_1", ADA)
        other = worker.process("evt_bob_1", BOB)
        receipt = answer(
            home, "forget", "--tenant", TENANT, "--user-id", ADA["user_id"], "--email", " Ada@Example.com ", "--yes"
        )
        assert [(each["subject_type"], each["store_records"], each["tombstones"]) for each in receipt["subjects"]] == [
            ("user", 1, 1),
            ("identifier", 1, 1),
        ]
        assert first["subject"] in {each["subject"] for each in receipt["subjects"]}
        assert home.topic("dead_letters") in receipt["not_erased"]
        lose(client, home)
        assert worker.process("evt_bob_2", BOB)["is_first"] is False
        assert not client.exists(key_of(home, first["subject"]))
        assert client.exists(key_of(home, other["subject"]))
        assert worker.process("evt_ada_2", ADA)["is_first"] is True


def test_a_worker_that_remembers_somebody_forgets_as_well(home: Home) -> None:
    with working(home) as worker:
        worker.process("evt_1", ADA)
        worker.process("evt_2", ADA)
        assert worker.process("evt_3", ADA)["is_first"] is False
        answer(home, "forget", "--tenant", TENANT, "--user-id", ADA["user_id"], "--email", ADA["email"], "--yes")
        assert worker.process("evt_4", ADA)["is_first"] is True


def test_asking_twice_does_no_harm(home: Home) -> None:
    with working(home) as worker:
        worker.process("evt_1", ADA)
        answer(home, "forget", "--tenant", TENANT, "--user-id", ADA["user_id"], "--yes")
        again = answer(home, "forget", "--tenant", TENANT, "--user-id", ADA["user_id"], "--yes")
        assert [(each["store_records"], each["tombstones"]) for each in again["subjects"]] == [(0, 0)]
    erasures = records_of(home.brokers, home.topic("erasures"))
    assert {record.key.decode() for record in erasures} == {again["subjects"][0]["subject"]}
    assert ADA["user_id"].encode() not in b"".join(record.key + record.value for record in erasures)


def test_nobody_is_erased_without_a_name_or_without_being_asked(home: Home) -> None:
    nobody, unasked = command(home, "forget"), command(home, "forget", "--user-id", "u")
    empty = command(home, "forget", "--email", " ", "--yes")
    assert (nobody.exit_code, unasked.exit_code, empty.exit_code) == (2, 2, 2)
    assert "expected whom to erase: --user-id, --email" in nobody.stderr
    assert "expected --yes" in unasked.stderr
    assert "an empty name is nobody's" in empty.stderr


def test_a_store_that_is_away_erases_nothing_and_says_so(home: Home) -> None:
    home.make_topics()
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    result = command(home, "forget", "--user-id", "u", "--yes", WORKER_REDIS__URL=nowhere)
    assert result.exit_code == 2
    assert "expected a running Redis; ask for it again" in result.stderr


def test_nobody_changes_variation_when_the_store_is_lost_after_the_weights_were_edited(
    home: Home, client: Client
) -> None:
    with working(home) as worker:
        people = [{"user_id": f"auth0|{number}"} for number in range(6)]
        before = [worker.process(f"evt_a{at}", user)["variation_id"] for at, user in enumerate(people)]
        worker.turn_round()
        lose(client, home)
        after = [worker.process(f"evt_b{at}", user) for at, user in enumerate(people)]
        assert [each["variation_id"] for each in after] == before
        assert not any(each["is_first"] for each in after)
        newcomer = worker.process("evt_new", {"user_id": "auth0|new"})
        assert newcomer["variation_id"] not in before


@EITHER
def test_restore_fills_a_prefix_with_what_was_published(home: Home, client: Client) -> None:
    with working(home) as worker:
        subjects = [worker.process(f"evt_{user['user_id']}", user)["subject"] for user in (ADA, BOB)]
    dry = answer(home, "restore", "--store-prefix", f"{home.name}-b", "--dry-run")
    assert (dry["entries"], dry["changed"], list(dry["experiments"].values())) == (4, None, [4])
    assert client.keys(f"{home.name}-b:*") == []
    done = answer(home, "restore", "--store-prefix", f"{home.name}-b")
    assert (done["entries"], done["changed"], done["erased"]) == (4, 4, 0)
    for subject in subjects:
        live, restored = (client.hgetall(key_of(home, subject, prefix)) for prefix in (home.name, f"{home.name}-b"))
        assert live.keys() == restored.keys()
        assert [value[1:] for value in live.values()] == [value[1:] for value in restored.values()]
    assert answer(home, "restore", "--store-prefix", f"{home.name}-b")["changed"] == 0


@EITHER
def test_restore_by_hand_makes_a_lost_store_whole(home: Home, client: Client) -> None:
    with working(home) as worker:
        subject = worker.process("evt_1", ADA)["subject"]
    lose(client, home)
    result = command(home, "restore")
    assert result.exit_code == 0
    assert "2 records written" in result.stdout
    assert client.exists(key_of(home, subject))


def test_restore_names_what_it_can_not_read(home: Home) -> None:
    result = command(home, "restore", "--dry-run")
    assert result.exit_code == 2
    assert f"{home.topic('erasures')}: no such topic" in result.stderr
