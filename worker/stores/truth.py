"""Where a store is rebuilt from: what was published of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from worker.experiments.claims import Assignment
from worker.experiments.subjects import SubjectType


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What was published of a tenant's subject (its hex) in an experiment.

    One that was erased has no assignment and no type.
    """

    tenant: str | None
    subject_type: SubjectType | None
    subject: str
    experiment_id: str
    assignment: Assignment | None


_NOTHING: Sequence[Sequence[Entry]] = ()


class TruthUnavailableError(Exception):
    """It can't be read now; the message says why."""


class Truth(Protocol):
    """What was published, and what of it was erased on request.

    Every method raises TruthUnavailableError.
    """

    async def settled(self) -> None:
        """Return when no claim that was answered before this call can still be published."""
        ...

    async def erased(self, since_ms: int) -> Sequence[str]:
        """Return the subjects (hex) that were erased from that moment on (ms since the epoch)."""
        ...

    def entries(self, since_ms: int) -> AsyncIterator[Sequence[Entry]]:
        """Yield what was published from that moment on, in the order of each record, without what was erased since."""
        ...


class NothingPublished:
    """The truth of a store that nobody publishes: it begins empty, and what it loses is lost."""

    async def settled(self) -> None:
        """Return."""

    async def erased(self, since_ms: int) -> Sequence[str]:
        """Return nobody."""
        del since_ms
        return ()

    async def entries(self, since_ms: int) -> AsyncIterator[Sequence[Entry]]:
        """Yield nothing."""
        del since_ms
        for found in _NOTHING:
            yield found
