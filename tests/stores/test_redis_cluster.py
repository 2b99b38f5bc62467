"""A store in a Redis Cluster: buckets on several nodes, which lose their data, fail over, and pass their slots on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from redis.crc import key_slot

from deploy.dev.servers import Redis, RedisCluster, RedisNode, free_port
from tests.experiments_factory import new_proposal, subjects
from tests.stores.redis_stores import ALL, DAY_MS, MAIL, USER, Telemetry, connect, hold, hold_confirmed, layout_at
from tests.stores.truths import Log, published
from worker.experiments.claims import Held
from worker.stores.redis import RedisStore
from worker.stores.redis_cluster import ClusterConnections, client_of
from worker.stores.redis_erasing import RedisEraser
from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
from worker.stores.redis_reading import RedisReader
from worker.stores.redis_records import CLUSTER_BUCKETS
from worker.stores.redis_server import fingerprint
from worker.stores.redis_urls import parse

_GUIDE = Path(__file__).parents[2] / "docs" / "connecting.md"
_PEOPLE = 40
_CLUSTER = "redis+cluster://"


@pytest.fixture
def own_cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RedisCluster]:
    """Three primaries that the test may break; the first one has a replica where a test asks for that."""
    cluster = RedisCluster(tmp_path, replicas=getattr(request, "param", 0))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
async def client(own_cluster: RedisCluster) -> AsyncIterator[ClusterConnections]:
    async with aclosing(ClusterConnections(own_cluster.url, timeout=5)) as opened:
        yield opened


def buckets_of(cluster: RedisCluster, prefix: str) -> dict[int, list[int]]:
    """Return the buckets that each node serves, by its port."""
    layout = layout_at(_CLUSTER, prefix)
    slots = [key_slot(layout.meta(bucket).encode()) for bucket in range(CLUSTER_BUCKETS)]
    served = {node.port: node.slots for node in cluster.in_charge}
    return {port: [bucket for bucket, slot in enumerate(slots) if slot in held] for port, held in served.items()}


class Crowd:
    """People whose registrations and logins two workers meet at the same instant, again and again.

    What is answered is published. `variations` are all that a person was ever given.
    """

    def __init__(self, workers: list[RedisStore], truth: Log) -> None:
        self._workers = workers
        self._truth = truth
        self.rounds = 0
        self.variations: dict[int, set[str]] = defaultdict(set)
        self.firsts: dict[int, set[str]] = defaultdict(set)
        self.conflicts = 0

    async def act(self) -> None:
        """Have everybody met once by each worker, some people new."""
        self.rounds += 1
        people = range(self.rounds, self.rounds + _PEOPLE)
        await asyncio.gather(
            *(self._meet(worker, person, flow) for person in people for worker in self._workers for flow in range(3))
        )

    async def _meet(self, worker: RedisStore, person: int, flow: int) -> None:
        names = [f"user:{person}", f"identifier:{person}@b.no"][0 if flow else 1 :]
        draw = "abc"[(person + flow + self.rounds) % 3]
        proposal = new_proposal(f"evt_{self.rounds}_{person}_{flow}", *names, draw=draw, experiment=ALL)
        [claim] = await worker.claim([proposal])
        assert isinstance(claim, Held)
        for name, subject in zip(names, subjects(*names), strict=True):
            if subject in claim.unconfirmed:
                self._truth.publish(name, claim.assignment)
        self.variations[person].add(claim.assignment.variation_id)
        self.firsts[person].add(claim.assignment.event_id)
        self.conflicts += claim.conflict


@asynccontextmanager
async def crowd(cluster: RedisCluster, prefix: str) -> AsyncIterator[Crowd]:
    truth = Log()
    async with (
        aclosing(await connect(cluster.url, prefix=prefix, truth=truth, timeout_ms=1000, cache_records=0)) as one,
        aclosing(await connect(cluster.url, prefix=prefix, truth=truth, timeout_ms=1000)) as other,
    ):
        yield Crowd([one, other], truth)


async def test_keys_of_a_bucket_are_on_one_node_and_hold_no_identifier(
    redis_cluster: RedisCluster, prefix: str
) -> None:
    async with aclosing(await connect(redis_cluster.url, prefix=prefix)) as store:
        await hold(store, "evt_1", USER, MAIL, tenant="acme")
    async with aclosing(ClusterConnections(redis_cluster.url, timeout=5)) as client:
        found = await client.ask_servers("KEYS", f"{prefix}*")
    kept = layout_at(_CLUSTER, prefix)
    metas = {kept.meta(bucket) for bucket in range(64)}
    keys = {key.decode() for each in found.values() for key in each}
    assert keys == metas | {kept.key_of(subject.hex) for subject in subjects(USER, MAIL, tenant="acme")}
    assert len(found) == 3
    assert all(len(each) > 10 for each in found.values())
    for subject in subjects(USER, MAIL):
        bucket = kept.bucket_of(subject.key)
        assert kept.key_of(subject.hex) == f"{prefix}:{{b{bucket}}}:s:{subject.hex}"
        assert key_slot(kept.key_of(subject.hex).encode()) == key_slot(kept.meta(bucket).encode())


async def test_every_use_gives_records_their_whole_life_again(redis_cluster: RedisCluster, prefix: str) -> None:
    async with (
        aclosing(await connect(redis_cluster.url, prefix=prefix, cache_records=0)) as store,
        aclosing(client_of(redis_cluster.url, timeout=5)) as client,
    ):
        await hold(store, "evt_1", USER, MAIL)
        for subject, days in zip(subjects(USER, MAIL), (400, 30), strict=True):
            key = layout_at(_CLUSTER, prefix).key_of(subject.hex)
            assert days * DAY_MS - 60_000 < await client.call("PTTL", key) <= days * DAY_MS
            await client.call("PEXPIRE", key, 60_000)
            await hold(store, "evt_2", USER, MAIL)
            assert days * DAY_MS - 60_000 < await client.call("PTTL", key) <= days * DAY_MS


async def test_events_that_share_only_the_user_agree_and_a_conflict_is_counted(
    redis_cluster: RedisCluster, prefix: str
) -> None:
    """Who writes the user's record first wins; the other one takes back what it gave its address."""
    first, second = [USER, "identifier:one@b.no"], [USER, "identifier:two@b.no"]
    async with aclosing(await connect(redis_cluster.url, prefix=prefix)) as store:
        met = await asyncio.gather(hold(store, "evt_1", *first, draw="a"), hold(store, "evt_2", *second, draw="b"))
        assert len({held.assignment for held in met}) == 1
        later = [await hold(store, "evt_3", *names, draw="c") for names in (first, second)]
        assert {held.assignment for held in later} == {met[0].assignment}
        assert sum(held.conflict for held in met) == 1
        assert not any(held.conflict for held in later)
        alone = [await hold(store, "evt_4", name, draw="c") for name in (first[1], second[1])]
        assert {held.assignment for held in alone} == {met[0].assignment}


