"""Making the store in Redis whole again from what was published.

A store without an epoch has lost everything; one whose epoch was written on another server (it started anew from a
snapshot, or a replica took over) has lost what came after its heartbeat, the last moment that it was asked. The claim
script answers neither. One worker rebuilds, the others wait:

1. It takes the lock, a key with a ttl that dies with its holder, and with everything else if the server is flushed.
2. It waits until no claim that somebody still holds from before can be published.
3. It deletes the subjects that were erased on request meanwhile, and writes what was published: all of it, or from a
   minute before the heartbeat on, as clocks differ. Every write is a script that looks whether the lock is still its
   holder's and the server the same; the highest version of a record wins.
4. It writes a new epoch, which makes the others go on and forget what they remember, and gives the lock back.

Whoever loses the lock on the way starts over.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
from redis.exceptions import NoScriptError

from worker.stores.redis_records import Layout, confirmed
from worker.stores.redis_server import StoreTelemetry, check_fingerprint
from worker.stores.truth import Entry, Truth, TruthUnavailableError

LOCK_MS = 10_000
CLOCKS_DIFFER_MS = 60_000
_SCRIPT = Path(__file__).with_name("rebuild.lua").read_bytes()
_SHA = hashlib.sha1(_SCRIPT, usedforsecurity=False).hexdigest()
_LOOK_AGAIN_SECONDS = 0.25
_ENTRIES_A_CALL = 1000
_RELEASE_SECONDS = 1.0
_LOST = -1
_OWN_KEYS, _OWN_ARGUMENTS = 2, 5  # of the script come first, and it counts from 1

Call = Callable[..., Awaitable[Any]]
_Step = Literal["keep", "write", "erase", "finish", "release"]
_encode = msgspec.msgpack.Encoder().encode


class LockLostError(Exception):
    """Somebody else holds the lock, or the server lost it."""


class State(msgspec.Struct, frozen=True):
    """What the store says of itself, and the run id of the server it is on."""

    epoch: str | None
    run_id: str | None
    heartbeat_ms: int
    server: str

    @property
    def whole(self) -> bool:
        """Tell whether it may be asked."""
        return self.epoch is not None and self.run_id == self.server

    @property
    def lost_since_ms(self) -> int:
        """From which moment on it may lack records."""
        return 0 if self.epoch is None else max(0, self.heartbeat_ms - CLOCKS_DIFFER_MS)


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild came to: entries read, records changed, records erased, seconds."""

    entries: int
    changed: int
    erased: int
    seconds: float


class Rebuilder:
    """Looks whether a store is whole, and makes it so.

    `call` sends a command to the server, however long it is away. `pepper` is the pepper's fingerprint.
    """

    def __init__(self, call: Call, layout: Layout, pepper: str, truth: Truth, telemetry: StoreTelemetry) -> None:
        self._call = call
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
        """Stop rebuilding; the lock is given back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def state(self) -> State:
        """Ask the store what it is.

        Raises:
            StoreRefusedError: its keys were made with another pepper.
        """
        fields = ("epoch", "run_id", "heartbeat", "pepper")
        epoch, run_id, heartbeat, pepper = await self._call("HMGET", self._layout.meta, *fields)
        check_fingerprint(self._layout, _text(pepper), self._pepper)
        info = (await self._call("INFO", "server")).decode(errors="replace")
        server = next(line.removeprefix("run_id:") for line in info.splitlines() if line.startswith("run_id:"))
        return State(_text(epoch), _text(run_id), int(heartbeat or 0), server)

    async def rebuild(self, state: State, since_ms: int) -> Rebuilt | None:
        """Write what was published from that moment on; None if somebody else is at it.

        Raises:
            TruthUnavailableError: it can't be read.
            LockLostError: the server lost the lock, and perhaps more.
        """
        started, lock = time.monotonic(), _Lock(self._call, self._layout, state.server)
        if not await lock.acquire():
            return None
        async with lock.kept():
            await self._truth.settled()
            erased = 0
            for subjects in _chunks(await self._truth.erased(since_ms)):
                erased += await lock.step("erase", [self._layout.key_of(subject) for subject in subjects])
            entries = changed = 0
            async for found in self._truth.entries(since_ms):
                entries += len(found)
                for chunk in _chunks(found):
                    changed += await self._write(lock, chunk)
            await lock.step("finish", argument=(uuid.uuid4().hex, self._pepper))
        return Rebuilt(entries, changed, erased, time.monotonic() - started)

    async def _write(self, lock: _Lock, entries: Sequence[Entry]) -> int:
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
        return await lock.step("write", list(places), (rows, ttls), values)

    async def _until_whole(self) -> None:
        told = False
        while not (state := await self.state()).whole:
            if not told and (self._was_whole or state.epoch is not None):  # a new one has lost nothing
                told = True
                self._telemetry.lost(state.lost_since_ms)
            try:
                done = await self._try(state)
            except TruthUnavailableError as error:
                self._telemetry.rebuild_failed(str(error))
                done = None
            except LockLostError:
                continue
            if done is not None:
                self._telemetry.rebuilt(done.entries, done.seconds)
            else:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        self._was_whole = True

    async def _try(self, state: State) -> Rebuilt | None:
        self._telemetry.rebuilding(True)
        try:
            return await self.rebuild(state, state.lost_since_ms)
        finally:
            self._telemetry.rebuilding(False)


class _Lock:
    """The right to rebuild, as long as the store and its server say so."""

    def __init__(self, call: Call, layout: Layout, server: str) -> None:
        self._call = call
        self._keys = [layout.meta, layout.lock]
        self._server = server
        self._token = uuid.uuid4().hex

    async def acquire(self) -> bool:
        """Tell whether it could be had."""
        return bool(await self._call("SET", self._keys[1], self._token, "NX", "PX", LOCK_MS))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Hold it for the time of the block, and give it back if the block fails."""
        keeper = asyncio.create_task(self._keep(), name="keep the lock")
        try:
            yield
        except BaseException:
            with suppress(LockLostError, TimeoutError):
                await asyncio.wait_for(self.step("release"), _RELEASE_SECONDS)
            raise
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def step(
        self, step: _Step, keys: Sequence[str] = (), argument: object = None, values: Sequence[bytes] = ()
    ) -> int:
        """Do a step and return how many records it changed.

        Raises:
            LockLostError: the lock is not held any more.
        """
        names = [*self._keys, *keys]
        command = [len(names), *names, self._token, self._server, LOCK_MS, step, _encode(argument), *values]
        try:
            changed = await self._call("EVALSHA", _SHA, *command)
        except NoScriptError:
            changed = await self._call("EVAL", _SCRIPT, *command)
        if changed == _LOST:
            raise LockLostError
        return int(changed)

    async def _keep(self) -> None:
        with suppress(LockLostError):  # the next step says so
            while True:
                await asyncio.sleep(LOCK_MS / 3000)
                await self.step("keep")


def _chunks(found: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (found[at : at + _ENTRIES_A_CALL] for at in range(0, len(found), _ENTRIES_A_CALL))


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode()
