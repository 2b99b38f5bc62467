"""Worker processes: started, killed, stopped and started again by their own pid, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import aiohttp

from deploy.dev.servers import free_port
from tests.faults.seen import holds_secret

ROOT = Path(__file__).parents[2]
_SCRAPE_SECONDS = 0.5
_COMMAND_SECONDS = 120
Breakage = Literal[
    "offsets_first",
    "random_transactional_id",
    "no_claim",
    "forgetful",
    "ignores_the_epoch",
    "ignores_tombstones",
    "forgets_marks",
]


def _spawn(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


class Worker:
    """One process. `name` is its place in the group; a worker that was killed is followed by another of that name."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.port = int(environment["WORKER_HTTP__PORT"])
        self._process = _spawn(("run", "--log-level", "debug"), environment, log)

    @property
    def returncode(self) -> int | None:
        """Return the exit code, minus the signal's number if one ended it, None while it lives."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        if self.returncode is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it as the kernel would, and wait."""
        self.send(signal.SIGKILL)
        self._process.wait()

    async def ended(self, seconds: float) -> int:
        """Wait until it has ended by itself and return its exit code; one that does not end in time is killed."""
        try:
            return await asyncio.to_thread(self._process.wait, seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"worker {self.name} did not end within {seconds:.0f} s: {self.tail()}") from None

    @property
    def stands_still(self) -> bool:
        """Tell whether it is stopped (SIGSTOP)."""
        return self.returncode is None and _state(self._process.pid) == "T"

    def said(self, event: str) -> bool:
        """Tell whether an event stands in its log."""
        return f'"{event}"'.encode() in self.log.read_bytes()

    def tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-3000:]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class Workers:
    """All workers of a run, and what they say: logs, and metrics scraped while they live."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._all: list[Worker] = []
        self._commands: list[Path] = []
        self._scraping: asyncio.Task[None] | None = None
        self._leaks: list[str] = []
        self.scrapes = 0

    async def __aenter__(self) -> Self:
        self._scraping = asyncio.create_task(self._scrape())
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self._all:
            worker.kill()
        if self._scraping is not None:
            self._scraping.cancel()
            await asyncio.wait([self._scraping])

    @property
    def living(self) -> Sequence[Worker]:
        """Return those that have not ended."""
        return [each for each in self._all if each.returncode is None]

    def start(
        self, name: str, *, static: bool = False, failpoint: str = "", broken: Breakage | None = None, **settings: str
    ) -> Worker:
        """Start a worker; `failpoint` is `step:times:signal`, `static` makes it a static member of the group."""
        environment = self._planted(failpoint, broken, settings) | {"WORKER_HTTP__PORT": str(free_port())}
        if static:
            environment["WORKER_KAFKA__GROUP_INSTANCE_ID"] = name
        worker = Worker(name, environment, self._folder / f"{name}.{len(self._all)}.log")
        self._all.append(worker)
        return worker

    async def command(
        self, *arguments: str, failpoint: str = "", broken: Breakage | None = None, **settings: str
    ) -> tuple[int, str]:
        """Run another command to its end; return its exit code, minus the signal's number, and what it printed."""
        log = self._folder / f"{arguments[0]}.{len(self._commands)}.log"
        self._commands.append(log)
        process = _spawn(arguments, self._planted(failpoint, broken, settings), log)
        try:
            code = await asyncio.to_thread(process.wait, _COMMAND_SECONDS)
        finally:
            process.kill()
        return code, log.read_text()

    def _planted(self, failpoint: str, broken: Breakage | None, settings: Mapping[str, str]) -> dict[str, str]:
        return {
            **{each: value for each, value in os.environ.items() if not each.startswith("WORKER_")},
            **self._environment,
            **settings,
            "PYTHONPATH": str(ROOT),
            "FAILPOINT": failpoint,
            "BROKEN": broken or "",
        }

    async def stop(self, seconds: float) -> Sequence[int]:
        """Stop all that live in good order and return their exit codes."""
        living = self.living
        for worker in living:
            worker.send(signal.SIGCONT)
            worker.send(signal.SIGTERM)
        return [await worker.ended(seconds) for worker in living]

    def leaks(self) -> list[str]:
        """Return the places in logs and metrics where a planted secret stands."""
        logs = [*(worker.log for worker in self._all), *self._commands]
        return [*self._leaks, *(place for log in logs for place in _leaks(log))]

    def count(self, event: str) -> int:
        """Return how many times an event stands in all logs."""
        return sum(worker.log.read_bytes().count(f'"{event}"'.encode()) for worker in self._all)

    async def _scrape(self) -> None:
        timeout = aiohttp.ClientTimeout(total=1)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                for worker in self.living:
                    await self._scrape_one(session, worker)
                await asyncio.sleep(_SCRAPE_SECONDS)

    async def _scrape_one(self, session: aiohttp.ClientSession, worker: Worker) -> None:
        for path in ("/metrics", "/readyz", "/livez"):
            try:
                async with session.get(f"http://127.0.0.1:{worker.port}{path}") as response:
                    text = await response.read()
            except (aiohttp.ClientError, TimeoutError):
                return
            self.scrapes += 1
            if holds_secret(text):
                self._leaks.append(f"{path} of worker {worker.name}")


def _leaks(log: Path) -> Iterator[str]:
    with log.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if holds_secret(line):
                yield f"{log.name}, line {number}"