async def test_what_was_erased_is_forgotten_by_all_workers(redis_cluster: RedisCluster, prefix: str) -> None:
    kept, print_ = layout_at(_CLUSTER, prefix), fingerprint(b"pepper")
    async with (
        aclosing(await connect(redis_cluster.url, prefix=prefix)) as store,
        aclosing(client_of(redis_cluster.url, timeout=5)) as client,
    ):
        await hold_confirmed(store, "evt_1", USER, MAIL)
        await hold(store, "evt_2", USER, MAIL)  # which is remembered from now on
        reader = RedisReader(client, kept, print_)
        [user, mail] = await reader.records(ALL.id, subjects(USER, MAIL))
        assert user is not None
        assert user == mail
        gone = [subject.hex for subject in subjects(USER, "user:nobody", MAIL)]
        assert await RedisEraser(client, kept, print_).erase(gone) == [1, 0, 1]
        assert await reader.records(ALL.id, subjects(USER, MAIL)) == [None, None]
        assert (await hold(store, "evt_3", USER, MAIL, draw="b")).assignment.event_id == "evt_3"


async def test_a_remembered_answer_does_not_outlive_what_one_of_its_nodes_lost(
    own_cluster: RedisCluster, prefix: str
) -> None:
    truth = Log()
    async with aclosing(await connect(own_cluster.url, prefix=prefix, truth=truth)) as store:
        await hold_confirmed(store, "evt_1", USER, MAIL)
        await hold(store, "evt_2", USER, MAIL)
        truth.entries_ = [published(subject, "b", version=1) for subject in subjects(USER, MAIL)]
        for node in own_cluster.primaries:
            node.ask("FLUSHALL")
        assert (await hold(store, "evt_3", USER, MAIL)).assignment.variation_id == "b"


