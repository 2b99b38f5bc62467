"""A lane: one input partition, from its committed offset on, exactly once.

A lane may send only between *its* InitProducerId and the next one for the same transactional id. InitProducerId ends
whatever the previous owner left open (aborts it, or finishes its commit) and fences it. So an offset that is read
*after* it is final, and nothing sent by somebody fenced can commit. From that follow the steps and their order:

1. `opened`: start the producer, whose transactional id names the group and the partition, so that whoever owns the
   partition next has the same. Then read the committed offset, then seek. An offset read before could still move; "no
   offset" is believed only from a coordinator that has loaded its log (`offset_fetch`).
2. `fetched`: take the next records, at most a batch.
3. `decided`: run the pipeline: claims, handlers, everything slow. No transaction is open, so nobody's reads wait for
   it, a poisonous record aborts nothing, and a lane may be cancelled at any moment up to here without losing anything.
4. `begun`: look whether the claims are young enough, and ask for them again if not: whoever rebuilds a store that lost
   its data must know for how long an answer of the old one can still be published. Then open the transaction, as few
   at a time in a worker as the settings say: a broker finishes a few large ones sooner than many small ones. It has a
   deadline below the broker's own.
5. `sent`, `acknowledged`: hand over the outputs and wait for every acknowledgement. Not later: aiokafka commits a
   transaction although a record of it was refused; only that record's future knows.
6. `offsets_sent`, `committed`: the offset goes into the same transaction, which then commits.
7. `confirmed`: the store is told what is known to be published. Not yet of this batch: a commit is reported when the
   broker has decided it, before its partitions know, and Kafka 4.3 and 4.4 can lose one of a partition that has no
   replica left (see `deploy/dev/pom.xml`). It is proven by the next commit, or by reading the offset again.

There is one recovery, whatever failed and wherever: throw the producer away and begin again at 1. An abort after a
commit that timed out would be a guess, as its outcome is unknown until InitProducerId has made it final; asking anew is
always right. A lane that was fenced waits before it opens again, so that two owners, one of whom does not know yet that
it has lost the partition, do not fence each other in turn.

A batch whose first record fails twice in the same place is tried record by record, and a record that fails alone
becomes a dead letter: one record never wedges a partition. So is a batch that ended the process (see `trials`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    PolicyViolationError,
    ProducerFenced,
    RecordListTooLargeError,
    RecordTooLargeError,
    UnsupportedForMessageFormatError,
)

from worker.outputs import BatchResult, DeadLetter, Tallies, no_outputs
from worker.records import DeadLetterReason, Record
from worker.streams.kafka.brakes import Batch, Brakes
from worker.streams.kafka.inputs import input_of
from worker.streams.kafka.outgoing import Packer, Parcel
from worker.streams.kafka.positions import LaneStoppedError, Positions
from worker.streams.kafka.producers import Producers, hand_over, lane_id
from worker.streams.kafka.trials import Gate, Trials

Step = Literal[
    "opening",  # the producer starts and the offset is read
    "opened",  # the lane stands where the last commit left it
    "fetched",  # records are there
    "decided",  # the pipeline has processed them
    "begun",  # a transaction is open
    "sent",  # the outputs are handed over
    "acknowledged",  # the brokers have all of them
    "offsets_sent",  # the offset is in the transaction
    "committed",
    "confirmed",
    "waiting",  # something failed: the lane opens again in a moment
    "stopped",  # it can't go on by itself
]
Ended = Literal["committed", "unknown", "fenced", "failed"]

_FENCED_SECONDS = 2.0
_FIRST_BACKOFF, _LAST_BACKOFF = 0.1, 5.0
_OPEN_SECONDS = 60.0
_POLL_MS = 500
_ATTEMPTS = 2
_REFUSED: dict[type[Exception], DeadLetterReason] = {  # the broker will not take these records, however often they come
    MessageSizeTooLargeError: "output_too_large",
    RecordListTooLargeError: "output_too_large",
    RecordTooLargeError: "output_too_large",
    CorruptRecordException: "crashed",
    InvalidTimestampError: "crashed",
    PolicyViolationError: "crashed",
    UnsupportedForMessageFormatError: "crashed",
}


class WorkerStoppedError(Exception):
    """The whole worker must stop; the message says why and what to do."""


class Watcher(Protocol):
    """Told what lanes do. Everything is called on the event loop and returns at once."""

    def reached(self, partition: TopicPartition, step: Step) -> None:
        """Note that the lane is at this step."""
        ...

    def opened(self, partition: TopicPartition, offset: int) -> None:
        """Note where the lane begins."""
        ...

    def suspected(self, partition: TopicPartition, until: int, deaths: int) -> None:
        """Note that processes died here: records up to that offset are tried alone; so many died of the first one."""
        ...

    def transaction(self, partition: TopicPartition, ended: Ended) -> None:
        """Note how a transaction ended."""
        ...

    def batch(self, partition: TopicPartition, done: Done) -> None:
        """Note what was committed."""
        ...

    def lag(self, partition: TopicPartition, records: int) -> None:
        """Note how many records are to come."""
        ...

    def failed(self, partition: TopicPartition, error: BaseException, seconds: float) -> None:
        """Note that the lane opens again after that time."""
        ...

    def stopped(self, partition: TopicPartition, reason: str) -> None:
        """Note that the lane can't go on by itself."""
        ...

    def gone(self, partition: TopicPartition) -> None:
        """Note that the lane has ended."""
        ...


