from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from deploy.dev.servers import Redis
from tests.experiments_factory import subjects
from tests.stores.redis_stores import ALL, MAIL, USER, Telemetry, connect, hold, hold_confirmed, layout_at
from tests.stores.truths import Log, published, tombstone
from worker.experiments.claims import Held, Published
from worker.stores.redis_connections import Connections
from worker.stores.redis_rebuild import Rebuilder
from worker.stores.redis_server import Patience, PatientCalls, fingerprint
from worker.stores.truth import Entry

(ADA,), (BOB,), (MAILED,) = subjects(USER), subjects("user:bob"), subjects(MAIL)


async def flush(admin: Connections) -> None:
    await admin.call("FLUSHALL")


async def test_what_was_published_is_there_again_and_nobody_else_may_claim_before(
    own_redis: Redis, admin: Connections, prefix: str, telemetry: Telemetry
) -> None:
    truth = Log(published(ADA, "a"), published(BOB, "b"))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth, telemetry=telemetry)) as store:
        await flush(admin)
        truth.held.clear()
        waiting = asyncio.create_task(hold(store, "evt_1", USER, draw="b"))
        truth.reading.clear()
        await truth.reading.wait()
        assert not waiting.done()
        truth.held.set()
        found = await waiting
        assert (found.assignment.variation_id, found.assignment.event_id) == ("a", "evt_old")
        assert found.unconfirmed == ()
    assert telemetry.losses == [0]
    assert telemetry.rebuilt_from == [2, 2]  # at the start as well


async def test_a_rebuilt_record_is_the_very_one_that_was_claimed(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    truth = Log()
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        held = await hold_confirmed(store, "evt_1", USER)
        await hold(store, "evt_2", MAIL)
        key = f"{prefix}:s:{ADA.hex}"
        before = await admin.call("HGET", key, ALL.id)
        truth.entries_ = [Entry(None, "user", ADA.hex, ALL.id, held.assignment)]
        await flush(admin)
        await hold(store, "evt_3", USER)
        assert await admin.call("HGET", key, ALL.id) == before
        assert 0 < await admin.call("PTTL", key) <= 400 * 86_400_000


async def test_the_highest_version_wins_and_of_equal_ones_the_later(redis: Redis, prefix: str) -> None:
    truth = Log(
        published(ADA, "b", version=1, event="evt_new"),
        published(ADA, "a"),
        published(BOB, "a", event="evt_first"),
        published(BOB, "a", event="evt_later"),
    )
    async with aclosing(await connect(redis.url, prefix=prefix, truth=truth)) as store:
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_new"
        assert (await hold(store, "evt_2", "user:bob")).assignment.event_id == "evt_later"


async def test_what_was_erased_does_not_come_back(own_redis: Redis, admin: Connections, prefix: str) -> None:
    truth = Log(published(ADA), published(BOB), tombstone(ADA))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        await flush(admin)
        assert (await hold(store, "evt_1", USER, draw="b")).assignment.event_id == "evt_1"
        assert (await hold(store, "evt_2", "user:bob")).assignment.event_id == "evt_old"


async def test_who_was_erased_is_deleted_from_an_old_snapshot(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    truth = Log()
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        await hold(store, "evt_1", USER)
        truth.erased_ = [ADA.hex]
        await admin.call("HSET", f"{prefix}:meta", "run_id", "of another server")
        assert (await hold(store, "evt_2", USER)).assignment.event_id == "evt_2"


async def test_another_server_is_read_for_from_a_minute_before_it_was_last_asked(
    own_redis: Redis, admin: Connections, prefix: str, telemetry: Telemetry
) -> None:
    truth = Log()
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth, telemetry=telemetry)) as store:
        await hold(store, "evt_1", USER)
        heartbeat = int(await admin.call("HGET", f"{prefix}:meta", "heartbeat"))
        truth.entries_ = [published(ADA, "b", version=1, event="evt_lost")]
        await admin.call("HSET", f"{prefix}:meta", "run_id", "of another server")
        assert (await hold(store, "evt_2", USER)).assignment.event_id == "evt_lost"
        assert truth.asked_since[-1] == heartbeat - 60_000 == telemetry.losses[-1]
        server = (await admin.call("INFO", "server")).decode()
        assert (await admin.call("HGET", f"{prefix}:meta", "run_id")).decode() in server


async def test_a_newer_record_of_the_store_survives_an_older_one_of_the_truth(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    truth = Log(published(ADA, "c", version=1, event="evt_second"))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        truth.entries_ = [published(ADA, "a", event="evt_first")]
        await admin.call("HSET", f"{prefix}:meta", "run_id", "of another server")
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_second"


async def test_one_worker_rebuilds_and_the_others_wait(own_redis: Redis, admin: Connections, prefix: str) -> None:
    truths = [Log(published(ADA)) for _ in range(3)]
    stores = [await connect(own_redis.url, prefix=prefix, truth=truth) for truth in truths]
    assert sum(len(truth.asked_since) for truth in truths) == 1
    await flush(admin)
    found = await asyncio.gather(*(hold(store, f"evt_{n}", USER, draw="b") for n, store in enumerate(stores)))
    assert {each.assignment.event_id for each in found} == {"evt_old"}
    assert sum(len(truth.asked_since) for truth in truths) == 2
    for store in stores:
        await store.aclose()


async def test_who_saw_the_store_broken_before_another_made_it_whole_leaves_it_alone(
    own_redis: Redis, admin: Connections, prefix: str, telemetry: Telemetry
) -> None:
    truth = Log(published(ADA))
    layout = layout_at(own_redis.url, prefix)
    calls = PatientCalls(admin, Patience(own_redis.url, telemetry))
    late = Rebuilder(calls, layout, fingerprint(b"pepper"), truth, telemetry)
    seen = await late.states()
    assert not any(state.whole for state in seen)
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)):
        begun = telemetry.rebuilds_begun
        assert await late.rebuild(seen, 0) is None
        assert telemetry.rebuilds_begun == begun
        assert len(truth.asked_since) == 1
        assert await late.rebuild(await late.states(), 0) is not None  # as by hand