async def test_a_node_that_lost_its_data_is_rebuilt_and_the_others_are_left_alone(
    own_cluster: RedisCluster, client: ClusterConnections, prefix: str, telemetry: Telemetry
) -> None:
    names = [f"user:{number}" for number in range(200)]
    truth = Log()
    async with aclosing(
        await connect(own_cluster.url, prefix=prefix, truth=truth, telemetry=telemetry, cache_records=0)
    ) as store:
        before = {}
        for name in names:
            before[name] = (await hold_confirmed(store, "evt_1", name, draw="a")).assignment
            truth.publish(name, before[name])
        lost = own_cluster.primaries[0]
        metas = [layout_at(_CLUSTER, prefix).meta(bucket) for bucket in range(64)]
        epochs = [await client.call("HGET", meta, "epoch") for meta in metas]
        lost.ask("FLUSHALL")
        assert {name: (await hold(store, "evt_2", name, draw="b")).assignment for name in names} == before
        again = [await client.call("HGET", meta, "epoch") for meta in metas]
        rebuilt = [bucket for bucket in range(64) if epochs[bucket] != again[bucket]]
        assert rebuilt == buckets_of(own_cluster, prefix)[lost.port]
    assert telemetry.losses == [0]
    assert telemetry.rebuilt_from == [0, 200]  # at the start as well


async def test_workers_rebuild_every_bucket_once(own_cluster: RedisCluster, prefix: str) -> None:
    truths = [Log(*[published(subject) for subject in subjects(USER, MAIL)]) for _ in range(3)]
    stores = [await connect(own_cluster.url, prefix=prefix, truth=truth) for truth in truths]
    for node in own_cluster.primaries:
        node.ask("FLUSHALL")
    found = await asyncio.gather(*(hold(store, f"evt_{n}", USER, MAIL, draw="b") for n, store in enumerate(stores)))
    assert {each.assignment.event_id for each in found} == {"evt_old"}
    for store in stores:
        await store.aclose()


@pytest.mark.parametrize("own_cluster", [1], indirect=True)
async def test_a_fail_over_is_followed_and_nobody_changes_variation(own_cluster: RedisCluster, prefix: str) -> None:
    [replica] = own_cluster.replicas
    async with crowd(own_cluster, prefix) as people, asyncio.timeout(120):
        for _ in range(5):
            await people.act()
        await asyncio.to_thread(own_cluster.primaries[0].kill)
        for _ in range(10):
            await people.act()
    assert "role:master" in replica.ask("INFO", "replication").split()
    assert all(len(given) == 1 for given in people.variations.values())
    assert people.conflicts == 0


