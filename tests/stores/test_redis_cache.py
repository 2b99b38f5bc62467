"""Which answers a worker may give without the store; each test fails without its rule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis, RedisCluster
from tests.experiments_factory import new_experiment, new_proposal, subjects
from tests.stores.redis_stores import ALL, DAY_MS, MAIL, USER, Telemetry, claim, connect, hold, hold_confirmed
from worker.experiments.claims import Held, Published, Vacant
from worker.stores.redis import RedisStore
from worker.stores.redis_client import Client
from worker.stores.redis_records import Layout

CACHED, ASKED = (0, 1), (1, 0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(
    server: Redis | RedisCluster, prefix: str, telemetry: Telemetry, clock: Clock
) -> AsyncIterator[RedisStore]:
    async with aclosing(await connect(server.url, prefix=prefix, telemetry=telemetry, clock=clock)) as opened:
        yield opened


async def remember(store: RedisStore, *names: str, draw: str = "a") -> Held:
    """Have the store answer so that the worker remembers it."""
    await hold_confirmed(store, "evt_1", *names, draw=draw)
    return await hold(store, "evt_2", *names, draw=None)


def meta_of(layout: Layout, name: str) -> str:
    (subject,) = subjects(name)
    return layout.meta(layout.bucket_of(subject.key))


async def lose(client: Client, layout: Layout, name: str) -> None:
    """Lose somebody's records, and tell the workers."""
    (subject,) = subjects(name)
    await client.call("DEL", layout.key_of(subject.hex))
    await client.call("HINCRBY", meta_of(layout, name), "generation", 1)


def neighbour(layout: Layout, name: str) -> str:
    """Return somebody else who is in the same bucket."""
    (subject,) = subjects(name)
    others = (f"user:other-{number}" for number in range(10_000))
    return next(other for other in others if meta_of(layout, other) == layout.meta(layout.bucket_of(subject.key)))


async def test_a_confirmed_record_of_all_identities_is_remembered(store: RedisStore, telemetry: Telemetry) -> None:
    held = await remember(store, USER, MAIL)
    assert await hold(store, "evt_3", USER, MAIL, draw="b") == held
    assert telemetry.claims == [ASKED, ASKED, CACHED]


async def test_what_nobody_confirmed_is_asked_again(store: RedisStore, telemetry: Telemetry) -> None:
    for _ in range(3):
        assert (await hold(store, "evt_1", USER)).unconfirmed == subjects(USER)
    assert telemetry.claims == [ASKED] * 3


@pytest.mark.parametrize("draw", ["a", "b"])
async def test_records_that_differ_are_asked_again(store: RedisStore, telemetry: Telemetry, draw: str) -> None:
    await hold_confirmed(store, "evt_1", USER, draw="a")
    await hold_confirmed(store, "evt_2", MAIL, draw=draw)
    for _ in range(2):
        assert (await hold(store, "evt_3", USER, MAIL)).conflict == (draw == "b")
    assert telemetry.claims == [ASKED] * 4


async def test_what_holds_nothing_is_asked_again(store: RedisStore, telemetry: Telemetry) -> None:
    assert await claim(store, "evt_1", USER, draw=None) == Vacant()
    assert await claim(store, "evt_1", USER, draw=None) == Vacant()
    assert telemetry.claims == [ASKED] * 2


async def test_other_definitions_are_asked_for_again(store: RedisStore, telemetry: Telemetry) -> None:
    await remember(store, USER)
    await hold(store, "evt_3", USER, of=new_experiment({"a": 1}, revision="r2"))
    await hold(store, "evt_3", USER, of=new_experiment({"a": 1}, status="paused"))
    await claim(store, "evt_3", USER, of=new_experiment({"a": 1}, id="exp_b"))
    assert telemetry.claims == [ASKED] * 5


async def test_other_identities_are_asked_for_again(store: RedisStore, telemetry: Telemetry) -> None:
    await remember(store, USER)
    assert (await hold(store, "evt_3", USER, MAIL)).unconfirmed == subjects(MAIL)
    await hold(store, "evt_3", USER, tenant="acme")
    assert telemetry.claims == [ASKED] * 4


async def test_a_new_generation_forgets_everything(
    store: RedisStore, telemetry: Telemetry, client: Client, layout: Layout
) -> None:
    await remember(store, USER)
    await lose(client, layout, USER)
    assert (await hold(store, "evt_3", USER, draw="b")).assignment.event_id == "evt_3"
    assert telemetry.claims[-1] == ASKED


async def test_a_new_generation_asks_for_a_batch_anew_where_only_some_of_it_was_asked(
    store: RedisStore, telemetry: Telemetry, client: Client, layout: Layout
) -> None:
    await remember(store, USER)
    await lose(client, layout, USER)
    batch = [new_proposal(f"evt_{name}", name, draw="b", experiment=ALL) for name in (MAIL, USER)]
    answers = await store.claim(batch)
    assert [each.assignment.variation_id for each in answers if isinstance(each, Held)] == ["b", "b"]
    assert telemetry.claims[-1] == (2, 0)


