"""A replay: logs through the pipeline into a folder, with a store in memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec
import orjson

from worker.app.failures import log_failure
from worker.app.kafka_replay import BesideLive, Topic, beside_live, seed, topic_batches
from worker.app.loading import rare_collections, warn_of_idle_handlers
from worker.app.processing import log_dead_letters, new_pipeline, now
from worker.app.study import Stopwatch, Study, Watched, WhatIf
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import SubjectKeys
from worker.formats.fields import parse_rfc3339
from worker.handlers.dispatch import Dispatcher
from worker.handlers.outcomes import Told
from worker.handlers.registry import Registry
from worker.outputs import BatchResult
from worker.pipeline import UNWATCHED, Pipeline, Watch
from worker.records import Record
from worker.replay import Processor, in_batches, replay
from worker.report.collect import Collector
from worker.report.comparison import Comparison
from worker.report.page import Page, render
from worker.settings import Settings
from worker.stores.memory import MemoryStore
from worker.streams.line_file import replaced_file
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


class Other(msgspec.Struct, frozen=True):
    """Other definitions to compare with: where they are from, and the experiment that is taken for active."""

    name: str
    snapshot: Snapshot
    activated: str | None = None

    def named(self, comparison: Mapping[str, Any]) -> dict[str, Any]:
        """Return a comparison that says with what."""
        return {"definitions": self.name, "activated": self.activated, **comparison}


class Replay(msgspec.Struct, frozen=True):
    """What to replay, with what, into where (`out` None: decide and report, write no outputs).

    `topic` is replayed instead of logs where it is given; with `suffix` the outputs go to topics beside the live ones.
    `seeded` begins with every assignment that was published, not with an empty store.
    `report` is the file of a page about it, `other` what to compare with. `told` hears of every failure of a
    handler; what is compared with tells nobody.
    """

    logs: Sequence[Log]
    settings: Settings
    snapshot: Snapshot
    registry: Registry
    out: Path | None
    window: Window | None = None
    limit: int | None = None
    report: Path | None = None
    other: Other | None = None
    told: Told = log_failure
    topic: Topic | None = None
    suffix: str | None = None
    seeded: bool = False


class Progress(Protocol):
    """Told of a long job: how many bytes of its logs are read, how many events are processed."""

    def read(self, size: int) -> None:
        """So many bytes have been read in all."""
        ...

    def of(self, records: int, whole: int) -> None:
        """So many records of a topic have been read, of so many."""
        ...

    def processed(self, events: int) -> None:
        """So many events have been processed in all."""
        ...


async def run_replay(job: Replay, progress: Progress) -> dict[str, Any]:
    """Run a replay and return its summary; outputs and the report appear when it is over.

    Raises:
        StoppedError: a handler asked to stop.
        UnreadableLogError: a log is broken.
        OutputFolderError: the folder can't be written.
        UnwritableLinesError: the report can't be written.
    """
    started = time.perf_counter()
    names = [log.name for log in job.logs] if job.topic is None else [f"kafka://{job.topic.name}"]
    logs.info("replay_started", logs=names, definitions=job.snapshot.revision, out=str(job.out) if job.out else None)
    warn_of_idle_handlers(job.snapshot, job.registry)
    summary = Summary(job.snapshot)
    async with AsyncExitStack() as stack:
        files = None if job.out is None else stack.enter_context(OutputFolder(job.out, now))
        page = None if job.report is None else stack.enter_context(replaced_file(job.report))
        stack.enter_context(rare_collections())
        beside = None
        if job.topic is not None and job.suffix is not None:
            beside = await stack.enter_async_context(beside_live(job.settings, job.topic.name, job.suffix))
        crew = await _crew(job, stack)
        batches = _batches(job, progress)
        write = _write(files, beside)
        await replay(batches, crew.processor, summary, write, progress.processed, lap=crew.stopwatch.lap)
        document = summary.document(crew.dispatcher.counts(), time.perf_counter() - started)
        if crew.comparison is not None and job.other is not None:
            document["comparison"] = job.other.named(crew.comparison.document(document))
        if page is not None and crew.collector is not None:
            page.write(
                render(
                    Page(names, document, crew.collector.facts(), crew.stopwatch.seconds, crew.stopwatch.handlers)
                ).encode()
            )
        if files:
            files.publish(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    logs.info("replay_finished", events=document["events"], dead_letters=document["dead_letters"])
    return document


class _Crew(msgspec.Struct, frozen=True):
    """Who takes part in a replay."""

    processor: Processor
    dispatcher: Dispatcher
    stopwatch: Stopwatch
    collector: Collector | None
    comparison: Comparison | None


async def _crew(job: Replay, stack: AsyncExitStack) -> _Crew:
    """Return the pipeline alone where nobody looks on, and whoever was asked for."""
    stopwatch = Stopwatch(time.perf_counter)
    timed = None if job.report is None else stopwatch.handler
    dispatcher = await stack.enter_async_context(aclosing(Dispatcher(job.registry, timed=timed, told=job.told)))
    store = await _store(job)
    if job.report is None and job.other is None:
        return _Crew(_pipeline(job, job.snapshot, store, dispatcher), dispatcher, stopwatch, None, None)
    collector = None if job.report is None else Collector(job.snapshot)
    what_if = None if job.other is None else await _what_if(job, job.other, stack)
    watched = Watched(lambda watch: _pipeline(job, job.snapshot, store, dispatcher, watch), stopwatch.lap)
    study = Study(watched, collector, what_if, stopwatch)
    return _Crew(study, dispatcher, stopwatch, collector, None if what_if is None else what_if.comparison)


async def _what_if(job: Replay, other: Other, stack: AsyncExitStack) -> WhatIf:
    """Return the pipeline of the other definitions, with a store and a run of the handlers of its own."""
    dispatcher = await stack.enter_async_context(aclosing(Dispatcher(job.registry)))
    store = await _store(job)
    watched = Watched(lambda watch: _pipeline(job, other.snapshot, store, dispatcher, watch))
    return WhatIf(other.name, watched, Comparison(job.snapshot, other.snapshot))


def _batches(job: Replay, progress: Progress) -> AsyncIterator[Sequence[Record]]:
    if job.topic is not None:
        return topic_batches(job.settings, job.topic, job.limit, progress.of)
    return in_batches(islice(_records(job.logs, progress.read), job.limit))


def _records(logs: Sequence[Log], read: Callable[[int], None]) -> Iterator[Record]:
    before = 0

    def advance(size: int) -> None:
        read(before + size)

    for log in logs:
        yield from read_log(log, advance)
        before += log.size or 0


def _write(files: OutputFolder | None, beside: BesideLive | None) -> Callable[[BatchResult], Awaitable[None]]:
    """Return what is done with a batch: its dead letters are logged, all of it is written."""

    async def write(result: BatchResult) -> None:
        log_dead_letters(result)
        if files is not None:
            files.write(result)
        if beside is not None:
            await beside.write(result)

    return write


async def _store(job: Replay) -> MemoryStore:
    store = MemoryStore()
    if job.seeded:
        await seed(job.settings, store)
    return store


def _pipeline(
    job: Replay, snapshot: Snapshot, store: MemoryStore, dispatcher: Dispatcher, watch: Watch = UNWATCHED
) -> Pipeline:
    """Return the pipeline of a replay: into memory, with one snapshot throughout."""
    pepper = job.settings.subjects.pepper
    keys = SubjectKeys((pepper.get_secret_value() if pepper else REPLAY_PEPPER).encode())
    wants = job.window.has if job.window else None
    return new_pipeline(job.settings, keys, lambda: snapshot, store, dispatcher, wants=wants, watch=watch)