async def test_a_resharding_is_followed_and_nobody_changes_variation(own_cluster: RedisCluster, prefix: str) -> None:
    source, target, _ = own_cluster.primaries
    before = buckets_of(own_cluster, prefix)
    async with crowd(own_cluster, prefix) as people:
        await people.act()
        moving = asyncio.create_task(asyncio.to_thread(own_cluster.reshard, source, target, 3000))
        while not moving.done():
            await people.act()
        await moving
        met = people.rounds
        await people.act()
        after = buckets_of(own_cluster, prefix)
    assert met > 2
    assert len(after[target.port]) > len(before[target.port]) + 5
    assert sorted(bucket for each in after.values() for bucket in each) == list(range(64))
    assert all(len(given) == 1 for given in people.variations.values())
    assert all(len(events) == 1 for events in people.firsts.values())
    assert people.conflicts == 0


class Moving:
    """A bucket on its way from one node to another, key by key."""

    def __init__(self, cluster: RedisCluster, prefix: str, bucket: int) -> None:
        self._layout = layout_at(_CLUSTER, prefix)
        self._meta = self._layout.meta(bucket)
        served = buckets_of(cluster, prefix)
        self.source, self.target = sorted(cluster.primaries, key=lambda node: bucket not in served[node.port])[:2]
        self._cluster = cluster
        self._slot = str(key_slot(self._meta.encode()))

    def begin(self) -> None:
        self.target.ask("CLUSTER", "SETSLOT", self._slot, "IMPORTING", self.source.ask("CLUSTER", "MYID"))
        self.source.ask("CLUSTER", "SETSLOT", self._slot, "MIGRATING", self.target.ask("CLUSTER", "MYID"))

    def move(self, *keys: str) -> None:
        """Move these keys, or all."""
        moved = keys or self.source.ask("CLUSTER", "GETKEYSINSLOT", self._slot, "1000").split()
        self.source.ask("MIGRATE", "127.0.0.1", str(self.target.port), "", "0", "5000", "KEYS", *moved)

    def end(self) -> None:
        for node in [self.target, self.source, *self._cluster.primaries]:
            node.ask("CLUSTER", "SETSLOT", self._slot, "NODE", self.target.ask("CLUSTER", "MYID"))

    def make_the_past_longer(self) -> None:
        """Have the source write its heartbeats a while after the buckets came to their nodes."""
        for node in self._cluster.primaries:
            for bucket in buckets_of(self._cluster, self._layout.prefix)[node.port]:
                node.ask("HINCRBY", self._layout.meta(bucket), "since", "-120000")


async def test_while_a_bucket_moves_claims_are_asked_where_they_are_or_wait(
    own_cluster: RedisCluster, prefix: str
) -> None:
    [ada] = subjects(USER)
    telemetry = Telemetry()
    moving = Moving(own_cluster, prefix, layout_at(_CLUSTER, prefix).bucket_of(ada.key))
    truth = Log()
    async with aclosing(
        await connect(own_cluster.url, prefix=prefix, telemetry=telemetry, truth=truth, cache_records=0)
    ) as store:
        first = await hold(store, "evt_1", USER)
        moving.make_the_past_longer()
        moving.begin()
        assert (await hold(store, "evt_2", USER, draw="b")).assignment == first.assignment  # still at the source
        moving.move(layout_at(_CLUSTER, prefix).key_of(ada.hex))
        waiting = asyncio.create_task(hold(store, "evt_3", USER, draw="b"))
        await asyncio.wait_for(telemetry.failed_once.wait(), 20)  # its keys are on both sides
        assert set(telemetry.failures) == {"no_primary"}
        assert not waiting.done()
        moving.move()
        assert (await waiting).assignment == first.assignment  # at the target, which must be told that one asks
        moving.end()
        assert (await hold(store, "evt_4", USER, draw="b")).assignment == first.assignment
    assert telemetry.losses == []
    assert len(truth.asked_since) == 1  # at the start: what was moved has lost nothing


