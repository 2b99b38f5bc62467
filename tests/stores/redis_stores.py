"""Redis stores for tests: a key prefix of their own, figures that can be looked at, short pauses."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from tests.experiments_factory import new_experiment, new_proposal
from worker.experiments.claims import Claim, Held, Published
from worker.stores import redis_records
from worker.stores.redis import RedisStore
from worker.stores.redis_records import Layout
from worker.stores.redis_server import fingerprint
from worker.stores.truth import NothingPublished

DAY_MS = 86_400_000
USER, MAIL, PHONE, DEVICE = "user:auth0|1", "identifier:ada@b.no", "identifier:+471", "device:d-1"
ALL = new_experiment({"a": 50, "b": 50, "c": 0})


class Telemetry:
    """Keeps what the store tells; `failed_once` is set with the first failure, `failed_again` with the third."""

    def __init__(self) -> None:
        self.claims: list[tuple[int, int]] = []
        self.failures: list[str] = []
        self.waits: list[bool] = []
        self.losses: list[int] = []
        self.rebuilds_begun = 0
        self.rebuilt_from: list[int] = []
        self.rebuild_failures: list[str] = []
        self.failed_once = asyncio.Event()
        self.failed_again = asyncio.Event()

    def claimed(self, seconds: float, asked: int, cached: int) -> None:
        assert seconds >= 0
        self.claims.append((asked, cached))

    def failed(self, kind: str) -> None:
        self.failures.append(kind)
        self.failed_once.set()
        if len(self.failures) == 3:
            self.failed_again.set()

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the store's own signature
        self.waits.append(waits)

    def lost(self, since_ms: int) -> None:
        self.losses.append(since_ms)

    def rebuilding(self) -> None:
        self.rebuilds_begun += 1

    def rebuilt(self, entries: int, seconds: float) -> None:
        assert seconds >= 0
        self.rebuilt_from.append(entries)

    def rebuild_failed(self, reason: str) -> None:
        self.rebuild_failures.append(reason)


def new_prefix() -> str:
    return f"test-{uuid.uuid4().hex}"


def layout_at(url: str, prefix: str) -> Layout:
    """Where `connect` keeps what it is told."""
    return redis_records.layout_at(url, prefix, 400 * DAY_MS, 30 * DAY_MS)


async def connect(url: str, **overrides: Any) -> RedisStore:
    """Open a store; without a `prefix` it is empty, with another's it is another worker's of the same store."""
    defaults = {
        "prefix": new_prefix(),
        "pepper": fingerprint(b"pepper"),
        "ttl_ms": 400 * DAY_MS,
        "link_ttl_ms": 30 * DAY_MS,
        "timeout_ms": 5000,
        "cache_records": 1000,
        "telemetry": Telemetry(),
        "truth": NothingPublished(),
        "confirm_within": 60.0,
    }
    store = RedisStore.of(url, **{**defaults, **overrides})
    try:
        await store.check()
        await store.answers()
    except BaseException:
        await store.aclose()
        raise
    return store


async def claim(store: RedisStore, id_: str, *names: str, draw: str | None = "a", **options: Any) -> Claim:
    """Claim for the event `id_` of the subjects of those names."""
    (found,) = await store.claim([new_proposal(id_, *names, draw=draw, experiment=options.pop("of", ALL), **options)])
    return found


async def hold(store: RedisStore, id_: str, *names: str, draw: str | None = "a", **options: Any) -> Held:
    """The same, where something must be held."""
    found = await claim(store, id_, *names, draw=draw, **options)
    assert isinstance(found, Held)
    return found


async def hold_confirmed(store: RedisStore, id_: str, *names: str, draw: str | None = "a", **options: Any) -> Held:
    """The same, and confirm what is offered."""
    held = await hold(store, id_, *names, draw=draw, **options)
    store.confirm([Published(None, ALL.id, subject, held.assignment.version) for subject in held.unconfirmed])
    return held
