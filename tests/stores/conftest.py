from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis, RedisCluster
from tests.stores.redis_stores import Telemetry, connect, layout_at, new_prefix
from tests.tcp_proxy import TcpProxy
from worker.stores.redis import RedisStore
from worker.stores.redis_client import Client
from worker.stores.redis_cluster import client_of
from worker.stores.redis_connections import Connections
from worker.stores.redis_records import Layout


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server that the test may break."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def admin(own_redis: Redis) -> AsyncIterator[Connections]:
    async with aclosing(Connections(own_redis.url, timeout=10)) as client:
        yield client


@pytest.fixture
async def shared_admin(redis: Redis) -> AsyncIterator[Connections]:
    """The server of all tests: nothing but the test's own keys may be touched."""
    async with aclosing(Connections(redis.url, timeout=10)) as client:
        yield client


@pytest.fixture(params=["redis", "redis_cluster"])
def server(request: pytest.FixtureRequest) -> Redis | RedisCluster:
    """The server of all tests, and the Cluster."""
    found: Redis | RedisCluster = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def client(server: Redis | RedisCluster) -> AsyncIterator[Client]:
    """A client of either: nothing but the test's own keys may be touched."""
    async with aclosing(client_of(server.url, timeout=10)) as opened:
        yield opened


@pytest.fixture
def layout(server: Redis | RedisCluster, prefix: str) -> Layout:
    """Where the test's keys are on either."""
    return layout_at(server.url, prefix)


@pytest.fixture
def prefix() -> str:
    return new_prefix()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
async def breakable(own_redis: Redis, telemetry: Telemetry, prefix: str) -> AsyncIterator[RedisStore]:
    """A store without a cache on the server that the test may break."""
    async with aclosing(
        await connect(own_redis.url, telemetry=telemetry, prefix=prefix, cache_records=0, timeout_ms=500)
    ) as store:
        yield store


@pytest.fixture
def proxy(redis: Redis) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", redis.port) as started:
        yield started


@pytest.fixture
async def proxied(proxy: TcpProxy, telemetry: Telemetry, prefix: str) -> AsyncIterator[RedisStore]:
    """A store without a cache behind the proxy."""
    url = f"redis://127.0.0.1:{proxy.port}/0"
    async with aclosing(
        await connect(url, telemetry=telemetry, prefix=prefix, cache_records=0, timeout_ms=200)
    ) as store:
        yield store
