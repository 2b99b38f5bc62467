"""What counts deaths in Redis: it outlives workers, waits for its server, and holds up no end."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis, free_port
from tests.stores.redis_stores import Telemetry
from tests.tcp_proxy import TcpProxy
from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import StoreRefusedError
from worker.stores.redis_trials import RedisTrials

PLACE = "group/in/0"


def new_trials(url: str, prefix: str, *, patient: bool = True, telemetry: Telemetry | None = None) -> RedisTrials:
    return RedisTrials(url, prefix=prefix, timeout_ms=200, telemetry=telemetry or Telemetry(), patient=patient)


async def test_another_process_knows_of_the_deaths(redis: Redis, prefix: str) -> None:
    for life in range(4):
        async with aclosing(new_trials(redis.url, prefix)) as trials:
            assert await trials.opened(PLACE, 5, 30) == ((30, 1) if life == 3 else (30, 0) if life == 2 else (0, 0))
            await (trials.trying(PLACE, 5) if life == 2 else trials.trying(PLACE, 4))


async def test_one_hash_of_the_prefix_holds_a_field_for_each_place(
    redis: Redis, prefix: str, shared_admin: Connections
) -> None:
    async with aclosing(new_trials(redis.url, prefix)) as trials:
        await trials.opened(PLACE, 5, 30)
        await trials.opened("group/in/1", 5, 30)
    assert await shared_admin.call("KEYS", f"{prefix}*") == [f"{prefix}:trials".encode()]
    assert await shared_admin.call("HKEYS", f"{prefix}:trials") == [b"group/in/0", b"group/in/1"]


async def test_scripts_that_the_server_forgot_are_sent_again(own_redis: Redis, admin: Connections, prefix: str) -> None:
    async with aclosing(new_trials(own_redis.url, prefix)) as trials:
        await trials.opened(PLACE, 5, 30)
        await admin.call("SCRIPT", "FLUSH")
        await trials.opened(PLACE, 5, 30)
        await admin.call("SCRIPT", "FLUSH")
        assert await trials.opened(PLACE, 5, 30) == (30, 0)


async def test_an_opening_waits_for_the_server(own_redis: Redis, prefix: str) -> None:
    telemetry = Telemetry()
    async with aclosing(new_trials(own_redis.url, prefix, telemetry=telemetry)) as trials:
        own_redis.stop()
        opening = asyncio.create_task(trials.opened(PLACE, 5, 30))
        await asyncio.wait_for(telemetry.failed_again.wait(), 10)
        assert not opening.done()
        own_redis.start()
        assert await asyncio.wait_for(opening, 10) == (0, 0)
    assert telemetry.waits == [True, False]


async def test_an_impatient_one_suspects_nothing_while_the_server_is_away(prefix: str) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    async with aclosing(new_trials(url, prefix, patient=False)) as trials:
        await trials.trying(PLACE, 5)
        assert await trials.opened(PLACE, 5, 30) == (0, 0)


async def test_an_end_is_not_held_up_by_a_server_that_says_nothing(proxy: TcpProxy, prefix: str) -> None:
    async with aclosing(
        RedisTrials(f"redis://127.0.0.1:{proxy.port}/0", prefix=prefix, timeout_ms=60_000, telemetry=Telemetry())
    ) as trials:
        await trials.opened(PLACE, 5, 30)
        proxy.blackhole()
        started = time.monotonic()
        await trials.closed(PLACE)
        assert time.monotonic() - started < 2


async def test_an_end_that_can_not_be_noted_is_no_error(prefix: str) -> None:
    async with aclosing(new_trials(f"redis://127.0.0.1:{free_port()}/0", prefix)) as trials:
        await trials.closed(PLACE)


@pytest.mark.parametrize("call", ["opened", "trying"])
async def test_a_key_of_another_kind_is_refused(
    redis: Redis, prefix: str, shared_admin: Connections, call: str
) -> None:
    await shared_admin.call("SET", f"{prefix}:trials", "1")
    async with aclosing(new_trials(redis.url, prefix)) as trials:
        with pytest.raises(StoreRefusedError, match=r"redis\.key_prefix"):
            await (trials.opened(PLACE, 5, 30) if call == "opened" else trials.trying(PLACE, 5))
