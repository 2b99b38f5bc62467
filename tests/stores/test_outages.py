"""Going on while Redis is away, and taking up what it holds again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis, free_port
from tests.experiments_factory import new_proposal
from tests.stores.redis_stores import ALL, USER, Telemetry, connect, hold
from tests.stores.truths import Log
from tests.tcp_proxy import TcpProxy
from worker.experiments.claims import Held, Unreachable
from worker.stores.outages import CircuitBreaker
from worker.stores.redis import RedisStore
from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import StoreRefusedError


class Told:
    """Hears whether the circuit is open."""

    def __init__(self) -> None:
        self.heard: list[bool] = []
        self.closed = asyncio.Event()

    def __call__(self, opened: bool) -> None:  # noqa: FBT001 - as it is told
        self.heard.append(opened)
        if not opened:
            self.closed.set()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def breaker(proxied: RedisStore, told: Told) -> AsyncIterator[CircuitBreaker]:
    async with aclosing(CircuitBreaker(proxied, 0.5, told)) as opened:
        yield opened


async def ask(breaker: CircuitBreaker, id_: str, *, draw: str = "a") -> object:
    (found,) = await breaker.claim([new_proposal(id_, USER, draw=draw, experiment=ALL)])
    return found


@pytest.mark.parametrize("trouble", ["blackhole", "slow", "refused"])
async def test_what_the_store_holds_counts_again_when_it_is_back(
    breaker: CircuitBreaker, redis: Redis, proxy: TcpProxy, told: Told, trouble: str
) -> None:
    first = await ask(breaker, "evt_1")
    assert isinstance(first, Held)
    match trouble:
        case "blackhole":
            proxy.blackhole()
        case "slow":
            proxy.slow(1.0)  # longer than a call may take
        case "refused":
            proxy.lead_to(free_port())
    assert isinstance(await ask(breaker, "evt_2", draw="b"), Unreachable)
    assert isinstance(await ask(breaker, "evt_3", draw="b"), Unreachable)
    assert (breaker.is_open, told.heard) == (True, [True])
    proxy.lead_to(redis.port)
    proxy.pass_()
    await told.closed.wait()
    again = await ask(breaker, "evt_4", draw="b")
    assert isinstance(again, Held)
    assert (again.assignment, told.heard) == (first.assignment, [True, False])


async def test_some_latency_is_no_outage(breaker: CircuitBreaker, proxy: TcpProxy, told: Told) -> None:
    proxy.slow(0.02)
    found = [await ask(breaker, f"evt_{number}") for number in range(10)]
    assert all(isinstance(each, Held) for each in found)
    assert told.heard == []


async def test_an_open_circuit_asks_nobody(breaker: CircuitBreaker, telemetry: Telemetry, proxy: TcpProxy) -> None:
    proxy.blackhole()
    breaker.open()
    claims = len(telemetry.claims)
    assert isinstance(await ask(breaker, "evt_1"), Unreachable)
    assert len(telemetry.claims) == claims


async def test_a_store_that_must_be_rebuilt_is_not_waited_for(
    own_redis: Redis, admin: Connections, prefix: str, told: Told
) -> None:
    truth = Log()
    store = await connect(own_redis.url, prefix=prefix, truth=truth)
    async with aclosing(store), aclosing(CircuitBreaker(store, 0.1, told)) as breaker:
        await admin.call("FLUSHALL")
        truth.held.clear()
        assert isinstance(await ask(breaker, "evt_1"), Unreachable)
        truth.held.set()
        await told.closed.wait()
        assert isinstance(await ask(breaker, "evt_2"), Held)
        assert len(truth.asked_since) == 2  # nobody's impatience stopped the rebuild


async def test_a_refusal_in_between_stops_the_worker(
    own_redis: Redis, admin: Connections, prefix: str, told: Told, telemetry: Telemetry
) -> None:
    store = await connect(own_redis.url, prefix=prefix, telemetry=telemetry)
    async with aclosing(store), aclosing(CircuitBreaker(store, 5, told)) as breaker:
        await admin.call("ACL", "SETUSER", "default", "-evalsha")
        breaker.open()
        await telemetry.failed_once.wait()
        with pytest.raises(StoreRefusedError, match="EVALSHA"):
            await asyncio.wait_for(_until_raised(breaker), 10)


async def _until_raised(breaker: CircuitBreaker) -> None:
    while True:
        await ask(breaker, "evt_1")
        await asyncio.sleep(0)


@pytest.mark.parametrize("impatient", [False, True])
async def test_a_replica_that_lacks_the_last_writes_gets_them_back(
    own_redis: Redis, replica: Redis, admin: Connections, prefix: str, told: Told, *, impatient: bool
) -> None:
    truth = Log()
    with TcpProxy("127.0.0.1", own_redis.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        async with aclosing(await connect(url, prefix=prefix, truth=truth, cache_records=0)) as store:
            await hold(store, "evt_1", USER)
            await admin.call("WAIT", 1, 5000)
            async with aclosing(Connections(replica.url, timeout=10)) as promoted:
                await promoted.call("REPLICAOF", "NO", "ONE")
            late = await hold(store, "evt_2", "user:late", draw="a")
            truth.publish("user:late", late.assignment)
            proxy.lead_to(replica.port)
            claimer = CircuitBreaker(store, 10, told) if impatient else store
            (found,) = await claimer.claim([new_proposal("evt_3", "user:late", draw="b", experiment=ALL)])
            assert isinstance(found, Held)
            assert found.assignment == late.assignment
            assert (await hold(store, "evt_4", USER)).assignment.event_id == "evt_1"
            assert truth.asked_since[-1] > 0
            assert told.heard == []


@pytest.fixture
async def replica(
    own_redis: Redis, admin: Connections, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Redis]:
    """A replica that follows the server."""
    server = Redis(tmp_path_factory.mktemp("replica"), None, "--replicaof", f"127.0.0.1 {own_redis.port}")
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(20):
        while b"state=online" not in await admin.call("INFO", "replication"):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.02)
    yield server
    await asyncio.to_thread(server.stop)