class Done(msgspec.Struct, frozen=True):
    """A committed batch: the records' range and timestamps (ms), and what came of them."""

    offset: int
    next_offset: int
    timestamps: Sequence[int]
    result: BatchResult
    seconds: float


class Limits(msgspec.Struct, frozen=True):
    """How much a lane takes at once, how old claims may be when a transaction begins, and how long that may take.

    Both in seconds; the latter is below the broker's own limit.

    A record that was on trial when `deaths` processes died is given up.
    """

    batch_records: int
    claim_seconds: float
    transaction_seconds: float
    deaths: int


class Shared(msgspec.Struct, frozen=True):
    """What all lanes of a worker have in common.

    `fatal` are the errors of `process` and `trials` that stop the
    worker, `brakes` stop it rather than send too many dead letters. `transactions` caps how many are open at once. The
    `gate` keeps batches away from a record that is on trial.
    """

    group: str
    consumer: AIOKafkaConsumer
    producers: Producers
    process: Callable[[Sequence[Record]], Awaitable[BatchResult]]
    packer: Callable[[int], Packer]
    positions: Positions
    transactions: asyncio.Semaphore
    limits: Limits
    watcher: Watcher
    fatal: tuple[type[Exception], ...]
    stop_worker: Callable[[str], None]
    brakes: Brakes
    trials: Trials
    gate: Gate


