"""Making the store in Redis whole again from what was published.

A bucket without an epoch has lost everything; one whose epoch was written on another server (it started anew from a
snapshot, or a replica took over) has lost what came after its heartbeat, the last moment that it was asked. No script
answers for such a bucket. One worker rebuilds it, the others wait:

1. It takes the bucket's lock, a key with a ttl that dies with its holder, and with everything else if the server is
   flushed.
2. It waits until no claim that somebody still holds from before can be published.
3. It deletes the subjects that were erased on request meanwhile, and writes what was published: all of it, or from a
   minute before the heartbeat on, as clocks differ. Every write is a script that looks whether the lock is still its
   holder's and the server the same; the highest version of a record wins.
4. It writes a new epoch, which makes the others go on and forget what they remember, and gives the lock back.

Whoever loses the lock on the way starts over. All buckets that one worker finds broken, and whose locks it gets, are
rebuilt with one reading.

A bucket that a Cluster has moved to another node has lost nothing. That is certain where both servers can be shown to
have gone on all the while: the one before still serves another bucket under its epoch, and so does this one, since
before the bucket was last asked there.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import msgspec

from worker.stores.redis_client import Call, Script
from worker.stores.redis_records import Layout, confirmed
from worker.stores.redis_server import PatientCalls, StoreTelemetry, check_fingerprint
from worker.stores.truth import Entry, Truth, TruthUnavailableError

LOCK_MS = 10_000
CLOCKS_DIFFER_MS = 60_000
_STATE = Script("state.lua")
_REBUILD = Script("bucket.lua", "rebuild.lua")
_LOOK_AGAIN_SECONDS = 0.25
_ENTRIES_A_CALL = 1000
_RELEASE_SECONDS = 1.0
_LOST = -1
_OWN_KEYS, _OWN_ARGUMENTS = 2, 5  # of the script come first, and it counts from 1

_Step = Literal["keep", "write", "erase", "finish", "release"]
_encode = msgspec.msgpack.Encoder().encode


class LockLostError(Exception):
    """Somebody else holds the lock, or the server lost it."""


class State(msgspec.Struct, frozen=True):
    """What a bucket says of itself, and the run id of the server it is on; times in ms since the epoch."""

    bucket: int
    epoch: str | None
    run_id: str | None
    heartbeat_ms: int
    since_ms: int
    server: str

    @property
    def whole(self) -> bool:
        """Tell whether it may be asked."""
        return self.epoch is not None and self.run_id == self.server

    @property
    def lost_since_ms(self) -> int:
        """From which moment on it may lack records."""
        return 0 if self.epoch is None else max(0, self.heartbeat_ms - CLOCKS_DIFFER_MS)

    def was_moved(self, others: Iterable[State]) -> bool:
        """Tell whether other buckets show that it was moved from a server that goes on to one that went on."""
        if self.epoch is None:
            return False
        whole = [other for other in others if other.whole]
        from_there = any(other.server == self.run_id for other in whole)
        return from_there and any(
            other.server == self.server and other.since_ms <= self.lost_since_ms for other in whole
        )


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild came to: entries read, records changed, records erased, seconds."""

    entries: int
    changed: int
    erased: int
    seconds: float


