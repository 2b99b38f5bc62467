"""Metrics: a closed list of names, and what the parts of a worker tell to bring them up to date.

Nothing here is told about single events but a handler's duration; lanes tell of whole batches. No label value is taken
from an identifier; those that come from the input at all (the kinds of skips) are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from worker.outputs import OUTPUT_KINDS, BatchResult
from worker.records import DeadLetterReason
from worker.telemetry.labels import BoundedLabels
from worker.telemetry.series import Buckets, Series

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

LaneStep = Literal[  # the last one that a lane has reached
    "opening",  # the producer starts and the offset is read
    "opened",  # the lane stands where the last commit left it
    "fetched",  # records are there; the pipeline has them, and may wait for the store
    "decided",  # the pipeline has processed them
    "begun",  # a transaction is open
    "sent",  # the outputs are handed over
    "acknowledged",  # the brokers have all of them
    "offsets_sent",  # the offset is in the transaction
    "committed",  # the transaction has ended
    "confirmed",  # the store knows: the lane reads on
    "waiting",  # something failed: the lane opens again in a moment
    "stopped",  # it can't go on by itself
]
RebuildOutcome = Literal["done", "failed"]
TransactionOutcome = Literal[
    "committed",  # all of it went out
    "unknown",  # no answer to the commit: the offset, read anew, tells
    "fenced",  # another worker has taken the partition over
    "failed",  # an error before the commit: none of it went out
]

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_HANDLER = (0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0)
_AGE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0)
_SIZE = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0)


class Description(NamedTuple):
    """One metric: what it is, what it means, its labels; histograms have bounds, closed labels their values."""

    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    known: tuple[str, ...] = ()


PREFIX = "experiment_worker_"
METRICS: Mapping[str, Description] = MappingProxyType(
    {
        "events_total": Description(
            "counter",
            "Events read and settled, by what became of them.",
            ("outcome",),
            known=("processed", "dead", "skipped"),
        ),
        "outputs_total": Description(
            "counter", "Records that events came to, by their kind.", ("kind",), known=OUTPUT_KINDS
        ),
        "dead_letters_total": Description(
            "counter", "Dead letters, by reason.", ("reason",), known=get_args(DeadLetterReason)
        ),
        "skips_total": Description(
            "counter", "Inputs that are none of the worker's business, by kind; rare kinds are `other`.", ("kind",)
        ),
        "decisions_total": Description("counter", "Decisions, by reason.", ("reason",)),
        "warnings_total": Description("counter", "Warnings that decisions carry, by code.", ("code",)),
        "identity_conflicts_total": Description("counter", "Events whose identities hold different variations."),
        "event_age_seconds": Description(
            "histogram", "From an event's arrival on its topic to the commit of what it came to.", bounds=_AGE
        ),
        "batch_duration_seconds": Description(
            "histogram", "From a batch's records at hand to its commit.", bounds=_SHORT
        ),
        "batch_events": Description("histogram", "Events of a batch.", bounds=_SIZE),
        "lag_records": Description("gauge", "Records not read yet of each partition at hand.", ("partition",)),
        "lanes": Description(
            "gauge", "Partitions at hand, by the step they have reached.", ("step",), known=get_args(LaneStep)
        ),
        "transactions_total": Description(
            "counter", "Transactions, by outcome.", ("outcome",), known=get_args(TransactionOutcome)
        ),
        "claim_duration_seconds": Description("histogram", "A batch's question to the store.", bounds=_SHORT),
        "claims_total": Description(
            "counter",
            "Claims answered, by who answered: the store or its local cache.",
            ("by",),
            known=("store", "cache"),
        ),
        "store_errors_total": Description("counter", "Questions that the store failed to answer, by kind.", ("kind",)),
        "store_waiting": Description("gauge", "1 while lanes wait for the store, else 0."),
        "store_circuit_open": Description("gauge", "1 while the hash answers instead of the store, else 0."),
        "store_rebuilds_total": Description(
            "counter", "Rebuilds of the store, by outcome.", ("outcome",), known=get_args(RebuildOutcome)
        ),
        "handler_duration_seconds": Description(
            "histogram", "How long a handler took for an event.", ("handler", "trigger"), _HANDLER
        ),
        "handler_calls_total": Description("counter", "Calls of a handler.", ("handler", "trigger")),
        "handler_errors_total": Description("counter", "Calls that failed, by how.", ("handler", "trigger", "outcome")),
        "handler_skips_total": Description(
            "counter", "Failed calls that were left out of the event (on_error=skip).", ("handler", "trigger")
        ),
        "definitions_info": Description("gauge", "1 for the revision of the definitions in force.", ("revision",)),
        "definitions_age_seconds": Description("gauge", "How long the definitions in force have been."),
        "definitions_refused_total": Description("counter", "Edits of the definitions that were refused."),
    }
)


class Metrics:
    """The figures of one worker; `clock` measures in seconds, `unix_clock` dates events.

    All but `handler` is called on the event loop's thread.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, unix_clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._unix_clock = unix_clock
        self._series = {name: _series(name, each) for name, each in METRICS.items() if each.kind != "histogram"}
        self._buckets = {
            name: Buckets(PREFIX + name, each.meaning, each.bounds, each.labels)
            for name, each in METRICS.items()
            if each.kind == "histogram"
        }
        self._kinds = BoundedLabels()
        self._steps: dict[int, LaneStep] = {}
        self._loaded_at: float | None = None
        self._handler_counts: Callable[[], Iterable[Mapping[str, Any]]] = tuple
        self._durations = self._buckets["handler_duration_seconds"]
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._series["store_waiting"].set(to=0)
        self._series["store_circuit_open"].set(to=0)

    def batch(self, result: BatchResult, timestamps_ms: Sequence[int], seconds: float) -> None:
        """Tell of a committed batch, its records' timestamps and how long it took."""
        tallies, series = result.tallies, self._series
        dead, skipped = len(result.dead_letters), sum(tallies.skipped.values())
        series["events_total"].add("processed", by=tallies.events - dead - skipped)
        series["events_total"].add("dead", by=dead)
        series["events_total"].add("skipped", by=skipped)
        for kind, outputs in result.outputs.items():
            series["outputs_total"].add(kind, by=len(outputs))
        for letter in result.dead_letters:
            series["dead_letters_total"].add(letter.reason)
        for skip, times in tallies.skipped.items():
            series["skips_total"].add(self._kinds.of(skip), by=times)
        for reason, times in tallies.decisions.items():
            series["decisions_total"].add(reason, by=times)
        for code, times in tallies.warnings.items():
            series["warnings_total"].add(code, by=times)
        series["identity_conflicts_total"].add(by=tallies.identity_conflicts)
        self._buckets["event_age_seconds"].observe_ages(timestamps_ms, int(self._unix_clock() * 1000), 1000)
        self._buckets["batch_duration_seconds"].observe(seconds)
        self._buckets["batch_events"].observe(tallies.events)

    def transaction(self, outcome: TransactionOutcome) -> None:
        """Tell how a transaction ended."""
        self._series["transactions_total"].add(outcome)

    def lane(self, partition: int, step: LaneStep) -> None:
        """Tell which step a partition's lane has reached."""
        before = self._steps.get(partition)
        if before is not None:
            self._series["lanes"].add(before, by=-1)
        self._steps[partition] = step
        self._series["lanes"].add(step)

    def lag(self, partition: int, records: int) -> None:
        """Tell how many records of a partition are still to be read."""
        self._series["lag_records"].set(str(partition), to=records)

    def lane_gone(self, partition: int) -> None:
        """Tell that the partition is not at hand any longer."""
        step = self._steps.pop(partition, None)
        if step is not None:
            self._series["lanes"].add(step, by=-1)
        self._series["lag_records"].drop(str(partition))

    def claimed(self, seconds: float, asked: int, cached: int) -> None:
        """Tell of a batch's claims: `asked` of the store in so many seconds, `cached` answered without it."""
        self._buckets["claim_duration_seconds"].observe(seconds)
        self._series["claims_total"].add("store", by=asked)
        self._series["claims_total"].add("cache", by=cached)

    def failed(self, kind: str) -> None:
        """Tell that the store did not answer; `kind` is one of the store's own closed list."""
        self._series["store_errors_total"].add(kind)

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        """Tell whether lanes wait for the store."""
        self._series["store_waiting"].set(to=float(waits))

    def circuit(self, opened: bool) -> None:  # noqa: FBT001 - the value itself
        """Tell whether claims are answered without the store."""
        self._series["store_circuit_open"].set(to=float(opened))

    def rebuild(self, outcome: RebuildOutcome) -> None:
        """Tell that a rebuild of the store has ended."""
        self._series["store_rebuilds_total"].add(outcome)

    def definitions(self, revision: str) -> None:
        """Tell which definitions are in force from now on."""
        self._loaded_at = self._clock()
        self._series["definitions_info"].clear()
        self._series["definitions_info"].set(revision, to=1)

    def definitions_refused(self) -> None:
        """Tell that an edit of the definitions was refused."""
        self._series["definitions_refused_total"].add()

    def handler(self, name: str, trigger: str, seconds: float) -> None:
        """Tell how long a handler took for one event; may be called from any thread."""
        self._durations.observe(seconds, name, trigger)

    def count_handlers(self, counts: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """Show these counts of handlers (`Dispatcher.counts`), asked at every scrape."""
        self._handler_counts = counts

    def exposition(self) -> bytes:
        """Return all figures in the text format that Prometheus reads, of type `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield all figures as the client library writes them out."""
        if self._loaded_at is not None:
            self._series["definitions_age_seconds"].set(to=self._clock() - self._loaded_at)
        self._count_handlers()
        for name in METRICS:
            yield (self._buckets.get(name) or self._series[name]).collect()

    def _count_handlers(self) -> None:
        for each in self._handler_counts():
            labels = (each["name"], each["trigger"])
            self._series["handler_calls_total"].set(*labels, to=each["calls"])
            self._series["handler_skips_total"].set(*labels, to=each["skipped"])
            self._series["handler_errors_total"].set(*labels, "error", to=each["errors"])
            self._series["handler_errors_total"].set(*labels, "timeout", to=each["timeouts"])


def _series(name: str, description: Description) -> Series:
    family = CounterMetricFamily if description.kind == "counter" else GaugeMetricFamily
    return Series(family, PREFIX + name, description.meaning, description.labels, description.known)
