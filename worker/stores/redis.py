"""Sticky assignments in Redis: one round trip per batch, the first writer wins.

Effects in Redis can't be aborted, so a claim is idempotent: asked again after a crash, a retry or an unclear time-out
it answers the same. A claim is never taken back because a transaction failed: somebody may have read it.

`<prefix>:s:<subject>` is a hash per subject, one field per experiment, with a ttl that every use refreshes; the subject
is the HMAC that records carry in hex, no identifier is ever part of a key. `<prefix>:meta` holds the store's epoch, its
generation and the fingerprint of the pepper. In a Cluster the store is in 64 buckets, each with a `meta` of its own,
and a batch may take up to three round trips (`redis_bucket_claims`).

What was published is confirmed by the next claim, in its own round trip. Until then, and if the confirmation is lost,
the record is offered again, and publishing twice does no harm.

A store that has lost its data, or a part of it, answers nothing: claims wait until it is rebuilt (`redis_rebuild`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import islice
from typing import Self

import msgspec
from redis.exceptions import RedisError

from worker.experiments.claims import Claim, Proposal, Published
from worker.stores.claim_cache import ClaimCache
from worker.stores.redis_bucket_claims import BucketClaims
from worker.stores.redis_claims import Claiming, ScriptClaims
from worker.stores.redis_client import Client
from worker.stores.redis_cluster import client_of
from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
from worker.stores.redis_rebuild import Rebuilder
from worker.stores.redis_records import Answer, Layout, layout_at
from worker.stores.redis_server import Patience, PatientCalls, StoreTelemetry, check, check_pepper
from worker.stores.truth import Truth

_CACHE_SECONDS = 60.0
_CONFIRMS_A_CALL = 5000  # after an outage many wait: one script must not hold up the others for long


class RedisStore:
    """An `AssignmentStore` that all workers share: `async with aclosing(await RedisStore.connect(...)) as store`."""

    def __init__(
        self,
        client: Client,
        layout: Layout,
        pepper: str,
        *,
        truth: Truth,
        cache: ClaimCache,
        telemetry: StoreTelemetry,
        clock: Callable[[], float],
        confirm_within: float,
    ) -> None:
        self._client = client
        self._layout = layout
        self._pepper = pepper
        self._cache = cache
        self._telemetry = telemetry
        self._clock = clock
        self._patience = Patience(client.url, telemetry)
        self._claims: Claiming = (ScriptClaims if layout.buckets == 1 else BucketClaims)(client, layout)
        self._rebuilder = Rebuilder(PatientCalls(client, self._patience), layout, pepper, truth, telemetry)
        self._checked = False
        self._unsent: dict[Published, None] = {}
        self._confirmed = asyncio.Event()
        self._flusher = asyncio.create_task(self._flush_idle(confirm_within))

    @classmethod
    def of(
        cls,
        url: str,
        *,
        prefix: str,
        pepper: str,
        ttl_ms: int,
        link_ttl_ms: int,
        timeout_ms: int,
        cache_records: int,
        truth: Truth,
        telemetry: StoreTelemetry,
        clock: Callable[[], float] = time.monotonic,
        confirm_within: float = 1.0,
    ) -> Self:
        """Return the store; nothing is asked of the server yet.

        `pepper` is the pepper's `fingerprint`. Records live `ttl_ms` unused, those of link identifiers `link_ttl_ms`; a
        call to the server may take `timeout_ms`. `truth` is what a store that lost its data is rebuilt from. The cache
        keeps at most `cache_records` answers; 0 turns it off. What no claim confirms within `confirm_within` seconds is
        confirmed by a call of its own.

        Raises:
            StoreRefusedError: the url is none of Redis's.
        """
        # Redis refreshes a record's ttl when it is asked: the cache must not keep it from that for long.
        seconds = min(_CACHE_SECONDS, ttl_ms / 10_000, link_ttl_ms / 10_000)
        layout = layout_at(url, prefix, ttl_ms, link_ttl_ms)
        return cls(
            client_of(url, timeout_ms / 1000),
            layout,
            pepper,
            truth=truth,
            cache=ClaimCache(layout, cache_records, seconds, clock),
            telemetry=telemetry,
            clock=clock,
            confirm_within=confirm_within,
        )

    async def check(self) -> None:
        """Look whether the server can keep this store.

        Raises:
            StoreUnavailableError: the server can't be asked now.
            StoreRefusedError: it can't keep assignments, or was filled with another pepper.
        """
        await check(self._client)
        await check_pepper(self._client, self._layout, self._pepper)
        self._checked = True

    async def answers(self) -> None:
        """Return when the store is there and whole, however long that takes.

        Raises:
            StoreRefusedError: waiting won't help.
        """
        while not self._checked:
            try:
                await self.check()
            except StoreUnavailableError:
                await self._rebuilder.states()  # which waits until the server answers
        await self._rebuilder.whole()
        await self._ask((), ())

    async def aclose(self) -> None:
        """Confirm what was published, if the server answers at once, and close the connections."""
        self._flusher.cancel()
        await asyncio.wait([self._flusher])
        await self._rebuilder.aclose()
        with suppress(RedisError, OSError):
            while self._unsent:
                await self._send((), self._take(), ())
        await self._client.aclose()

    async def claim(self, proposals: Sequence[Proposal]) -> list[Claim]:
        """Answer every proposal in order, however long the store is away.

        Raises:
            StoreRefusedError: the store refuses in a way that waiting won't mend.
        """
        if not proposals:
            return []
        started = self._clock()
        remembered = self._cache.look(proposals)
        found = remembered.claims
        asked = [proposal for proposal, claim in zip(proposals, found, strict=True) if claim is None]
        answer = await self._ask(asked, remembered.stamps.keys())
        if not remembered.stands(answer):
            asked, found = list(proposals), [None] * len(proposals)
            answer = await self._ask(asked, ())
        self._telemetry.claimed(self._clock() - started, len(asked), len(proposals) - len(asked))
        answers = iter(answer.claims)
        return [next(answers) if claim is None else claim for claim in found]

    def confirm(self, published: Sequence[Published]) -> None:
        """Have the next claim mark these records as published; without one they are marked within about a second."""
        self._unsent.update(dict.fromkeys(published))
        if self._unsent:
            self._confirmed.set()

    async def _ask(self, proposals: Sequence[Proposal], buckets: Collection[int]) -> Answer:
        """Ask the store, confirm what waits for it, and keep what it answered; the stamps of these buckets too."""
        confirms = self._take()
        try:
            answer = await self._answer(proposals, confirms, buckets)
        except BaseException:  # also when cancelled: nobody else knows that they were published
            self._unsent = dict.fromkeys(confirms) | self._unsent
            self._confirmed.set()
            raise
        self._cache.keep(proposals, answer)
        return answer

    async def _answer(
        self, proposals: Sequence[Proposal], confirms: Sequence[Published], buckets: Collection[int]
    ) -> Answer:
        """Return what the store answers once it is whole."""
        while True:
            answer = await self._patience.until_answered(lambda: self._send(proposals, confirms, buckets))
            if answer.is_whole:
                return answer
            with self._patience.waiting():
                await self._rebuilder.whole()

    def _take(self) -> list[Published]:
        taken = list(islice(self._unsent, _CONFIRMS_A_CALL))
        for entry in taken:
            del self._unsent[entry]
        return taken

    async def _send(
        self, proposals: Sequence[Proposal], confirms: Sequence[Published], buckets: Collection[int]
    ) -> Answer:
        try:
            return await self._claims.ask(proposals, confirms, buckets)
        except msgspec.DecodeError as error:
            found = f"redis.key_prefix {self._layout.prefix}: found records of another kind ({error})"
            raise StoreRefusedError(f"{found}, expected the worker's own") from error

    async def _flush_idle(self, seconds: float) -> None:
        while True:
            await self._confirmed.wait()
            await asyncio.sleep(seconds)
            self._confirmed.clear()
            with suppress(StoreRefusedError):  # the next claim is refused as well and stops the worker with the message
                while self._unsent:
                    await self._ask((), ())
