"""Records that end the process: found by counting deaths outside of it, then by trying records alone.

A record that kills the process, or freezes it until the watchdog does, comes again to whoever gets the partition next.
Nobody in the process can note that it died, so every lane notes that it lives: when it opens and when it ends in good
order. A lane that opens where others opened and never ended suspects the records of the next batch and takes them one
by one. Before each it leaves a mark; a process that dies leaves it standing, and so names the record. While a record
is on trial no other is processed in this process, so that none is blamed for what another one did.

In normal life this costs two calls for each opening of a lane, and nothing for a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol


class Trials(Protocol):
    """Remembers, longer than a process lives, where lanes opened and never ended. A `place` is a group's partition."""

    async def opened(self, place: str, offset: int, until: int) -> tuple[int, int]:
        """Note that a lane begins at that offset, the partition's committed one.

        Returns the offset up to which records are to be tried alone, which is `until` if two lanes began there before
        and neither ended nor committed anything, and how many processes died while the record there was on trial.
        """
        ...

    async def trying(self, place: str, offset: int) -> None:
        """Mark that the record at that offset is on trial, and no other of the place."""
        ...

    async def closed(self, place: str) -> None:
        """Note that the lane that opened last has ended and its process lives.

        Takes no longer than a moment and never raises: if it can't be noted, the lane counts as one that died.
        """
        ...


class Gate:
    """Lets batches in side by side, or one trial alone. Who comes first goes first."""

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def side_by_side(self) -> AsyncIterator[None]:
        """Hold it together with others, while no trial does."""
        async with self._door:
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold it while nobody else does."""
        async with self._door:
            await self._empty.wait()
            yield