@pytest.mark.parametrize("came", ["lately", "from a server that is gone"])
async def test_a_bucket_that_may_not_have_been_moved_whole_is_rebuilt(
    own_cluster: RedisCluster, prefix: str, came: str
) -> None:
    [ada] = subjects(USER)
    telemetry, truth = Telemetry(), Log()
    bucket = layout_at(_CLUSTER, prefix).bucket_of(ada.key)
    moving = Moving(own_cluster, prefix, bucket)
    async with aclosing(
        await connect(own_cluster.url, prefix=prefix, telemetry=telemetry, truth=truth, cache_records=0)
    ) as store:
        first = await hold(store, "evt_1", USER)
        truth.publish(USER, first.assignment)
        if came != "lately":
            moving.make_the_past_longer()
            moving.source.ask("HSET", layout_at(_CLUSTER, prefix).meta(bucket), "run_id", "of-another-server")
        moving.begin()
        moving.move()
        moving.end()
        assert (await hold(store, "evt_2", USER, draw="b")).assignment == first.assignment
    assert len(telemetry.losses) == 1
    assert telemetry.rebuilt_from == [0, 1]


async def test_nodes_that_do_not_answer_are_passed_over(redis_cluster: RedisCluster, prefix: str) -> None:
    gone = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    url = f"redis+cluster://{','.join(gone)},127.0.0.1:{redis_cluster.primaries[2].port}"
    async with aclosing(await connect(url, prefix=prefix)) as store:
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_1"


async def test_nodes_that_are_not_there_are_named_without_the_password() -> None:
    port = free_port()
    with pytest.raises(StoreUnavailableError, match=f"no node says who serves which slots: 127.0.0.1:{port}") as caught:
        await connect(f"redis+cluster://user:s3cret@127.0.0.1:{port}")
    assert "s3cret" not in str(caught.value)


async def test_a_wrong_password_is_refused(redis_cluster: RedisCluster) -> None:
    url = redis_cluster.url.replace("//", "//nobody:wr0ng@")
    with pytest.raises(StoreRefusedError, match=r"redis\.url needs a user and password") as caught:
        await connect(url)
    assert "wr0ng" not in str(caught.value)


async def test_a_standalone_server_is_refused(redis: Redis) -> None:
    with pytest.raises(StoreRefusedError, match=f"found a standalone Redis at 127.0.0.1:{redis.port}, expected a node"):
        await connect(f"redis+cluster://127.0.0.1:{redis.port}")


async def test_a_node_that_may_forget_is_refused_by_its_name(own_cluster: RedisCluster) -> None:
    node: RedisNode = own_cluster.primaries[1]
    node.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreRefusedError, match=f"127.0.0.1:{node.port}: found maxmemory-policy allkeys-lru"):
        await connect(own_cluster.url)


async def test_the_user_of_the_guide_has_enough_rights(own_cluster: RedisCluster, prefix: str) -> None:
    [line] = [line for line in _GUIDE.read_text().splitlines() if line.startswith("ACL SETUSER ")]
    line = line.replace("experiment-worker", "worker").replace("PASSWORD", "pw").replace("~xp:*", f"~{prefix}:*")
    for node in own_cluster.primaries:
        node.ask(*line.split())
    async with aclosing(await connect(own_cluster.url.replace("//", "//worker:pw@"), prefix=prefix)) as store:
        assert (await hold(store, "evt_1", USER, MAIL)).assignment.event_id == "evt_1"


def test_an_url_of_a_cluster_is_read() -> None:
    found = parse("rediss+cluster://me:p%40ss@one,two:1,[::1]:2/0?ssl_ca_certs=ca.pem")
    assert found.nodes == (("one", 6379), ("two", 1), ("::1", 2))
    chosen = {"username": "me", "password": "p@ss", "ssl_ca_certs": "ca.pem"}
    assert {name: found.options[name] for name in chosen} == chosen
    assert "db" not in found.options
    assert "host" not in found.options


@pytest.mark.parametrize("url", ["redis+cluster://one:1/2", "redis+cluster://", "http+cluster://one"])
def test_an_url_of_a_cluster_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StoreRefusedError, match=r"expected redis://.* or redis\+cluster://host:port,host:port"):
        client_of(url, timeout=1)