class Rebuilder:
    """Looks whether a store is whole, and makes it so. `pepper` is the pepper's fingerprint."""

    def __init__(
        self, calls: PatientCalls, layout: Layout, pepper: str, truth: Truth, telemetry: StoreTelemetry
    ) -> None:
        self._calls = calls
        self._layout = layout
        self._pepper = pepper
        self._truth = truth
        self._telemetry = telemetry
        self._task: asyncio.Task[None] | None = None
        self._was_whole = False

    async def whole(self) -> None:
        """Return when the store is whole; who is cancelled meanwhile does not stop the others' rebuild."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._until_whole(), name="rebuild the store")
        await asyncio.shield(self._task)

    async def aclose(self) -> None:
        """Stop rebuilding; locks are given back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def states(self) -> list[State]:
        """Ask the buckets what they are.

        Raises:
            StoreRefusedError: the keys of one were made with another pepper.
        """
        buckets = range(self._layout.buckets)
        answers = await self._calls.run_all(_STATE, [([self._layout.meta(bucket)], ()) for bucket in buckets])
        states = []
        for bucket, (epoch, run_id, heartbeat, since, pepper, server) in zip(buckets, answers, strict=True):
            if pepper is not None:
                check_fingerprint(self._layout, [pepper.decode()], self._pepper)
            times = int(heartbeat or 0), int(since or 0)
            states.append(State(bucket, _text(epoch), _text(run_id), *times, server.decode()))
        return states

    async def rebuild(self, states: Sequence[State], since_ms: int, *, partly: bool = True) -> Rebuilt | None:
        """Write into these buckets what was published from that moment on.

        Buckets that somebody else is at are left out; None if that is all of them, or one where not `partly`.

        Raises:
            TruthUnavailableError: it can't be read.
            LockLostError: a server lost the lock, and perhaps more.
        """
        started, locks = time.monotonic(), _Locks(self._calls, self._layout)
        if not await locks.acquire(states, partly=partly):
            return None
        self._telemetry.rebuilding()
        async with locks.kept():
            await self._truth.settled()
            erased = 0
            for subjects in _chunks(await self._truth.erased(since_ms)):
                erased += await self._erase(locks, subjects)
            entries = changed = 0
            async for found in self._truth.entries(since_ms):
                entries += len(found)
                for chunk in _chunks(found):
                    changed += await self._write(locks, chunk)
            await self._finish(locks)
        return Rebuilt(entries, changed, erased, time.monotonic() - started)

    async def _erase(self, locks: _Locks, subjects: Sequence[str]) -> int:
        work: dict[int, _Work] = defaultdict(_Work)
        for subject in subjects:
            work[self._bucket_of(subject)].keys.append(self._layout.key_of(subject))
        return await locks.step("erase", work)

    async def _write(self, locks: _Locks, entries: Sequence[Entry]) -> int:
        by_bucket: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_bucket[self._bucket_of(entry.subject)].append(entry)
        return await locks.step("write", {bucket: self._writing(found) for bucket, found in by_bucket.items()})

    def _writing(self, entries: Sequence[Entry]) -> _Work:
        layout, places, ttls = self._layout, dict[str, int](), list[int]()
        rows, values = list[tuple[int, str, int, int | None]](), list[bytes]()
        for entry in entries:
            key = layout.key_of(entry.subject)
            place = places.get(key)
            if place is None:
                place = places[key] = len(places) + _OWN_KEYS + 1
                ttls.append(0)
            if entry.subject_type is not None:
                ttls[place - _OWN_KEYS - 1] = layout.ttl_of(entry.subject_type)
            if entry.assignment is None:
                rows.append((place, entry.experiment_id, 0, None))
            else:
                values.append(confirmed(entry.assignment))  # msgpack in Redis knows no bytes
                rows.append((place, entry.experiment_id, entry.assignment.version, _OWN_ARGUMENTS + len(values)))
        return _Work(list(places), (rows, ttls), values)

    async def _finish(self, locks: _Locks) -> None:
        await locks.step("finish", {bucket: _Work([], (uuid.uuid4().hex, self._pepper)) for bucket in locks.held})

    def _bucket_of(self, subject: str) -> int:
        return self._layout.bucket_of(bytes.fromhex(subject))

    async def _until_whole(self) -> None:
        told = False
        while broken := _broken(states := await self.states()):
            moved = [state for state in broken if state.was_moved(states)]
            lost = [state for state in broken if state not in moved]
            if not told and lost and (self._was_whole or any(state.epoch is not None for state in lost)):
                told = True  # a new store has lost nothing
                self._telemetry.lost(min(state.lost_since_ms for state in lost))
            try:
                done = await self._adopt(moved) if moved else await self._try(lost)
            except TruthUnavailableError as error:
                self._telemetry.rebuild_failed(str(error))
                done = False
            except LockLostError:
                continue
            if not done:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        self._was_whole = True

    async def _adopt(self, moved: Sequence[State]) -> bool:
        """Give buckets that were moved an epoch of the server they are on; False if others are at it."""
        locks = _Locks(self._calls, self._layout)
        if not await locks.acquire(moved):
            return False
        async with locks.kept():
            await self._finish(locks)
        return True

    async def _try(self, lost: Sequence[State]) -> bool:
        """Rebuild; False if others are at it."""
        done = await self.rebuild(lost, min(state.lost_since_ms for state in lost))
        if done is None:
            return False
        self._telemetry.rebuilt(done.entries, done.seconds)
        return True


