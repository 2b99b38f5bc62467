"""Trials that outlive the process: one field of `<prefix>:trials` per partition, changed by one small script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.exceptions import RedisError

from worker.stores.redis_client import Script
from worker.stores.redis_cluster import client_of
from worker.stores.redis_server import Patience, StoreTelemetry

_TRIAL = Script("trial.lua")
_CLOSE_SECONDS = 0.5
_Answer = tuple[int, int]


class RedisTrials:
    """What all workers know of lanes.

    While the server is away, a `patient` one waits for it. Another one goes on and suspects nothing: what dies then is
    not counted, and nothing else is lost.
    """

    def __init__(
        self, url: str, *, prefix: str, timeout_ms: int, telemetry: StoreTelemetry, patient: bool = True
    ) -> None:
        self._client = client_of(url, timeout_ms / 1000)
        self._key = f"{prefix}:trials"
        self._ask = Patience(url, telemetry).until_answered if patient else _ask_once

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def opened(self, place: str, offset: int, until: int) -> tuple[int, int]:
        """Note that a lane begins there; return up to where it tries records alone, and the deaths of the first one.

        Raises:
            StoreRefusedError: waiting would not help.
        """
        return await self._ask(lambda: self._note("opened", place, offset, until))

    async def trying(self, place: str, offset: int) -> None:
        """Mark that the record there is on trial.

        Raises:
            StoreRefusedError: waiting would not help.
        """
        await self._ask(lambda: self._note("trying", place, offset))

    async def closed(self, place: str) -> None:
        """Note that the lane has ended in good order, if the server answers at once."""
        with suppress(RedisError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._note("closed", place)

    async def _note(self, *what: str | int) -> _Answer:
        alone_until, deaths = await self._client.run(_TRIAL, [self._key], *what)
        return alone_until, deaths


async def _ask_once(call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    with suppress(RedisError, OSError):
        return await call()
    return 0, 0
