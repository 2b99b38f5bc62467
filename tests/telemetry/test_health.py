from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tests.handlers.factories import Clock
from worker.telemetry.health import HealthServer, HealthServerError, Readiness, Watch


def new_watch(limit_s: float = 60.0) -> tuple[Watch, Clock]:
    clock = Clock()
    return Watch(limit_s=limit_s, clock=clock), clock


def lagging(records: int = 5) -> tuple[Watch, Clock]:
    """A watch over partition 3, which has records to read."""
    watch, clock = new_watch()
    watch.lane(3)
    watch.lag(3, records)
    return watch, clock


def test_a_lane_with_lag_that_does_not_move_is_stuck_after_the_limit() -> None:
    watch, clock = lagging()
    clock.now += 60
    assert watch.stuck() == []
    clock.now += 1
    assert watch.stuck() == [3]


def test_a_lane_that_moves_is_not() -> None:
    watch, clock = lagging()
    clock.now += 50
    watch.moved(3)
    watch.lag(3, 7)
    clock.now += 50
    assert watch.stuck() == []


def test_a_lane_without_lag_may_stand_still() -> None:
    watch, clock = lagging(0)
    clock.now += 1000
    assert watch.stuck() == []


def test_the_time_begins_when_there_is_something_to_read() -> None:
    watch, clock = lagging(0)
    clock.now += 1000
    watch.lag(3, 1)
    clock.now += 50
    watch.lag(3, 2)
    assert watch.stuck() == []
    clock.now += 11
    assert watch.stuck() == [3]


def test_waiting_for_the_store_is_no_standing_still_and_the_time_begins_anew_after_it() -> None:
    watch, clock = lagging()
    watch.waiting(3, True)
    clock.now += 10_000
    assert watch.stuck() == []
    watch.waiting(3, False)
    clock.now += 60
    assert watch.stuck() == []
    clock.now += 1
    assert watch.stuck() == [3]


def test_a_lane_that_is_gone_is_nobodys_business_even_if_it_is_spoken_of() -> None:
    watch, clock = lagging()
    watch.gone(3)
    watch.gone(3)
    watch.lag(3, 5)
    watch.moved(3)
    watch.waiting(3, False)
    clock.now += 1000
    assert watch.stuck() == []


def test_one_lane_that_moves_does_not_hide_another_that_does_not() -> None:
    watch, clock = lagging()
    watch.lane(1)
    watch.lag(1, 1)
    clock.now += 61
    watch.moved(3)
    assert watch.stuck() == [1]


def test_a_worker_is_ready_when_no_reason_holds() -> None:
    readiness = Readiness()
    assert readiness.reasons() == ["starting"]
    readiness.because("store_waiting", True)
    readiness.because("draining", True)
    readiness.because("starting", False)
    assert readiness.reasons() == ["draining", "store_waiting"]
    readiness.because("draining", False)
    readiness.because("store_waiting", False)
    assert readiness.reasons() == []


@asynccontextmanager
async def serving(watch: Watch | None = None, readiness: Readiness | None = None) -> AsyncIterator[ClientSession]:
    server = HealthServer(
        "127.0.0.1", 0, watch=watch or Watch(), readiness=readiness or Readiness(), exposition=lambda: b"x 1.0\n"
    )
    await server.start()
    async with ClientSession(f"http://127.0.0.1:{server.port}") as client:
        yield client
    await server.aclose()


async def ask(client: ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as answer:
        return answer.status, orjson.loads(await answer.read())


async def test_livez_names_the_partitions_that_are_stuck() -> None:
    watch, clock = lagging()
    async with serving(watch) as client:
        assert await ask(client, "/livez") == (200, {"alive": True, "stuck_partitions": []})
        clock.now += 61
        assert await ask(client, "/livez") == (503, {"alive": False, "stuck_partitions": [3]})


async def test_readyz_says_why_not() -> None:
    readiness = Readiness()
    async with serving(readiness=readiness) as client:
        assert await ask(client, "/readyz") == (503, {"ready": False, "reasons": ["starting"]})
        readiness.because("starting", False)
        assert await ask(client, "/readyz") == (200, {"ready": True, "reasons": []})


async def test_metrics_come_in_the_format_of_prometheus() -> None:
    async with serving() as client, client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await answer.read() == b"x 1.0\n"


async def test_any_other_path_is_not_found() -> None:
    async with serving() as client, client.get("/healthz") as answer:
        assert (answer.status, answer.content_type) == (404, "text/plain")


async def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HealthServer("127.0.0.1", port, watch=Watch(), readiness=Readiness(), exposition=bytes)
        with pytest.raises(HealthServerError) as raised:
            await server.start()
        await server.aclose()
    assert str(raised.value) == (
        f"http.port {port} (http.host 127.0.0.1): can't listen: address already in use; "
        "expected a free port of an address of this machine (http.port 0: off)"
    )


async def test_a_server_that_was_closed_answers_no_longer() -> None:
    server = HealthServer("127.0.0.1", 0, watch=Watch(), readiness=Readiness(), exposition=bytes)
    await server.start()
    port = server.port
    await server.aclose()
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port)):
        pass
