"""Definitions while the worker runs: the set in force, and edits of its files that take its place between batches.

Only the folder is watched, never a file: editors replace files, and Kubernetes swaps the link `..data` that the files
of a ConfigMap lead through. Whether anything changed is then told from the files themselves (where they lead, their
inode, size and times), so that a neighbour's files, a touched folder or a missed notice make no difference: without any
notice they are looked at every few seconds.

Handlers are code and are not reloaded: that takes a new worker.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import assert_never

import msgspec
from watchfiles import awatch

from worker.experiments.definitions import Snapshot
from worker.experiments.parse import Loaded
from worker.telemetry import logs
from worker.telemetry.metrics import Metrics

LOOK_EVERY_S = 5.0
_QUIET_MS = 100  # an edit is over when nothing has changed for so long
_LONGEST_EDIT_MS = 2000
_LONGEST_PAUSE_S = 30.0


class Problem(msgspec.Struct, frozen=True):
    """Why a set is refused: a finding, files that can't be read, or an `updated_at` that went down.

    `message` says what was found and what was expected; `place` is the file or the tenant.
    """

    code: str
    place: str | None
    entity_id: str | None
    message: str


class Taken(msgspec.Struct, frozen=True):
    """The set is in force; the revisions before and after, and the findings that don't keep it from being used."""

    before: str
    after: str
    warnings: tuple[Problem, ...] = ()


class Same(msgspec.Struct, frozen=True):
    """The set is the one in force."""


class Refused(msgspec.Struct, frozen=True):
    """The set is not used; the one in force stays."""

    problems: tuple[Problem, ...]


class Unwatched(msgspec.Struct, frozen=True):
    """The folder can't be watched; its files are looked at now and then until it can."""

    message: str


Outcome = Taken | Same | Refused
Tell = Callable[[Taken | Refused | Unwatched], None]


class CurrentDefinitions:
    """The set in force."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def current(self) -> Snapshot:
        """Return the set in force; ask once per batch."""
        return self._snapshot

    def offer(self, loaded: Loaded) -> Outcome:
        """Put a set in force, unless a finding is an error or an `updated_at` went down."""
        before, after = self._snapshot, loaded.snapshot
        findings = tuple(
            Problem(found.code, found.file, found.entity_id, found.message)
            for found in loaded.findings
            if after is not None or found.severity == "error"
        )
        if after is None:
            return Refused(findings)
        lowered = tuple(_lowered(before, after))
        if lowered:
            return Refused(lowered)
        if after == before:
            return Same()
        self._snapshot = after
        return Taken(before.revision, after.revision, findings)


def _lowered(before: Snapshot, after: Snapshot) -> Iterator[Problem]:
    """Yield the experiments that a tenant would get in an older version than it has."""
    for tenant in sorted(before.tenants.keys() | after.tenants.keys(), key=str):
        had = before.of(tenant).experiments
        for id_, experiment in after.of(tenant).experiments.items():
            expected = had[id_].updated_at if id_ in had else None
            found = experiment.updated_at
            if expected is not None and found is not None and found < expected:
                message = f"updated_at went down: found {found}, expected {expected} or later"
                yield Problem("updated_at_lowered", tenant, id_, message)


class Watcher:
    """Offers the set at `path` (a file, or a folder of them) whenever its files change; `watch` runs until cancelled.

    `load` reads and checks them, in a thread, and may raise whatever it likes. `tell` gets what came of it: each
    outcome once, but not that nothing changed.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[[], Loaded],
        current: CurrentDefinitions,
        tell: Tell,
        *,
        look_every_s: float = LOOK_EVERY_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._load = load
        self._current = current
        self._tell = tell
        self._look_every_s = look_every_s
        self._sleep = sleep
        self._seen: Sequence[object] | None = None
        self._told: Refused | None = None
        self._blind = False

    async def watch(self) -> None:
        """Watch; whatever fails is told, and tried again after a pause that grows."""
        pause = self._look_every_s
        while True:
            try:
                await self.look()
                async for _ in self._notices():
                    pause, self._blind = self._look_every_s, False
                    await self.look()
            except Exception as error:  # noqa: BLE001 - no fault of a disk, a mount or the notices may end the watch
                self._go_blind(error)
            await self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def look(self) -> None:
        """Offer the set if its files have changed since the last look, or could not be read then."""
        seen = await asyncio.to_thread(_fingerprint, self._path)
        if seen == self._seen:
            return
        try:
            loaded = await asyncio.to_thread(self._load)
        except Exception as error:  # noqa: BLE001 - what can't be read now may be read at the next look
            self._refuse(Refused((Problem("unreadable", str(self._path), None, _text(error)),)))
            return
        if await asyncio.to_thread(_fingerprint, self._path) != seen:
            return  # somebody is still writing: what was read may be half of it
        self._seen = seen
        match self._current.offer(loaded):
            case Refused() as refused:
                self._refuse(refused)
            case Taken() as taken:
                self._told = None
                self._tell(taken)
            case Same():
                self._told = None
            case outcome:
                assert_never(outcome)

    def _refuse(self, refused: Refused) -> None:
        if refused != self._told:
            self._told = refused
            self._tell(refused)

    def _go_blind(self, error: Exception) -> None:
        if not self._blind:
            self._blind = True
            self._tell(Unwatched(_text(error)))

    async def _notices(self) -> AsyncIterator[None]:
        """Yield when something changed in the folder, and every now and then; end when it is another folder."""
        watched = _watched(self._path)
        folder, _ = watched
        notices = awatch(
            folder,
            watch_filter=None,
            recursive=folder == self._path,
            debounce=_LONGEST_EDIT_MS,
            step=_QUIET_MS,
            rust_timeout=round(self._look_every_s * 1000),
            yield_on_timeout=True,
        )
        async with aclosing(notices):
            async for _ in notices:
                yield
                if _watched(self._path) != watched:
                    return


def report(metrics: Metrics) -> Tell:
    """Return what logs and counts the outcomes."""

    def tell(outcome: Taken | Refused | Unwatched) -> None:
        match outcome:
            case Taken(before, after, warnings):
                for each in warnings:
                    logs.warning("definitions_warning", **msgspec.structs.asdict(each))
                logs.info("definitions_reloaded", before=before, after=after)
                metrics.definitions(after)
            case Refused(problems):
                for each in problems:
                    logs.error("definitions_refused", **msgspec.structs.asdict(each))
                metrics.definitions_refused()
            case Unwatched(message):
                logs.warning("definitions_unwatched", message=message)
            case _:
                assert_never(outcome)

    return tell


def _fingerprint(path: Path) -> Sequence[object]:
    """Return what changes with the files: where they lead, their inodes, sizes and times."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [(file, *_state(file)) for file in files if not _hidden(file.relative_to(path))]


def _hidden(below: Path) -> bool:
    return any(part.startswith(".") for part in below.parts)


def _state(file: Path) -> tuple[object, ...]:
    try:
        found = file.stat()
    except OSError as error:
        return (error.errno,)
    if file.is_dir():
        return ("folder",)
    return (os.path.realpath(file), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _watched(path: Path) -> tuple[Path, tuple[int, int] | None]:
    """Return the folder to watch, and which one it is: another may come to stand at its place."""
    folder = path if path.is_dir() else path.parent
    try:
        found = folder.stat()
    except OSError:
        return folder, None
    return folder, (found.st_dev, found.st_ino)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
