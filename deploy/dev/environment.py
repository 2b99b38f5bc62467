"""The worker on a Kafka and a Redis of its own, under simulated traffic: what `make dev` starts, watches and stops.

Everything is new each time: the folder's contents go at the start and stay afterwards, to be looked at. Signals only
set a flag, which is looked at between steps: so whatever was started is known, and stopped in the opposite order.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import msgspec

from deploy.dev.figures import Figures, describe, scrape
from deploy.dev.processes import Child, has_ended, tail
from deploy.dev.screen import Screen
from deploy.dev.servers import Kafka, Redis, Server, free_port

_CONFIG = str(Path(__file__).parents[2] / "examples" / "worker.toml")
_TOPIC = "auth.triggers"
_WORKER = str(Path(sys.executable).with_name("experiment-worker"))
_LOG_SECONDS = 600  # how long one simulated log lasts; then come other people
_EVENTS_PER_PERSON = 20
_MALFORMED = "0.002"
_LOOK_SECONDS = 0.1
_LOCK = "lock"


class Options(msgspec.Struct, frozen=True):
    """`rate` events per second for so many `workers`; `seconds` None: until a signal."""

    folder: Path
    workers: int = 1
    rate: float = 200.0
    seconds: float | None = None


class EnvironmentFailedError(Exception):
    """It can't start or go on; the message says what it was and shows the end of its log."""


class Environment:
    """All that runs."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._screen = Screen()
        self._stopped = False
        self._running: dict[str, tuple[Server | Child, Path]] = {}
        self._ports = [free_port() for _ in range(options.workers)]

    def run(self) -> None:
        """Start everything, show figures until a signal or the end of the time, stop everything.

        Raises:
            ServerError: a server did not start.
            EnvironmentFailedError: a process ended that should run, or the folder is in use.
        """
        with _own_folder(self._options.folder), _signals_to(self._stop), ExitStack() as stack:
            try:
                traffic = self._start(stack)
                self._watch(traffic)
            finally:
                self._screen.say("stopping")
        self._screen.say("stopped")

    def _stop(self) -> None:
        self._stopped = True

    def _start(self, stack: ExitStack) -> Iterator[Child]:
        """Start one after the other what the next one needs; return the traffic that follows."""
        folder = self._options.folder
        kafka, redis = Kafka(folder / "kafka"), Redis(folder / "redis")
        environment = _environment(kafka, redis)
        traffic = _traffic(self._options, environment)
        self._begin("kafka", kafka, folder / "kafka" / "kafka.log", stack)
        self._begin("redis", redis, folder / "redis" / "redis.log", stack)
        if not self._stopped:
            _create_topics(environment)
        for number, port in enumerate(self._ports, 1):
            worker = _worker(number, {**environment, "WORKER_HTTP__PORT": str(port)}, folder)
            self._begin(f"worker-{number}", worker, worker.log, stack)
        first = next(traffic)
        self._begin("simulate", first, first.log, stack)
        return traffic

    def _begin(self, name: str, process: Server | Child, log: Path, stack: ExitStack) -> None:
        if self._stopped:
            return
        self._screen.say(f"starting {name}, its log is {log}")
        self._running[name] = (process, log)
        stack.callback(self._end, name)
        process.start()

    def _end(self, name: str) -> None:
        process, _ = self._running[name]
        process.stop()

    def _watch(self, traffic: Iterator[Child]) -> None:
        """Show figures until it is over."""
        began = scraped = time.monotonic()
        before = Figures()
        while not self._stopped and not self._is_over(began):
            time.sleep(_LOOK_SECONDS)
            self._look(traffic)
            now = time.monotonic()
            if now - scraped >= self._screen.every:
                figures = scrape(self._ports)
                self._screen.show(f"{now - began:4.0f} s  {describe(before, figures, now - scraped)}")
                before, scraped = figures, now

    def _is_over(self, began: float) -> bool:
        return self._options.seconds is not None and time.monotonic() - began >= self._options.seconds

    def _look(self, traffic: Iterator[Child]) -> None:
        """Let the traffic go on where a log of it is over; whatever else has ended is an error."""
        for name, (process, log) in list(self._running.items()):
            if not has_ended(process.pid):
                continue
            if not isinstance(process, Child) or name != "simulate" or process.code != 0:
                raise EnvironmentFailedError(f"{name} has ended; its log, {log}, ends with:\n{tail(log)}")
            following = next(traffic)
            following.start()
            self._running[name] = (following, log)


def _environment(kafka: Kafka, redis: Redis) -> dict[str, str]:
    return {
        **os.environ,
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WORKER_REDIS__URL": redis.url,
        "WORKER_SUBJECTS__PEPPER": "for development only",
        "WORKER_TOPICS__TRIGGERS": _TOPIC,
        "WORKER_HTTP__HOST": "127.0.0.1",
    }


def _create_topics(environment: Mapping[str, str]) -> None:
    command = [_WORKER, "topics", "create", "--config", _CONFIG]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise EnvironmentFailedError(f"the topics can't be created:\n{done.stderr}")


def _worker(number: int, environment: Mapping[str, str], folder: Path) -> Child:
    return Child([_WORKER, "run", "--config", _CONFIG], environment, folder / f"worker-{number}.log")


def _traffic(options: Options, environment: Mapping[str, str]) -> Iterator[Child]:
    """Yield simulations to run one after the other, each with people of its own."""
    events = max(int(options.rate * _LOG_SECONDS), 1)
    people = max(events // _EVENTS_PER_PERSON, 1)
    shared = [_WORKER, "simulate", "--config", _CONFIG, "--out", f"kafka://{_TOPIC}", "--malformed", _MALFORMED]
    shared += ["--events", str(events), "--people", str(people), "--rate", str(options.rate)]
    for seed in count():
        yield Child([*shared, "--seed", str(seed)], environment, options.folder / "simulate.log")


@contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Empty the folder, if it is one of ours, and keep others out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _LOCK).exists():
        raise EnvironmentFailedError(f"{folder} holds something else, expected a new or empty folder")
    with (folder / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentFailedError(f"{folder} is in use, expected one that nobody runs in") from None
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()
        yield


@contextmanager
def _signals_to(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on every signal that asks for an end, the terminal's closing too."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
