"""`doctor` on servers that are as they must be, and on some that are not."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.dev.servers import Kafka, Redis, RedisCluster, free_port
from tests.topic_records import records_of
from worker.app.doctor import _skew
from worker.cli.main import app
from worker.stores.redis_connections import Connections
from worker.streams.kafka.topic_needs import TOPIC_KINDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def settings(
    kafka: Kafka, redis: Redis, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that a worker needs, but for the topics."""
    monkeypatch.chdir(tmp_path)
    name = request.node.name[:50].replace("[", ".").replace("]", "")
    given = {
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA__GROUP_ID": name,
        "REDIS__URL": redis.url,
        "REDIS__KEY_PREFIX": name,
        "SUBJECTS__PEPPER": "pepper",
        "DEFINITIONS__PATH": str(ROOT / "examples" / "definitions"),
        "HANDLERS": str(ROOT / "examples" / "handlers.py"),
        "TOPICS__PARTITIONS": "2",
        **{f"TOPICS__{kind.upper()}": f"{name}.{kind}" for kind in TOPIC_KINDS},
    }
    for key, value in given.items():
        monkeypatch.setenv(f"WORKER_{key}", value)


@pytest.fixture
def topics() -> None:
    assert CliRunner().invoke(app, ["topics", "create"]).exit_code == 0


def doctor(code: int) -> dict[str, list[dict[str, Any]]]:
    """Return the checks by name."""
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == code, result.output
    answer = json.loads(result.stdout)
    found: dict[str, list[dict[str, Any]]] = {}
    for check in answer["checks"]:
        found.setdefault(check["name"], []).append(check)
    assert answer["findings"] == sum(check["status"] in {"warning", "error"} for check in answer["checks"])
    return found


@pytest.mark.usefixtures("topics")
def test_where_all_is_well_every_check_says_so_in_its_order(kafka: Kafka, request: pytest.FixtureRequest) -> None:
    checks = doctor(0)
    assert list(checks) == [
        *("pepper", "definitions", "handlers"),
        *("kafka dns", "kafka tcp", "kafka login", "kafka rights", "kafka topics", "kafka transactions"),
        *("redis", "redis server", "redis persistence", "redis clock", "redis keys"),
    ]
    assert {check["status"] for each in checks.values() for check in each} == {"ok"}
    assert records_of(kafka.bootstrap_servers, f"{request.node.name[:50]}.exposures") == []


@pytest.mark.usefixtures("topics")
def test_each_node_of_a_cluster_is_looked_at(redis_cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_REDIS__URL", redis_cluster.url)
    checks = doctor(0)
    for name in ("redis server", "redis persistence", "redis clock"):
        told = [check["found"].split(": ")[0] for check in checks[name]]
        assert sorted(told) == sorted(f"127.0.0.1:{node.port}" for node in redis_cluster.primaries)
    assert all(f"127.0.0.1:{node.port}: Redis " in checks["redis"][0]["found"] for node in redis_cluster.primaries)
    assert checks["redis keys"][0]["found"] == "no keys yet"


@pytest.mark.usefixtures("topics")
def test_a_node_of_a_cluster_that_is_taken_for_a_server_is_one_finding(
    redis_cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKER_REDIS__URL", redis_cluster.primaries[0].url)
    checks = doctor(1)
    assert "expected redis+cluster:// with some of its nodes" in checks["redis server"][0]["found"]
    assert checks["redis keys"][0]["status"] == "skipped"


@pytest.mark.usefixtures("topics")
def test_for_people_it_is_a_line_for_each() -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    *lines, last = result.stdout.splitlines()
    assert last == "all is well"
    assert all(line.startswith("ok ") for line in lines)


def test_topics_that_are_missing_are_one_finding_and_no_transaction_is_tried() -> None:
    checks = doctor(1)
    [found] = checks["kafka topics"]
    assert found["found"].startswith(f"{len(TOPIC_KINDS)} are missing: ")
    assert found["advice"] == "experiment-worker topics create"
    assert checks["kafka transactions"][0]["status"] == "skipped"
    shown = CliRunner().invoke(app, ["doctor"]).stdout
    assert "to do: experiment-worker topics create\n" in shown
    assert shown.endswith("\n1 finding\n")


def test_servers_that_are_not_there_are_named_and_what_needs_them_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", f"127.0.0.1:{port},nobody.invalid:9092")
    monkeypatch.setenv("WORKER_REDIS__URL", f"redis://user:s3cret@127.0.0.1:{port}")
    checks = doctor(1)
    assert f"127.0.0.1:{port}: nobody answers" in checks["kafka tcp"][0]["found"]
    assert [check["status"] for check in checks["kafka dns"]] == ["ok", "error"]
    assert checks["kafka topics, rights, transactions"][0]["status"] == "skipped"
    assert "expected a running Redis" in checks["redis"][0]["found"]
    assert "s3cret" not in json.dumps(checks)


def test_what_is_not_set_or_can_not_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("experiments: [{id: a}]")
    monkeypatch.setenv("WORKER_DEFINITIONS__PATH", str(broken))
    monkeypatch.setenv("WORKER_HANDLERS", "no.such.module")
    monkeypatch.delenv("WORKER_SUBJECTS__PEPPER")
    checks = doctor(1)
    for name in ("pepper", "definitions", "handlers"):
        assert checks[name][0]["status"] == "error"
    assert checks["redis keys"][0]["status"] == "skipped"
    monkeypatch.delenv("WORKER_DEFINITIONS__PATH")
    assert doctor(1)["definitions"][0]["found"] == "no path is set"
    monkeypatch.setenv("WORKER_DEFINITIONS__PATH", str(tmp_path / "missing"))
    assert "missing" in doctor(1)["definitions"][0]["found"]


def test_a_transaction_that_may_stay_open_for_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Kafka(tmp_path / "kafka", more=["transaction.max.timeout.ms=10000"])
    broker.start()
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    try:
        assert CliRunner().invoke(app, ["topics", "create"]).exit_code == 0
        [found] = doctor(1)["kafka transactions"]
    finally:
        broker.stop()
    assert found["found"] == "kafka.transaction_timeout_ms = 20000: more than the brokers allow"


async def changed(redis: Redis, *command: str) -> None:
    async with aclosing(Connections(redis.url, timeout=10)) as client:
        await client.call(*command)


@pytest.mark.usefixtures("topics")
def test_a_redis_that_may_forget_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Redis(tmp_path / "redis", None, "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    server.start()
    monkeypatch.setenv("WORKER_REDIS__URL", server.url)
    try:
        asyncio.run(changed(server, "HSET", f"{os.environ['WORKER_REDIS__KEY_PREFIX']}:meta", "pepper", "another"))
        checks = doctor(1)
    finally:
        server.stop()
    assert "found maxmemory-policy allkeys-lru" in checks["redis server"][0]["found"]
    assert (checks["redis persistence"][0]["status"], checks["redis persistence"][0]["advice"]) == (
        "warning",
        "Set `appendonly yes`.",
    )
    assert "fingerprint found another" in checks["redis keys"][0]["found"]


@pytest.mark.parametrize(("ahead", "give_or_take", "told"), [(2.1, 0.0, True), (-2.1, 0.0, True), (2.1, 0.2, False)])
def test_a_clock_that_is_off_by_more_than_it_may_be_is_told(ahead: float, give_or_take: float, *, told: bool) -> None:
    assert bool(_skew(ahead, give_or_take).advice) == told