class Lane:
    """One partition's task, from assignment to revocation."""

    def __init__(self, shared: Shared, partition: TopicPartition) -> None:
        self._shared = shared
        self._partition = partition
        self._packer = shared.packer(partition.partition)
        self._stopping = self._in_transaction = False
        self._place = f"{shared.group}/{partition.topic}/{partition.partition}"
        self._position = self._alone_until = 0
        self._backoff = _FIRST_BACKOFF
        self._failures = Failures()
        self._unproven: tuple[int, Callable[[], None]] | None = None
        self.task = asyncio.create_task(self._run(), name=f"lane {partition.topic}/{partition.partition}")

    def stop(self) -> None:
        """Let it end: inside a transaction after that, anywhere else at once.

        Waiting for anything else would be a deadlock: during a rebalance the consumer gives records only after the
        new assignment, which waits for this lane.
        """
        self._stopping = True
        if not self._in_transaction:
            self.task.cancel()

    async def _run(self) -> None:
        try:
            await self._until_stopped()
        except LaneStoppedError as error:
            self._reach("stopped")
            self._shared.watcher.stopped(self._partition, str(error))
            await asyncio.get_running_loop().create_future()  # the partition stays with this worker, and says so
        except WorkerStoppedError as error:
            self._shared.stop_worker(str(error))
        finally:
            self._shared.watcher.gone(self._partition)

    async def _until_stopped(self) -> None:
        while not self._stopping:
            try:
                await self._serve()
            except (LaneStoppedError, WorkerStoppedError):
                raise
            except self._shared.fatal as error:
                raise WorkerStoppedError(str(error)) from error
            except Exception as error:  # noqa: BLE001 - the one recovery: whatever it was, open again
                pause = self._pause(error)
                self._reach("waiting")
                self._shared.watcher.failed(self._partition, error, pause)
                await asyncio.sleep(pause)

    async def _serve(self) -> None:
        """Process batches with one producer, until told to stop; then, or when anything fails, throw it away."""
        producer = await self._open()
        try:
            async with self._noted():
                while not self._stopping:
                    if await self._batch(producer):
                        self._backoff = _FIRST_BACKOFF
        finally:
            self._shared.producers.discard(producer)

    @asynccontextmanager
    async def _noted(self) -> AsyncIterator[None]:
        """Heed the deaths of others, and let that of this process be noticed: then nobody notes that the lane ended.

        One that ends without an error has just committed: where it opened is behind.
        """
        await self._heed_deaths()
        try:
            yield
        except (Exception, asyncio.CancelledError):  # not what ends the process
            await self._shared.trials.closed(self._place)
            raise

    async def _heed_deaths(self) -> None:
        """Find out what to try alone; what came after the deaths is innocent."""
        shared, partition, begin = self._shared, self._partition, self._position
        end = (await shared.consumer.end_offsets([partition]))[partition]
        until = min(begin + shared.limits.batch_records, end)
        self._alone_until, deaths = await shared.trials.opened(self._place, begin, until)
        if deaths >= shared.limits.deaths:
            self._failures.give_up(f"the process died {deaths} times while this record was processed alone")
        if begin < self._alone_until:
            shared.watcher.suspected(partition, self._alone_until, deaths)

    def _pause(self, error: Exception) -> float:
        """Return how long to wait before opening again; each failure in a row doubles it."""
        backoff = self._backoff
        self._backoff = min(2 * backoff, _LAST_BACKOFF)
        if isinstance(error, ProducerFenced):
            return _FENCED_SECONDS
        return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - jitter

    def _reach(self, step: Step) -> None:
        self._shared.watcher.reached(self._partition, step)

    async def _open(self) -> AIOKafkaProducer:
        """Fence whoever had the partition before, and stand where its last commit left it."""
        shared, partition = self._shared, self._partition
        self._reach("opening")
        async with asyncio.timeout(_OPEN_SECONDS):
            producer = await shared.producers.open(lane_id(shared.group, partition))

            async def begin(offset: int) -> None:
                await producer.begin_transaction()
                await self._commit(producer, offset)

            try:
                before, self._position = self._position, await shared.positions.of(partition, begin)
                if self._position != before:  # a commit that seemed to fail did not
                    self._failures.forget()
                self._prove(self._position)
                shared.consumer.seek(partition, self._position)  # also drops what was fetched from a stale offset
            except BaseException:
                shared.producers.discard(producer)
                raise
        shared.watcher.opened(partition, self._position)
        self._reach("opened")
        return producer

    async def _batch(self, producer: AIOKafkaProducer) -> bool:
        """Process the next records, if there are any."""
        records = await self._fetch()
        if not records:
            return False
        self._reach("fetched")
        async with self._turn():
            await self._process(producer, records)
        await self._tell_lag()
        return True

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Hold the gate for a batch; for a record on trial alone, with a mark that stands if the process dies."""
        shared = self._shared
        if self._failures.given_up or self._position >= self._alone_until:
            async with shared.gate.side_by_side():
                yield
        else:
            async with shared.gate.alone():
                await shared.trials.trying(self._place, self._position)
                yield

    async def _process(self, producer: AIOKafkaProducer, records: Sequence[ConsumerRecord]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        inputs = [input_of(record) for record in records]
        result = await self._decide(inputs)
        parcel = self._packer.pack(result)
        self._reach("decided")
        next_offset = records[-1].offset + 1
        batch = self._judged(inputs, result, next_offset)
        await self._send(producer, parcel, next_offset, Freshness(started, result, self._shared.limits, loop.time))
        self._position = next_offset
        self._shared.brakes.committed(batch)
        self._failures.forget()
        self._confirm()  # the batch before: this commit would have failed without it
        self._unproven = (next_offset, result.confirm)
        self._reach("confirmed")
        timestamps = [record.timestamp for record in records]
        seconds = loop.time() - started
        done = Done(records[0].offset, next_offset, timestamps, result, seconds)
        self._shared.watcher.batch(self._partition, done)

    async def _fetch(self) -> Sequence[ConsumerRecord]:
        partition = self._partition
        alone = self._position < self._alone_until or self._failures.alone_at(self._position)
        most = 1 if alone else self._shared.limits.batch_records
        try:
            got = await self._shared.consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=most)
        except OffsetOutOfRangeError:
            raise LaneStoppedError(
                f"there is no record at {self._position}: the topic lost records that were not processed, or was made"
                " anew. To go on, set the group's offset"
            ) from None
        records: Sequence[ConsumerRecord] = got.get(partition, ())
        if records and records[0].offset < self._position:
            raise StaleFetchError(f"offset {records[0].offset} came after {self._position - 1}")
        if not records:
            if self._unproven is not None:
                self._prove(await self._shared.positions.committed(partition))
            await self._tell_lag()
        return records

    def _confirm(self) -> None:
        """Let the store know what the last batch published: its commit is beyond doubt."""
        if self._unproven is not None:
            _, confirm = self._unproven
            confirm()
        self._unproven = None

    def _prove(self, committed: int | None) -> None:
        """Confirm the last batch if the committed offset says that it was committed; else forget that it seemed so."""
        if self._unproven is not None and committed is not None and committed >= self._unproven[0]:
            self._confirm()
        self._unproven = None

    async def _tell_lag(self) -> None:
        """Tell what is to come; a position past the last record (a transaction's mark follows it) has nothing."""
        end = self._shared.consumer.highwater(self._partition)
        if end is not None:
            position = await self._shared.consumer.position(self._partition)
            self._shared.watcher.lag(self._partition, max(0, end - position))

    async def _decide(self, inputs: Sequence[Record]) -> BatchResult:
        shared = self._shared
        if self._failures.given_up:
            return _given_up(inputs[0], self._failures)
        try:
            result = await shared.process(inputs)
        except shared.fatal:
            raise
        except Exception as error:
            self._failures.note(self._position, len(inputs), "crashed", f"processing failed: {type(error).__name__}")
            raise
        if result.stop is not None:
            raise WorkerStoppedError(result.stop)
        return result

    def _judged(self, inputs: Sequence[Record], result: BatchResult, next_offset: int) -> Batch:
        sources = [record.source for record in inputs]
        batch = Batch(self._partition, self._position, next_offset, sources, result.dead_letters)
        message = self._shared.brakes.judge(batch)
        if message is not None:
            raise WorkerStoppedError(message)
        return batch

    async def _send(self, producer: AIOKafkaProducer, parcel: Parcel, next_offset: int, claims: Freshness) -> None:
        shared, ended = self._shared, "failed"
        async with shared.transactions:
            await claims.renew()
            self._in_transaction = True
            try:
                async with asyncio.timeout(shared.limits.transaction_seconds):
                    await producer.begin_transaction()
                    self._reach("begun")
                    acknowledgements = await hand_over(producer, parcel)
                    self._reach("sent")
                    await asyncio.gather(*acknowledgements)
                    self._reach("acknowledged")
                    claims.check()
                    ended = "unknown"
                    await self._commit(producer, next_offset)
                ended = "committed"
            except tuple(_REFUSED) as error:
                message = f"the broker refuses what came of it: {type(error).__name__}"
                self._failures.note(self._position, next_offset - self._position, _REFUSED[type(error)], message)
                raise
            except ProducerFenced:
                ended = "fenced"
                raise
            finally:
                self._in_transaction = False
                shared.watcher.transaction(self._partition, ended)  # type: ignore[arg-type] # one of Ended

    async def _commit(self, producer: AIOKafkaProducer, next_offset: int) -> None:
        await producer.send_offsets_to_transaction({self._partition: next_offset}, self._shared.group)
        self._reach("offsets_sent")
        await producer.commit_transaction()
        self._reach("committed")


class StaleFetchError(Exception):
    """The consumer gave records from before the lane's position."""


class StaleClaimsError(Exception):
    """The store answers otherwise by now, or the answer is too old to be published: the batch is decided anew."""


class Freshness:
    """How old the claims of a batch are, from before they were asked for; `clock` in seconds."""

    def __init__(self, asked: float, result: BatchResult, limits: Limits, clock: Callable[[], float]) -> None:
        self._asked = asked
        self._result = result
        self._limits = limits
        self._clock = clock

    async def renew(self) -> None:
        """Ask again for claims that are too old to begin with.

        Raises:
            StaleClaimsError: the store answers otherwise.
        """
        while self._clock() - self._asked > self._limits.claim_seconds:
            self._asked = self._clock()
            if not await self._result.renew():
                raise StaleClaimsError

    def check(self) -> None:
        """Look whether it can still commit in time: a process may have stood still since.

        Raises:
            StaleClaimsError: it can't.
        """
        if self._clock() - self._asked > self._limits.claim_seconds + self._limits.transaction_seconds:
            raise StaleClaimsError


class Failures:
    """What is known of batches that failed: two in one place, then record by record to the end of it, then given up.

    A record that is `given_up` becomes a dead letter with that `reason` and `message`.
    """

    def __init__(self) -> None:
        self._offset, self._times, self._until = -1, 0, 0
        self.given_up = False
        self.reason: DeadLetterReason = "crashed"
        self.message = ""

    def alone_at(self, offset: int) -> bool:
        """Tell whether the record at that offset is taken alone, to be tried or given up."""
        return self.given_up or offset < self._until

    def forget(self) -> None:
        """Note that the failing place is behind."""
        self._times, self.given_up = 0, False

    def give_up(self, message: str) -> None:
        """Note that the next record is not to be tried: it ended the process."""
        self.given_up, self.reason, self.message = True, "crashed", message

    def note(self, offset: int, records: int, reason: DeadLetterReason, message: str) -> None:
        """Note that the batch that begins there failed."""
        self._times = self._times + 1 if offset == self._offset else 1
        self._offset, self.reason, self.message = offset, reason, message
        if self._times < _ATTEMPTS:
            return
        if records == 1:
            self.given_up = True
        else:
            self._until, self._times = offset + records, 0


def _given_up(record: Record, failures: Failures) -> BatchResult:
    letter = DeadLetter(record, failures.reason, failures.message, "emit")
    return BatchResult(no_outputs(), [letter], Tallies(1), _nothing_to_confirm)


def _nothing_to_confirm() -> None:
    """A batch that published no assignment."""
