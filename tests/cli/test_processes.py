"""`run --processes 2`: two workers and their parent, from start to whichever end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from deploy.dev.servers import Kafka, Redis, free_port
from tests.cli.homes import PATIENCE, Home, exposures, login, until
from tests.topic_records import send_records
from worker.cli.main import app

TWO = {"WORKER_PROCESSES": "2", "WORKER_HTTP__PORT": "0"}


@pytest.fixture
def home(kafka: Kafka, redis: Redis, tmp_path: Path) -> Home:
    return Home(kafka, redis, tmp_path)


def two_ports(home: Home) -> None:
    """Let the worker have a free port that another free one follows."""
    while True:
        home.port = free_port()
        with socket.socket() as next_one:
            if next_one.connect_ex(("127.0.0.1", home.port + 1)):
                home.environment["WORKER_HTTP__PORT"] = str(home.port)
                return


def children(parent: subprocess.Popen[str]) -> list[int]:
    """Return the pids of process 0, 1, …"""
    return sorted(map(int, Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()))


def until_shared(parent: subprocess.Popen[str]) -> list[int]:
    """Wait until each process has one of the two partitions; return their pids."""
    sharing: set[int] = set()
    while len(sharing) < 2:
        found = until(parent, "partitions_assigned")
        sharing |= {found["process"]} if len(found["partitions"]) == 1 else set()
    return children(parent)


def last_words(parent: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Wait until nobody can write any longer; return the lines of the log and the others."""
    assert parent.stderr is not None
    lines = parent.stderr.read().splitlines()
    return [orjson.loads(line) for line in lines if line.startswith("{")], [x for x in lines if not x.startswith("{")]


def stopped(log: list[dict[str, Any]]) -> list[int]:
    return sorted(line["process"] for line in log if line["event"] == "worker_stopped")


