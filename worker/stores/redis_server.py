"""The server behind the store: asked until it answers, and looked at before it is trusted."""

from __future__ import annotations

import asyncio
import hmac
import random
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from redis.exceptions import RedisError

from worker.stores.redis_client import Call, Client, Command, Script
from worker.stores.redis_errors import FailureKind, StoreRefusedError, explained, kind_of, refusal
from worker.stores.redis_records import Layout
from worker.stores.redis_urls import is_cluster

_Found = TypeVar("_Found")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_OLDEST_VERSION = (6, 2)


class StoreTelemetry(Protocol):
    """Told of the store's life."""

    def claimed(self, seconds: float, asked: int, cached: int) -> None:
        """Note a batch: so many proposals were asked of the store, so many answered without it."""
        ...

    def failed(self, kind: FailureKind) -> None:
        """Note that a call failed."""
        ...

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        """Note that calls wait for the store, or that none does any more."""
        ...

    def lost(self, since_ms: int) -> None:
        """Note that the store lost its data, or what was written from that moment on (ms since the epoch; 0: all)."""
        ...

    def rebuilding(self) -> None:
        """Note that this worker, and nobody else, begins to rebuild the store or a part of it."""
        ...

    def rebuilt(self, entries: int, seconds: float) -> None:
        """Note that the store is whole again, from so many entries."""
        ...

    def rebuild_failed(self, reason: str) -> None:
        """Note that a rebuild could not be done; it is tried again."""
        ...


class Untold:
    """A `StoreTelemetry` that forgets what it is told."""

    def claimed(self, seconds: float, asked: int, cached: int) -> None:
        """Forget it."""

    def failed(self, kind: FailureKind) -> None:
        """Forget it."""

    def waiting(self, waits: bool) -> None:  # noqa: FBT001 - the value itself
        """Forget it."""

    def lost(self, since_ms: int) -> None:
        """Forget it."""

    def rebuilding(self) -> None:
        """Forget it."""

    def rebuilt(self, entries: int, seconds: float) -> None:
        """Forget it."""

    def rebuild_failed(self, reason: str) -> None:
        """Forget it."""


