"""Why a subject gets what it gets: the engine's decision over records that are only read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Protocol

from worker.app.processing import engine_of
from worker.app.redis_access import layout_of, redis_of
from worker.experiments.claims import Assignment, Proposal
from worker.experiments.decide import Decision, Engine, settle
from worker.experiments.definitions import Snapshot
from worker.experiments.explain import Explanation, explain
from worker.experiments.subjects import Subject, SubjectKeys
from worker.settings import Settings
from worker.stores.memory import MemoryStore
from worker.stores.redis_reading import RedisReader
from worker.stores.redis_server import fingerprint
from worker.trigger import Trigger


class Reader(Protocol):
    """Reads the records of an experiment without leaving a trace."""

    async def records(self, experiment_id: str, subjects: Sequence[Subject]) -> Sequence[Assignment | None]:
        """Return the subjects' records."""
        ...


class Explainer:
    """Explains decisions under one set of definitions; `reader` is None for an empty store."""

    def __init__(self, engine: Engine, snapshot: Snapshot, reader: Reader | None) -> None:
        self._engine = engine
        self._snapshot = snapshot
        self._reader = reader

    async def explain(self, trigger: Trigger) -> Explanation:
        """Return what the worker would decide now, and why.

        Raises:
            StoreUnavailableError, StoreRefusedError: the store can't be read.
        """
        step = self._engine.propose(self._snapshot, trigger)
        records: list[tuple[Subject, Assignment | None]] = []
        if isinstance(step, Proposal):
            records = await self._records(step)
            decision = await _decide(step, records)
        else:
            decision = step
        return explain(self._engine, self._snapshot, trigger, decision, records)

    async def _records(self, proposal: Proposal) -> list[tuple[Subject, Assignment | None]]:
        if self._reader is None:
            return [(subject, None) for subject in proposal.subjects]
        found = await self._reader.records(proposal.experiment.id, proposal.subjects)
        return list(zip(proposal.subjects, found, strict=True))


async def _decide(proposal: Proposal, records: Sequence[tuple[Subject, Assignment | None]]) -> Decision:
    """Claim in a store of its own that holds what the real one does: nothing is written there."""
    store = MemoryStore()
    for subject, record in records:
        if record is not None:
            store.put(proposal.trigger.tenant, proposal.experiment.id, subject, record)
    [claim] = await store.claim([proposal])
    return settle(proposal, claim)


@asynccontextmanager
async def explainer(
    settings: Settings, snapshot: Snapshot, pepper: bytes, store: Literal["memory", "redis"]
) -> AsyncIterator[Explainer]:
    """Open what explains with the settings; of Redis, the live records under `redis.key_prefix`.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """
    engine = engine_of(settings, SubjectKeys(pepper))
    if store == "memory":
        yield Explainer(engine, snapshot, None)
        return
    async with redis_of(settings) as client:
        yield Explainer(engine, snapshot, RedisReader(client, layout_of(settings), fingerprint(pepper)))
