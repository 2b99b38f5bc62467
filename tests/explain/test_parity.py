"""An explanation says what the pipeline does, for every event, whatever the store holds."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import Any

from redis.asyncio import Redis as Client

from deploy.dev.servers import Redis
from tests.definitions_documents import percentage_set, segment_set
from tests.explain.parity import MemoryReader, Side, made, told, traffic
from tests.stores.redis_stores import connect, new_prefix
from worker.stores.memory import MemoryStore
from worker.stores.redis_connections import Connections
from worker.stores.redis_reading import RedisReader
from worker.stores.redis_records import Layout
from worker.stores.redis_server import fingerprint

NEW, OLD = "2026-02-01T00:00:00Z", "2025-01-01T00:00:00Z"


def halves(*, control: int = 50, **experiment: Any) -> dict[str, Any]:
    allocations = [
        {"variation_id": "var_control", "weight": control, "is_control": True},
        {"variation_id": "var_treatment", "weight": 100 - control, "is_control": False},
    ]
    ramp = {"current_level": 70, "levels": [70, 100]}
    return percentage_set(**{"allocations": [each for each in allocations if each["weight"]], **ramp, **experiment})


STAGES = {
    "at first": halves(),
    "with other weights": halves(control=10),
    "with a variation withdrawn": halves(control=100, updated_at=NEW),
    "behind": halves(
        allocations=[{"variation_id": "var_treatment", "weight": 100, "is_control": True}], updated_at=OLD
    ),
    "paused": halves(status="paused"),
    "by segment": segment_set(),
}


async def walk(side: Side, seed: int, *, events: int = 240) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for record, found in traffic(events=events, seed=seed):
        explanation, result = await side.both(record, found)
        assert told(explanation) == made(result), record.source
        reasons[explanation.result.reason] += 1
    return reasons


async def test_it_says_what_the_pipeline_does_in_memory() -> None:
    store, reasons = MemoryStore(), Counter[str]()
    for seed, definitions in enumerate(STAGES.values()):
        reasons += await walk(Side(store, MemoryReader(store), definitions), seed % 2)
    seen = {"split", "sticky", "linked", "reassigned", "segment", "fallback", "not_in_ramp", "paused", "not_found"}
    assert seen <= set(reasons), reasons


async def test_it_says_what_the_pipeline_does_in_redis_and_leaves_no_trace(redis: Redis) -> None:
    prefix = new_prefix()
    connections = Connections(redis.url, 5.0)
    reader = RedisReader(connections, Layout(prefix, 0, 0), fingerprint(b"pepper"))
    async with aclosing(await connect(redis.url, prefix=prefix)) as store, Client.from_url(redis.url) as client:
        for seed, definitions in enumerate(STAGES.values()):
            await walk(Side(store, reader, definitions), seed % 2, events=80)
        before = await content(client, prefix)
        side = Side(MemoryStore(), reader, STAGES["at first"])
        for _, found in traffic(events=80, seed=9):
            await side._explainer.explain(found.trigger)
        assert await content(client, prefix) == before
        assert before
    await connections.aclose()


async def content(client: Client, prefix: str) -> dict[bytes, tuple[bytes | None, int]]:
    """Return every key of a store with its value and the moment when it expires."""
    keys = [key async for key in client.scan_iter(f"{prefix}:*")]
    return {key: (await client.dump(key), await client.expiretime(key)) for key in keys}
