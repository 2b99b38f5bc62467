"""The deliverer: what `deliver` composes, and its life from start to drain."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from worker.app.deliveries import Deliveries, DeliveryReason, Told, routes_of
from worker.app.ending import Ending
from worker.app.endpoints import SharedStates, endpoints_of
from worker.app.kafka_access import connection_of, deliverers_group, producers_of, start_of
from worker.app.loading import rare_collections
from worker.app.rights import deliverer_rights, user_of
from worker.app.run import WorkerFailedError
from worker.app.watchdog import watchdog
from worker.delivery.addresses import networks
from worker.delivery.client import Answer, Client
from worker.delivery.deliverer import Deliverer, Delivery, Postponed
from worker.delivery.endpoints import Endpoint, Endpoints
from worker.settings import Settings
from worker.streams.kafka.cluster import ClusterError
from worker.streams.kafka.delivery_lane import Delivering, DeliveryLane
from worker.streams.kafka.lanes import Assigned, ConsumerOptions, Lanes, Member, new_consumer
from worker.streams.kafka.positions import Start, positions_of
from worker.streams.kafka.rights import check_rights
from worker.streams.kafka.topic_needs import RETRY_TIERS
from worker.streams.kafka.topics import facts
from worker.telemetry import logs
from worker.telemetry.delivery_metrics import DeliveryMetrics
from worker.telemetry.health import HealthServer, Readiness, Watch

_STOP_SECONDS = 12.0  # for attempts under way
_TOPICS = ("enrollments", "retries", "enrollments_dead_letters", "endpoints")


async def deliver_until_signalled(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT; what is under way is finished then. A second signal ends it at once.

    Raises:
        as `run_deliverer`.
    """
    ending = Ending()
    ending.obey_signals()
    async with watchdog(settings.watchdog_s):
        await run_deliverer(settings, ending)


async def run_deliverer(settings: Settings, ending: Ending) -> None:
    """Deliver until the end is asked for.

    Raises:
        ClusterError: the cluster can't be used as it is.
        HealthServerError: the port is taken.
        WorkerFailedError: it had to stop by itself.
    """
    asyncio.get_running_loop().set_exception_handler(logs.on_loop_error)
    async with AsyncExitStack() as stack:
        readiness = Readiness()
        await _start(settings, stack, ending, readiness)
        stack.enter_context(rare_collections())
        logs.info("deliverer_started", group=deliverers_group(settings), endpoints=sorted(settings.webhooks.endpoints))
        await ending.wait()
        readiness.because("draining", True)
        logs.info("deliverer_stopping", reason=ending.reason or ending.failure)
    logs.info("deliverer_stopped")
    if ending.failure is not None:
        raise WorkerFailedError(ending.failure)


async def _start(settings: Settings, stack: AsyncExitStack, ending: Ending, readiness: Readiness) -> None:
    metrics = DeliveryMetrics()
    if settings.http.port:
        server = HealthServer(
            settings.http.host, settings.http.port, watch=Watch(), readiness=readiness, exposition=metrics.exposition
        )
        await server.start()
        stack.push_async_callback(server.aclose)
        logs.info("http_started", host=settings.http.host, port=server.port)
    await check_rights(connection_of(settings), user_of(settings), deliverer_rights(settings))
    names = {kind: getattr(settings.topics, kind) for kind in _TOPICS}
    topics = await facts(connection_of(settings), {f"topics.{kind}": name for kind, name in names.items()})
    partitions = {name: each.partitions for name, each in topics.items()}
    if partitions[names["retries"]] % RETRY_TIERS:
        raise ClusterError(
            f"{names['retries']} has {partitions[names['retries']]} partitions, expected a multiple of {RETRY_TIERS}"
        )
    endpoints = endpoints_of(settings)
    telling = _Telling(metrics, readiness)
    states = SharedStates(settings, telling.state)
    await states.start()
    stack.push_async_callback(states.aclose)
    client = await stack.enter_async_context(Client(networks(settings.webhooks.allow_networks)))
    deliverer = Deliverer(client, states, telling)
    stack.push_async_callback(deliverer.aclose)
    warn_of_unsigned(endpoints)
    telling.begin(endpoints, states)
    deliveries = Deliveries(
        deliverer, endpoints, routes_of(names, partitions), Told(telling.delivered, telling.given_up)
    )
    lanes = _lanes(settings, deliveries, telling, ending)
    stack.push_async_callback(lanes.aclose)
    await lanes.start(names["enrollments"], names["retries"])


def _lanes(settings: Settings, deliveries: Deliveries, telling: _Telling, ending: Ending) -> Lanes:
    kafka, connection = settings.kafka, connection_of(settings)
    instance = None if kafka.group_instance_id is None else f"{kafka.group_instance_id}.deliver"
    consumer = new_consumer(
        ConsumerOptions(
            connection.options(), deliverers_group(settings), instance, kafka.session_timeout_ms, "read_committed"
        )
    )
    producers = producers_of(settings)

    def start(partition: TopicPartition) -> Start:
        """Begin where the settings say; retries are all to be made."""
        return start_of(kafka.start) if partition.topic == settings.topics.enrollments else "earliest"

    shared = Delivering(
        deliverers_group(settings),
        consumer,
        producers,
        positions_of(consumer, start),
        deliveries.begin,
        telling,
        kafka.transaction_timeout_ms / 2000,
    )
    return Lanes(
        Member(consumer, producers, ending.fail),
        lambda partition: DeliveryLane(shared, partition),
        Assigned(telling.given, telling.taken),
        _STOP_SECONDS,
    )


