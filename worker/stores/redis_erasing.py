"""Erasing subjects from the store in Redis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from worker.stores.redis_client import Client, Script
from worker.stores.redis_errors import explained
from worker.stores.redis_records import Layout
from worker.stores.redis_server import check_pepper

_ERASE = Script("erase.lua")


class RedisEraser:
    """Erases from one store, whose keys were made with the pepper of that `fingerprint`.

    Its methods raise StoreUnavailableError (it can't be asked now) and StoreRefusedError (it refuses).
    """

    def __init__(self, client: Client, layout: Layout, fingerprint: str) -> None:
        self._client = client
        self._layout = layout
        self._fingerprint = fingerprint

    async def check(self) -> None:
        """Look whether it is the right store."""
        await check_pepper(self._client, self._layout, self._fingerprint)

    async def erase(self, subjects: Sequence[str]) -> list[int]:
        """Delete all records of these subjects (hex) and return how many each had; workers forget their caches."""
        layout = self._layout
        found: dict[str, int] = {}
        by_bucket: dict[int, list[str]] = defaultdict(list)
        for subject in subjects:
            by_bucket[layout.bucket_of(bytes.fromhex(subject))].append(subject)
        calls = [([layout.meta(bucket), *map(layout.key_of, each)], ()) for bucket, each in by_bucket.items()]
        with explained(self._client.url):
            counts = await self._client.run_all(_ERASE, calls)
        for each, counted in zip(by_bucket.values(), counts, strict=True):
            found |= zip(each, map(int, counted), strict=True)
        return [found[subject] for subject in subjects]
