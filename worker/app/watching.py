"""What the lanes and the store tell, passed on to metrics, probes and logs."""

from __future__ import annotations

from collections.abc import Callable, Collection

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from worker.app.processing import log_dead_letters
from worker.streams.kafka.lane import Done, Ended, Step
from worker.telemetry import logs
from worker.telemetry.health import Readiness, Watch
from worker.telemetry.metrics import Metrics

Reached = Callable[[TopicPartition, Step], None]
Committed = Callable[[TopicPartition, Done], None]


def nothing(_partition: TopicPartition, _what: object) -> None:
    """Do nothing about it."""


class Watching:
    """A `Watcher` of the lanes and what the store tells; `reached` and `committed` are told as well."""

    def __init__(
        self, metrics: Metrics, watch: Watch, readiness: Readiness, *, reached: Reached, committed: Committed
    ) -> None:
        self._metrics = metrics
        self._watch = watch
        self._readiness = readiness
        self._reached = reached
        self._committed = committed
        self._partitions: set[int] = set()
        self._store_waits = False

    def reached(self, partition: TopicPartition, step: Step) -> None:
        """Note that the lane is at this step."""
        number = partition.partition
        if number not in self._partitions:
            self._partitions.add(number)
            self._watch.lane(number)
            self._watch.waiting(number, self._store_waits)
        self._metrics.lane(number, step)
        if step == "opened":
            self._watch.moved(number)
        self._reached(partition, step)

    def opened(self, partition: TopicPartition, offset: int) -> None:
        """Note where the lane begins."""
        logs.info("lane_opened", topic=partition.topic, partition=partition.partition, offset=offset)

    def suspected(self, partition: TopicPartition, until: int, deaths: int) -> None:
        """Log that processes died here."""
        logs.warning("deaths_noticed", topic=partition.topic, partition=partition.partition, until=until, deaths=deaths)

    def transaction(self, partition: TopicPartition, ended: Ended) -> None:
        """Count it."""
        self._metrics.transaction(ended)
        if ended == "unknown":
            logs.warning("batch_unsettled", topic=partition.topic, partition=partition.partition)

    def batch(self, partition: TopicPartition, done: Done) -> None:
        """Count what was committed; each dead letter is a line of the log."""
        self._watch.moved(partition.partition)
        self._metrics.batch(done.result, done.timestamps, done.seconds)
        log_dead_letters(done.result)
        logs.debug(
            "batch_committed",
            topic=partition.topic,
            partition=partition.partition,
            offset=done.offset,
            next_offset=done.next_offset,
            seconds=round(done.seconds, 4),
        )
        self._committed(partition, done)

    def lag(self, partition: TopicPartition, records: int) -> None:
        """Note how many records are to come."""
        self._watch.lag(partition.partition, records)
        self._metrics.lag(partition.partition, records)

    def failed(self, partition: TopicPartition, error: BaseException, seconds: float) -> None:
        """Log it: the class of the error, never its text, which could quote a record."""
        self._watch.moved(partition.partition)  # it tries: a restart would not mend a broker
        place = {"topic": partition.topic, "partition": partition.partition}
        if isinstance(error, ProducerFenced):
            logs.info("fenced", **place)
        else:
            logs.warning("lane_reopening", **place, error=type(error).__name__, seconds=round(seconds, 2))

    def stopped(self, partition: TopicPartition, reason: str) -> None:
        """Log it: somebody must decide."""
        logs.error("lane_stopped", topic=partition.topic, partition=partition.partition, reason=reason)

    def gone(self, partition: TopicPartition) -> None:
        """Forget the lane."""
        self._partitions.discard(partition.partition)
        self._watch.gone(partition.partition)
        self._metrics.lane_gone(partition.partition)

    def given(self, partitions: Collection[TopicPartition]) -> None:
        """Log what came to this worker."""
        logs.info("partitions_assigned", partitions=sorted(each.partition for each in partitions))
        self._readiness.because("starting", False)

    def taken(self, partitions: Collection[TopicPartition]) -> None:
        """Log what went to another one."""
        if partitions:  # the first join takes nothing
            logs.info("partitions_revoked", partitions=sorted(each.partition for each in partitions))

    def store_waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        """Note that lanes wait for the store, or that it answers again."""
        self._store_waits = waits
        self._metrics.waiting(waits)
        self._readiness.because("store_waiting", waits)
        for number in self._partitions:
            self._watch.waiting(number, waits)
        if waits:
            logs.warning("store_waiting")
        else:
            logs.info("store_answers_again")
