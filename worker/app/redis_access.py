"""What every way to the live store takes from the settings: connections, the layout of its keys, its pepper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from worker.settings import Settings
from worker.stores.redis_connections import Connections
from worker.stores.redis_records import Layout
from worker.stores.redis_server import fingerprint

_DAY_MS = 24 * 60 * 60 * 1000


@asynccontextmanager
async def connections_of(settings: Settings) -> AsyncIterator[Connections]:
    """Open connections to the server, made as they are needed.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """
    connections = Connections(settings.redis.url.get_secret_value(), settings.redis.timeout_ms / 1000)
    try:
        yield connections
    finally:
        await connections.aclose()


def layout_of(settings: Settings, prefix: str | None = None) -> Layout:
    """Return the layout of the live store, or of one with another prefix."""
    redis = settings.redis
    return Layout(prefix or redis.key_prefix, redis.ttl_days * _DAY_MS, settings.subjects.link_days * _DAY_MS)


def pepper_of(settings: Settings) -> bytes:
    """Return the pepper; commands that need one have asked for it before."""
    pepper = settings.subjects.pepper
    assert pepper is not None  # noqa: S101 - the command asks for it
    return pepper.get_secret_value().encode()


def fingerprint_of(settings: Settings) -> str:
    """Return the pepper's fingerprint."""
    return fingerprint(pepper_of(settings))