class Patience:
    """Repeats calls while waiting may help: with pauses of 50 ms to 2 s, until they succeed or are cancelled."""

    def __init__(self, url: str, telemetry: StoreTelemetry) -> None:
        self._url = url
        self._telemetry = telemetry
        self._waiting = 0

    async def until_answered(self, call: Callable[[], Awaitable[_Found]]) -> _Found:
        """Return what the call returns.

        Raises:
            StoreRefusedError: waiting would not help.
        """
        try:
            return await self._try(call)
        except _WaitError:
            with self.waiting():
                return await self._retry(call)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Tell that somebody waits for the store within the block."""
        self._note(+1)
        try:
            yield
        finally:
            self._note(-1)

    async def _retry(self, call: Callable[[], Awaitable[_Found]]) -> _Found:
        pause = _FIRST_PAUSE
        while True:
            # Workers that lost the same server must not all come back in the same moment.
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                return await self._try(call)
            except _WaitError:
                continue

    async def _try(self, call: Callable[[], Awaitable[_Found]]) -> _Found:
        try:
            return await call()
        except (RedisError, OSError) as error:
            kind = kind_of(error)
            self._telemetry.failed(kind)
            if kind == "refused":
                raise refusal(error, self._url) from error
            raise _WaitError from error

    def _note(self, change: int) -> None:
        before, self._waiting = self._waiting, self._waiting + change
        if bool(before) != bool(self._waiting):
            self._telemetry.waiting(bool(self._waiting))


class _WaitError(Exception):
    """A call failed in a way that passes."""


def fingerprint(pepper: bytes) -> str:
    """Return what tells peppers apart and tells nothing about them."""
    return hmac.digest(pepper, b"experiment-worker pepper fingerprint", "sha256").hex()[:16]


class PatientCalls:
    """Sends commands to a client's servers, however long they are away.

    Every method raises StoreRefusedError: waiting would not help.
    """

    def __init__(self, client: Client, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands, each to the server of its first key, and return their answers in order."""
        return await self._patience.until_answered(lambda: self._client.call_all(commands))

    async def run_all(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script with each of these keys and arguments and return its answers in order."""
        return await self._patience.until_answered(lambda: self._client.run_all(script, calls))


async def check(client: Client) -> None:
    """Look whether the servers can keep assignments: primaries that never drop a key.

    Raises:
        StoreUnavailableError: they can't be asked now.
        StoreRefusedError: they can't.
    """
    for server, found in (await facts(client)).items():
        check_facts(found, server, clustered=is_cluster(client.url))


async def facts(client: Client) -> dict[str, dict[str, str]]:
    """Return what the servers tell about themselves (INFO), each by its name.

    Raises:
        StoreUnavailableError: they can't be asked now; StoreRefusedError: one refuses.
    """
    with explained(client.url):
        return {server: _parse(found) for server, found in (await client.ask_servers("INFO")).items()}


def check_facts(found: Mapping[str, str], server: str, *, clustered: bool) -> None:
    """Look whether a server that tells this of itself can keep assignments.

    Raises:
        StoreRefusedError: it can't.
    """
    where = f"redis.url: {server}: found" if clustered else "redis.url: found"
    version = tuple(int(part) for part in found["redis_version"].split(".")[:2])
    if version < _OLDEST_VERSION:
        raise StoreRefusedError(f"{where} Redis {found['redis_version']}, expected 6.2 or later")
    if not clustered and found.get("cluster_enabled") == "1":
        raise StoreRefusedError(f"{where} a node of a Redis Cluster, expected redis+cluster:// with some of its nodes")
    if found.get("role") != "master":
        raise StoreRefusedError(f"{where} a replica (role:slave), expected the primary")
    _check_policy(where, found["maxmemory_policy"])


def _check_policy(where: str, policy: str) -> None:
    """Refuse `volatile-*` as well: every record has a ttl, and one that is dropped reassigns its subject silently."""
    if policy != "noeviction":
        raise StoreRefusedError(
            f"{where} maxmemory-policy {policy}, expected noeviction: any other may drop assignments when "
            "memory is short, and nobody would notice. Set it with CONFIG SET maxmemory-policy noeviction"
        )


def _parse(info: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in info.decode(errors="replace").splitlines()]
    return {name: value for name, colon, value in lines if colon}


async def check_pepper(client: Client, layout: Layout, pepper: str) -> None:
    """Look whether the store's keys were made with the pepper of that fingerprint; a new store takes it.

    Raises:
        StoreUnavailableError: it can't be asked now.
        StoreRefusedError: they were made with another one.
    """
    with explained(client.url):
        await client.call_all([("HSETNX", layout.meta(bucket), "pepper", pepper) for bucket in range(layout.buckets)])
    check_fingerprint(layout, await stored_peppers(client, layout), pepper)


async def stored_peppers(client: Client, layout: Layout) -> set[str]:
    """Return the fingerprints of the peppers that made the store's keys: one, or none for a store without keys.

    Raises:
        StoreUnavailableError: it can't be asked now; StoreRefusedError: it refuses.
    """
    commands: list[Command] = [("HGET", layout.meta(bucket), "pepper") for bucket in range(layout.buckets)]
    with explained(client.url):
        found = await client.call_all(commands)
    return {each.decode() for each in found if each is not None}


def check_fingerprint(layout: Layout, found: Collection[str], expected: str) -> None:
    """Compare the fingerprints of the peppers that made the store's keys.

    Raises:
        StoreRefusedError: one is another one.
    """
    for other in sorted({*found} - {expected}):
        raise StoreRefusedError(
            f"subjects.pepper: the store's keys were made with another pepper (fingerprint found {other}, expected"
            f" {expected}). Set that pepper, or another redis.key_prefix than {layout.prefix} for a store of its own"
        )
