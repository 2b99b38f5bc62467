"""Deliveries under way, against receivers on loopback."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.delivery import receivers
from tests.delivery.receivers import Listener, Request, answer, ledger, listening
from tests.faults.waiting import until
from worker.delivery.addresses import networks
from worker.delivery.client import Answer, Client
from worker.delivery.deliverer import (
    Delivered,
    Deliverer,
    Delivery,
    Exhausted,
    Fate,
    Later,
    Postponed,
)
from worker.delivery.endpoints import Endpoint
from worker.delivery.pace import LONGEST_WAIT_S
from worker.delivery.signing import Signer


class Heard:
    """Notes what is told."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, str]] = []
        self.postponements: Counter[str] = Counter()
        self.most: dict[str, int] = defaultdict(int)
        self.circuits: list[tuple[str, bool]] = []

    def attempted(self, delivery: Delivery, answer: Answer) -> None:
        self.attempts.append((delivery.id, answer.outcome))

    def postponed(self, delivery: Delivery, reason: Postponed) -> None:
        del delivery
        self.postponements[reason] += 1

    def waiting(self, endpoint: Endpoint, deliveries: int) -> None:
        self.most[endpoint.name] = max(self.most[endpoint.name], deliveries)

    def circuit(self, endpoint: Endpoint, opened: bool) -> None:  # noqa: FBT001 - as it is told
        self.circuits.append((endpoint.name, opened))


class OwnStates:
    def __init__(self) -> None:
        self.names: set[str] = set()

    def disabled(self, name: str) -> bool:
        return name in self.names

    def disable(self, name: str) -> None:
        self.names.add(name)


class Bench:
    """A deliverer, and what came of the deliveries it was given."""

    def __init__(self, deliverer: Deliverer, heard: Heard, states: OwnStates) -> None:
        self.deliverer = deliverer
        self.heard = heard
        self.states = states
        self.fates: dict[str, Fate] = {}
        self._settled = asyncio.Event()

    def take(self, id_: str, to: Endpoint, user: str = "", *, attempts: int = 0) -> Delivery:
        def settle(fate: Fate) -> None:
            assert id_ not in self.fates, "settled twice"
            self.fates[id_] = fate
            self._settled.set()

        delivery = Delivery(id_, to, b"{}", user, attempts=attempts, since_ms=0, settle=settle)
        self.deliverer.take(delivery)
        return delivery

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.fates) < count:
                self._settled.clear()
                await self._settled.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    heard, states = Heard(), OwnStates()
    async with Client(networks(["127.0.0.1/32"])) as client:
        deliverer = Deliverer(client, states, heard)
        yield Bench(deliverer, heard, states)
        await deliverer.aclose()


def endpoint(receiver: Listener, name: str = "a", *, schedule: Sequence[float] = (5.0,), **fields: Any) -> Endpoint:
    given: dict[str, Any] = {"timeout_s": 5.0, "max_in_flight": 4, **fields}
    return Endpoint(name, name, receiver.url(), Signer([]), {}, schedule_s=schedule, **given)


def ids(receiver: Listener) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.requests]


@asynccontextmanager
async def held(gate: asyncio.Event, at_once: list[int]) -> AsyncIterator[Listener]:
    """Answer nobody before the gate opens; note how many waited at most."""
    waiting = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting
        while True:
            await receivers.read_request(reader)
            waiting += 1
            at_once[0] = max(at_once[0], waiting)
            await gate.wait()
            waiting -= 1
            writer.write(answer(200))
            await writer.drain()

    async with listening(talk) as listener:
        yield listener


async def test_no_more_are_under_way_to_an_endpoint_than_it_may_have(bench: Bench) -> None:
    gate, at_once = asyncio.Event(), [0]
    async with held(gate, at_once) as receiver:
        for number in range(20):
            bench.take(f"m{number}", endpoint(receiver, max_in_flight=3))
        await until(lambda: at_once[0] == 3, 10, "three to be under way")
        gate.set()
        await bench.until(20)
    assert at_once == [3]
    assert set(bench.fates.values()) == {Delivered()}


