"""What every way to the live store takes from the settings: a client, the layout of its keys, its pepper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from worker.settings import Settings
from worker.stores.redis_client import Client
from worker.stores.redis_cluster import client_of
from worker.stores.redis_records import Layout, layout_at
from worker.stores.redis_server import fingerprint

_DAY_MS = 24 * 60 * 60 * 1000


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[Client]:
    """Open a client of the server or servers; connections are made as they are needed.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """
    client = client_of(settings.redis.url.get_secret_value(), settings.redis.timeout_ms / 1000)
    try:
        yield client
    finally:
        await client.aclose()


def layout_of(settings: Settings, prefix: str | None = None) -> Layout:
    """Return the layout of the live store, or of one with another prefix."""
    redis, lives = settings.redis, (settings.redis.ttl_days * _DAY_MS, settings.subjects.link_days * _DAY_MS)
    return layout_at(redis.url.get_secret_value(), prefix or redis.key_prefix, *lives)


def pepper_of(settings: Settings) -> bytes:
    """Return the pepper; commands that need one have asked for it before."""
    pepper = settings.subjects.pepper
    assert pepper is not None  # noqa: S101 - the command asks for it
    return pepper.get_secret_value().encode()


def fingerprint_of(settings: Settings) -> str:
    """Return the pepper's fingerprint."""
    return fingerprint(pepper_of(settings))