def _broken(states: Iterable[State]) -> list[State]:
    return [state for state in states if not state.whole]


class _Work(msgspec.Struct):
    """What a step does in a bucket: keys, an argument for msgpack, values."""

    keys: list[str] = []
    argument: object = None
    values: Sequence[bytes] = ()


class _Locks:
    """The right to rebuild buckets, as long as they and their servers say so."""

    def __init__(self, calls: PatientCalls, layout: Layout) -> None:
        self._calls = calls
        self._layout = layout
        self._token = uuid.uuid4().hex
        self.held: dict[int, str] = {}

    async def acquire(self, states: Sequence[State], *, partly: bool = True) -> bool:
        """Take what can be had, or all or none, and tell whether that is any.

        A bucket can't be had that somebody else has made whole since.
        """
        sets = [("SET", self._layout.lock(each.bucket), self._token, "NX", "PX", LOCK_MS) for each in states]
        had = await self._calls.call_all(sets)
        held = [state for state, is_had in zip(states, had, strict=True) if is_had]
        self.held = {state.bucket: state.server for state in held}
        epochs = await self._calls.call_all([("HGET", self._layout.meta(each.bucket), "epoch") for each in held])
        kept = {state.bucket for state, epoch in zip(held, epochs, strict=True) if _text(epoch) == state.epoch}
        if not partly and len(kept) < len(states):
            kept = set()
        await self._release(self.held.keys() - kept)
        return bool(self.held)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Hold them for the time of the block, and give them back if the block fails."""
        keeper = asyncio.create_task(self._keep(), name="keep the lock")
        try:
            yield
        except BaseException:
            with suppress(LockLostError, TimeoutError):
                await asyncio.wait_for(self._release({*self.held}), _RELEASE_SECONDS)
            raise
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def step(self, step: _Step, work: Mapping[int, _Work]) -> int:
        """Do a step in those of the buckets that are held, and return how many records it changed.

        Raises:
            LockLostError: one is not held any more.
        """
        calls = [self._call(bucket, step, work[bucket]) for bucket in work if bucket in self.held]
        changed = await self._calls.run_all(_REBUILD, calls) if calls else []
        if _LOST in changed:
            raise LockLostError
        return sum(changed)

    def _call(self, bucket: int, step: _Step, work: _Work) -> Call:
        keys = [self._layout.meta(bucket), self._layout.lock(bucket), *work.keys]
        return keys, (self._token, self.held[bucket], LOCK_MS, step, _encode(work.argument), *work.values)

    async def _release(self, buckets: set[int]) -> None:
        await self.step("release", {bucket: _Work() for bucket in buckets})
        for bucket in buckets:
            del self.held[bucket]

    async def _keep(self) -> None:
        with suppress(LockLostError):  # the next step says so
            while True:
                await asyncio.sleep(LOCK_MS / 3000)
                await self.step("keep", {bucket: _Work() for bucket in self.held})


def _chunks(found: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (found[at : at + _ENTRIES_A_CALL] for at in range(0, len(found), _ENTRIES_A_CALL))


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode()
