from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis
from tests.stores.redis_stores import Telemetry, connect, new_prefix
from tests.tcp_proxy import TcpProxy
from worker.stores.redis import RedisStore
from worker.stores.redis_connections import Connections


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
