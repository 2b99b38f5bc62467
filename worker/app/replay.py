"""A replay: logs through the pipeline into a folder, with a store in memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import orjson

from worker.app.loading import rare_collections, warn_of_idle_handlers
from worker.app.processing import log_dead_letters, new_pipeline, now
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import SubjectKeys
from worker.formats.fields import parse_rfc3339
from worker.handlers.dispatch import Dispatcher
from worker.handlers.registry import Registry
from worker.outputs import BatchResult
from worker.pipeline import Pipeline
from worker.records import Record
from worker.replay import BATCH_RECORDS, Process, StoppedError, replay
from worker.report.collector import Collected
from worker.report.comparison import Comparison, Side
from worker.report.page import page
from worker.settings import Settings
from worker.stores.memory import MemoryStore
from worker.streams.file_set import write_together
from worker.streams.logs import Log, read_log
from worker.streams.output_folder import OutputFolder
from worker.summary import Summary
from worker.telemetry import logs
from worker.trigger import Trigger

REPLAY_PEPPER = "experiment-worker replay"  # without a setting: keys of a replay need not match the live ones


class Window(msgspec.Struct, frozen=True):
    """A stretch of event time: `since` included, `until` excluded, None unbounded; undated events are outside."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, trigger: Trigger) -> bool:
        """Tell whether the event happened within the window."""
        if trigger.time is None:
            return False
        moment = parse_rfc3339(trigger.time)
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)


class Replay(msgspec.Struct, frozen=True):
    """What to replay, with what, into where (`out` None: decide, write nothing).

    `report` is the page to write, `compare` another set of definitions to run the same log under.
    """

    logs: Sequence[Log]
    settings: Settings
    snapshot: Snapshot
    registry: Registry
    out: Path | None
    window: Window | None = None
    limit: int | None = None
    report: Path | None = None
    compare: Snapshot | None = None


class Progress(Protocol):
    """Told of a long job: how many bytes of its logs are read, how many events are processed."""

    def read(self, size: int) -> None:
        """So many bytes have been read in all."""
        ...

    def processed(self, events: int) -> None:
        """So many events have been processed in all."""
        ...


async def run_replay(job: Replay, progress: Progress) -> dict[str, Any]:
    """Run a replay and return its summary; outputs appear when it is over.

    Raises:
        StoppedError: a handler asked to stop.
        UnreadableLogError: a log is broken.
        OutputFolderError: the folder can't be written.
        UnwritableFolderError: nor can the report.
    """
    started = time.perf_counter()
    names = [log.name for log in job.logs]
    logs.info("replay_started", logs=names, definitions=job.snapshot.revision, out=str(job.out) if job.out else None)
    warn_of_idle_handlers(job.snapshot, job.registry)
    summary = Summary(job.snapshot)
    folder = nullcontext() if job.out is None else OutputFolder(job.out, now)
    records = islice(_records(job.logs, progress.read), job.limit)
    collected = None if job.report is None else Collected()
    timed = None if collected is None else collected.handler
    comparison = None if job.compare is None else Comparison(Side(), Side())
    async with aclosing(Dispatcher(job.registry, timed=timed)) as dispatcher, AsyncExitStack() as stack:
        with folder as files, rare_collections():
            pipeline = _replay_pipeline(job, job.snapshot, dispatcher)
            walk = Walk(records, pipeline.process, _write(files))
            if collected is not None:
                walk = _measured(collected, walk)
            if comparison is not None and job.compare is not None:
                walk = _compared(comparison, walk, await stack.enter_async_context(_other(job, job.compare)))
            await replay(walk.records, walk.process, summary, walk.write, progress.processed)
            document = summary.document(dispatcher.counts(), time.perf_counter() - started)
            if comparison is not None:
                document["comparison"] = comparison.document()
            if files:
                files.publish(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    if collected is not None and job.report is not None:
        write_together(job.report.parent, {job.report.name: page(document, collected, names).encode()})
    logs.info("replay_finished", events=document["events"], dead_letters=document["dead_letters"])
    return document


def _records(logs: Sequence[Log], read: Callable[[int], None]) -> Iterator[Record]:
    before = 0

    def advance(size: int) -> None:
        read(before + size)

    for log in logs:
        yield from read_log(log, advance)
        before += log.size or 0


def _write(files: OutputFolder | None) -> Callable[[BatchResult], None]:
    """Return what is done with a batch: its dead letters are logged, all of it is written."""

    def write(result: BatchResult) -> None:
        log_dead_letters(result)
        if files is not None:
            files.write(result)

    return write


class Walk(NamedTuple):
    """The three parts of a replay: what is read, what is made of it, where it goes."""

    records: Iterator[Record]
    process: Process
    write: Callable[[BatchResult], None]


def _measured(collected: Collected, walk: Walk) -> Walk:
    """Return the same three, with their time and what they make collected."""

    async def process_measured(batch: Sequence[Record]) -> BatchResult:
        with measure(collected.seconds, "deciding"):
            return await walk.process(batch)

    def write_measured(result: BatchResult) -> None:
        with measure(collected.seconds, "writing"):
            walk.write(result)
        with measure(collected.seconds, "collecting for this report"):
            collected.add(result)

    def read_measured() -> Iterator[Record]:
        while True:
            with measure(collected.seconds, "reading"):
                batch = list(islice(walk.records, BATCH_RECORDS))
            if not batch:
                return
            yield from batch

    return Walk(read_measured(), process_measured, write_measured)


@contextmanager
def measure(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Add the time of a block to a part's."""
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] += time.perf_counter() - started


@asynccontextmanager
async def _other(job: Replay, snapshot: Snapshot) -> AsyncIterator[Pipeline]:
    """Open the pipeline of the other definitions: the same handlers, a store of its own."""
    async with aclosing(Dispatcher(job.registry)) as dispatcher:
        yield _replay_pipeline(job, snapshot, dispatcher)


def _compared(comparison: Comparison, walk: Walk, other: Pipeline) -> Walk:
    """Return the same three; each batch goes through the other pipeline too, and what comes of it is compared."""

    async def process_both(batch: Sequence[Record]) -> BatchResult:
        found, then = await walk.process(batch), await other.process(batch)
        if then.stop is not None:
            raise StoppedError(then.stop)
        then.confirm()
        comparison.now.add(found)
        comparison.then.add(then)
        return found

    return walk._replace(process=process_both)


def _replay_pipeline(job: Replay, snapshot: Snapshot, dispatcher: Dispatcher) -> Pipeline:
    """Return the pipeline of a replay: into memory, with one snapshot throughout."""
    pepper = job.settings.subjects.pepper
    keys = SubjectKeys((pepper.get_secret_value() if pepper else REPLAY_PEPPER).encode())
    wants = job.window.has if job.window else None
    return new_pipeline(job.settings, keys, lambda: snapshot, MemoryStore(), dispatcher, wants=wants)