def left(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_static_processes_share_the_partitions_and_each_event_is_processed_once(home: Home) -> None:
    home.make_topics(2)
    two_ports(home)
    with home.worker(WORKER_PROCESSES="2", WORKER_KAFKA__GROUP_INSTANCE_ID="pod-0") as parent:
        until_shared(parent)
        for partition in range(2):
            values = [orjson.dumps(login(number)) for number in range(partition * 50, partition * 50 + 50)]
            send_records(home.brokers, home.topic("triggers"), values, partition)
        for process in range(2):
            while b'experiment_worker_events_total{outcome="processed"} 50.0' not in home.ask("/metrics", process)[1]:
                assert parent.poll() is None
    assert sorted(each["event_id"] for each in exposures(home)) == sorted(f"evt_{number}" for number in range(100))


def test_the_second_process_starts_when_the_first_has_and_on_the_next_port(home: Home) -> None:
    home.make_topics(2)
    two_ports(home)
    with home.worker(WORKER_PROCESSES="2") as parent:
        assert until(parent, "http_started")["port"] == home.port
        assert until(parent, "worker_started")["process"] == 0
        assert until(parent, "http_started", process=1)["port"] == home.port + 1


def test_sigterm_drains_every_process_and_leaves_none(home: Home) -> None:
    home.make_topics(2)
    with home.worker(**TWO) as parent:
        pids = until_shared(parent)
        parent.send_signal(signal.SIGTERM)
        log, others = last_words(parent)
        assert (parent.wait(PATIENCE), stopped(log), others) == (0, [0, 1], [])
        assert (len(pids), left(pids)) == (2, [])


def test_the_parent_has_no_thread_that_a_fork_would_lose(home: Home) -> None:
    home.make_topics()
    with home.worker(**TWO) as parent:
        until(parent, "worker_started", process=1)
        assert os.listdir(f"/proc/{parent.pid}/task") == [str(parent.pid)]  # noqa: PTH208 - names are all there is


def test_ctrl_c_reaches_all_and_counts_once_for_each(home: Home) -> None:
    home.make_topics(2)
    with home.worker(**TWO) as parent:
        until_shared(parent)
        os.killpg(parent.pid, signal.SIGINT)
        log, others = last_words(parent)
        assert (parent.wait(PATIENCE), stopped(log), others) == (0, [0, 1], [])


def test_sigterm_before_anything_has_started_leaves_none(home: Home) -> None:
    home.make_topics(2)
    with home.worker(**{**TWO, "WORKER_HTTP__PORT": str(home.port)}) as parent:
        until(parent, "http_started")
        parent.send_signal(signal.SIGTERM)
        log, others = last_words(parent)
        assert (parent.wait(PATIENCE), stopped(log), others) == (0, [0], [])


def test_the_second_signal_ends_all_at_once(home: Home) -> None:
    home.make_topics(2)
    send_records(home.brokers, home.topic("triggers"), [orjson.dumps(login(1))])
    with home.worker(**TWO, WORKER_HANDLERS=str(home.endless_handler())) as parent:
        until(parent, "handler_runs")
        pids = children(parent)
        parent.send_signal(signal.SIGTERM)
        until(parent, "worker_stopping", process=0)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(PATIENCE) == 128 + signal.SIGTERM
        assert left(pids) == []


def test_a_process_that_is_killed_ends_all_and_is_named(home: Home) -> None:
    home.make_topics(2)
    with home.worker(**TWO) as parent:
        pids = until_shared(parent)
        os.kill(pids[1], signal.SIGKILL)
        log, others = last_words(parent)
        assert (parent.wait(PATIENCE), stopped(log)) == (1, [0])
    assert others == [
        f"error: process 1 (pid {pids[1]}) was killed by signal 9 (Killed); the others were told to finish"
    ]


def test_a_process_that_ends_unasked_ends_all(home: Home) -> None:
    home.make_topics(2)
    with home.worker(**TWO) as parent:
        pids = until_shared(parent)
        os.kill(pids[0], signal.SIGTERM)
        log, others = last_words(parent)
        assert (parent.wait(PATIENCE), stopped(log)) == (1, [0, 1])
    assert others == [f"error: process 0 (pid {pids[0]}) ended with exit code 0; the others were told to finish"]


def test_processes_do_not_outlive_their_parent(home: Home) -> None:
    home.make_topics(2)
    with home.worker(**TWO) as parent:
        until_shared(parent)
        parent.kill()
        log, others = last_words(parent)
        assert (stopped(log), others) == ([0, 1], [])
        assert {line["reason"] for line in log if line["event"] == "worker_stopping"} == {"the parent let go"}


def test_what_is_refused_before_or_at_the_start_is_said_once(home: Home) -> None:
    assert home.refused(**TWO) == "expected all of them on the cluster: experiment-worker topics create"
    home.definitions.unlink()
    assert "no such file" in home.refused(**TWO)
    del home.environment["WORKER_SUBJECTS__PEPPER"]
    assert "subjects.pepper is not set" in home.refused(**TWO)


def test_the_first_ones_port_in_use_is_named_once(home: Home) -> None:
    home.make_topics()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", home.port))
        taken.listen()
        assert f"http.port {home.port}" in home.refused(WORKER_PROCESSES="2")


def test_another_ones_port_in_use_ends_all_with_exit_2(home: Home) -> None:
    home.make_topics()
    two_ports(home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", home.port + 1))
        taken.listen()
        with home.worker(WORKER_PROCESSES="2") as parent:
            log, others = last_words(parent)
            assert (parent.wait(PATIENCE), stopped(log)) == (2, [0])
    assert [f"http.port {home.port + 1}" in line for line in others] == [True, False]
    assert others[1].startswith("error: process 1 (pid ")


def test_handlers_that_start_threads_when_imported_are_refused(home: Home) -> None:
    threaded = home.definitions.with_name("threaded.py")
    threaded.write_text(
        "from threading import Event, Thread\nfrom worker import Handlers\nhandlers = Handlers()\n"
        "Thread(target=Event().wait, daemon=True, name='poller').start()\n"
    )
    message = home.refused(**TWO, WORKER_HANDLERS=str(threaded))
    assert "processes is 2, but the handlers' modules have started threads (poller)" in message


def test_no_processes_and_ports_that_there_are_not_are_refused(home: Home) -> None:
    assert "processes (from --processes): Input should be greater" in home.refused("--processes", "0")
    message = home.refused("--processes", "3", WORKER_HTTP__PORT="65534")
    assert "http.port is 65534 and processes is 3" in message
    assert "at most 65533" in message


def test_a_system_that_can_not_fork_has_one_process(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delattr(os, "fork")
    result = CliRunner().invoke(app, ["run", "--processes", "2"])
    assert (result.exit_code, result.stderr) == (2, "error: processes is 2, expected 1: this system can't fork\n")
