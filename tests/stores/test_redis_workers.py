"""Several workers on one store, and a store that loses its data under them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis, RedisCluster
from tests.experiments_factory import new_proposal, subjects
from tests.stores.redis_stores import ALL, MAIL, USER, Telemetry, connect, hold, hold_confirmed
from worker.experiments.claims import Held, Published
from worker.stores.redis import RedisStore
from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import StoreRefusedError


@pytest.fixture
async def workers(server: Redis | RedisCluster, prefix: str) -> AsyncIterator[tuple[RedisStore, RedisStore]]:
    one, other = await connect(server.url, prefix=prefix), await connect(server.url, prefix=prefix)
    async with aclosing(one), aclosing(other):
        yield one, other


async def test_workers_that_race_agree(workers: tuple[RedisStore, RedisStore]) -> None:
    for number in range(40):
        user, mail = f"user:{number}", f"identifier:{number}@b.no"
        events = [("pre", "a", (mail,)), ("post", "b", (user, mail)), ("login", "c", (user, mail))]
        held = await asyncio.gather(
            *(hold(store, id_, *names, draw=draw) for store in workers for id_, draw, names in events)
        )
        assert len({claim.assignment for claim in held}) == 1
        assert not any(claim.conflict for claim in held)


async def test_what_one_worker_confirmed_is_offered_by_no_other(workers: tuple[RedisStore, RedisStore]) -> None:
    one, other = workers
    await hold_confirmed(one, "evt_1", USER)
    assert (await hold(other, "evt_2", USER)).unconfirmed == subjects(USER)
    await hold(one, "evt_3", MAIL)
    assert (await hold(other, "evt_4", USER)).unconfirmed == ()


async def test_an_idle_worker_confirms_by_itself(server: Redis | RedisCluster, prefix: str) -> None:
    idle = await connect(server.url, prefix=prefix, confirm_within=0.01)
    other = await connect(server.url, prefix=prefix, cache_records=0)
    await hold_confirmed(idle, "evt_1", USER)
    async with asyncio.timeout(10):
        while (await hold(other, "evt_2", USER)).unconfirmed:
            pass
    await idle.aclose()
    await other.aclose()


async def test_a_store_that_is_closed_confirms_first_however_much(server: Redis | RedisCluster, prefix: str) -> None:
    names = [f"user:{number}" for number in range(6000)]
    batch = [new_proposal("evt_1", name, draw="a", experiment=ALL) for name in names]
    closed = await connect(server.url, prefix=prefix)
    await closed.claim(batch)
    closed.confirm([Published(None, ALL.id, subject, 0) for subject in subjects(*names)])
    await closed.aclose()
    async with aclosing(await connect(server.url, prefix=prefix)) as other:
        assert not any(claim.unconfirmed for claim in await other.claim(batch) if isinstance(claim, Held))


async def test_an_idle_worker_that_is_refused_goes_on_and_the_next_claim_tells(
    own_redis: Redis, admin: Connections
) -> None:
    telemetry = Telemetry()
    store = await connect(own_redis.url, telemetry=telemetry, confirm_within=0.01)
    await hold_confirmed(store, "evt_1", USER)
    await admin.call("ACL", "SETUSER", "default", "-evalsha")
    await telemetry.failed_once.wait()
    with pytest.raises(StoreRefusedError, match="EVALSHA"):
        await hold(store, "evt_2", USER)
    await admin.call("ACL", "SETUSER", "default", "+evalsha")
    assert (await hold(store, "evt_3", USER)).unconfirmed == ()
    await store.aclose()


@pytest.mark.parametrize("cache_records", [0, 1000])
async def test_a_store_that_lost_its_data_begins_anew(
    own_redis: Redis, admin: Connections, prefix: str, cache_records: int
) -> None:
    telemetry = Telemetry()
    store = await connect(own_redis.url, prefix=prefix, telemetry=telemetry, cache_records=cache_records)
    await hold_confirmed(store, "evt_1", USER)
    await hold(store, "evt_2", USER)
    await admin.call("FLUSHALL")
    answers = await asyncio.gather(*(hold(store, "evt_3", USER, draw="b") for _ in range(10)))
    assert {held.assignment.event_id for held in answers} == {"evt_3"}
    assert telemetry.losses == [0]
    assert len(await admin.call("HGET", f"{prefix}:meta", "epoch")) == 32
    assert await admin.call("HEXISTS", f"{prefix}:meta", "pepper") == 1
    await store.aclose()


async def test_a_store_that_was_filled_with_another_pepper_meanwhile_stops(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    store = await connect(own_redis.url, prefix=prefix)
    await admin.call("FLUSHALL")
    await admin.call("HSET", f"{prefix}:meta", "pepper", "another")
    with pytest.raises(StoreRefusedError, match=r"subjects\.pepper"):
        await hold(store, "evt_1", USER)
    await store.aclose()
