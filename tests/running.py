"""A worker in this process on a real broker, with topics and a group of its own and a store in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from pydantic import SecretStr

from deploy.dev.servers import Kafka
from tests.definitions_documents import percentage_set
from tests.pipelines import snapshot_of
from worker import Handlers
from worker.app.ending import Ending
from worker.app.run import Run, run_worker
from worker.app.watching import Watching
from worker.experiments.claims import AssignmentStore
from worker.handlers.registry import merge
from worker.settings import DeadLetters, Http, Settings, Subjects, Topics
from worker.settings import Kafka as KafkaSettings
from worker.stores.memory import MemoryStore
from worker.stores.memory_trials import MemoryTrials
from worker.streams.kafka.cluster import Connection
from worker.streams.kafka.lane import Done, Step
from worker.streams.kafka.topic_needs import TOPIC_KINDS, needs
from worker.streams.kafka.topics import create
from worker.streams.kafka.trials import Trials
from worker.telemetry.metrics import Metrics

DEADLINE = 60  # seconds: for what should take a moment


class Stage:
    """A broker with the topics of one worker: what is sent into them, what comes out, and workers that run on it."""

    def __init__(
        self,
        kafka: Kafka,
        partitions: int,
        store: AssignmentStore,
        dead_letters: DeadLetters,
        group: Mapping[str, Any],
    ) -> None:
        self.name = uuid.uuid4().hex[:8]
        self.store = store
        self.trials: Trials = MemoryTrials()
        self.partitions = partitions
        self.steps: list[tuple[int, Step]] = []
        self.done: list[tuple[int, Done]] = []
        self.lags: dict[int, int] = {}
        self._changed = asyncio.Condition()
        self._servers = kafka.bootstrap_servers
        names = {kind: f"{self.name}.{kind}" for kind in TOPIC_KINDS}
        self.settings = Settings(
            kafka=KafkaSettings(**{"bootstrap_servers": self._servers, "group_id": self.name, **group}),
            topics=Topics(**names, partitions=partitions),
            subjects=Subjects(pepper=SecretStr("pepper")),
            http=Http(port=0),
            dead_letters=dead_letters,
        )

    @property
    def connection(self) -> Connection:
        return Connection(self._servers, "tests")

    async def make_topics(self) -> None:
        names = {kind: getattr(self.settings.topics, kind) for kind in TOPIC_KINDS}
        wanted = needs(names, partitions=self.partitions, partitioning="input", max_input_bytes=1 << 20)
        await create(self.connection, wanted, 1)

    async def send(
        self, *values: Any, partition: int = 0, key: bytes | None = None, to: str = "triggers", **options: Any
    ) -> int:
        """Send into a topic: bytes as they are, documents as JSON; return the offset of the first."""
        producer = AIOKafkaProducer(bootstrap_servers=self._servers)
        await producer.start()
        try:
            raw = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
            topic = getattr(self.settings.topics, to)
            sent = [await producer.send(topic, value, key=key, partition=partition, **options) for value in raw]
            return int((await asyncio.gather(*sent))[0].offset)
        finally:
            await producer.stop()

    async def received(self, kind: str) -> list[ConsumerRecord]:
        """Return what has been committed to that kind's topic, partition by partition.

        A commit is acknowledged a moment before readers see it: it is read up to the end that hides nothing.
        """
        topic = getattr(self.settings.topics, kind)
        partitions = [TopicPartition(topic, number) for number in range(self.partitions)]
        async with self._consumer("read_uncommitted") as consumer:
            ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(DEADLINE), self._consumer("read_committed") as consumer:
            for partition in partitions:
                consumer.assign([partition])
                await consumer.seek_to_beginning(partition)
                while await consumer.position(partition) < ends[partition]:
                    found += (await consumer.getmany(partition, timeout_ms=100)).get(partition, [])
        return found

    @asynccontextmanager
    async def _consumer(self, isolation_level: str) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, isolation_level=isolation_level, fetch_max_wait_ms=10
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    def job(self, handlers: Handlers | None = None, definitions: Sequence[dict[str, Any]] = (percentage_set(),)) -> Run:
        """What a worker is to do."""
        return Run(
            self.settings,
            snapshot_of(*definitions),
            merge([handlers or Handlers()]),
            self._open,
            self._reached,
            self._committed,
            open_trials=self._open_trials,
        )

    @asynccontextmanager
    async def worker(
        self, handlers: Handlers | None = None, definitions: Sequence[dict[str, Any]] = (percentage_set(),)
    ) -> AsyncIterator[Ending]:
        """Run a worker until the block ends; what it raised comes out of the block."""
        ending = Ending()
        task = asyncio.create_task(run_worker(self.job(handlers, definitions), ending))
        try:
            yield ending
        finally:
            ending.ask("the test is over")
            await asyncio.wait_for(task, DEADLINE)

    async def until(self, condition: Any) -> None:
        """Return when it holds; looked at after every step of a lane."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(condition)

    async def until_processed(self, events: int) -> None:
        await self.until(lambda: sum(len(done.timestamps) for _, done in self.done) >= events)

    @asynccontextmanager
    async def _open(self, _settings: Settings, watching: Watching, _metrics: Metrics) -> AsyncIterator[AssignmentStore]:
        told = watching.lag

        def lag(partition: TopicPartition, records: int) -> None:
            self.lags[partition.partition] = records
            told(partition, records)
            self._notify()

        watching.lag = lag  # type: ignore[method-assign] # what a lane tells, overheard
        yield self.store

    @asynccontextmanager
    async def _open_trials(self, *_: object) -> AsyncIterator[Trials]:
        yield self.trials

    def _reached(self, partition: TopicPartition, step: Step) -> None:
        self.steps.append((partition.partition, step))
        self._notify()

    def _committed(self, partition: TopicPartition, done: Done) -> None:
        self.done.append((partition.partition, done))
        self._notify()

    def _notify(self) -> None:
        asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def stage(
    kafka: Kafka,
    partitions: int = 1,
    store: AssignmentStore | None = None,
    dead_letters: DeadLetters = DeadLetters(),  # noqa: B008 - frozen
    **group: Any,
) -> AsyncIterator[Stage]:
    """Make the topics; `group` are settings of `kafka`."""
    opened = Stage(kafka, partitions, store or MemoryStore(), dead_letters, group)
    await opened.make_topics()
    yield opened
