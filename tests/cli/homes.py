"""`run` as a process, with settings, topics and a key prefix of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

import orjson

from deploy.dev.servers import Kafka, Redis, RedisCluster, free_port
from tests.definitions_documents import percentage_set
from tests.factories import post_login
from tests.topic_records import make_topic, records_of
from worker.streams.kafka.topic_needs import RETRY_TIERS, TOPIC_KINDS

PATIENCE = 60.0  # seconds


class Home:
    """Settings of one worker, with topics and a key prefix of its own."""

    def __init__(self, kafka: Kafka, redis: Redis | RedisCluster, folder: Path) -> None:
        self.name = uuid.uuid4().hex[:8]
        self.brokers = kafka.bootstrap_servers
        self.definitions = folder / "definitions.json"
        self.define(percentage_set())
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WORKER_")},
            "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "WORKER_KAFKA__GROUP_ID": self.name,
            "WORKER_REDIS__URL": redis.url,
            "WORKER_REDIS__KEY_PREFIX": self.name,
            "WORKER_SUBJECTS__PEPPER": "pepper",
            "WORKER_HTTP__PORT": str(self.port),
            "WORKER_DEFINITIONS__PATH": str(self.definitions),
            **{f"WORKER_TOPICS__{kind.upper()}": self.topic(kind) for kind in TOPIC_KINDS},
        }

    def topic(self, kind: str) -> str:
        return f"{self.name}.{kind}"

    def define(self, document: dict[str, Any]) -> None:
        self.definitions.write_bytes(orjson.dumps(document))

    def make_topics(self, partitions: int = 1) -> None:
        for kind in TOPIC_KINDS:
            make_topic(self.brokers, self.topic(kind), partitions * (RETRY_TIERS if kind == "retries" else 1))

    def start(
        self, *arguments: str, command: str = "run", output: Any = subprocess.PIPE, **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from worker.cli.main import main; main()", command, *arguments],
            env={**self.environment, **environment},
            stderr=output,
            stdout=output,
            text=True,
            start_new_session=True,  # a signal to its whole group is none to the tests
        )

    @contextmanager
    def worker(self, command: str = "run", **environment: str) -> Iterator[subprocess.Popen[str]]:
        process = self.start(command=command, **environment)
        patience = Timer(PATIENCE, kill_all, [process])  # what waits for its log sees its end then
        patience.start()
        try:
            yield process
        finally:
            patience.cancel()
            kill_all(process)
            process.communicate()

    def endless_handler(self) -> Path:
        """Return the file of a handler that says when it runs and can't be ended."""
        slow = self.definitions.with_name("slow.py")
        slow.write_text(
            "from worker import Handlers\nimport asyncio, sys\nhandlers = Handlers()\n"
            "@handlers.post_login(timeout=60)\nasync def wait(event, api):\n"
            '    print(\'{"event": "handler_runs"}\', file=sys.stderr, flush=True)\n'
            "    while True:\n        try:\n            await asyncio.sleep(60)\n"
            "        except asyncio.CancelledError:\n            pass\n"
        )
        return slow

    def refused(self, *arguments: str, **environment: str) -> str:
        """Start a worker that must end with exit code 2, having said so once; return the last line of it."""
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output) == (2, "")
        assert "Traceback" not in errors
        assert errors.count("error: ") == 1
        return errors.splitlines()[-1]

    def ask(self, path: str, process: int = 0) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port + process}{path}", timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def kill_all(process: subprocess.Popen[str]) -> None:
    """End the worker and the processes it is, also those that outlived it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def until(process: subprocess.Popen[str], event: str, /, **fields: object) -> dict[str, Any]:
    """Read the worker's log up to that event with these fields; each line is JSON."""
    assert process.stderr is not None
    for line in process.stderr:
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event and fields.items() <= found.items():
            return found
    raise AssertionError(f"the worker ended without {event}")


def login(number: int) -> dict[str, Any]:
    return {**post_login(user={"user_id": f"auth0|{number}"}), "id": f"evt_{number}"}


def exposures(home: Home) -> list[Mapping[str, Any]]:
    return [orjson.loads(record.value) for record in records_of(home.brokers, home.topic("exposures"))]
