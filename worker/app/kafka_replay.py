"""The ends of a replay that are on Kafka: a topic as its log, topics beside the live ones as its outputs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from worker.app.kafka_access import connection_of, producers_of
from worker.app.processing import now
from worker.app.truth import PublishedAssignments
from worker.outputs import OUTPUT_KINDS, BatchResult, DeadLetter, Output, Tallies, no_outputs
from worker.records import Record
from worker.replay import BATCH_RECORDS
from worker.settings import Settings
from worker.stores.memory import MemoryStore
from worker.streams.kafka.cluster import ClusterError, explained
from worker.streams.kafka.inputs import in_order, input_of
from worker.streams.kafka.outgoing import Destination, Outlets, Packer, Parcel
from worker.streams.kafka.reading import open_reader
from worker.streams.kafka.topic_needs import TopicKind, needs
from worker.streams.kafka.topics import create, describe, facts

_KINDS: tuple[TopicKind, ...] = (*OUTPUT_KINDS, "dead_letters")


class Topic(msgspec.Struct, frozen=True):
    """A topic to replay: records from the first of `since_ms` on, without the first of `until_ms` (None: all)."""

    name: str
    since_ms: int | None = None
    until_ms: int | None = None


async def topic_batches(
    settings: Settings, topic: Topic, limit: int | None, read: Callable[[int, int], None]
) -> AsyncIterator[Sequence[Record]]:
    """Yield what the topic holds now, in the order of the records' timestamps; `read` hears how much of all is read.

    Raises:
        ClusterError: it can't be read.
    """
    async with open_reader(connection_of(settings), topic.name) as reader:
        stretches = await reader.stretches(topic.since_ms, topic.until_ms)
        whole = sum(max(0, each.end - each.begin) for each in stretches.values())
        left, done = limit, 0
        async for found in in_order(reader, stretches, BATCH_RECORDS):
            batch = [input_of(record) for record in found][:left]
            done += len(batch)
            read(done, whole)
            if batch:
                yield batch
            if left is not None:
                left -= len(batch)
                if not left:
                    return


async def seed(settings: Settings, store: MemoryStore) -> None:
    """Give a store every assignment that was published.

    Raises:
        TruthUnavailableError: they can't be read.
    """
    published = PublishedAssignments(settings)
    await published.erased(0)
    async for entries in published.entries(0):
        for entry in entries:
            store.restore(entry)


class WrongSuffixError(Exception):
    """Outputs would go where they must not; the message says where."""


class BesideLive:
    """Writes a replay's outputs to topics beside the live ones, a batch in a transaction."""

    def __init__(self, producer: AIOKafkaProducer, outlets: Outlets) -> None:
        self._producer = producer
        self._outlets = outlets

    async def write(self, result: BatchResult) -> None:
        """Send a batch's outputs, each to the partition that its input came from where there are as many.

        Raises:
            ClusterError: they can't be sent.
        """
        parcel: Parcel = {}
        for partition, part in _by_partition(result).items():
            for place, entries in Packer(self._outlets, partition, now).pack(part).items():
                parcel.setdefault(place, []).extend(entries)
        try:
            async with self._producer.transaction():
                sent = [
                    await self._producer.send(topic, value, key, partition=partition, headers=headers)
                    for (topic, partition), entries in parcel.items()
                    for key, value, headers in entries
                ]
                await asyncio.gather(*sent)
        except KafkaError as error:
            raise ClusterError(f"outputs can't be sent: {type(error).__name__}") from error


def _by_partition(result: BatchResult) -> Mapping[int, BatchResult]:
    found: dict[int, BatchResult] = {}

    def part(of: Output | DeadLetter) -> BatchResult:
        partition = int(of.record.source.rsplit("/", 2)[1])
        if partition not in found:
            found[partition] = BatchResult(no_outputs(), [], Tallies(0), _nothing)
        return found[partition]

    for kind, outputs in result.outputs.items():
        for output in outputs:
            part(output).outputs[kind].append(output)
    for letter in result.dead_letters:
        part(letter).dead_letters.append(letter)
    return found


def _nothing() -> None:
    """A part confirms nothing: its batch does."""


@asynccontextmanager
async def beside_live(settings: Settings, source: str, suffix: str) -> AsyncIterator[BesideLive]:
    """Open the topics that are named like the live ones with that suffix, and make those that are missing.

    Raises:
        WrongSuffixError: one of them is live, is the source, or holds something.
        ClusterError: they can't be written.
    """
    live = {
        kind: name for kind in ("triggers", *_KINDS, "erasures", "redriven") if (name := getattr(settings.topics, kind))
    }
    names: dict[TopicKind, str] = {kind: live[kind] + suffix for kind in _KINDS if kind in live}
    for kind, name in names.items():
        if name in {*live.values(), source}:
            raise WrongSuffixError(
                f"topics.{kind} with the suffix is {name}, expected neither a live topic nor the source"
            )
    connection = connection_of(settings)
    inputs = (await facts(connection, {"SOURCE": source}))[source].partitions
    wanted = needs(names, partitions=inputs, partitioning="key", max_input_bytes=settings.input.max_bytes)
    stood = (await create(connection, wanted, settings.topics.replication_factor)).stood
    for name in stood:
        async with open_reader(connection, name) as reader:
            if any(each.begin < each.end for each in (await reader.stretches()).values()):
                raise WrongSuffixError(
                    f"{name} holds records already, expected new topics: choose another --topic-suffix"
                )
    states = await describe(connection, list(names.values()))
    places = {
        kind: Destination(name, states[name].partitions, states[name].max_message_bytes) for kind, name in names.items()
    }
    outputs = {kind: places[kind] for kind in OUTPUT_KINDS if kind in places}
    outlets = Outlets(outputs, places["dead_letters"], inputs, settings.topics.partitioning)
    producers = producers_of(settings)
    try:
        with explained(connection):
            producer = await producers.open(f"{settings.kafka.group_id}.replay{suffix}")
        try:
            yield BesideLive(producer, outlets)
        finally:
            producers.discard(producer)
    finally:
        await producers.aclose()
