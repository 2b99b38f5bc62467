"""Dead letters: read, and sent back to where they came from, each once.

What was sent back is marked on a topic of its own, in the transaction that sends it. A redrive begins like a lane: its
producer starts first, which ends whatever an earlier one left open and fences it, and the marks are read after that. So
one that was killed, or two at once, send nothing twice, whatever filters they were given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from worker.app.kafka_access import connection_of, producers_of
from worker.app.processing import now
from worker.formats.fields import is_rfc3339, parse_rfc3339
from worker.settings import Settings
from worker.streams.kafka.cluster import ClusterError, explained
from worker.streams.kafka.letters import Letter, Marks, back, letter_of
from worker.streams.kafka.reading import Progress, Stretches, TopicReader, open_reader, unheard

_LETTERS_A_TRANSACTION = 200


class Topics(msgspec.Struct, frozen=True):
    """A topic of letters, where they go back to, and how the keys of their marks begin."""

    letters: str
    origin: str
    marks_prefix: str


def topics_of(settings: Settings, *, enrollments: bool) -> Topics:
    """Return those of the worker's letters, or of the deliverer's."""
    topics = settings.topics
    if enrollments:
        return Topics(topics.enrollments_dead_letters, topics.enrollments, "enrollments/")
    return Topics(topics.dead_letters, topics.triggers, "")


class Wanted(msgspec.Struct, frozen=True):
    """Which letters: of these topics and reasons (none: all), from that moment on, at most so many."""

    topics: Topics

    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    limit: int | None = None

    def has(self, letter: Letter) -> bool:
        """Tell whether a letter is one of them."""
        if self.reasons and letter.reason not in self.reasons:
            return False
        return self.since is None or (is_rfc3339(letter.time) and parse_rfc3339(letter.time) >= self.since)


class Listed(msgspec.Struct, frozen=True):
    """A letter, and whether it was sent back."""

    letter: Letter
    redriven: bool


class Redriven(msgspec.Struct):
    """What a redrive came to: letters sent, and why others were not."""

    sent: int = 0
    already: int = 0  # sent back before
    not_kept: int = 0  # too large to have been kept: there is nothing to send
    elsewhere: int = 0  # from another topic than the one that is read now, or from no topic


async def listed(settings: Settings, wanted: Wanted, progress: Progress) -> AsyncIterator[Listed]:
    """Yield the letters, partition by partition as they come.

    Raises:
        ClusterError: the topics can't be read.
    """
    connection = connection_of(settings)
    marks = await _marks(settings, wanted.topics)
    count = 0
    async with open_reader(connection, wanted.topics.letters) as reader:
        async for letter in _letters(reader, await reader.stretches(), progress):
            if wanted.limit is not None and count >= wanted.limit:
                return
            if wanted.has(letter):
                count += 1
                yield Listed(letter, marks.has(letter))


async def found_at(settings: Settings, topics: Topics, partition: int, offset: int) -> Listed | None:
    """Return the letter at that place.

    Raises:
        ClusterError: the topics can't be read.
    """
    marks = await _marks(settings, topics)
    async with open_reader(connection_of(settings), topics.letters) as reader:
        whole = (await reader.stretches()).get(partition)
        if whole is None or not whole.begin <= offset < whole.end:
            return None
        stretch = {partition: msgspec.structs.replace(whole, begin=offset, end=offset + 1)}
        async for letter in _letters(reader, stretch):
            return Listed(letter, marks.has(letter))
    return None


async def redrive(settings: Settings, wanted: Wanted, progress: Progress, *, dry_run: bool) -> Redriven:
    """Send the wanted letters back that were not sent back yet; a dry run only counts them.

    Raises:
        ClusterError: it broke off; what was sent stays sent, and another redrive sends the rest.
    """
    done = Redriven()
    async with _sender(settings, dry_run=dry_run) as sender:
        marks = await _marks(settings, wanted.topics)
        async with open_reader(connection_of(settings), wanted.topics.letters) as reader:
            stretches = await reader.stretches()
            await sender.sweep(marks.gone({at: each.begin for at, each in stretches.items()}))
            async for letter in _letters(reader, stretches, progress):
                if wanted.limit is not None and done.sent >= wanted.limit:
                    break
                if wanted.has(letter) and _may_go(letter, marks, wanted.topics.origin, done):
                    done.sent += 1
                    await sender.add(letter, marks)
        await sender.flush(marks)
    return done


def _may_go(letter: Letter, marks: Marks, origin: str, done: Redriven) -> bool:
    """Tell whether a letter is to be sent, and count why not."""
    if marks.has(letter):
        done.already += 1
    elif not letter.kept:
        done.not_kept += 1
    elif letter.input_place is None or letter.input_place[0] != origin:
        done.elsewhere += 1
    else:
        return True
    return False


class _Sender:
    """Sends letters and their marks, some hundred in a transaction; without a producer, nothing."""

    def __init__(self, producer: AIOKafkaProducer | None, marks_topic: str) -> None:
        self._producer = producer
        self._marks_topic = marks_topic
        self._waiting: list[Letter] = []

    async def add(self, letter: Letter, marks: Marks) -> None:
        """Take a letter, and send those at hand when they are enough."""
        self._waiting.append(letter)
        if len(self._waiting) >= _LETTERS_A_TRANSACTION:
            await self.flush(marks)

    async def flush(self, marks: Marks) -> None:
        """Send what is at hand."""
        letters, self._waiting = self._waiting, []
        if self._producer is None or not letters:
            return
        moment, producer = now(), self._producer
        await producer.begin_transaction()
        sent = []
        for letter in letters:
            assert letter.input_place is not None  # noqa: S101 - others are not sent
            topic, partition = letter.input_place
            sent.append(
                await producer.send(
                    topic,
                    letter.value,
                    letter.key,
                    partition=partition,
                    timestamp_ms=letter.timestamp,
                    headers=back(letter),
                )
            )
            key, value = marks.mark_of(letter, moment)
            sent.append(await producer.send(self._marks_topic, value, key))
        await asyncio.gather(*sent)
        await producer.commit_transaction()

    async def sweep(self, places: Sequence[str]) -> None:
        """Take away the marks of letters that are gone."""
        if self._producer is None or not places:
            return
        async with self._producer.transaction():
            sent = [await self._producer.send(self._marks_topic, None, place.encode()) for place in places]
            await asyncio.gather(*sent)


@asynccontextmanager
async def _sender(settings: Settings, *, dry_run: bool) -> AsyncIterator[_Sender]:
    if dry_run:
        yield _Sender(None, "")
        return
    producers = producers_of(settings)
    try:
        with explained(connection_of(settings)):
            producer = await producers.open(f"{settings.kafka.group_id}.redrive")
        try:
            yield _Sender(producer, settings.topics.redriven)
        except KafkaError as error:
            raise ClusterError(f"letters can't be sent back: {type(error).__name__}") from error
        finally:
            producers.discard(producer)
    finally:
        with suppress(TimeoutError):
            await producers.aclose()


async def _marks(settings: Settings, topics: Topics) -> Marks:
    marks = Marks(topics.marks_prefix)
    async with open_reader(connection_of(settings), settings.topics.redriven) as reader:
        async for records in reader.read(await reader.stretches()):
            for record in records:
                marks.note(record)
    return marks


async def _letters(reader: TopicReader, stretches: Stretches, progress: Progress = unheard) -> AsyncIterator[Letter]:
    async for records in reader.read(stretches, progress):
        for record in records:
            if (letter := letter_of(record)) is not None:
                yield letter
