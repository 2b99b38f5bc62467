"""Workers broken on purpose, one promise each: the checker must fail on them, or it shows nothing."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from tests.faults.workers import Breakage
from worker.app import truth
from worker.app.run import Run
from worker.app.store import memory_trials
from worker.experiments.claims import Assignment, Claim, Held, Proposal, Published, Vacant
from worker.stores.redis_claims import CLAIM
from worker.stores.redis_client import Script
from worker.stores.truth import Entry
from worker.streams.kafka import lane, letters
from worker.streams.kafka.outgoing import Parcel
from worker.streams.kafka.producers import Producers, hand_over


def break_worker(breakage: Breakage, job: Run) -> Run:
    """Break this process's lanes, or return a job with a broken store."""
    match breakage:
        case "offsets_first":
            lane.Lane._send = _send_offsets_first  # type: ignore[method-assign] # broken on purpose
        case "random_transactional_id":
            Producers.open = _open_by_chance()  # type: ignore[method-assign] # broken on purpose
        case "ignores_the_epoch":
            _ignore_the_epoch(CLAIM)
        case "ignores_tombstones":
            truth.PublishedAssignments.erased = _nobody  # type: ignore[assignment,method-assign] # broken on purpose
            truth.PublishedAssignments.entries = _without_tombstones()  # type: ignore[method-assign] # broken on purpose
        case "no_claim":
            return msgspec.structs.replace(job, open_store=_no_store)
        case "forgetful":
            return msgspec.structs.replace(job, open_trials=memory_trials)
    return job


async def _send_offsets_first(
    self: lane.Lane, producer: AIOKafkaProducer, parcel: Parcel, next_offset: int, claims: lane.Freshness
) -> None:
    """Commit the offset, then send the outputs in a transaction of their own: a crash in between loses them."""
    del claims
    await producer.begin_transaction()
    await self._commit(producer, next_offset)
    await producer.begin_transaction()
    acknowledgements = await hand_over(producer, parcel)
    await asyncio.gather(*acknowledgements)
    await producer.commit_transaction()


def _open_by_chance() -> Any:
    """Give transactional ids a part that only this process knows: its successors don't fence it."""
    open_named, mine = Producers.open, uuid.uuid4().hex

    async def open_producer(self: Producers, transactional_id: str) -> AIOKafkaProducer:
        return await open_named(self, f"{transactional_id}.{mine}")

    return open_producer


def _ignore_the_epoch(script: Script) -> None:
    """Take the look at the epoch out of it."""
    look = re.compile(rb"^  if not epoch .* return nil end$", re.MULTILINE)
    script._text, looks = look.subn(b'  epoch = epoch or "none"', script._text)
    assert looks == 1
    script._sha = hashlib.sha1(script._text, usedforsecurity=False).hexdigest()


async def _nobody(_: truth.PublishedAssignments, __: int) -> Sequence[str]:
    """Say that nobody was erased."""
    return ()


def _without_tombstones() -> Any:
    """Tell what was published, and not what was taken back."""
    told = truth.PublishedAssignments.entries

    async def entries(self: truth.PublishedAssignments, since_ms: int) -> AsyncIterator[Sequence[Entry]]:
        async for found in told(self, since_ms):
            yield [entry for entry in found if entry.assignment is not None]

    return entries


def break_redrive() -> None:
    """Let a redrive know nothing of those before it."""
    letters.Marks.has = lambda _, __: False  # type: ignore[assignment,method-assign] # broken on purpose


class _NoStore:
    """Believes that every event is its person's first."""

    async def claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        return [_believed(proposal) for proposal in proposals]

    def confirm(self, published: Sequence[Published]) -> None:
        """Forget it."""


def _believed(proposal: Proposal) -> Claim:
    experiment, trigger, drawn = proposal.experiment, proposal.trigger, proposal.drawn
    if drawn is None:
        return Vacant()
    own = Assignment(drawn.variation_id, 0, experiment.revision, experiment.updated_at, trigger.id, trigger.time)
    return Held(own, 0, proposal.subjects)


@asynccontextmanager
async def _no_store(*_: object) -> AsyncIterator[_NoStore]:
    yield _NoStore()
