"""The worker on Kafka and Redis: what `run` composes, and its life from start to drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

import msgspec

from worker.app.ending import Ending
from worker.app.failures import log_failure
from worker.app.kafka_access import connection_of, producers_of, start_of
from worker.app.loading import load_definitions, rare_collections, warn_of_idle_handlers
from worker.app.processes import Process
from worker.app.processing import new_pipeline, now
from worker.app.redis_access import pepper_of
from worker.app.rights import user_of, worker_rights
from worker.app.store import memory_trials
from worker.app.truth import claim_seconds, transaction_seconds
from worker.app.watchdog import watchdog
from worker.app.watching import Committed, Reached, Watching, nothing
from worker.experiments.claims import AssignmentStore
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import SubjectKeys
from worker.handlers.dispatch import Dispatcher
from worker.handlers.registry import Registry
from worker.outputs import OUTPUT_KINDS
from worker.pipeline import Pipeline
from worker.reload import CurrentDefinitions, Watcher, report
from worker.settings import Settings
from worker.stores.redis_errors import StoreRefusedError
from worker.streams.kafka.brakes import Brakes
from worker.streams.kafka.lane import Lane, Limits, Shared
from worker.streams.kafka.lanes import Assigned, ConsumerOptions, Lanes, Member, new_consumer
from worker.streams.kafka.outgoing import Destination, Outlets, Packer
from worker.streams.kafka.positions import positions_of
from worker.streams.kafka.rights import check_rights
from worker.streams.kafka.topics import TopicFacts, facts
from worker.streams.kafka.trials import Gate, Trials
from worker.telemetry import logs
from worker.telemetry.health import HealthServer, Readiness, Watch
from worker.telemetry.metrics import Metrics

_STOP_SECONDS = 10.0  # for transactions that are open
_BATCH_BYTES = 1 << 20

OpenStore = Callable[[Settings, Watching, Metrics], AbstractAsyncContextManager[AssignmentStore]]
OpenTrials = Callable[[Settings, Watching, Metrics], AbstractAsyncContextManager[Trials]]


class WorkerFailedError(Exception):
    """The worker stopped by itself; the message says why and what to do."""


class Run(msgspec.Struct, frozen=True):
    """What to run: settings, the definitions to begin with, handlers.

    `open_store` opens the store, `open_trials` what counts the deaths of processes. `reached` is told of every step of
    every lane and `committed` of every batch: who measures or breaks a worker looks there. `process` is there if it is
    one of several of one command.
    """

    settings: Settings
    snapshot: Snapshot
    registry: Registry
    open_store: OpenStore
    reached: Reached = nothing
    committed: Committed = nothing
    process: Process | None = None
    open_trials: OpenTrials = memory_trials


async def run_until_signalled(job: Run) -> None:
    """Run until SIGTERM, SIGINT or the parent's order; what is held is finished then. A second signal ends it at once.

    Raises:
        as `run_worker`.
    """
    ending = Ending()
    ending.obey_signals()
    if job.process is not None:
        ending.obey_leash(job.process.leash)
    async with watchdog(job.settings.watchdog_s):
        await run_worker(job, ending)


async def run_worker(job: Run, ending: Ending) -> None:
    """Run until the end is asked for; what is held is finished then.

    Raises:
        ClusterError: the cluster can't be used as it is.
        StoreUnavailableError, StoreRefusedError: neither can the store.
        HealthServerError: the port is taken.
        WorkerFailedError: it had to stop by itself.
    """
    asyncio.get_running_loop().set_exception_handler(logs.on_loop_error)
    async with AsyncExitStack() as stack:
        readiness = Readiness()
        if await _started(job, stack, ending, readiness):
            stack.enter_context(rare_collections())
            logs.info("worker_started", group=job.settings.kafka.group_id, definitions=job.snapshot.revision)
            if job.process is not None:
                job.process.started()
            await ending.wait()
        readiness.because("draining", True)
        logs.info("worker_stopping", reason=ending.reason or ending.failure)
    logs.info("worker_stopped")
    if ending.failure is not None:
        raise WorkerFailedError(ending.failure)


async def _started(job: Run, stack: AsyncExitStack, ending: Ending, readiness: Readiness) -> bool:
    """Start; False if the end was asked for before that was done: a store may have to be rebuilt first."""
    start = asyncio.create_task(_start(job, stack, ending, readiness), name="start")
    end = asyncio.create_task(ending.wait(), name="wait for the end")
    try:
        await asyncio.wait((start, end), return_when=asyncio.FIRST_COMPLETED)
    finally:
        end.cancel()
        if not start.done():
            start.cancel()
            await asyncio.wait([start])
    if start.cancelled():
        return False
    start.result()
    return True


async def _start(job: Run, stack: AsyncExitStack, ending: Ending, readiness: Readiness) -> None:
    settings = job.settings
    metrics, watch = Metrics(), Watch()
    watching = Watching(metrics, watch, readiness, reached=job.reached, committed=job.committed)
    if settings.http.port:
        server = HealthServer(
            settings.http.host, settings.http.port, watch=watch, readiness=readiness, exposition=metrics.exposition
        )
        await server.start()
        stack.push_async_callback(server.aclose)
        logs.info("http_started", host=settings.http.host, port=server.port)
    warn_of_idle_handlers(job.snapshot, job.registry)
    await check_rights(connection_of(settings), user_of(settings), worker_rights(settings))
    topics = await facts(connection_of(settings), _topic_names(settings))
    store = await stack.enter_async_context(job.open_store(settings, watching, metrics))
    trials = await stack.enter_async_context(job.open_trials(settings, watching, metrics))
    definitions = await stack.enter_async_context(_definitions(job, metrics))
    dispatcher = Dispatcher(job.registry, timed=metrics.handler, told=log_failure)
    stack.push_async_callback(dispatcher.aclose)
    metrics.count_handlers(dispatcher.counts)
    pipeline = new_pipeline(settings, _keys(settings), definitions.current, store, dispatcher)
    shared = _shared(settings, topics, pipeline, watching, ending, trials=trials)
    member = Member(shared.consumer, shared.producers, shared.stop_worker)
    told = Assigned(watching.given, watching.taken)
    lanes = Lanes(member, lambda partition: Lane(shared, partition), told, _STOP_SECONDS)
    stack.push_async_callback(lanes.aclose)
    await lanes.start(settings.topics.triggers)


@asynccontextmanager
async def _definitions(job: Run, metrics: Metrics) -> AsyncIterator[CurrentDefinitions]:
    """Hold the definitions in force, and watch them if the settings say so."""
    current, path = CurrentDefinitions(job.snapshot), job.settings.definitions.path
    metrics.definitions(job.snapshot.revision)
    if path is None or not job.settings.definitions.reload:
        yield current
        return
    watcher = Watcher(path, lambda: load_definitions([path]), current, report(metrics))
    task = asyncio.create_task(watcher.watch(), name="watch definitions")
    try:
        yield current
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _topic_names(settings: Settings) -> dict[str, str]:
    kinds = ("triggers", *OUTPUT_KINDS, "erasures", "dead_letters")
    names = {f"topics.{kind}": getattr(settings.topics, kind) for kind in kinds}
    return {setting: name for setting, name in names.items() if name}


def _keys(settings: Settings) -> SubjectKeys:
    return SubjectKeys(pepper_of(settings))


def _consumer_options(settings: Settings) -> ConsumerOptions:
    kafka = settings.kafka
    return ConsumerOptions(
        connection_of(settings).options(),
        kafka.group_id,
        kafka.group_instance_id,
        kafka.session_timeout_ms,
        kafka.isolation_level,
    )


def _shared(
    settings: Settings,
    topics: dict[str, TopicFacts],
    pipeline: Pipeline,
    watching: Watching,
    ending: Ending,
    *,
    trials: Trials,
) -> Shared:
    kafka = settings.kafka
    consumer = new_consumer(_consumer_options(settings))
    outlets = _outlets(settings, topics)
    batch_bytes = min([_BATCH_BYTES, *(each.max_message_bytes for each in topics.values())])
    producers = producers_of(settings, batch_bytes=batch_bytes)
    return Shared(
        kafka.group_id,
        consumer,
        producers,
        pipeline.process,
        lambda partition: Packer(outlets, partition, now),
        positions_of(consumer, lambda _: start_of(kafka.start)),
        asyncio.Semaphore(kafka.max_transactions),
        Limits(
            kafka.batch_max_records,
            claim_seconds(settings),
            transaction_seconds(settings),
            settings.dead_letters.max_deaths,
        ),
        watching,
        (StoreRefusedError,),
        ending.fail,
        Brakes(settings.dead_letters.max_consecutive, settings.dead_letters.max_ratio),
        trials,
        Gate(),
    )


def _outlets(settings: Settings, topics: dict[str, TopicFacts]) -> Outlets:
    def destination(name: str) -> Destination:
        return Destination(name, topics[name].partitions, topics[name].max_message_bytes)

    names = {kind: getattr(settings.topics, kind) for kind in OUTPUT_KINDS}
    return Outlets(
        {kind: destination(name) for kind, name in names.items() if name},
        destination(settings.topics.dead_letters),
        topics[settings.topics.triggers].partitions,
        settings.topics.partitioning,
    )
