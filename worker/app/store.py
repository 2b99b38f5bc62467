"""The store in Redis, opened with what the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec

from worker.app.watching import Watching
from worker.experiments.claims import AssignmentStore
from worker.settings import Settings
from worker.stores.redis import RedisStore
from worker.stores.redis_errors import FailureKind
from worker.stores.redis_server import fingerprint
from worker.telemetry import logs
from worker.telemetry.metrics import Metrics

_DAY_MS = 24 * 60 * 60 * 1000


@asynccontextmanager
async def redis_store(settings: Settings, watching: Watching, metrics: Metrics) -> AsyncIterator[AssignmentStore]:
    """Open the store that all workers share.

    Raises:
        StoreUnavailableError: it can't be asked now.
        StoreRefusedError: it can't keep assignments, or another pepper made its keys.
    """
    redis, subjects = settings.redis, settings.subjects
    assert subjects.pepper is not None  # noqa: S101 - the command asks for it
    store = await RedisStore.connect(
        redis.url.get_secret_value(),
        prefix=redis.key_prefix,
        pepper=fingerprint(subjects.pepper.get_secret_value().encode()),
        ttl_ms=redis.ttl_days * _DAY_MS,
        link_ttl_ms=subjects.link_days * _DAY_MS,
        timeout_ms=redis.timeout_ms,
        cache_records=redis.cache_records,
        telemetry=_Telemetry(watching, metrics),
    )
    async with aclosing(store):
        yield store


class _Telemetry(msgspec.Struct, frozen=True):
    """What the store tells, passed on."""

    watching: Watching
    metrics: Metrics

    def claimed(self, seconds: float, asked: int, cached: int) -> None:
        self.metrics.claimed(seconds, asked, cached)

    def failed(self, kind: FailureKind) -> None:
        self.metrics.failed(kind)

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        self.watching.store_waiting(waits)

    def epoch_changed(self) -> None:
        logs.error("store_lost")