async def test_a_new_generation_that_came_with_other_answers_forgets_everything(
    store: RedisStore, telemetry: Telemetry, client: Client, layout: Layout
) -> None:
    await remember(store, USER)
    await lose(client, layout, USER)
    await hold(store, "evt_3", neighbour(layout, USER))
    assert (await hold(store, "evt_4", USER, draw="b")).assignment.event_id == "evt_4"
    assert telemetry.claims[-1] == ASKED


async def test_what_was_remembered_before_a_new_generation_is_not_believed_beside_what_came_after(
    store: RedisStore, client: Client, layout: Layout
) -> None:
    await remember(store, USER)
    await lose(client, layout, USER)
    other = neighbour(layout, USER)
    await remember(store, other)
    batch = [new_proposal("evt_3", name, draw="b", experiment=ALL) for name in (USER, other)]
    answers = await store.claim(batch)
    assert [each.assignment.event_id for each in answers if isinstance(each, Held)] == ["evt_3", "evt_1"]


async def test_a_store_without_an_epoch_is_not_believed_for_long(
    store: RedisStore, client: Client, layout: Layout
) -> None:
    await hold_confirmed(store, "evt_1", USER)
    await client.call("DEL", meta_of(layout, USER))
    await hold(store, "evt_2", USER)
    await client.call("DEL", layout.key_of(subjects(USER)[0].hex), meta_of(layout, USER))
    assert (await hold(store, "evt_3", USER, draw="b")).assignment.event_id == "evt_3"


async def test_another_epoch_forgets_everything(
    store: RedisStore, telemetry: Telemetry, client: Client, layout: Layout
) -> None:
    await remember(store, USER)
    await client.call("DEL", layout.key_of(subjects(USER)[0].hex), meta_of(layout, USER))
    assert (await hold(store, "evt_3", USER, draw="b")).assignment.event_id == "evt_3"
    assert telemetry.losses == [0]


async def test_nothing_is_remembered_for_longer_than_a_minute(
    store: RedisStore, telemetry: Telemetry, clock: Clock
) -> None:
    await remember(store, USER)
    clock.now = 59.9
    await hold(store, "evt_3", USER)
    clock.now = 60.0
    await hold(store, "evt_4", USER)
    assert telemetry.claims == [ASKED, ASKED, CACHED, ASKED]


@pytest.mark.parametrize(("ttl_ms", "link_ttl_ms"), [(100_000, DAY_MS), (DAY_MS, 100_000)])
async def test_nothing_is_remembered_for_longer_than_a_tenth_of_a_record_s_life(
    server: Redis | RedisCluster, telemetry: Telemetry, clock: Clock, ttl_ms: int, link_ttl_ms: int
) -> None:
    lives = {"ttl_ms": ttl_ms, "link_ttl_ms": link_ttl_ms}
    async with aclosing(await connect(server.url, telemetry=telemetry, clock=clock, **lives)) as store:
        await remember(store, USER)
        clock.now = 9.9
        await hold(store, "evt_3", USER)
        clock.now = 10.0
        await hold(store, "evt_4", USER)
    assert telemetry.claims == [ASKED, ASKED, CACHED, ASKED]


@pytest.mark.parametrize(("size", "then"), [(0, ASKED), (1, ASKED), (2, CACHED)])
async def test_no_more_is_remembered_than_was_said(
    server: Redis | RedisCluster, telemetry: Telemetry, size: int, then: tuple[int, int]
) -> None:
    async with aclosing(await connect(server.url, telemetry=telemetry, cache_records=size)) as store:
        await remember(store, USER)
        await remember(store, MAIL)
        await hold(store, "evt_3", USER)
    assert telemetry.claims == [ASKED] * 4 + [then]


async def test_subjects_of_an_earlier_proposal_that_is_asked_are_asked_as_well(
    store: RedisStore, telemetry: Telemetry
) -> None:
    await remember(store, USER)
    batch = [new_proposal("evt_3", *names, draw="b", experiment=ALL) for names in ((USER,), (MAIL, USER), (USER,))]
    await store.claim(batch)
    assert telemetry.claims[-1] == (2, 1)


async def test_replacing_what_others_may_remember_has_all_workers_ask_again(
    store: RedisStore, server: Redis | RedisCluster, prefix: str
) -> None:
    await remember(store, USER, draw="b")
    narrow = new_experiment({"b": 1, "c": 1})
    async with aclosing(await connect(server.url, prefix=prefix)) as other:
        await hold(other, "evt_3", MAIL, draw="a")
        assert (await hold(other, "evt_4", MAIL, USER, draw="c", of=narrow)).assignment.version == 1
    assert (await hold(store, "evt_5", USER)).assignment.variation_id == "c"


async def test_a_mark_that_is_taken_away_has_all_workers_ask_again(
    store: RedisStore, server: Redis | RedisCluster, prefix: str
) -> None:
    await hold_confirmed(store, "evt_1", USER)
    await hold_confirmed(store, "evt_2", USER, draw="b", of=new_experiment({"b": 1}))
    await hold(store, "evt_3", USER)
    async with aclosing(await connect(server.url, prefix=prefix)) as other:
        other.confirm([Published(None, ALL.id, subject, 0) for subject in subjects(USER)])
    assert (await hold(store, "evt_4", USER)).unconfirmed == subjects(USER)
