"""What happens to the servers: the broker dies, Redis is slow, silent, full, read-only or gone, a Cluster changes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from redis.asyncio import Redis as Client

from deploy.dev.servers import RedisCluster
from tests.faults.experiment import write_definitions
from tests.faults.stage import SESSION_SECONDS, Stage
from tests.faults.store import Stored
from tests.faults.waiting import until
from tests.faults.workers import Breakage

_HELD_SECONDS = 1.5  # how long a fault lasts where its length does not matter
_SLOW_SECONDS = 0.1
_RESHARDED = 2000  # slots
_PIECE = 20  # what is fed beside a fault that goes on


async def broker(stage: Stage, strikes: int) -> None:
    """Kill -9 of the only broker, and start it again."""
    kafka = stage.servers.kafka
    for name in ("a", "b"):
        stage.workers.start(name)
    for _ in range(strikes):
        await stage.running()
        await stage.busy(stage.chunk(strikes))
        stage.hit("broker killed")
        await asyncio.to_thread(kafka.kill)
        await asyncio.to_thread(kafka.start)


async def redis(stage: Stage, strikes: int) -> None:
    """Lanes wait for a Redis in trouble, stay in the group also for longer than a session, and go on by themselves."""
    for name in ("a", "b"):
        await stage.join(name)
    await stage.running()
    troubles = tuple(_TROUBLES.items())
    for strike in range(strikes):
        name, (trouble, seconds) = troubles[strike % len(troubles)]
        before = stage.workers.count("partitions_assigned")
        async with trouble(stage):
            await stage.feeder.feed(stage.chunk(strikes))
            stage.hit(f"Redis {name}")
            await asyncio.sleep(seconds)
            stuck = stage.unsettled
        assert stuck or name == "slow", f"Redis {name}: the workers went on without it"
        await stage.settled()
        assert stage.workers.count("partitions_assigned") == before, f"Redis {name}: a worker left the group"


async def lost(stage: Stage, strikes: int, broken: Breakage | None = None) -> None:
    """Redis loses its data, all or some, while there is work and the weights change: nobody changes variation."""
    for name in ("a", "b"):
        await stage.join(name, broken=broken)
    await stage.running()
    losses = tuple(_LOSSES.items())
    for strike in range(strikes):
        name, lose = losses[strike % len(losses)]
        before = stage.workers.count("store_rebuilt")
        await edit(stage, strike + 1)
        await stage.busy(stage.chunk(strikes))
        stage.hit(f"Redis {name}")
        await lose(stage)
        await stage.feeder.feed(stage.chunk(strikes) // 4)
        await stage.settled()
        if broken is None:
            assert stage.workers.count("store_rebuilt") == before + 1, f"Redis {name}: expected one rebuild"


async def hashed(stage: Stage, strikes: int) -> None:
    """With `redis.on_outage = hash` nobody waits for a Redis that is away, and it counts again when it is back."""
    for name in ("a", "b"):
        await stage.join(name, WORKER_REDIS__ON_OUTAGE="hash")
    await stage.running()
    troubles = (("silent", _silent), ("gone", _gone))
    for strike in range(strikes):
        name, trouble = troubles[strike % len(troubles)]
        closed = stage.workers.count("store_circuit_closed")
        opened = stage.workers.count("store_circuit_open")
        async with trouble(stage):
            await stage.feeder.feed(stage.chunk(strikes))
            stage.hit(f"Redis {name}")
            await stage.settled()
        assert stage.workers.count("store_circuit_open") > opened, f"Redis {name}: nobody noticed"
        again = closed + stage.workers.count("store_circuit_open") - opened
        what = f"Redis to be asked again after it was {name}"
        await until(lambda: stage.workers.count("store_circuit_closed") >= again, stage.plan.seconds, what)  # noqa: B023 - awaited within the round
        await stage.running()


async def clustered(stage: Stage, strikes: int) -> None:
    """Two workers meet the triggers of one person at the same instant while a Redis Cluster fails over and reshards."""
    cluster = RedisCluster(stage.folder / "redis-cluster", replicas=1)
    stage.closing.callback(cluster.stop)
    await asyncio.to_thread(cluster.start)
    stage.stored = Stored(cluster, stage.plan.name)
    for name in ("a", "b"):
        await stage.join(name, WORKER_REDIS__URL=cluster.url)
    await stage.running()
    for strike in range(strikes):
        name, trouble = (("fails over", _fail_over), ("reshards", _reshard))[strike % 2]
        await edit(stage, strike + 1)
        await stage.busy(stage.chunk(strikes))
        stage.hit(f"Redis Cluster {name}")
        await trouble(stage, cluster)
        await stage.settled()


async def _fail_over(stage: Stage, cluster: RedisCluster) -> None:
    """Kill a primary, and start it again when its replica has taken over."""
    watched, other = cluster.primaries[0], cluster.replicas[0]
    primary, replica = (watched, other) if watched in cluster.in_charge else (other, watched)
    await asyncio.to_thread(primary.kill)
    what = "the replica to take over"
    await until(lambda: "role:master" in replica.ask("INFO", "replication").split(), stage.plan.seconds, what)
    await stage.feeder.feed(_PIECE)
    await asyncio.to_thread(primary.start)
    await asyncio.to_thread(primary.wait_for, ["role:slave", "master_link_status:up"], "INFO", "replication")


async def _reshard(stage: Stage, cluster: RedisCluster) -> None:
    """Move a part of the slots from one node to another while there is work."""
    # Never all of a node's: it would be no primary any more, and two of three elect nobody.
    target, source = sorted(cluster.primaries[1:], key=lambda node: len(node.slots))
    moving = asyncio.create_task(asyncio.to_thread(cluster.reshard, source, target, _RESHARDED))
    while not moving.done():
        await stage.feeder.feed(_PIECE)
        await asyncio.wait([moving], timeout=_SLOW_SECONDS)
    await moving


async def edit(stage: Stage, edition: int) -> None:
    """Edit the definitions, and wait until every worker has them."""
    wanted = stage.workers.count("definitions_reloaded") + len(stage.workers.living)
    write_definitions(stage.folder, edition)
    await until(
        lambda: stage.workers.count("definitions_reloaded") >= wanted, stage.plan.seconds, "the definitions to be read"
    )


async def flush(stage: Stage) -> None:
    """Let Redis lose everything."""
    async with Client.from_url(stage.servers.redis.url) as client:
        await client.flushall()


async def _empty(stage: Stage) -> None:
    redis = stage.servers.redis
    await asyncio.to_thread(redis.kill)
    shutil.rmtree(redis.folder / "appendonlydir")
    await asyncio.to_thread(redis.start)


async def _restart(stage: Stage) -> None:
    redis = stage.servers.redis
    await asyncio.to_thread(redis.kill)
    await asyncio.to_thread(redis.start)


_LOSSES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "flushed": flush,
    "restarted empty": _empty,
    "restarted": _restart,
}


@asynccontextmanager
async def _slow(stage: Stage) -> AsyncIterator[None]:
    stage.servers.proxy.slow(_SLOW_SECONDS)
    try:
        yield
    finally:
        stage.servers.proxy.pass_()


@asynccontextmanager
async def _silent(stage: Stage) -> AsyncIterator[None]:
    stage.servers.proxy.blackhole()
    try:
        yield
    finally:
        stage.servers.proxy.pass_()


@asynccontextmanager
async def _full(stage: Stage) -> AsyncIterator[None]:
    async with Client.from_url(stage.servers.redis.url) as client:
        await client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            await client.config_set("maxmemory", "0")


@asynccontextmanager
async def _read_only(stage: Stage) -> AsyncIterator[None]:
    async with Client.from_url(stage.servers.redis.url) as client:
        await client.replicaof("127.0.0.1", "1")
        try:
            yield
        finally:
            await client.replicaof("NO", "ONE")


@asynccontextmanager
async def _gone(stage: Stage) -> AsyncIterator[None]:
    redis = stage.servers.redis
    await asyncio.to_thread(redis.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(redis.start)


_TROUBLES: dict[str, tuple[Callable[[Stage], AbstractAsyncContextManager[None]], float]] = {
    "slow": (_slow, 0.1),
    "silent": (_silent, _HELD_SECONDS),
    "full": (_full, _HELD_SECONDS),
    "read-only": (_read_only, _HELD_SECONDS),
    "gone": (_gone, SESSION_SECONDS * 1.5),
}
