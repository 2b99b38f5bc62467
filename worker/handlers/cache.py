"""The api's cache: what handlers of a trigger remember between events, in this process only.

Its records come and go with the process and with memory, and nothing of it is recorded: a handler must do the same
with an empty cache. The limits of a record are those of Actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from cachebox import LRUCache

from worker.handlers.arguments import encode, plain
from worker.handlers.errors import WrongUseError

MAX_RECORDS = 10_000
MAX_KEY_BYTES = 64
MAX_VALUE_BYTES = 4096
MAX_TTL_MS = 24 * 60 * 60 * 1000


class CacheRecord(msgspec.Struct, frozen=True):
    """What was remembered, and when it will be forgotten at the latest, in milliseconds since the Unix epoch."""

    value: Any
    expires_at: int


class Cache:
    """Remembers up to `max_records` JSON values, the least recently used go first; `clock` tells Unix seconds.

    Expiry is looked at when a record is read: a record that nobody reads takes its place until others need it.
    """

    def __init__(self, clock: Callable[[], float], max_records: int = MAX_RECORDS) -> None:
        self._clock = clock
        self._records: LRUCache[str, tuple[bytes, int]] = LRUCache(max_records)

    def get(self, key: str) -> CacheRecord | None:
        """Return a copy of what was set under that key, None if it is forgotten."""
        found = self._records.get(_checked_key("get", key))
        if found is None or found[1] <= self._now():
            return None
        return CacheRecord(msgspec.json.decode(found[0]), found[1])

    def set(self, key: str, value: Any, *, ttl: int | None = None, expires_at: int | None = None) -> None:
        """Remember a JSON value for `ttl` milliseconds or until `expires_at`, the earlier of the two; 24 h at most.

        Raises:
            WrongUseError: the key is longer than 64 bytes or the value than 4,096 bytes of JSON, or a time is wrong.
        """
        _checked_key("set", key)
        snapshot = _snapshot(value)
        now = self._now()
        ends = (_positive("ttl", ttl, MAX_TTL_MS) + now, _positive("expires_at", expires_at, now + MAX_TTL_MS))
        self._records[key] = (snapshot, min(*ends, now + MAX_TTL_MS))

    def delete(self, key: str) -> None:
        """Forget what was set under that key, if anything."""
        self._records.pop(_checked_key("delete", key), None)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _checked_key(method: str, key: Any) -> str:
    if type(key) is not str or not key.isprintable() or not 0 < len(key.encode()) <= MAX_KEY_BYTES:
        raise WrongUseError(f"api.cache.{method}: key: expected a printable string of 1 to {MAX_KEY_BYTES} bytes")
    return key


def _snapshot(value: Any) -> bytes:
    try:
        snapshot = encode(plain(value))
    except WrongUseError as error:
        raise WrongUseError(f"api.cache.set: value{error}") from None
    if len(snapshot) > MAX_VALUE_BYTES:
        raise WrongUseError(
            f"api.cache.set: value: expected at most {MAX_VALUE_BYTES} bytes of JSON, found {len(snapshot)}"
        )
    return snapshot


def _positive(name: str, value: Any, default: int) -> int:
    if value is None:
        return default
    if type(value) is not int or value <= 0:
        raise WrongUseError(f"api.cache.set: {name}: expected milliseconds (an int above 0)")
    return value
