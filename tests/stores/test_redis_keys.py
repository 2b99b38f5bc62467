from __future__ import annotations

import pytest

from deploy.dev.servers import Redis
from tests.experiments_factory import subjects
from tests.stores.redis_stores import DAY_MS, DEVICE, MAIL, USER, connect, hold
from worker.experiments.claims import Held
from worker.stores.redis_connections import Connections


async def test_keys_hold_no_identifier(redis: Redis, shared_admin: Connections, prefix: str) -> None:
    store = await connect(redis.url, prefix=prefix)
    await hold(store, "evt_1", USER, MAIL, tenant="acme")
    await store.aclose()
    named = {f"{prefix}:s:{subject.hex}" for subject in subjects(USER, MAIL, tenant="acme")}
    assert {key.decode() for key in await shared_admin.call("KEYS", f"{prefix}*")} == named | {f"{prefix}:meta"}
    for name in named:
        kept = b"".join(await shared_admin.call("HGETALL", name))
        assert b"auth0|1" not in kept
        assert b"ada@b.no" not in kept


@pytest.mark.parametrize(("name", "days"), [(USER, 400), (MAIL, 30), (DEVICE, 400)])
async def test_every_use_gives_a_record_its_whole_life_again(
    redis: Redis, shared_admin: Connections, prefix: str, name: str, days: int
) -> None:
    store = await connect(redis.url, prefix=prefix, cache_records=0)
    await hold(store, "evt_1", name)
    (subject,) = subjects(name)
    key = f"{prefix}:s:{subject.hex}"
    assert days * DAY_MS - 60_000 < await shared_admin.call("PTTL", key) <= days * DAY_MS
    await shared_admin.call("PEXPIRE", key, 60_000)
    await hold(store, "evt_2", name, draw=None)
    assert days * DAY_MS - 60_000 < await shared_admin.call("PTTL", key) <= days * DAY_MS
    await store.aclose()


async def test_the_meta_hash_lives_for_ever(redis: Redis, shared_admin: Connections, prefix: str) -> None:
    store = await connect(redis.url, prefix=prefix)
    await hold(store, "evt_1", USER)
    assert await shared_admin.call("PTTL", f"{prefix}:meta") == -1
    await store.aclose()


async def test_stores_of_other_prefixes_are_apart(redis: Redis) -> None:
    one, other = await connect(redis.url), await connect(redis.url)
    await hold(one, "evt_1", USER)
    assert (await hold(other, "evt_2", USER, draw="b")).assignment.event_id == "evt_2"
    assert isinstance(await hold(one, "evt_3", USER), Held)
    await one.aclose()
    await other.aclose()
