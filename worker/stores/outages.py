"""Going on while a store is away: what the hash says, instead of what was kept (`redis.on_outage = hash`).

The circuit opens when claims get no answer in time. From then on nobody waits: claims are answered `Unreachable` at
once, while one task asks the store again and again, more and more rarely (the store's own patience). With its first
answer, and when it is whole, the circuit closes: what the store holds counts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from worker.experiments.claims import AssignmentStore, Claim, Proposal, Published, Unreachable

_UNREACHABLE = Unreachable()


class PatientStore(AssignmentStore, Protocol):
    """A store that waits for its server as long as it takes."""

    async def answers(self) -> None:
        """Return when the server answers and the store is whole."""
        ...


class CircuitBreaker:
    """An `AssignmentStore` that waits at most `seconds` for the one behind it; `told` hears whether it is open."""

    def __init__(self, store: PatientStore, seconds: float, told: Callable[[bool], None]) -> None:
        self._store = store
        self._seconds = seconds
        self._told = told
        self._probe: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the store is left alone."""
        return self._probe is not None

    async def claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        """Answer every proposal, each with `Unreachable` while the store is away.

        Raises:
            as the store does, also what it raised when it was asked in between.
        """
        if self._probe is not None and self._probe.done():
            self._probe.result()
        if self._probe is None:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._store.claim(proposals)
            except TimeoutError:
                self.open()
        return [_UNREACHABLE] * len(proposals)

    def confirm(self, published: Sequence[Published]) -> None:
        """Pass it on: the store keeps it until its server answers."""
        self._store.confirm(published)

    def open(self) -> None:
        """Leave the store alone until it answers."""
        if self._probe is None:
            self._probe = asyncio.create_task(self._until_answered(), name="wait for the store")
            self._told(True)

    async def aclose(self) -> None:
        """Stop asking."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait([self._probe])

    async def _until_answered(self) -> None:
        await self._store.answers()
        self._probe = None
        self._told(False)
