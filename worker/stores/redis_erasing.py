"""Erasing subjects from the store in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import explained
from worker.stores.redis_records import Layout
from worker.stores.redis_server import check_pepper

_SCRIPT = Path(__file__).with_name("erase.lua").read_bytes()


class RedisEraser:
    """Erases from one store, whose keys were made with the pepper of that `fingerprint`.

    Its methods raise StoreUnavailableError (it can't be asked now) and StoreRefusedError (it refuses).
    """

    def __init__(self, connections: Connections, layout: Layout, fingerprint: str) -> None:
        self._connections = connections
        self._layout = layout
        self._fingerprint = fingerprint

    async def check(self) -> None:
        """Look whether it is the right store."""
        await check_pepper(self._connections, self._layout, self._fingerprint)

    async def erase(self, subjects: Sequence[str]) -> list[int]:
        """Delete all records of these subjects (hex) and return how many each had; workers forget their caches."""
        keys = [self._layout.meta, *map(self._layout.key_of, subjects)]
        with explained(self._connections.url):
            return [int(count) for count in await self._connections.call("EVAL", _SCRIPT, len(keys), *keys)]
