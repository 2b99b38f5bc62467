"""What the store is rebuilt from: the assignments topic, less what the erasures topic says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from aiokafka import ConsumerRecord
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from worker.app.kafka_access import connection_of
from worker.experiments.claims import Assignment
from worker.experiments.subjects import SubjectType
from worker.settings import Settings
from worker.stores.truth import Entry, TruthUnavailableError
from worker.streams.kafka.cluster import ClusterError, administered
from worker.streams.kafka.reading import Progress, open_reader, unheard
from worker.telemetry import logs

_HEX_LENGTH = 64  # of a subject
_COORDINATOR_SECONDS, _ASK_AGAIN_SECONDS = 30.0, 0.1


class _Published(msgspec.Struct, frozen=True):
    """What matters of the fields of `schemas.assignment.Assignment`."""

    tenant_id: str | None
    experiment_id: str
    subject_type: SubjectType
    subject: str
    variation_id: str
    version: int
    experiment_revision: str
    experiment_updated_at: str | None
    assigned_at: str | None
    event_id: str


_decode = msgspec.json.Decoder(_Published).decode


def claim_seconds(settings: Settings) -> float:
    """Return how old a claim may be when its transaction begins."""
    return settings.redis.claim_max_age_ms / 1000


def transaction_seconds(settings: Settings) -> float:
    """Return how long a transaction may take from its beginning to its commit: half the broker's own limit."""
    return settings.kafka.transaction_timeout_ms / 2000


class PublishedAssignments:
    """The truth of the live store.

    `progress` is told how many offsets of the assignments topic are read, and how many there are.
    """

    def __init__(self, settings: Settings, progress: Progress = unheard) -> None:
        self._settings = settings
        self._connection = connection_of(settings)
        self._progress = progress
        self._erased: dict[str, int] = {}

    async def settled(self) -> None:
        """Wait for the longest time that may pass between a claim and the end of its transaction.

        A group that never committed has no claims to wait for: lanes commit where they begin before they claim.
        """
        with _explained():
            if await self._untouched():
                return
        limits = self._settings.kafka.transaction_timeout_ms / 1000 + transaction_seconds(self._settings)
        await asyncio.sleep(claim_seconds(self._settings) + limits)

    async def erased(self, since_ms: int) -> Sequence[str]:
        """Return who was erased from that moment on."""
        found: dict[str, int] = {}
        with _explained():
            async with open_reader(self._connection, self._settings.topics.erasures) as reader:
                async for records in reader.read(await reader.stretches()):
                    found |= {
                        record.key.decode(): record.timestamp for record in records if record.value and record.key
                    }
        self._erased = found
        return [subject for subject, moment in found.items() if moment >= since_ms]

    async def entries(self, since_ms: int) -> AsyncIterator[Sequence[Entry]]:
        """Yield what was published from that moment on; `erased` has been asked before."""
        with _explained():
            async with open_reader(self._connection, self._settings.topics.assignments) as reader:
                async for records in reader.read(await reader.stretches(since_ms or None), self._progress):
                    yield [entry for record in records if (entry := self._entry(record)) is not None]

    def _entry(self, record: ConsumerRecord) -> Entry | None:
        """Return what a record says; None for one that was erased since, or that nobody of us has written."""
        try:
            if not record.value:
                tenant, experiment_id, subject = _parts(record.key or b"")
                return Entry(tenant or None, None, subject, experiment_id, None)
            found = _decode(record.value)
        except (msgspec.DecodeError, ValueError) as error:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            logs.warning("assignment_unreadable", source=place, error=type(error).__name__)
            return None
        if record.timestamp <= self._erased.get(found.subject, -1):
            return None
        assignment = Assignment(
            found.variation_id,
            found.version,
            found.experiment_revision,
            found.experiment_updated_at,
            found.event_id,
            found.assigned_at,
        )
        return Entry(found.tenant_id, found.subject_type, found.subject, found.experiment_id, assignment)

    async def _untouched(self) -> bool:
        """Tell whether no worker of this group has ever begun, and nothing was published."""
        async with open_reader(self._connection, self._settings.topics.assignments) as reader:
            if any(each.end for each in (await reader.stretches()).values()):
                return False
        async with administered(self._connection) as admin, asyncio.timeout(_COORDINATOR_SECONDS):
            while True:
                try:
                    return not await admin.list_consumer_group_offsets(self._settings.kafka.group_id)
                except GroupCoordinatorNotAvailableError:  # a new cluster makes the topic of offsets when it is asked
                    await asyncio.sleep(_ASK_AGAIN_SECONDS)


def _parts(key: bytes) -> tuple[str, str, str]:
    """Return tenant, experiment and subject of an assignment's key."""
    head, subject = key[: -_HEX_LENGTH - 1].decode(), key[-_HEX_LENGTH:].decode()
    tenant, separator, experiment_id = head.partition("|")
    if not separator or len(subject) != _HEX_LENGTH:
        raise ValueError("no key of an assignment")
    return tenant, experiment_id, subject


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (ClusterError, KafkaError, OSError) as error:
        raise TruthUnavailableError(str(error)) from error
