"""Rebuilding a store by hand: what `restore` composes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from worker.app.redis_access import fingerprint_of, layout_of, redis_of
from worker.app.truth import PublishedAssignments
from worker.settings import Settings
from worker.stores.redis_rebuild import Rebuilder
from worker.stores.redis_server import Patience, PatientCalls, Untold, check, check_pepper
from worker.streams.kafka.reading import Progress
from worker.telemetry import logs


class Restoring(msgspec.Struct, frozen=True):
    """Into which prefix to restore; `dry_run` reads and counts, and writes nothing."""

    settings: Settings
    prefix: str
    dry_run: bool


class Restored(msgspec.Struct, frozen=True):
    """What a restore came to: entries read, records changed and erased; None where nothing was to be written."""

    prefix: str
    dry_run: bool
    entries: int
    experiments: dict[str, int]
    changed: int | None
    erased: int | None


class BusyError(Exception):
    """Somebody else rebuilds this store now."""


async def restore(job: Restoring, progress: Progress) -> Restored:
    """Read the assignments topic and write the store; `progress` hears how many offsets are read, of how many.

    Raises:
        TruthUnavailableError: the topic can't be read.
        StoreUnavailableError, StoreRefusedError: the store can't be written.
        BusyError, LockLostError: somebody else rebuilds it, or the server lost what was written.
    """
    truth = _Counted(job.settings, progress, live=job.prefix == job.settings.redis.key_prefix)
    if job.dry_run:
        await truth.erased(0)
        async for _ in truth.entries(0):
            pass
        return Restored(job.prefix, True, truth.count, truth.experiments, None, None)
    async with redis_of(job.settings) as client:
        pepper, layout = fingerprint_of(job.settings), layout_of(job.settings, job.prefix)
        await check(client)
        await check_pepper(client, layout, pepper)
        calls = PatientCalls(client, Patience(client.url, _Telling()))
        rebuilder = Rebuilder(calls, layout, pepper, truth, _Telling())
        done = await rebuilder.rebuild(await rebuilder.states(), 0, partly=False)
    if done is None:
        raise BusyError
    return Restored(job.prefix, False, done.entries, truth.experiments, done.changed, done.erased)


class _Counted(PublishedAssignments):
    """The published assignments, counted by experiment; where no worker claims, none is waited for."""

    def __init__(self, settings: Settings, progress: Progress, *, live: bool) -> None:
        super().__init__(settings, progress)
        self._live = live
        self.count = 0
        self.experiments: dict[str, int] = {}

    async def settled(self) -> None:
        """Wait as a worker does, if workers may claim there."""
        if self._live:
            await super().settled()

    async def entries(self, since_ms: int) -> AsyncIterator[Any]:
        """Count what passes."""
        async for found in super().entries(since_ms):
            self.count += len(found)
            for entry in found:
                self.experiments[entry.experiment_id] = self.experiments.get(entry.experiment_id, 0) + 1
            yield found


class _Telling(Untold):
    """Says what keeps a restore waiting; what else a store tells, the command shows at the end."""

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        """Say that the store is away."""
        if waits:
            logs.warning("store_waiting")
