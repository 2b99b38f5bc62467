"""`run` as a process: what it says when it can't start, and its life from start to stop."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import orjson
import pytest

from deploy.dev.servers import Kafka, Redis, free_port
from tests.cli.homes import PATIENCE, Home, exposures, login, until
from tests.definitions_documents import percentage_set
from tests.factories import post_login
from tests.topic_records import records_of, send_records


@pytest.fixture
def home(kafka: Kafka, redis: Redis, tmp_path: Path) -> Home:
    return Home(kafka, redis, tmp_path)


def test_a_worker_needs_a_pepper(home: Home) -> None:
    del home.environment["WORKER_SUBJECTS__PEPPER"]
    assert home.refused() == (
        "error: subjects.pepper is not set, expected a secret: WORKER_SUBJECTS__PEPPER in the environment"
    )


def test_a_broker_that_nobody_answers_for_is_named(home: Home) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    assert f"kafka.bootstrap_servers = {nowhere}: nobody answers" in home.refused(
        WORKER_KAFKA__BOOTSTRAP_SERVERS=nowhere
    )


def test_missing_topics_are_named_with_what_to_do(home: Home) -> None:
    assert home.refused() == "expected all of them on the cluster: experiment-worker topics create"


def test_a_store_that_nobody_answers_for_is_named(home: Home) -> None:
    home.make_topics()
    nowhere = f"redis://:secret@127.0.0.1:{free_port()}/0"
    message = home.refused(WORKER_REDIS__URL=nowhere)
    assert "redis.url" in message
    assert "expected a running Redis" in message
    assert "secret" not in message


def test_a_store_that_may_drop_keys_is_refused(home: Home, tmp_path: Path) -> None:
    home.make_topics()
    dropping = Redis(tmp_path / "redis", None, "--maxmemory-policy", "volatile-lru")
    dropping.start()
    try:
        message = home.refused(WORKER_REDIS__URL=dropping.url)
    finally:
        dropping.stop()
    assert "volatile-lru" in message
    assert "noeviction" in message


def test_another_pepper_than_the_stores_is_refused(home: Home) -> None:
    home.make_topics()
    with home.worker() as process:
        until(process, "lane_opened")
    message = home.refused(WORKER_SUBJECTS__PEPPER="another", WORKER_HTTP__PORT="0")
    assert "subjects.pepper" in message
    assert "redis.key_prefix" in message


def test_a_port_in_use_is_named(home: Home) -> None:
    home.make_topics()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", home.port))
        taken.listen()
        assert f"http.port {home.port}" in home.refused()


def test_wrong_definitions_stop_the_start(home: Home) -> None:
    home.define({"experiments": [{"id": "exp_a"}]})
    process = home.start()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "nothing was started" in errors


def test_too_many_dead_letters_end_it_with_exit_code_1_and_say_what_to_do(home: Home) -> None:
    home.make_topics()
    send_records(home.brokers, home.topic("triggers"), [b"{"] * 10)
    process = home.start(WORKER_DEAD_LETTERS__MAX_CONSECUTIVE="10")
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("error: the worker stopped: 10 inputs in a row ended as dead letters (not_json 10) since")
    assert "dead_letters.max_consecutive = 10" in last
    assert list(records_of(home.brokers, home.topic("dead_letters"))) == []


def test_sigterm_leaves_the_group_and_exits_0(home: Home) -> None:
    home.make_topics()
    send_records(home.brokers, home.topic("triggers"), [orjson.dumps(login(number)) for number in range(50)])
    with home.worker() as process:
        until(process, "lane_opened")
        process.send_signal(signal.SIGTERM)
        assert until(process, "worker_stopping")["reason"] == "SIGTERM"
        until(process, "worker_stopped")
        assert process.wait(PATIENCE) == 0


def test_the_second_signal_ends_it_at_once(home: Home) -> None:
    home.make_topics()
    send_records(home.brokers, home.topic("triggers"), [orjson.dumps(login(1))])
    with home.worker(WORKER_HANDLERS=str(home.endless_handler())) as process:
        until(process, "handler_runs")
        process.send_signal(signal.SIGTERM)
        until(process, "worker_stopping")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_probes_and_metrics_tell_of_its_work(home: Home) -> None:
    home.make_topics()
    send_records(home.brokers, home.topic("triggers"), [orjson.dumps(login(number)) for number in range(50)])
    with home.worker() as process:
        until(process, "lane_opened")
        assert home.ask("/livez")[0] == 200
        assert home.ask("/readyz") == (200, b'{"ready":true,"reasons":[]}')
        while b'experiment_worker_events_total{outcome="processed"} 50.0' not in home.ask("/metrics")[1]:
            assert process.poll() is None


def test_definitions_are_reloaded_while_it_runs(home: Home) -> None:
    home.make_topics()
    with home.worker() as process:
        until(process, "lane_opened")
        home.define({"experiments": "broken"})
        assert until(process, "definitions_refused")
        home.define(percentage_set(updated_at="2026-02-01T00:00:00Z", name="b"))
        until(process, "definitions_reloaded")
        send_records(home.brokers, home.topic("triggers"), [orjson.dumps(login(1))])
        while b'experiment_worker_events_total{outcome="processed"} 1.0' not in home.ask("/metrics")[1]:
            assert process.poll() is None
    assert [exposure["variation_id"] for exposure in exposures(home)] == ["var_treatment"]


def test_no_line_of_the_log_names_anybody(home: Home) -> None:
    home.make_topics()
    broken = orjson.dumps(post_login(user={"user_id": 7, "email": "anna@example.com"}, request="192.0.2.1"))
    send_records(home.brokers, home.topic("triggers"), [broken, b"anna@example.com 192.0.2.1"])
    process = home.start("--log-level", "debug")
    assert process.stderr is not None
    lines = [process.stderr.readline()]
    while sum('"dead_letter"' in line for line in lines) < 2:
        lines.append(process.stderr.readline())
    process.terminate()
    _, rest = process.communicate(timeout=PATIENCE)
    text = "".join(lines) + rest
    assert "anna" not in text
    assert "192.0.2.1" not in text
