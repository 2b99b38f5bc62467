"""Erasing people on request: from the store, from the assignments topic, and for every restore to come.

A worker may hold a claim of theirs that is not published yet. So the store is erased first, and once what was claimed
before is published or never will be, the erasure is written down, every record of theirs on the assignments topic gets
a tombstone, and the store is erased again. Asked for twice, or again after it broke off, it does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from worker.app.kafka_access import connection_of
from worker.app.processing import now
from worker.app.redis_access import fingerprint_of, layout_of, pepper_of, redis_of
from worker.app.truth import claim_seconds, transaction_seconds
from worker.emit import erasure
from worker.experiments.subjects import Identities, Subject, SubjectKeys, SubjectType
from worker.settings import Settings
from worker.stores.redis_erasing import RedisEraser
from worker.streams.kafka.feed import Keyed, open_feed
from worker.streams.kafka.reading import open_reader

Phase = Literal["store", "waiting", "assignments", "erasures", "store again"]

_HEX_LENGTH = 64
KEPT: dict[str, str] = {
    "triggers": "the events themselves, until the topic's retention ends",
    "enriched": "copies of the events, until the topic's retention ends",
    "exposures": "user_id, until the topic's retention ends",
    "enrollments": "user_id and what the handlers enrolled, until the topic's retention ends",
    "commands": "user_id and the handlers' commands, until the topic's retention ends",
    "dead_letters": "the events themselves, until the topic's retention ends",
}
"""What can't be erased: what these topics hold of a person."""


class Forgetting(msgspec.Struct, frozen=True):
    """Whom to erase: pairs of type and name, and their tenant."""

    settings: Settings
    names: Sequence[tuple[SubjectType, str]]
    tenant: str | None


class ErasedSubject(msgspec.Struct, frozen=True):
    """One subject of a receipt: the store's records and the keys on the assignments topic that are gone."""

    subject_type: SubjectType
    subject: str
    store_records: int
    tombstones: int


class Receipt(msgspec.Struct, frozen=True):
    """What was erased where, and where it could not be: topics, each with what it holds and until when."""

    erased_at: str
    tenant_id: str | None
    subjects: Sequence[ErasedSubject]
    assignments_topic: str
    erasures_topic: str
    key_prefix: str
    not_erased: dict[str, str]


async def forget(job: Forgetting, told: Callable[[Phase], None]) -> Receipt:
    """Erase them and return the receipt; `told` hears of each phase as it begins.

    Raises:
        ClusterError, StoreUnavailableError, StoreRefusedError: it broke off; asked for again it begins anew.
    """
    settings, topics = job.settings, job.settings.topics
    subjects = _subjects(job)
    hexes = [subject.hex for subject in subjects]
    connection = connection_of(settings)
    async with (
        redis_of(settings) as client,
        open_reader(connection, topics.assignments) as reader,
        open_feed(connection, topics.erasures, None) as erasures,
        open_feed(connection, topics.assignments, None) as assignments,
    ):
        eraser = RedisEraser(client, layout_of(settings), fingerprint_of(settings))
        told("store")
        await eraser.check()
        records = await eraser.erase(hexes)
        told("waiting")
        await asyncio.sleep(claim_seconds(settings) + transaction_seconds(settings))
        told("assignments")
        keys: dict[bytes, bool] = {}
        wanted = frozenset(hexes)
        async for found in reader.read(await reader.stretches()):
            keys |= {record.key: bool(record.value) for record in found if _subject_of(record.key) in wanted}
        standing = [key for key, stands in keys.items() if stands]
        told("erasures")
        moment = now()
        await erasures.send(Keyed(subject.hex.encode(), erasure(subject, moment)) for subject in subjects)
        await assignments.send(Keyed(key, None) for key in standing)
        told("store again")
        again = await eraser.erase(hexes)
    tombstones = [_subject_of(key) for key in standing]
    return Receipt(
        moment,
        job.tenant,
        [
            ErasedSubject(subject.type, subject.hex, first + second, tombstones.count(subject.hex))
            for subject, first, second in zip(subjects, records, again, strict=True)
        ],
        topics.assignments,
        topics.erasures,
        settings.redis.key_prefix,
        {name: holds for kind, holds in KEPT.items() if (name := getattr(topics, kind))},
    )


def _subjects(job: Forgetting) -> tuple[Subject, ...]:
    names = tuple(dict.fromkeys(job.names))
    return SubjectKeys(pepper_of(job.settings)).of_all(job.tenant, Identities(names, ""))


def _subject_of(key: bytes | None) -> str:
    return (key or b"")[-_HEX_LENGTH:].decode(errors="replace")
