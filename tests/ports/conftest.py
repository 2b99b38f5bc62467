"""Everything that fills a port, each opened empty.

A suite that asks for `store` runs over every store that keeps assignments, one that asks for `trials` over everything
that counts deaths.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from types import MappingProxyType

import pytest

from deploy.dev.servers import Redis, RedisCluster
from tests.stores.redis_stores import Telemetry, connect, new_prefix
from worker.experiments.claims import AssignmentStore
from worker.stores.memory import MemoryStore
from worker.stores.memory_trials import MemoryTrials
from worker.stores.redis_trials import RedisTrials
from worker.streams.kafka.trials import Trials

SERVERS: Mapping[str, str] = MappingProxyType({"redis": "redis", "cluster": "redis_cluster"})
"""The fixture that starts each kind of server, at the first use."""


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    """Start a server, if it is not on, and return where it is."""
    server: Redis | RedisCluster = request.getfixturevalue(SERVERS[kind])
    return server.url


@pytest.fixture(params=["memory", "redis", "redis uncached", "cluster", "cluster uncached"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AssignmentStore]:
    kind, _, cache = request.param.partition(" ")
    if kind == "memory":
        yield MemoryStore()
        return
    options = {"cache_records": 0} if cache else {}
    async with aclosing(await connect(url_of(kind, request), **options)) as opened:
        yield opened


@pytest.fixture(params=["memory", "redis", "redis impatient", "cluster"])
async def trials(request: pytest.FixtureRequest) -> AsyncIterator[Trials]:
    if request.param == "memory":
        yield MemoryTrials()
        return
    kind, _, impatient = request.param.partition(" ")
    async with aclosing(
        RedisTrials(
            url_of(kind, request),
            prefix=new_prefix(),
            timeout_ms=5000,
            telemetry=Telemetry(),
            patient=not impatient,
        )
    ) as opened:
        yield opened
