"""One run: servers, topics, inputs, readers and workers together."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from deploy.dev.servers import Kafka, Redis
from tests.faults.experiment import PEPPER, write_definitions
from tests.faults.feeding import Feeder
from tests.faults.layout import Layout
from tests.faults.reading import Follower, Offsets, offsets_of
from tests.faults.store import Stored
from tests.faults.traffic import MAX_BYTES, Input, Leaving
from tests.faults.waiting import until
from tests.faults.workers import Breakage, Worker, Workers
from tests.tcp_proxy import TcpProxy

SESSION_SECONDS = 6
STOP_SECONDS = 25.0
_PROBE = 80
_MOMENT = 0.002
_LEAST_LEFT = 0.4  # the part of what was fed that workers have not done yet when a fault comes, at least


class Hit(NamedTuple):
    """A fault, and how many inputs had no readable outcome when it came: evidence that it hit live work."""

    what: str
    unsettled: int


class Plan(msgspec.Struct, frozen=True):
    """A run's name, its inputs, how its faults are drawn, the most records of a batch, the patience for anything.

    `leavings`: who leaves between the inputs, to be forgotten.
    """

    name: str
    inputs: Sequence[Input]
    leavings: Sequence[Leaving] = ()
    seed: int = 1
    batch: int = 25
    seconds: float = 60.0


class Servers(NamedTuple):
    """Where a run takes place; workers reach Redis through the proxy."""

    kafka: Kafka
    redis: Redis
    proxy: TcpProxy


class Stage:
    """A run that is on: feed inputs, start and hurt workers; `judging` says what came of it."""

    def __init__(self, plan: Plan, servers: Servers, layout: Layout, folder: Path) -> None:
        bootstrap = servers.kafka.bootstrap_servers
        self.plan = plan
        self.folder = folder
        self.servers = servers
        self.random = Random(plan.seed)  # noqa: S311 - moments of faults, not secrets
        self.hits: list[Hit] = []
        self.feeder = Feeder(bootstrap, layout, plan.inputs)
        self.follower = Follower(bootstrap, layout)
        self.workers = Workers(folder, _environment(plan, servers, layout, write_definitions(folder)))
        self.stored = Stored(servers.redis, plan.name)
        self.layout = layout
        self.redriven: set[str] = set()  # the inputs whose dead letters were sent back
        self.forgotten: set[str] = set()  # the subjects that were erased and don't come again
        self.closing = ExitStack()  # what lives until the run is judged

    @property
    def unsettled(self) -> int:
        """Return how many inputs were produced whose outcome can't be read yet."""
        return self.feeder.outcomes - len(self.follower.settled)

    def hit(self, what: str) -> None:
        """Note that a fault comes now."""
        self.hits.append(Hit(what, self.unsettled))

    async def busy(self, chunk: int) -> None:
        """Feed, and let workers do a part of it that is left to chance; there is work left then."""
        while await self.feeder.feed(chunk):
            await self._outcomes(self.feeder.outcomes - int(chunk * self.random.uniform(_LEAST_LEFT, 1)))
            if self.unsettled:
                return
        raise AssertionError("the inputs ran out before a fault found live work")

    async def _outcomes(self, wanted: int) -> None:
        what = f"{wanted} outcomes in {self.plan.name}"
        await until(lambda: len(self.follower.settled) >= wanted, self.plan.seconds, what, interval=_MOMENT)

    def chunk(self, strikes: int) -> int:
        """Return how many inputs to feed at each of so many strikes, so that some are left for probes and the end."""
        return len(self.plan.inputs) * 9 // (strikes + 1) // 10

    async def join(self, name: str, *, failpoint: str = "", broken: Breakage | None = None, **settings: str) -> Worker:
        """Start a worker and wait until it is a member of the group."""
        worker = self.workers.start(name, static=False, failpoint=failpoint, broken=broken, **settings)
        await until(lambda: worker.said("partitions_assigned"), self.plan.seconds, f"worker {name} to join")
        return worker

    async def stop(self, worker: Worker) -> None:
        """Stop a worker with SIGTERM and expect that it ends in good order, in time."""
        worker.send(signal.SIGTERM)
        code = await worker.ended(STOP_SECONDS)
        assert code == 0, f"worker {worker.name} ended with {code}: {worker.tail()}"

    async def running(self) -> None:
        """Wait until every partition has a worker: a few inputs for each come to an end."""
        await self.feeder.feed(_PROBE)
        await self.settled()

    async def settled(self) -> float:
        """Wait until every input has an outcome; return the seconds."""
        return await until(lambda: self.unsettled <= 0, self.plan.seconds, f"all outcomes in {self.plan.name}")

    async def committed(self) -> None:
        """Wait until the offset of every input is committed, whether its outputs can be read or not."""

        async def all_committed() -> bool:
            return not any((await self.lag(offsets)).values())

        async with offsets_of(self.servers.kafka.bootstrap_servers, self.layout) as offsets:
            await until(all_committed, self.plan.seconds, "all inputs to be committed")

    async def lag(self, offsets: Offsets) -> dict[int, int]:
        """Return how many inputs are not committed, by partition."""
        committed = await offsets.committed()
        return {partition: end - committed.get(partition, 0) for partition, end in enumerate(self.feeder.ends)}


@asynccontextmanager
async def staged(plan: Plan, servers: Servers, folder: Path) -> AsyncIterator[Stage]:
    """Set a stage in an empty folder, with fresh topics; nothing of it runs on afterwards."""
    layout = Layout(plan.name)
    await layout.create(servers.kafka.bootstrap_servers)
    stage = Stage(plan, servers, layout, folder)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(stage.feeder)
        await stack.enter_async_context(stage.follower)
        stack.enter_context(stage.closing)
        await stack.enter_async_context(stage.workers)
        yield stage


def _environment(plan: Plan, servers: Servers, layout: Layout, definitions: Path) -> dict[str, str]:
    return {
        **layout.environment(),
        "WORKER_DEAD_LETTERS__MAX_DEATHS": "100",  # here it is not the records that kill
        "WORKER_DEFINITIONS__PATH": str(definitions),
        "WORKER_HANDLERS": "tests.faults.handlers",
        "WORKER_HTTP__HOST": "127.0.0.1",
        "WORKER_INPUT__MAX_BYTES": str(MAX_BYTES),
        "WORKER_KAFKA__BATCH_MAX_RECORDS": str(plan.batch),
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
        "WORKER_KAFKA__SESSION_TIMEOUT_MS": str(SESSION_SECONDS * 1000),
        "WORKER_KAFKA__TRANSACTION_TIMEOUT_MS": "6000",  # a rebuild waits for as long, and half as much again
        "WORKER_REDIS__CLAIM_MAX_AGE_MS": "1000",
        "WORKER_REDIS__KEY_PREFIX": plan.name,
        "WORKER_REDIS__TIMEOUT_MS": "500",
        "WORKER_REDIS__URL": f"redis://127.0.0.1:{servers.proxy.port}/0",
        "WORKER_SUBJECTS__PEPPER": PEPPER,
    }
