"""Claims in a Redis Cluster of three nodes against claims in one Redis: what they cost the worker.

Batches of 1,000 logins, each with a user id and an e-mail address, of people who are new and of people who are known;
nothing is remembered by the worker. In a Cluster an event's two identities are in two buckets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from statistics import median

from bench.decision import new_engine, new_snapshot, new_trigger
from bench.table import Row
from deploy.dev.servers import Redis, RedisCluster
from worker.experiments.claims import Held, Proposal
from worker.stores.redis import RedisStore
from worker.stores.redis_server import Untold, fingerprint
from worker.stores.truth import NothingPublished

BATCH, BATCHES, ROUNDS = 1000, 10, 5
_DAY_MS = 24 * 60 * 60 * 1000


def compare(folder: Path) -> list[Row]:
    """Return a row for people who are new and one for people who are known."""
    one, cluster = Redis(folder / "claims-redis"), RedisCluster(folder / "claims-cluster")
    servers = (one, cluster)
    for server in servers:
        server.start()
    try:
        figures = [_measured(url, number) for number in range(ROUNDS) for url in (one.url, cluster.url)]
    finally:
        for server in servers:
            server.stop()
    rows = []
    for place, who in enumerate(("new", "known")):
        alone, spread = (median(each[place] for each in figures[side::2]) for side in (0, 1))
        what = f"a claim of two identities in a Redis Cluster against one Redis, CPU of the worker, {who} people"
        rows.append(Row(what, f"{spread:.1f} µs", f"{alone:.1f} µs", f"{spread / alone:.1f} x", "reported"))
    return rows


def _measured(url: str, number: int) -> tuple[float, float]:
    """Return the CPU time of a claim in µs, of new people and of known ones."""
    engine, snapshot = new_engine(), new_snapshot()
    people = [f"auth0|{number}-{person}" for person in range(BATCH * BATCHES)]
    steps = [engine.propose(snapshot, new_trigger(person, email=f"{person[6:]}@example.com")) for person in people]
    proposals = [step for step in steps if isinstance(step, Proposal)]
    return asyncio.run(_claimed(url, [proposals[at : at + BATCH] for at in range(0, len(proposals), BATCH)]))


async def _claimed(url: str, batches: Sequence[Sequence[Proposal]]) -> tuple[float, float]:
    store = RedisStore.of(
        url,
        prefix="bench",
        pepper=fingerprint(b"pepper"),
        ttl_ms=_DAY_MS,
        link_ttl_ms=_DAY_MS,
        timeout_ms=10_000,
        cache_records=0,
        truth=NothingPublished(),
        telemetry=Untold(),
    )
    async with aclosing(store):
        await store.check()
        await store.answers()
        new, known = [await _walked(store, batches) for _ in range(2)]
    return new, known


async def _walked(store: RedisStore, batches: Sequence[Sequence[Proposal]]) -> float:
    started, held = time.process_time(), 0
    for batch in batches:
        held += sum(isinstance(claim, Held) for claim in await store.claim(batch))
    assert held
    return (time.process_time() - started) / sum(map(len, batches)) * 1e6