async def test_an_endpoint_that_hangs_holds_back_no_other_and_keeps_no_more_than_it_may_come_to(bench: Bench) -> None:
    async with listening(receivers.hang) as hanging, ledger() as well:
        slow = endpoint(hanging, "slow", timeout_s=60.0, max_in_flight=2)
        for number in range(1000):
            bench.take(f"s{number}", slow)
        for number in range(100):
            bench.take(f"w{number}", endpoint(well, "well"))
        await bench.until(100)
        assert len(well.requests) == 100
        before = time.time_ns() // 1_000_000
        await bench.until(100 + 980)  # after some seconds without an answer: 15 or less have their turn soon
    crowded = [fate for id_, fate in bench.fates.items() if id_.startswith("s") and isinstance(fate, Later)]
    assert {(fate.reason, fate.attempts) for fate in crowded} == {("crowded", 0)}
    assert min(fate.due_ms for fate in crowded) >= before + LONGEST_WAIT_S * 1000
    assert len({fate.due_ms // 20_000 for fate in crowded}) > 8  # once there is a pace, they come back at it


async def test_a_backlog_of_an_endpoint_that_answers_waits_for_it_and_is_not_put_off(bench: Bench) -> None:
    async with ledger() as receiver:
        for number in range(3000):
            bench.take(f"m{number}", endpoint(receiver))
        await bench.until(3000)
    assert bench.heard.postponements == {}


async def test_first_attempts_of_a_user_come_in_order_and_others_need_not_wait(bench: Bench) -> None:
    async with ledger(lambda request: 500 if request.headers["webhook-id"].endswith("3") else 200) as receiver:
        to = endpoint(receiver, max_in_flight=8)
        for number in range(60):
            bench.take(f"{number % 3}-{number}", to, user=f"user {number % 3}")
        await bench.until(60)
    for user in range(3):
        mine = [int(id_.partition("-")[2]) for id_ in ids(receiver) if id_.startswith(f"{user}-")]
        assert mine == sorted(mine)


async def test_a_users_second_attempts_do_not_wait_for_first_ones(bench: Bench) -> None:
    gate, at_once = asyncio.Event(), [0]
    async with held(gate, at_once) as held_up, ledger() as receiver:
        bench.take("first", endpoint(held_up, "held"), user="u")
        bench.take("behind", endpoint(receiver), user="u")
        bench.take("again", endpoint(receiver), user="u", attempts=1)
        await bench.until(1)
        assert ids(receiver) == ["again"]
        gate.set()
        await bench.until(3)


async def test_a_long_row_of_one_user_at_a_disabled_endpoint_is_put_off(bench: Bench) -> None:
    async with ledger() as receiver:
        bench.states.disable("a")
        for number in range(3000):
            bench.take(f"m{number}", endpoint(receiver), user="u")
        await bench.until(3000)
        assert receiver.connections == 0
    assert bench.heard.postponements == {"disabled": 3000}


async def test_what_fails_is_due_by_the_schedule_and_exhausted_at_its_end(bench: Bench) -> None:
    async with ledger(lambda _: 500) as receiver:
        to = endpoint(receiver, schedule=(10.0, 100.0))
        before = time.time_ns() // 1_000_000
        for attempts in range(3):
            bench.take(f"m{attempts}", to, attempts=attempts)
        await bench.until(3)
    first, second, last = (bench.fates[f"m{attempts}"] for attempts in range(3))
    assert isinstance(first, Later)
    assert isinstance(second, Later)
    assert (first.attempts, second.attempts, last) == (1, 2, Exhausted(3, "failed"))
    assert 10_000 <= first.due_ms - before <= 12_000 + 5_000
    assert 100_000 <= second.due_ms - before <= 120_000 + 5_000


@pytest.mark.parametrize(("status", "asked", "least"), [(429, 60, 60_000), (503, 60, 60_000), (503, 1, 10_000)])
async def test_a_receiver_that_asks_for_more_time_gets_it(bench: Bench, status: int, asked: int, least: int) -> None:
    async with ledger(lambda _: answer(status, f"Retry-After: {asked}")) as receiver:
        before = time.time_ns() // 1_000_000
        bench.take("m", endpoint(receiver, schedule=(10.0,)))
        await bench.until(1)
    fate = bench.fates["m"]
    assert isinstance(fate, Later)
    assert least <= fate.due_ms - before <= least * 1.2 + 5_000


async def test_a_receiver_can_not_ask_for_more_than_a_day(bench: Bench) -> None:
    async with ledger(lambda _: answer(429, "Retry-After: 99999999")) as receiver:
        bench.take("m", endpoint(receiver))
        await bench.until(1)
    fate = bench.fates["m"]
    assert isinstance(fate, Later)
    assert fate.due_ms - time.time() * 1000 <= 24 * 3_600_000


async def test_410_disables_an_endpoint_and_costs_no_attempt(bench: Bench) -> None:
    async with ledger(lambda _: 410) as receiver:
        to = endpoint(receiver, max_in_flight=1)
        for number in range(5):
            bench.take(f"m{number}", to)
        await bench.until(5)
        assert len(receiver.requests) == 1
    assert bench.states.names == {"a"}
    assert {fate.reason for fate in bench.fates.values() if isinstance(fate, Later)} == {"disabled"}
    assert bench.heard.circuits == []


async def test_after_failures_in_a_row_an_endpoint_is_left_alone_and_others_are_not(bench: Bench) -> None:
    async with ledger(lambda _: 500) as ill, ledger() as well:
        for number in range(50):
            bench.take(f"i{number}", endpoint(ill, "ill", max_in_flight=1))
            bench.take(f"w{number}", endpoint(well, "well"))
        await bench.until(100)
        assert (len(ill.requests), len(well.requests)) == (5, 50)
    assert bench.heard.circuits == [("ill", True)]
    later = [fate for id_, fate in bench.fates.items() if id_.startswith("i") and isinstance(fate, Later)]
    assert Counter((fate.attempts, fate.reason) for fate in later) == {(1, "failed"): 5, (0, "circuit_open"): 45}


async def test_a_receiver_that_refuses_single_deliveries_is_well(bench: Bench) -> None:
    async with ledger(lambda _: 400) as receiver:
        for number in range(30):
            bench.take(f"m{number}", endpoint(receiver, max_in_flight=1))
        await bench.until(30)
        assert len(receiver.requests) == 30
    assert bench.heard.circuits == []


async def test_what_is_dropped_is_not_attempted_and_what_is_behind_it_is(bench: Bench) -> None:
    gate, at_once = asyncio.Event(), [0]
    async with held(gate, at_once) as receiver:
        to = endpoint(receiver, max_in_flight=1)
        running = bench.take("running", to, user="u")
        dropped = [bench.take(f"d{number}", to, user="u") for number in range(3)]
        bench.take("behind", to, user="u")
        await until(lambda: running.running, 10, "the first to be under way")
        assert [bench.deliverer.drop(each) for each in (running, *dropped)] == [False, True, True, True]
        gate.set()
        await bench.until(2)
    assert set(bench.fates) == {"running", "behind"}


async def test_urls_of_one_origin_share_a_limit_and_keep_their_paths(bench: Bench) -> None:
    paths: list[str] = []

    def status(request: Request) -> int:
        paths.append(request.path)
        return 200

    async with ledger(status) as receiver:
        for path in ("/a", "/b"):
            to = Endpoint("origin", "url", receiver.url(path), Signer([]), {}, 5.0, 1, (5.0,))
            bench.take(path, to)
        await bench.until(2)
    assert paths == ["/a", "/b"]