def warn_of_unsigned(endpoints: Endpoints) -> None:
    """Say which endpoints have no secret: their receivers can't know who sends."""
    for name, each in endpoints.named.items():
        if not each.signer.signs:
            logs.warning("endpoint_unsigned", endpoint=name)


class _Telling(msgspec.Struct, frozen=True):
    """What lanes, deliveries and endpoints tell, passed on to metrics and logs."""

    metrics: DeliveryMetrics
    readiness: Readiness

    def begin(self, endpoints: Endpoints, states: SharedStates) -> None:
        """Show every endpoint from the beginning."""
        for name in endpoints.named:
            self.metrics.set("deliveries_waiting", name, to=0)
            self.metrics.set("endpoint_circuit_open", name, to=0)
            self.metrics.set("endpoint_disabled", name, to=float(states.disabled(name)))

    def attempted(self, delivery: Delivery, answer: Answer) -> None:
        label = delivery.endpoint.label
        self.metrics.add("delivery_attempts_total", label, answer.outcome)
        self.metrics.observe("delivery_attempt_seconds", answer.seconds, label)
        if answer.outcome == "delivered" and not logs.debugs():
            return
        log = logs.debug if answer.outcome == "delivered" else logs.warning
        log(
            "delivery_attempted",
            id=delivery.id,
            endpoint=label,
            attempt=delivery.attempts + 1,
            outcome=answer.outcome,
            status=answer.status,
            seconds=round(answer.seconds, 3),
        )

    def postponed(self, delivery: Delivery, reason: Postponed) -> None:
        self.metrics.add("deliveries_postponed_total", delivery.endpoint.label, reason)
        logs.debug("delivery_postponed", id=delivery.id, endpoint=delivery.endpoint.label, reason=reason)

    def waiting(self, endpoint: Endpoint, deliveries: int) -> None:
        self.metrics.set("deliveries_waiting", endpoint.label, to=deliveries)

    def circuit(self, endpoint: Endpoint, opened: bool) -> None:  # noqa: FBT001 - the value itself
        self.metrics.set("endpoint_circuit_open", endpoint.label, to=float(opened))
        if opened:
            logs.warning("endpoint_circuit_open", endpoint=endpoint.label)
        else:
            logs.info("endpoint_circuit_closed", endpoint=endpoint.label)

    def state(self, name: str, disabled: bool) -> None:  # noqa: FBT001 - the value itself
        self.metrics.set("endpoint_disabled", name if "://" not in name else "url", to=float(disabled))
        if disabled:
            logs.warning("endpoint_disabled", endpoint=name)
        else:
            logs.info("endpoint_enabled", endpoint=name)

    def delivered(self, label: str, seconds: float) -> None:
        self.metrics.observe("delivery_age_seconds", seconds, label)

    def given_up(self, reason: DeliveryReason, source: str, message: str) -> None:
        self.metrics.add("delivery_dead_letters_total", reason)
        logs.warning("delivery_given_up", source=source, reason=reason, message=message)

    def opened(self, partition: TopicPartition, offset: int) -> None:
        logs.info("lane_opened", topic=partition.topic, partition=partition.partition, offset=offset)

    def committed(self, partition: TopicPartition, records: int, lag: int) -> None:
        self.metrics.set("delivery_lag_records", partition.topic, str(partition.partition), to=lag)
        logs.debug("batch_committed", topic=partition.topic, partition=partition.partition, records=records)

    def failed(self, partition: TopicPartition, error: BaseException, seconds: float) -> None:
        place = {"topic": partition.topic, "partition": partition.partition}
        if isinstance(error, ProducerFenced):
            logs.info("fenced", **place)
        else:
            logs.warning("lane_reopening", **place, error=type(error).__name__, seconds=round(seconds, 2))

    def stopped(self, partition: TopicPartition, reason: str) -> None:
        logs.error("lane_stopped", topic=partition.topic, partition=partition.partition, reason=reason)

    def gone(self, partition: TopicPartition) -> None:
        self.metrics.drop("delivery_lag_records", partition.topic, str(partition.partition))

    def given(self, partitions: Collection[TopicPartition]) -> None:
        logs.info("partitions_assigned", partitions=_places(partitions))
        self.readiness.because("starting", False)

    def taken(self, partitions: Collection[TopicPartition]) -> None:
        if partitions:  # the first join takes nothing
            logs.info("partitions_revoked", partitions=_places(partitions))


def _places(partitions: Collection[TopicPartition]) -> list[str]:
    return sorted(f"{each.topic}/{each.partition}" for each in partitions)
