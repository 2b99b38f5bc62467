"""Everything that fills a port, each opened empty.

A suite that asks for `store` runs over every store that keeps assignments, one that asks for `trials` over everything
that counts deaths.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from types import MappingProxyType

import pytest

from deploy.dev.servers import Redis
from tests.stores.redis_stores import Telemetry, connect, new_prefix
from worker.experiments.claims import AssignmentStore
from worker.stores.memory import MemoryStore
from worker.stores.memory_trials import MemoryTrials
from worker.stores.redis_trials import RedisTrials
from worker.streams.kafka.trials import Trials

Server = Callable[[], Redis]  # starts it at the first call


@asynccontextmanager
async def memory(_: Server) -> AsyncIterator[AssignmentStore]:
    yield MemoryStore()


@asynccontextmanager
async def redis_alone(server: Server) -> AsyncIterator[AssignmentStore]:
    async with aclosing(await connect(server().url)) as store:
        yield store


@asynccontextmanager
async def redis_uncached(server: Server) -> AsyncIterator[AssignmentStore]:
    async with aclosing(await connect(server().url, cache_records=0)) as store:
        yield store


STORES: Mapping[str, Callable[[Server], AbstractAsyncContextManager[AssignmentStore]]] = MappingProxyType(
    {"memory": memory, "redis": redis_alone, "redis uncached": redis_uncached}
)


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AssignmentStore]:
    def server() -> Redis:
        started: Redis = request.getfixturevalue("redis")
        return started

    async with STORES[request.param](server) as opened:
        yield opened


@pytest.fixture(params=["memory", "redis", "redis impatient"])
async def trials(request: pytest.FixtureRequest) -> AsyncIterator[Trials]:
    if request.param == "memory":
        yield MemoryTrials()
        return
    server: Redis = request.getfixturevalue("redis")
    async with aclosing(
        RedisTrials(
            server.url,
            prefix=new_prefix(),
            timeout_ms=5000,
            telemetry=Telemetry(),
            patient=request.param == "redis",
        )
    ) as opened:
        yield opened
