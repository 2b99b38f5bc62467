"""Truths for tests: what was published, as a list that grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from tests.experiments_factory import subjects
from tests.stores.redis_stores import ALL
from worker.experiments.claims import Assignment
from worker.experiments.subjects import Subject
from worker.stores.truth import Entry, TruthUnavailableError


def published(subject: Subject, variation: str = "a", *, version: int = 0, event: str = "evt_old") -> Entry:
    """A record that was published."""
    assignment = Assignment(variation, version, ALL.revision, None, event, "2026-01-01T00:00:00Z")
    return Entry(None, subject.type, subject.hex, ALL.id, assignment)


def tombstone(subject: Subject) -> Entry:
    """A record that was erased."""
    return Entry(None, None, subject.hex, ALL.id, None)


class Log:
    """A truth that says what it is told; `read` counts the readings, `asked_since` keeps from when they were.

    While `held` is not set, readers wait after what was published and before the end; while `quiet` is not set,
    something may still be published (`asked` tells that somebody wants to know).
    """

    def __init__(self, *entries: Entry) -> None:
        self.entries_ = list(entries)
        self.erased_: list[str] = []
        self.broken = 0
        self.asked_since: list[int] = []
        self.held = asyncio.Event()
        self.held.set()
        self.reading = asyncio.Event()
        self.quiet = asyncio.Event()
        self.quiet.set()
        self.asked = asyncio.Event()

    def publish(self, name: str, assignment: Assignment) -> None:
        """Add what a claim was answered."""
        (subject,) = subjects(name)
        self.entries_.append(Entry(None, subject.type, subject.hex, ALL.id, assignment))

    async def settled(self) -> None:
        if self.broken:
            self.broken -= 1
            raise TruthUnavailableError("the topic is away")
        self.asked.set()
        await self.quiet.wait()

    async def erased(self, since_ms: int) -> Sequence[str]:
        self.asked_since.append(since_ms)
        return self.erased_

    async def entries(self, since_ms: int) -> AsyncIterator[Sequence[Entry]]:
        assert since_ms == self.asked_since[-1]
        yield tuple(self.entries_)
        self.reading.set()
        await self.held.wait()
