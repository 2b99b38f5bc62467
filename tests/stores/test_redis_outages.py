"""Whatever happens to the server, a claim waits and is answered, or stops with a message."""

from __future__ import annotations

import asyncio

import pytest

from deploy.dev.servers import Redis
from tests.stores.redis_stores import ALL, MAIL, USER, Telemetry, claim, connect, hold, hold_confirmed
from tests.tcp_proxy import TcpProxy
from worker.experiments.claims import Held, Published
from worker.stores.redis import RedisStore
from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import StoreRefusedError


@pytest.mark.parametrize(
    ("kind", "breaking", "mending"),
    [
        ("out_of_memory", "CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0"),
        ("readonly", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("persistence", "CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
    ],
)
async def test_a_claim_waits_until_the_server_takes_writes_again(
    breakable: RedisStore, telemetry: Telemetry, admin: Connections, *, kind: str, breaking: str, mending: str
) -> None:
    await admin.call(*breaking.split())
    waiting = asyncio.create_task(hold(breakable, "evt_1", USER, MAIL))
    await telemetry.failed_again.wait()
    assert (set(telemetry.failures), telemetry.waits) == ({kind}, [True])
    await admin.call(*mending.split())
    assert (await waiting).assignment.event_id == "evt_1"
    assert telemetry.waits == [True, False]


async def test_a_replica_without_its_primary_is_waited_for(
    breakable: RedisStore, telemetry: Telemetry, admin: Connections
) -> None:
    await admin.call("CONFIG", "SET", "replica-serve-stale-data", "no")
    await admin.call("REPLICAOF", "127.0.0.1", "1")
    waiting = asyncio.create_task(hold(breakable, "evt_1", USER))
    await telemetry.failed_once.wait()
    assert telemetry.failures[0] == "no_primary"
    await admin.call("REPLICAOF", "NO", "ONE")
    assert (await waiting).assignment.event_id == "evt_1"


async def test_a_script_of_somebody_else_is_waited_for(
    breakable: RedisStore, telemetry: Telemetry, admin: Connections
) -> None:
    await admin.call("CONFIG", "SET", "busy-reply-threshold", "10")
    stuck = asyncio.create_task(admin.call("EVAL", "while true do end", "0"))
    waiting = asyncio.create_task(hold(breakable, "evt_1", USER))
    await telemetry.failed_once.wait()
    assert set(telemetry.failures) <= {"busy", "timeout"}
    await admin.call("SCRIPT", "KILL")
    assert (await waiting).assignment.event_id == "evt_1"
    assert isinstance((await asyncio.gather(stuck, return_exceptions=True))[0], Exception)


async def test_a_server_that_was_killed_is_waited_for_and_remembers(
    breakable: RedisStore, telemetry: Telemetry, own_redis: Redis, admin: Connections
) -> None:
    await admin.call("CONFIG", "SET", "appendfsync", "always")  # a slow disk would hold back what was answered already
    first = await hold(breakable, "evt_1", USER)
    own_redis.kill()
    waiting = [asyncio.create_task(hold(breakable, f"evt_{number}", USER, draw="b")) for number in range(2, 30)]
    await telemetry.failed_once.wait()
    await asyncio.to_thread(own_redis.start)
    assert {held.assignment for held in await asyncio.gather(*waiting)} == {first.assignment}
    assert set(telemetry.failures) == {"connection"}
    assert (telemetry.waits[0], telemetry.waits[-1]) == (True, False)


async def test_a_connection_that_never_answers_is_replaced_after_the_time_out(
    proxied: RedisStore, telemetry: Telemetry, proxy: TcpProxy
) -> None:
    await hold(proxied, "evt_1", USER)
    proxy.blackhole()
    waiting = asyncio.create_task(hold(proxied, "evt_2", USER))
    await telemetry.failed_once.wait()
    before = proxy.connections
    proxy.pass_()
    assert (await waiting).assignment.event_id == "evt_1"
    assert telemetry.failures[0] == "timeout"
    assert proxy.connections > before


async def test_a_slow_server_is_asked_in_one_round_trip(
    proxied: RedisStore, telemetry: Telemetry, proxy: TcpProxy
) -> None:
    proxy.slow(0.02)
    await asyncio.gather(*(hold(proxied, "evt_1", f"user:{number}", MAIL) for number in range(20)))
    assert telemetry.failures == []


async def test_a_connection_that_was_cut_is_replaced(
    proxied: RedisStore, telemetry: Telemetry, proxy: TcpProxy
) -> None:
    await hold(proxied, "evt_1", USER)
    proxy.cut()
    assert (await hold(proxied, "evt_2", USER)).assignment.event_id == "evt_1"
    assert set(telemetry.failures) <= {"connection"}


@pytest.mark.parametrize("moments", range(0, 24, 2))
async def test_a_claim_may_be_cancelled_at_any_moment(proxied: RedisStore, moments: int) -> None:
    held = await hold(proxied, "evt_1", USER)
    proxied.confirm([Published(None, ALL.id, subject, 0) for subject in held.unconfirmed])
    cancelled = asyncio.create_task(hold(proxied, "evt_2", MAIL))
    for _ in range(moments):
        await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    answers = await asyncio.gather(*(hold(proxied, f"evt_{number}", f"user:{number}") for number in range(10)))
    assert [answer.assignment.event_id for answer in answers] == [f"evt_{number}" for number in range(10)]
    assert (await hold(proxied, "evt_3", USER)).unconfirmed == ()


async def test_waiting_ends_where_the_claim_is_cancelled(
    proxied: RedisStore, telemetry: Telemetry, proxy: TcpProxy
) -> None:
    proxy.blackhole()
    waiting = asyncio.create_task(hold(proxied, "evt_1", USER))
    await telemetry.failed_once.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert telemetry.waits == [True, False]
    proxy.pass_()
    assert isinstance(await claim(proxied, "evt_2", USER), Held)


async def test_a_refusal_stops_with_a_message_that_keeps_the_secret(
    own_redis: Redis, telemetry: Telemetry, admin: Connections
) -> None:
    await admin.call("ACL", "SETUSER", "worker", "on", ">s3cret", "~*", "+@all")
    store = await connect(f"redis://worker:s3cret@127.0.0.1:{own_redis.port}/0", telemetry=telemetry)
    await admin.call("ACL", "SETUSER", "worker", "-evalsha")
    with pytest.raises(StoreRefusedError, match=r"redis\.url redis://\*\*\*@127.*needs the commands EVALSHA") as raised:
        await hold(store, "evt_1", USER)
    assert "s3cret" not in str(raised.value)
    assert (telemetry.failures, telemetry.waits) == (["refused"], [])
    await store.aclose()


async def test_a_password_that_was_changed_stops(breakable: RedisStore, admin: Connections) -> None:
    await admin.call("CONFIG", "SET", "requirepass", "n3w")
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(StoreRefusedError, match=r"redis\.url needs a user and password"):
        await hold(breakable, "evt_1", USER)


async def test_a_key_of_another_type_stops(breakable: RedisStore, admin: Connections, prefix: str) -> None:
    await hold(breakable, "evt_1", USER)
    (key,) = await admin.call("KEYS", f"{prefix}:s:*")
    await admin.call("SET", key, "not a hash")
    with pytest.raises(StoreRefusedError, match=r"redis\.key_prefix must be the worker's own"):
        await hold(breakable, "evt_2", USER)


async def test_a_record_of_another_kind_stops(breakable: RedisStore, admin: Connections, prefix: str) -> None:
    await hold(breakable, "evt_1", USER)
    (key,) = await admin.call("KEYS", f"{prefix}:s:*")
    await admin.call("HSET", key, ALL.id, b"+\x92\x00\xa1a")
    with pytest.raises(StoreRefusedError, match="found records of another kind"):
        await hold(breakable, "evt_2", USER)


async def test_scripts_that_were_forgotten_are_sent_again(
    breakable: RedisStore, telemetry: Telemetry, admin: Connections
) -> None:
    first = await hold_confirmed(breakable, "evt_1", USER)
    await admin.call("SCRIPT", "FLUSH")
    assert await hold(breakable, "evt_2", USER) == Held(first.assignment, 0)
    assert telemetry.failures == []
