"""What a run left in Redis, without the worker's code: keys that end in a subject, records that name a variation."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable

from redis.asyncio import Redis as Client

from deploy.dev.servers import Redis, RedisCluster
from tests.faults.checker import subjects
from tests.faults.experiment import EXPERIMENT_ID
from tests.faults.seen import holds_secret
from tests.faults.traffic import Input

_VARIATION = re.compile(rb"var_[a-z]\b")


class Stored:
    """The keys of one prefix."""

    def __init__(self, redis: Redis | RedisCluster, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def variations(self, inputs: Iterable[Input]) -> dict[str, str]:
        """Return the variation of each subject of those inputs; several names in one record are joined."""
        known = {subject.encode(): subject for each in inputs if each.event for subject in subjects(each.event)}
        raw = {bytes.fromhex(subject): subject for subject in known.values()}
        found: dict[str, str] = {}
        async for key, fields in self._entries():
            subject = known.get(key[-64:]) or raw.get(key[-32:])
            if subject is not None:
                named = _VARIATION.findall(fields.get(EXPERIMENT_ID.encode(), b""))
                found[subject] = b"+".join(named).decode()
        return found

    async def leaks(self) -> list[str]:
        """Return the kinds of keys that hold a planted secret, in their name or content."""
        found = []
        async for key, fields in self._entries():
            if holds_secret(key + b"".join([*fields, *fields.values()])):
                found.append(f"Redis key {key[:12]!r}…")
        return found

    async def _entries(self) -> AsyncIterator[tuple[bytes, dict[bytes, bytes]]]:
        servers = [self._redis] if isinstance(self._redis, Redis) else self._redis.in_charge
        for server in servers:
            async for entry in self._entries_of(server):
                yield entry

    async def _entries_of(self, server: Redis) -> AsyncIterator[tuple[bytes, dict[bytes, bytes]]]:
        async with Client.from_url(server.url) as client:
            keys = [key async for key in client.scan_iter(f"{self._prefix}:*", count=5000)]
            for at in range(0, len(keys), 1000):
                chunk = keys[at : at + 1000]
                for key, fields in zip(chunk, await self._contents(client, chunk), strict=True):
                    yield key, fields

    @staticmethod
    async def _contents(client: Client, keys: list[bytes]) -> list[dict[bytes, bytes]]:
        """Return hashes by their fields, other values under an empty one."""
        async with client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.type(key)
            kinds = await pipeline.execute()
        async with client.pipeline(transaction=False) as pipeline:
            for key, kind in zip(keys, kinds, strict=True):
                if kind == b"hash":
                    pipeline.hgetall(key)
                else:
                    pipeline.dump(key)
            values = await pipeline.execute()
        return [value if isinstance(value, dict) else {b"": value or b""} for value in values]
