from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.dev.servers import Kafka
from tests.simulate.simulated import log
from tests.topic_records import make_topic, records_of
from worker.cli.main import app
from worker.simulate.send import keyed


@pytest.fixture(autouse=True)
def brokers(kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    return kafka.bootstrap_servers


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", "--events", "1500", "--people", "40", *arguments])


def test_a_topic_holds_the_lines_of_the_log_by_whom_they_tell_of(brokers: str) -> None:
    topic = make_topic(brokers, "simulated.lines")
    before = time.time() * 1000
    result = simulate("--seed", "5", "--malformed", "0.1", "--out", f"kafka://{topic}")

    found = records_of(brokers, topic)
    expected = [keyed(line) for line in log(events=1500, people=40, seed=5, malformed=0.1)]
    assert result.exit_code == 0
    assert result.stderr.startswith("1,500 lines of ")
    assert sorted((each.key, each.value or b"") for each in found) == sorted(
        (key, value or b"") for key, value in expected
    )
    assert len({(each.key, each.partition) for each in found}) == len({each.key for each in found})
    assert all(before - 1000 <= each.timestamp <= time.time() * 1000 + 1000 for each in found)


def test_lines_of_one_key_keep_their_order(brokers: str) -> None:
    topic = make_topic(brokers, "simulated.order", partitions=3)
    simulate("--out", f"kafka://{topic}")

    sent = [keyed(line) for line in log(events=1500, people=40, seed=0)]
    busiest = max({each.key for each in sent}, key=[each.key for each in sent].count)
    found = records_of(brokers, topic)
    assert [each.value for each in found if each.key == busiest] == [each.value for each in sent if each.key == busiest]


def test_a_line_that_the_topic_does_not_take_is_one_message(brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_KAFKA__COMPRESSION", "none")
    topic = make_topic(brokers, "simulated.small", max_message_bytes="700")
    result = simulate("--out", f"kafka://{topic}")

    assert result.exit_code == 2
    assert "simulated.small: a record is larger than the topic takes (max.message.bytes)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "kafka://simulated.nowhere"), "simulated.nowhere: no such topic on 127.0.0.1:"),
        (("--out", "kafka://"), "--out is 'kafka://', expected kafka://TOPIC or a file"),
        (("--out", "kafka://two/parts"), "--out is 'kafka://two/parts', expected kafka://TOPIC or a file"),
        (("--out", "http://auth.triggers"), "--out is 'http://auth.triggers', expected kafka://TOPIC or a file"),
        (("--out", "log.ndjson", "--rate", "5"), "--rate is how fast a topic is fed: --out kafka://TOPIC"),
    ],
)
def test_a_wrong_target_is_one_message_and_exit_2(arguments: tuple[str, ...], message: str) -> None:
    result = simulate(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {message}")


def test_brokers_that_do_not_answer_are_one_message_and_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    result = simulate("--out", "kafka://auth.triggers")

    assert result.exit_code == 2
    assert "error: kafka.bootstrap_servers = 127.0.0.1:1: nobody answers" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_it_says_how_much_was_sent(brokers: str, number: signal.Signals) -> None:
    topic = make_topic(brokers, f"simulated.stopped.{number.name}", partitions=1)
    command = [str(Path(sys.executable).with_name("experiment-worker")), "simulate", "--events", "1000000", "--rate"]
    process = subprocess.Popen(
        [*command, "200", "--out", f"kafka://{topic}"], stderr=subprocess.PIPE, env=dict(os.environ)
    )
    while not records_of(brokers, topic):
        assert process.poll() is None
    process.send_signal(number)
    _, said = process.communicate(timeout=30)

    assert process.returncode == 130
    assert said.decode() == f"error: interrupted; {len(records_of(brokers, topic))} lines were sent to {topic}\n"