async def test_a_flush_in_the_middle_of_a_rebuild_starts_it_over(
    own_redis: Redis, admin: Connections, prefix: str, telemetry: Telemetry
) -> None:
    truth = Log(published(ADA))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth, telemetry=telemetry)) as store:
        await flush(admin)
        truth.held.clear()
        truth.reading.clear()
        waiting = asyncio.create_task(hold(store, "evt_1", USER))
        await truth.reading.wait()
        await flush(admin)  # takes what was written, and the lock
        truth.held.set()
        assert (await waiting).assignment.event_id == "evt_old"
        assert len(truth.asked_since) == 3


async def test_the_lock_of_a_worker_that_died_runs_out(
    own_redis: Redis, admin: Connections, prefix: str, telemetry: Telemetry
) -> None:
    async with aclosing(
        await connect(own_redis.url, prefix=prefix, truth=Log(published(ADA)), telemetry=telemetry)
    ) as store:
        await flush(admin)
        await admin.call("SET", f"{prefix}:rebuild", "of somebody who died", "PX", 700)
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_old"
        assert telemetry.rebuilt_from == [1, 1]
        assert await admin.call("EXISTS", f"{prefix}:rebuild") == 0


async def test_nothing_is_read_before_all_is_published_and_the_lock_would_die_with_its_holder_meanwhile(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    truth = Log(published(ADA))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        await flush(admin)
        truth.quiet.clear()
        truth.asked.clear()
        waiting = asyncio.create_task(hold(store, "evt_1", USER))
        await truth.asked.wait()
        assert 0 < await admin.call("PTTL", f"{prefix}:rebuild") <= 10_000
        assert len(truth.asked_since) == 1  # at the start
        truth.entries_.append(published(ADA, "b", version=1, event="evt_in_flight"))
        truth.quiet.set()
        assert (await waiting).assignment.event_id == "evt_in_flight"


async def test_who_lost_the_lock_writes_nothing_more(own_redis: Redis, admin: Connections, prefix: str) -> None:
    truth = Log(published(ADA))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        await flush(admin)
        truth.held.clear()
        truth.reading.clear()
        waiting = asyncio.create_task(hold(store, "evt_1", USER))
        await truth.reading.wait()
        await admin.call("SET", f"{prefix}:rebuild", "of another worker")
        truth.held.set()
        await until_looked(truth)
        assert await admin.call("HEXISTS", f"{prefix}:meta", "epoch") == 0
        await admin.call("DEL", f"{prefix}:rebuild")
        assert isinstance(await waiting, Held)


async def until_looked(truth: Log) -> None:
    """Let the reader come to its end, and its next step be refused."""
    for _ in range(50):
        await asyncio.sleep(0)
    assert truth.held.is_set()


async def test_a_truth_that_is_away_is_asked_again(
    own_redis: Redis, admin: Connections, prefix: str, telemetry: Telemetry
) -> None:
    truth = Log(published(ADA))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth, telemetry=telemetry)) as store:
        await flush(admin)
        truth.broken = 2
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_old"
        assert telemetry.rebuild_failures == ["the topic is away"] * 2
        assert telemetry.waits[-2:] == [True, False]


async def test_a_claim_that_is_cancelled_does_not_stop_the_rebuild(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    truth = Log(published(ADA))
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)) as store:
        await flush(admin)
        truth.held.clear()
        truth.reading.clear()
        cancelled = asyncio.create_task(hold(store, "evt_1", USER))
        await truth.reading.wait()
        cancelled.cancel()
        await asyncio.wait([cancelled])
        truth.held.set()
        assert (await hold(store, "evt_2", USER)).assignment.event_id == "evt_old"
        assert len(truth.asked_since) == 2


@pytest.mark.parametrize("count", [1, 2500])
async def test_everybody_is_there_again_in_steps(own_redis: Redis, admin: Connections, prefix: str, count: int) -> None:
    names = [f"user:{number}" for number in range(count)]
    truth = Log(*[published(subject) for subject in subjects(*names)])
    async with aclosing(await connect(own_redis.url, prefix=prefix, truth=truth)):
        assert await admin.call("DBSIZE") == count + 1


async def test_a_confirmation_of_an_older_version_takes_a_newer_ones_mark_away_after_a_rebuild(
    redis: Redis, prefix: str
) -> None:
    truth = Log(published(MAILED, "b", version=1, event="evt_new"))
    async with aclosing(await connect(redis.url, prefix=prefix, truth=truth)) as store:
        assert (await hold(store, "evt_1", MAIL)).unconfirmed == ()
        held = await hold(store, "evt_1", MAIL)
        store.confirm([Published(None, ALL.id, MAILED, 0)])
        assert (await hold(store, "evt_2", USER, MAIL)).assignment == held.assignment
        assert (await hold(store, "evt_3", MAIL)).unconfirmed == (MAILED,)
