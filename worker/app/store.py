"""What workers keep in Redis, opened with what the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import msgspec

from worker.app.redis_access import fingerprint_of, layout_of
from worker.app.truth import PublishedAssignments
from worker.app.watching import Watching
from worker.experiments.claims import AssignmentStore
from worker.formats.fields import rfc3339
from worker.settings import Settings
from worker.stores.memory_trials import MemoryTrials
from worker.stores.outages import CircuitBreaker
from worker.stores.redis import RedisStore
from worker.stores.redis_errors import FailureKind, StoreUnavailableError
from worker.stores.redis_trials import RedisTrials
from worker.streams.kafka.trials import Trials
from worker.telemetry import logs
from worker.telemetry.metrics import Metrics

_PATIENCE = 2  # calls that may time out before the hash answers


@asynccontextmanager
async def redis_store(settings: Settings, watching: Watching, metrics: Metrics) -> AsyncIterator[AssignmentStore]:
    """Open the store that all workers share.

    Raises:
        StoreUnavailableError: it can't be asked now.
        StoreRefusedError: it can't keep assignments, or another pepper made its keys.
    """
    redis, layout = settings.redis, layout_of(settings)
    store = RedisStore.of(
        redis.url.get_secret_value(),
        prefix=redis.key_prefix,
        pepper=fingerprint_of(settings),
        ttl_ms=layout.ttl_ms,
        link_ttl_ms=layout.link_ttl_ms,
        timeout_ms=redis.timeout_ms,
        cache_records=redis.cache_records,
        truth=PublishedAssignments(settings),
        telemetry=_Telemetry(watching, metrics, lanes_wait=redis.on_outage == "wait"),
    )
    async with aclosing(store):
        if redis.on_outage == "wait":
            await store.check()
            await store.answers()
            yield store
            return
        breaker = CircuitBreaker(store, _PATIENCE * redis.timeout_ms / 1000, _told(metrics))
        async with aclosing(breaker):
            await _begin(store, breaker, _PATIENCE * redis.timeout_ms / 1000)
            yield breaker


async def _begin(store: RedisStore, breaker: CircuitBreaker, seconds: float) -> None:
    """Ask the store once; one that is away, or must be rebuilt, is no reason to wait."""
    try:
        await store.check()
        async with asyncio.timeout(seconds):
            await store.answers()
    except (StoreUnavailableError, TimeoutError):
        breaker.open()


@asynccontextmanager
async def redis_trials(settings: Settings, watching: Watching, metrics: Metrics) -> AsyncIterator[Trials]:
    """Open what counts the deaths of all workers."""
    redis = settings.redis
    trials = RedisTrials(
        redis.url.get_secret_value(),
        prefix=redis.key_prefix,
        timeout_ms=redis.timeout_ms,
        telemetry=_Telemetry(watching, metrics, lanes_wait=redis.on_outage == "wait"),
        patient=redis.on_outage == "wait",
    )
    async with aclosing(trials):
        yield trials


@asynccontextmanager
async def memory_trials(_settings: Settings, _watching: Watching, _metrics: Metrics) -> AsyncIterator[Trials]:
    """Count no deaths: nothing of it outlives the process."""
    yield MemoryTrials()


class _Telemetry(msgspec.Struct, frozen=True):
    """What the store tells, passed on."""

    watching: Watching
    metrics: Metrics
    lanes_wait: bool

    def claimed(self, seconds: float, asked: int, cached: int) -> None:
        self.metrics.claimed(seconds, asked, cached)

    def failed(self, kind: FailureKind) -> None:
        self.metrics.failed(kind)

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        if self.lanes_wait:
            self.watching.store_waiting(waits)

    def lost(self, since_ms: int) -> None:
        logs.error("store_lost", since=rfc3339(since_ms) if since_ms else None)

    def rebuilding(self) -> None:
        logs.info("store_rebuild_begun")

    def rebuilt(self, entries: int, seconds: float) -> None:
        self.metrics.rebuild("done")
        logs.info("store_rebuilt", entries=entries, seconds=round(seconds, 2))

    def rebuild_failed(self, reason: str) -> None:
        self.metrics.rebuild("failed")
        logs.warning("store_rebuild_failed", reason=reason)


def _told(metrics: Metrics) -> Callable[[bool], None]:
    """Return who is told whether claims are answered without the store."""

    def told(opened: bool) -> None:  # noqa: FBT001 - the value itself
        metrics.circuit(opened)
        if opened:
            logs.warning("store_circuit_open")
        else:
            logs.info("store_circuit_closed")

    return told
